//! The trailer section of a chunked body: read line by line, bounded, and stripped of all that must not come
//! behind a body (RFC 9110 §6.5.1). An origin that merges trailers into its head sees nothing it would trust.

use super::fault::{ChunkFault, LineFault};
use super::{flaw, framing};
use crate::wire::field::{Field, FieldSet};
use crate::wire::head::Head;
use crate::wire::token;

/// Well-known fields that may stand in a trailer; all others decide something before the body is read: framing,
/// routing, authentication, content form, control of the connection.
const ALLOWED: FieldSet = FieldSet::of(&[
    Field::OTHER,
    Field::ETAG,
    Field::SERVER_TIMING,
    Field::GRPC_STATUS,
    Field::GRPC_MESSAGE,
    Field::PROXY_STATUS,
]);

/// Appends a trailer field to `kept`, as a line, if it is one that may come behind a body.
pub fn keep(kept: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if ALLOWED.contains(Field::of(name)) {
        for part in [name, b": ", value, b"\r\n"] {
            kept.extend_from_slice(part);
        }
    }
}

/// A trailer section as far as it is read.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    /// The line that is coming in, when it was torn.
    line: Vec<u8>,
    /// Lines to pass on.
    kept: Vec<u8>,
    /// Unknown names that the head's Connection has, with a comma behind each.
    named: Vec<u8>,
    /// Bytes of the section so far.
    read: u32,
}

impl Trailer {
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Back to the start of the section.
    pub(super) fn restart(&mut self) {
        self.line.clear();
        self.kept.clear();
        self.read = 0;
    }

    pub(super) fn drop_named(&mut self, head: Head<'_>) {
        for option in framing::connection_options(head) {
            let field = Field::of(option);
            let known = [&b"close"[..], b"keep-alive"].iter().any(|word| option.eq_ignore_ascii_case(word));
            if !known && ALLOWED.contains(field) {
                self.named.extend_from_slice(option);
                self.named.push(b',');
            }
        }
    }

    /// Reads lines at the front of `input` up to the empty one: the bytes used, and whether the section ended.
    pub(super) fn read(&mut self, input: &[u8], limit: u32) -> Result<(usize, bool), ChunkFault> {
        let mut at = 0;
        while at < input.len() {
            let end = memchr::memchr(b'\n', &input[at..]).map(|found| at + found + 1);
            let part = &input[at..end.unwrap_or(input.len())];
            self.read = self.read.saturating_add(part.len() as u32);
            // The empty line that ends the section is not part of it.
            if self.read > limit.saturating_add(2) {
                return Err(ChunkFault::TrailerTooLong);
            }
            at += part.len();
            if end.is_none() || !self.line.is_empty() {
                self.line.extend_from_slice(part);
            }
            if end.is_none() {
                break;
            }
            let line = std::mem::take(&mut self.line);
            let ended = self.line_ended(if line.is_empty() { part } else { &line })?;
            self.line = line;
            self.line.clear();
            if ended {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// Takes one whole line in; true for the empty one.
    fn line_ended(&mut self, line: &[u8]) -> Result<bool, ChunkFault> {
        if line == b"\r\n" {
            return Ok(true);
        }
        if let Some(fault) = flaw::of_bytes(line) {
            return Err(ChunkFault::Line(fault));
        }
        if token::is_ows(line[0]) {
            return Err(ChunkFault::Line(LineFault::ObsFold));
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            return Err(ChunkFault::Line(LineFault::NoColon));
        };
        let (name, value) = (&line[..colon], token::trim(&line[colon + 1..line.len() - 2]));
        if let Some(fault) = flaw::of_name(name) {
            return Err(ChunkFault::Line(fault));
        }
        if !token::is_value(value) {
            return Err(ChunkFault::Line(LineFault::BadValue));
        }
        if self.passes(name) {
            keep(&mut self.kept, name, value);
        }
        Ok(false)
    }

    fn passes(&self, name: &[u8]) -> bool {
        ALLOWED.contains(Field::of(name))
            && !token::list(&self.named).any(|option| option.eq_ignore_ascii_case(name))
    }
}
