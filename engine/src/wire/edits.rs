//! What policies ask to change in a head that itself never changes. `http1::encode` applies it while writing.
//! Scratch that a connection keeps: once warm nothing is allocated. No byte that could end a line gets in.

use super::field::{Field, FieldSet};
use super::head::Span;
use super::token;

/// A name to edit: a well-known field, or any other name as it is to be written.
#[derive(Copy, Clone, Debug)]
pub enum Name<'a> {
    /// Written in its usual spelling.
    Known(Field),
    /// Not in the list of [`Field`].
    Other(&'a [u8]),
}

impl From<Field> for Name<'_> {
    fn from(field: Field) -> Self {
        Name::Known(field)
    }
}

impl<'a> From<&'a [u8]> for Name<'a> {
    fn from(name: &'a [u8]) -> Self {
        match Field::of(name) {
            Field::OTHER => Name::Other(name),
            field => Name::Known(field),
        }
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Name::from(name.as_bytes())
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Name<'a> {
    fn from(name: &'a [u8; N]) -> Self {
        Name::from(&name[..])
    }
}

impl<'a> Name<'a> {
    fn field(self) -> Field {
        match self {
            Name::Known(field) => field,
            Name::Other(_) => Field::OTHER,
        }
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            Name::Known(field) => field.name().as_bytes(),
            Name::Other(name) => name,
        }
    }
}

/// One line to add, as ranges of the text.
#[derive(Copy, Clone, Debug)]
struct Added {
    field: Field,
    name: Span,
    value: Span,
}

/// Changes to a head, collected on its way.
#[derive(Debug, Default)]
pub struct Edits {
    /// The lines to add, as they are written: `name: value CRLF`.
    text: Vec<u8>,
    added: Vec<Added>,
    /// The fields of `added`.
    added_fields: FieldSet,
    /// Well-known fields to remove from the head; [`Field::OTHER`] stands for those in `removed_names`.
    removed: FieldSet,
    /// Unknown names to remove, with LF behind each, which no name holds.
    removed_names: Vec<u8>,
}

impl Edits {
    /// No changes.
    pub fn new() -> Edits {
        Edits::default()
    }

    /// Forgets all changes and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.added.clear();
        self.added_fields = FieldSet::EMPTY;
        self.removed = FieldSet::EMPTY;
        self.removed_names.clear();
    }

    /// Bytes of the lines to add: what an encoded head grows by at most.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Replaces all lines of `name` by one. False when `value` or `name` cannot stand in a field; then the lines are
    /// removed all the same, so that no one else's value passes in its place.
    pub fn set<'n>(&mut self, name: impl Into<Name<'n>>, value: &[u8]) -> bool {
        let name = name.into();
        self.remove(name);
        self.append(name, value)
    }

    /// Adds a line. False, and nothing added, when `name` is no token or `value` holds a control byte.
    pub fn append<'n>(&mut self, name: impl Into<Name<'n>>, value: &[u8]) -> bool {
        let name = name.into();
        let value = token::trim(value);
        if !token::is_token(name.bytes()) || !token::is_value(value) {
            return false;
        }
        let name_span = self.put(name.bytes());
        self.text.extend_from_slice(b": ");
        let value = self.put(value);
        self.text.extend_from_slice(b"\r\n");
        self.added_fields.insert(name.field());
        self.added.push(Added { field: name.field(), name: name_span, value });
        true
    }

    /// As [`Edits::set`] for a well-known field whose value the gateway made itself, so that it need not be looked
    /// at byte by byte.
    pub fn set_own(&mut self, field: Field, value: &[u8]) {
        self.set_made(field, |out| out.extend_from_slice(value));
    }

    /// As [`Edits::set_own`]; `make` appends the value to what it is given.
    pub fn set_made(&mut self, field: Field, make: impl FnOnce(&mut Vec<u8>)) {
        self.forget(Name::Known(field));
        self.removed.insert(field);
        self.append_made(field, make);
    }

    /// As [`Edits::append`] for a well-known field whose value the gateway made itself.
    pub fn append_own(&mut self, field: Field, value: &[u8]) {
        self.text.reserve(field.name().len() + value.len() + 4);
        self.append_made(field, |out| out.extend_from_slice(value));
    }

    fn append_made(&mut self, field: Field, make: impl FnOnce(&mut Vec<u8>)) {
        let name = self.put(field.name().as_bytes());
        self.text.extend_from_slice(b": ");
        let start = self.text.len();
        make(&mut self.text);
        let value = Span { start: start as u32, len: (self.text.len() - start) as u32 };
        debug_assert!(
            field != Field::OTHER && token::is_value(value.of(&self.text)),
            "own values are valid by construction"
        );
        self.text.extend_from_slice(b"\r\n");
        self.added_fields.insert(field);
        self.added.push(Added { field, name, value });
    }

    /// Removes all lines of `name`, those of the head and those added before.
    pub fn remove<'n>(&mut self, name: impl Into<Name<'n>>) {
        let name = name.into();
        self.forget(name);
        match name {
            Name::Known(field) if field != Field::OTHER => self.removed.insert(field),
            Name::Other(bytes) if token::is_token(bytes) && !self.removes(Field::OTHER, bytes) => {
                self.removed.insert(Field::OTHER);
                self.removed_names.extend_from_slice(bytes);
                self.removed_names.push(b'\n');
            }
            _ => {}
        }
    }

    /// Takes out the lines that were added of well-known `fields`; those of the head stay.
    pub fn take_back(&mut self, fields: FieldSet) {
        if self.added_fields.meets(fields) {
            while let Some(index) = self.added.iter().position(|added| fields.contains(added.field)) {
                self.take_out(index);
            }
            self.added_fields = self.fields();
        }
    }

    /// Removes all lines of well-known `fields`, those of the head and those added before.
    pub fn remove_all(&mut self, fields: FieldSet) {
        self.take_back(fields);
        self.removed = self.removed.and(fields);
    }

    /// Takes over all that `other` removes and adds, behind what was added before.
    pub fn absorb(&mut self, other: &Edits) {
        if self.added_fields.meets(other.removed) {
            let is_removed =
                |edits: &Edits, added: &Added| other.removes(added.field, added.name.of(&edits.text));
            while let Some(index) = self.added.iter().position(|added| is_removed(self, added)) {
                self.take_out(index);
            }
            self.added_fields = self.fields();
        }
        self.removed = self.removed.and(other.removed.without(Field::OTHER));
        if other.removed.contains(Field::OTHER) {
            for name in other.removed_names.split(|byte| *byte == b'\n').filter(|name| !name.is_empty()) {
                self.remove(Name::Other(name));
            }
        }
        let by = self.text.len() as u32;
        let moved = |span: Span| Span { start: span.start + by, len: span.len };
        self.text.extend_from_slice(&other.text);
        let added = other.added.iter();
        self.added.extend(added.map(|one| Added {
            field: one.field,
            name: moved(one.name),
            value: moved(one.value),
        }));
        self.added_fields = self.added_fields.and(other.added_fields);
    }

    /// The value last added for `name`, if any.
    pub fn value<'n>(&self, name: impl Into<Name<'n>>) -> Option<&[u8]> {
        let name = name.into();
        let added = self.added.iter().rev().find(|added| self.is_line_of(added, name))?;
        Some(added.value.of(&self.text))
    }

    /// Whether lines of this name are removed from the head.
    #[inline]
    pub fn removes(&self, field: Field, name: &[u8]) -> bool {
        self.removed.contains(field)
            && (field != Field::OTHER
                || self
                    .removed_names
                    .split(|byte| *byte == b'\n')
                    .any(|other| other.eq_ignore_ascii_case(name)))
    }

    /// The lines to add: field, name, value.
    pub fn added(&self) -> impl Iterator<Item = (Field, &[u8], &[u8])> {
        self.added.iter().map(|added| (added.field, added.name.of(&self.text), added.value.of(&self.text)))
    }

    /// The lines to add, as they are written.
    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The fields to remove; with [`Field::OTHER`] some unknown names too, see [`Edits::removes`].
    #[inline]
    pub(crate) fn removed(&self) -> FieldSet {
        self.removed
    }

    /// The fields that are added.
    #[inline]
    pub(crate) fn added_fields(&self) -> FieldSet {
        self.added_fields
    }

    fn put(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(bytes);
        Span { start, len: bytes.len() as u32 }
    }

    fn is_line_of(&self, added: &Added, name: Name<'_>) -> bool {
        added.field == name.field()
            && (added.field != Field::OTHER || added.name.of(&self.text).eq_ignore_ascii_case(name.bytes()))
    }

    /// Takes lines added for `name` out again. There are none, but where two policies say something of one field.
    #[inline]
    fn forget(&mut self, name: Name<'_>) {
        if self.added_fields.contains(name.field()) {
            self.take_all(name);
        }
    }

    #[cold]
    fn take_all(&mut self, name: Name<'_>) {
        while let Some(index) = self.added.iter().position(|added| self.is_line_of(added, name)) {
            self.take_out(index);
        }
        self.added_fields = self.fields();
    }

    fn fields(&self) -> FieldSet {
        self.added.iter().fold(FieldSet::EMPTY, |set, added| set.with(added.field))
    }

    /// Takes one line out again, and closes the gap.
    fn take_out(&mut self, index: usize) {
        let line = self.added.remove(index);
        let (start, end) = (line.name.start as usize, line.value.end() + 2);
        self.text.drain(start..end);
        for later in &mut self.added[index..] {
            later.name.start -= (end - start) as u32;
            later.value.start -= (end - start) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_replaces_what_was_added_before_in_any_case() {
        let mut edits = Edits::new();
        assert!(edits.append("x-user", b"a"));
        assert!(edits.append(Field::VIA, b"1.1 a"));
        assert!(edits.append("X-USER", b"b"));
        assert!(edits.set("X-User", b" c "));
        assert_eq!(edits.text(), b"Via: 1.1 a\r\nX-User: c\r\n");
        assert_eq!(edits.value("x-uSER"), Some(&b"c"[..]));
        assert!(edits.removes(Field::OTHER, b"x-user") && !edits.removes(Field::OTHER, b"x-use"));
        assert!(!edits.removes(Field::VIA, b"via"));
        edits.remove("via");
        assert_eq!(edits.text(), b"X-User: c\r\n");
        assert!(edits.removes(Field::VIA, b"Via"));
    }

    #[test]
    fn nothing_that_ends_a_line_gets_in() {
        for value in [&b"a\r\nb"[..], b"a\nb", b"a\rb", b"a\0b", b"\x7f"] {
            let mut edits = Edits::new();
            assert!(!edits.append("X-A", value) && edits.text().is_empty());
            assert!(!edits.set("X-A", value) && edits.text().is_empty());
            assert!(edits.removes(Field::OTHER, b"X-A"), "a value that cannot be set removes the sender's");
        }
        for name in [&b""[..], b"a b", b"a:", b"a\r\n", b"\xff"] {
            let mut edits = Edits::new();
            assert!(!edits.set(name, b"v") && edits.text().is_empty() && edits.removed().is_empty());
        }
    }

    #[test]
    fn absorbed_edits_replace_what_they_set_and_keep_the_rest() {
        let (mut edits, mut other) = (Edits::new(), Edits::new());
        edits.set(Field::SERVER, b"old");
        edits.append("X-A", b"1");
        edits.append("X-Kept", b"2");
        other.set("x-a", b"3");
        other.set(Field::SERVER, b"new");
        other.remove("X-Gone");
        edits.append(Field::VIA, b"1.1 a");
        other.remove(Field::VIA);
        other.append(Field::VARY, b"Origin");
        edits.absorb(&other);
        assert_eq!(edits.text(), b"X-Kept: 2\r\nx-a: 3\r\nServer: new\r\nVary: Origin\r\n");
        assert!(edits.removes(Field::OTHER, b"x-gone") && edits.removes(Field::OTHER, b"X-A"));
        assert!(edits.removes(Field::VIA, b"Via") && !edits.removes(Field::VARY, b"Vary"));
        assert_eq!((edits.value("X-A"), edits.value(Field::VARY)), (Some(&b"3"[..]), Some(&b"Origin"[..])));
        edits.absorb(&Edits::new());
        assert_eq!(edits.added().count(), 4);
    }

    #[test]
    fn cleared_edits_are_as_new_ones() {
        let mut edits = Edits::new();
        edits.set("X-A", b"1");
        edits.remove(Field::SERVER);
        edits.clear();
        assert!(edits.is_empty() && edits.text().is_empty());
        assert!(!edits.removes(Field::OTHER, b"X-A") && !edits.removes(Field::SERVER, b"Server"));
    }
}
