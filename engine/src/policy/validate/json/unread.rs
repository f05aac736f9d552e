//! Why a text is no document, and where.

use std::fmt;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It is not UTF-8.
    NotUtf8,
    /// It is longer than 4 GiB.
    TooLong,
    /// It ends in the middle.
    Ended,
    /// Something else than what has to stand here.
    Unexpected,
    /// Something follows the document.
    Trailing,
    /// A text has a control character that is not escaped.
    Control,
    /// A text has an escape that is none, or half of a surrogate pair.
    Escape,
    /// A number is not written as one.
    BadNumber,
    /// A number would lose its value: it is whole and has more digits than 64 bits or a double can keep, or is too large.
    Inexact,
    /// A key stands twice in one object.
    DuplicateKey,
    /// It is nested too deeply.
    TooDeep,
}

impl Flaw {
    /// The rule that was broken, as clients and logs see it.
    pub fn rule(self) -> &'static str {
        match self {
            Flaw::NotUtf8 => "json.utf8",
            Flaw::TooLong => "json.length",
            Flaw::Ended | Flaw::Unexpected | Flaw::Trailing => "json.syntax",
            Flaw::Control | Flaw::Escape => "json.text",
            Flaw::BadNumber => "json.syntax",
            Flaw::Inexact => "json.number",
            Flaw::DuplicateKey => "json.duplicate_key",
            Flaw::TooDeep => "json.depth",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Flaw::NotUtf8 => "is not UTF-8",
            Flaw::TooLong => "is too long",
            Flaw::Ended => "ends in the middle of a value",
            Flaw::Unexpected => "is not JSON",
            Flaw::Trailing => "has something behind its value",
            Flaw::Control => "has a control character that is not escaped",
            Flaw::Escape => "has an escape that stands for no character",
            Flaw::BadNumber => "has a number that is not written as JSON has it",
            Flaw::Inexact => "has a number that 64 bits do not keep",
            Flaw::DuplicateKey => "has a key twice",
            Flaw::TooDeep => "is nested too deeply",
        }
    }
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What is wrong.
    pub flaw: Flaw,
    /// The byte at which that was seen.
    pub at: usize,
    /// The way to the value in which it was seen, the innermost step first.
    pub(super) way: Vec<Step>,
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// To an item.
    Item(u32),
    /// To a member.
    Member(String),
}

impl Unread {
    pub(super) fn new(at: usize, flaw: Flaw) -> Unread {
        Unread { flaw, at, way: Vec::new() }
    }

    /// A JSON pointer (RFC 6901) to the value in which it was seen.
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.way.iter().rev() {
            pointer.push('/');
            match step {
                Step::Item(index) => pointer.push_str(&index.to_string()),
                Step::Member(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            }
        }
        pointer
    }

    /// What is wrong, with the line and the byte of that line where it was seen in `text`, both from 1.
    pub fn message(&self, text: &[u8]) -> String {
        let before = &text[..self.at.min(text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = 1 + before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        format!("{} (line {line}, byte {column})", self.flaw.message())
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}", self.flaw.message(), self.at)
    }
}
