//! One strict reader of JSON (RFC 8259) for token headers, claims and key sets. It lays a document out as a flat list of
//! nodes over its text, both kept between uses, so that a warm parse allocates nothing and any part is found without
//! parsing again. Two members of one name, bytes that are not UTF-8, lone surrogates and anything behind the value
//! are refused: two readers of such a text may see different claims in it (RFC 8725 §2.4).
//! Bounds: [`DEPTH_MAX`], [`NODES_MAX`], [`MEMBERS_MAX`].

mod parse;
#[cfg(test)]
mod tests;

use crate::wire::head::Span;

/// Objects and arrays within one another at most.
pub const DEPTH_MAX: usize = 16;
/// Values of a document at most.
pub const NODES_MAX: usize = 8192;
/// Members of one object at most: each is compared with those before it.
pub const MEMBERS_MAX: usize = 512;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

/// One value. Those inside it follow it directly, up to `next`.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Its name as a member, escapes undone.
    name: Span,
    /// A string without its quotes, escapes undone; of all else the text as written.
    value: Span,
    /// One past the last value inside it.
    next: u32,
    kind: Kind,
}

/// A parsed document. Empty until one is parsed, and after [`Document::clear`].
#[derive(Debug, Default)]
pub struct Document {
    /// The text as written; behind it strings whose escapes had to be undone.
    text: Vec<u8>,
    nodes: Vec<Node>,
    /// Working memory of the parser.
    undone: Vec<u8>,
}

/// Why a text is no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaw {
    /// Byte of the text, from 0.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl Document {
    /// Forgets the document and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.nodes.clear();
    }

    /// Where the next document's text is put; it is cleared first.
    pub fn room(&mut self) -> &mut Vec<u8> {
        self.clear();
        &mut self.text
    }

    /// Parses `text`.
    ///
    /// # Errors
    /// The first flaw; the document is empty then.
    pub fn read(&mut self, text: &[u8]) -> Result<(), Flaw> {
        self.room().extend_from_slice(text);
        self.parse()
    }

    /// Parses what was put into [`Document::room`]. No allocation once the memory has grown to the usual size.
    ///
    /// # Errors
    /// The first flaw; the document is empty then.
    pub fn parse(&mut self) -> Result<(), Flaw> {
        let parsed = parse::parse(&mut self.text, &mut self.nodes, &mut self.undone);
        if parsed.is_err() {
            self.clear();
        }
        parsed
    }

    /// The value of the whole document.
    pub fn root(&self) -> Option<Value<'_>> {
        (!self.nodes.is_empty()).then_some(Value { document: self, at: 0 })
    }

    /// The member `name` of the root.
    pub fn member(&self, name: &[u8]) -> Option<Value<'_>> {
        self.root()?.member(name)
    }

    /// The value at `place`.
    pub fn at(&self, place: Place) -> Option<Value<'_>> {
        ((place.0 as usize) < self.nodes.len()).then_some(Value { document: self, at: place.0 })
    }

    /// Takes over what `other` holds: two copies, no parse.
    pub fn copy_from(&mut self, other: &Document) {
        self.text.clone_from(&other.text);
        self.nodes.clone_from(&other.nodes);
    }

    /// Bytes that a copy of it takes.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.nodes.len() * size_of::<Node>()
    }
}

/// Where a value stands in its document. It holds for a copy of the document too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document,
    at: u32,
}

impl<'d> Value<'d> {
    fn node(self) -> &'d Node {
        &self.document.nodes[self.at as usize]
    }

    /// Where it stands.
    pub fn place(self) -> Place {
        Place(self.at)
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// A string's content; of all else the text as written.
    pub fn bytes(self) -> &'d [u8] {
        self.node().value.of(&self.document.text)
    }

    /// A string's content.
    pub fn string(self) -> Option<&'d [u8]> {
        (self.kind() == Kind::String).then(|| self.bytes())
    }

    /// The name under which it is a member; empty for what is not.
    pub fn name(self) -> &'d [u8] {
        self.node().name.of(&self.document.text)
    }

    /// The values in an object or an array, in order; none of anything else.
    pub fn items(self) -> Items<'d> {
        let end = match self.kind() {
            Kind::Object | Kind::Array => self.node().next,
            _ => self.at + 1,
        };
        Items { document: self.document, at: self.at + 1, end }
    }

    /// The member of this name; none if it is not an object.
    pub fn member(self, name: &[u8]) -> Option<Value<'d>> {
        match self.kind() {
            Kind::Object => self.items().find(|value| value.name() == name),
            _ => None,
        }
    }

    /// The strings that it stands for: itself, or those of an array of nothing but strings.
    pub fn strings(self) -> Option<impl Iterator<Item = &'d [u8]> + Clone> {
        let (alone, list) = match self.kind() {
            Kind::String => (Some(self.bytes()), None),
            Kind::Array if self.items().all(|item| item.kind() == Kind::String) => (None, Some(self.items())),
            _ => return None,
        };
        Some(alone.into_iter().chain(list.into_iter().flatten().map(Value::bytes)))
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}({})", self.kind(), self.bytes().escape_ascii())
    }
}

/// The values in an object or an array.
#[derive(Clone, Debug)]
pub struct Items<'d> {
    document: &'d Document,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    #[inline]
    fn next(&mut self) -> Option<Value<'d>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { document: self.document, at: self.at };
        self.at = value.node().next;
        Some(value)
    }
}
