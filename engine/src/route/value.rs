//! Values of a request by name, and how the wish for one is written: read in one way by the conditions of rules
//! (`guard`) and of a split's targets (`split/when`). Values are borrowed from the head; only a field that repeats, or
//! an escape before an expression, is put together in the shard's room for it.

use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::uri::unescaped;
use std::fmt;

/// How a value is wished for, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish<'t> {
    /// `*`: there, and be it empty.
    Present,
    /// `exact:TEXT`, or a text that does not begin like the others.
    Exact(&'t str),
    /// `regex:EXPRESSION`: matched as a whole.
    Matching(&'t str),
}

impl<'t> Wish<'t> {
    /// Reads `text`, which always means something.
    pub(super) fn read(text: &'t str) -> Wish<'t> {
        match text.strip_prefix("regex:") {
            Some(expression) => Wish::Matching(expression),
            None if text == "*" => Wish::Present,
            None => Wish::Exact(text.strip_prefix("exact:").unwrap_or(text)),
        }
    }
}

/// How much of a wish is told to whoever asks why a request went where it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// All of it.
    Whole,
    /// Not its value, which came from the environment or a file and may be secret.
    NameOnly,
}

impl Told {
    /// The wish for `name`, with or without its value.
    pub(super) fn sentence(self, part: &str, name: &str, wish: Wish<'_>) -> String {
        match self {
            Told::Whole => format!("{part} {name} {wish}"),
            Told::NameOnly => format!("{part} {name} with a value that is not shown"),
        }
    }
}

/// The rest of a sentence that begins with a name.
impl fmt::Display for Wish<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wish::Present => write!(out, "present"),
            Wish::Exact(text) => write!(out, "= {text}"),
            Wish::Matching(expression) => write!(out, "matching {expression}"),
        }
    }
}

/// A field's name, known or not, in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FieldName {
    field: Field,
    name: Box<[u8]>,
}

impl FieldName {
    pub(super) fn of(name: &str) -> FieldName {
        FieldName { field: Field::of(name.as_bytes()), name: name.to_ascii_lowercase().into_bytes().into() }
    }

    /// The field's value: of several lines all values, joined in `room`.
    pub(super) fn value<'v>(&self, head: Head<'v>, room: &'v mut Vec<u8>) -> Option<&'v [u8]> {
        if self.field != Field::OTHER && !head.repeats(self.field) {
            return head.field(self.field);
        }
        let mut values = head.all_named(&self.name);
        let first = values.next()?;
        let Some(second) = values.next() else { return Some(first) };
        room.extend_from_slice(first);
        for value in std::iter::once(second).chain(values) {
            room.extend_from_slice(b", ");
            room.extend_from_slice(value);
        }
        Some(room)
    }
}

/// The value of the first parameter of this name, its escapes not decoded yet.
pub(super) fn parameter<'q>(query: &'q [u8], name: &[u8]) -> Option<&'q [u8]> {
    let parameters = query.split(|byte| *byte == b'&').filter(|parameter| !parameter.is_empty());
    let mut pairs = parameters.map(split);
    pairs.find(|(other, _)| same(other, name)).map(|(_, value)| value)
}

/// Whether `raw`, its escapes decoded once, is `text`.
pub(super) fn same(raw: &[u8], text: &[u8]) -> bool {
    match memchr::memchr(b'%', raw) {
        None => raw == text,
        Some(_) => unescaped(raw).eq(text.iter().copied()),
    }
}

/// `raw` with its escapes decoded once, in `room` if there are any.
pub(super) fn plain<'v>(raw: &'v [u8], room: &'v mut Vec<u8>) -> &'v [u8] {
    if memchr::memchr(b'%', raw).is_none() {
        return raw;
    }
    room.extend(unescaped(raw));
    room
}

fn split(parameter: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'=', parameter) {
        Some(at) => (&parameter[..at], &parameter[at + 1..]),
        None => (parameter, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_unless_it_says_otherwise() {
        for (text, wish) in [
            ("a", Wish::Exact("a")),
            ("", Wish::Exact("")),
            ("*", Wish::Present),
            ("**", Wish::Exact("**")),
            ("exact:*", Wish::Exact("*")),
            ("exact:regex:a", Wish::Exact("regex:a")),
            ("exact:exact:a", Wish::Exact("exact:a")),
            ("regex:exact:a", Wish::Matching("exact:a")),
            ("regex:", Wish::Matching("")),
        ] {
            assert_eq!(Wish::read(text), wish, "{text}");
        }
    }

    #[test]
    fn escapes_are_decoded_once_and_what_is_none_stands_for_itself() {
        for (raw, text) in [
            ("a%20b", "a b"),
            ("%2520", "%20"),
            ("%zz%4", "%zz%4"),
            ("100%", "100%"),
            ("a+b", "a+b"),
            ("", ""),
        ] {
            assert!(same(raw.as_bytes(), text.as_bytes()), "{raw}");
            assert_eq!(plain(raw.as_bytes(), &mut Vec::new()), text.as_bytes(), "{raw}");
        }
        assert!(!same(b"%41", b"B"));
    }

    #[test]
    fn a_parameter_is_found_by_its_decoded_name_and_the_first_one_counts() {
        let value = |query: &'static str, name: &str| parameter(query.as_bytes(), name.as_bytes());
        assert_eq!(value("a=1&b=2&a=3", "a"), Some(&b"1"[..]));
        assert_eq!(value("x=1&%61=2", "a"), Some(&b"2"[..]));
        assert_eq!(value("a&b=", "a"), Some(&b""[..]));
        assert_eq!(value("a&b=", "b"), Some(&b""[..]));
        assert_eq!(value("a=b=c", "a"), Some(&b"b=c"[..]));
        assert_eq!(value("&&aa=1", "a"), None);
        assert_eq!(value("", ""), None);
    }
}
