//! Heads for the tests of this folder.

use super::{HeadLimits, Parsed, reply, request};
use crate::wire::head::Lines;

/// The lines of a request that has to parse to its end.
pub fn request(bytes: &[u8]) -> Lines {
    let mut lines = Lines::new();
    let parsed = request::parse(bytes, &mut lines, &HeadLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete { len: bytes.len() }), "{}", bytes.escape_ascii());
    lines
}

/// The lines of a reply that has to parse to its end.
pub fn reply(bytes: &[u8]) -> Lines {
    let mut lines = Lines::new();
    let parsed = reply::parse(bytes, &mut lines, &HeadLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete { len: bytes.len() }), "{}", bytes.escape_ascii());
    lines
}

/// Every text that differs from `text` in one place: a byte replaced by any other, one of `bytes` put in, one
/// byte or two left out, a byte doubled, a line doubled or left out.
pub fn mutants(text: &[u8], mut visit: impl FnMut(&[u8])) {
    const INSERTED: &[u8] = b"\0\t\n\r \x0b:,;/@a0\x7f\x80\xff";
    for at in 0..=text.len() {
        let (front, back) = text.split_at(at);
        for byte in INSERTED {
            visit(&[front, &[*byte], back].concat());
        }
        if let [first, rest @ ..] = back {
            for byte in 0..=255 {
                visit(&[front, &[byte], rest].concat());
            }
            visit(&[front, rest].concat());
            visit(&[front, &[*first], back].concat());
            visit(&[front, rest.get(1..).unwrap_or(b"")].concat());
        }
    }
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..lines.len() {
        visit(&[&lines[..at], &lines[at + 1..]].concat().concat());
        visit(&[&lines[..=at], &lines[at..]].concat().concat());
    }
}
