//! Reads a reply head, as strictly as a request: an origin's bad framing is a 502, never a guess (RFC 9112 §4, §5).
//! Called by `upstream/attempt` on what has come so far.

use super::fault::{LineFault, ReplyFault};
use super::fields::{self, Slot};
use super::flaw;
pub use super::{HeadLimits, Parsed, may_be_complete};
use crate::wire::head::{Lines, Span, Start, Version};

/// Bytes of `HTTP/1.x SP 3DIGIT`.
const STATUS_END: usize = 12;

/// Parses the reply head at the front of `bytes` into `lines`. Called again with all bytes when more have come.
/// Nothing before the status line is skipped, and what is no status line is never taken as HTTP/0.9.
///
/// *Errors*: the first fault found; the client sees 502. *Cost*: one pass, no allocation once `lines` is warm.
pub fn parse(bytes: &[u8], lines: &mut Lines, limits: &HeadLimits) -> Result<Parsed, ReplyFault> {
    lines.clear();
    if bytes.first().is_some_and(|byte| *byte != b'H') {
        return Err(ReplyFault::StatusLine);
    }
    fields::with_slots(limits.fields, |slots| read(bytes, slots, lines, limits))
}

fn read<'b>(
    bytes: &'b [u8],
    slots: &mut [Slot<'b>],
    lines: &mut Lines,
    limits: &HeadLimits,
) -> Result<Parsed, ReplyFault> {
    let mut reply = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let len = match config.parse_response_with_uninit_headers(&mut reply, bytes, slots) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() >= limits.head_bytes as usize => {
            return Err(ReplyFault::HeadTooLong);
        }
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(error) => return Err(name(error, bytes)),
    };
    let (Some(version), Some(status)) = (reply.version, reply.code) else {
        return Err(ReplyFault::StatusLine);
    };
    if len > limits.head_bytes as usize {
        return Err(ReplyFault::HeadTooLong);
    }
    if status < 100 {
        return Err(ReplyFault::Status);
    }
    let fields = &*reply.headers;
    fields::lay(bytes, len, fields, lines).map_err(ReplyFault::Line)?;
    // The status line ends where the first name begins, or at the empty line; both are CRLF by now.
    let line_end = lines.list().first().map_or(len - 2, |line| line.name.start as usize) - 2;
    let reason_start = (STATUS_END + 1).min(line_end);
    lines.start = Start {
        status,
        reason: Span { start: reason_start as u32, len: (line_end - reason_start) as u32 },
        version: if version == 0 { Version::Http10 } else { Version::Http11 },
        head_len: len as u32,
        ..Start::default()
    };
    Ok(Parsed::Complete { len })
}

/// The fault behind an error of httparse.
#[cold]
fn name(error: httparse::Error, bytes: &[u8]) -> ReplyFault {
    let line_end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    let (line, section) = bytes.split_at(line_end);
    match error {
        httparse::Error::TooManyHeaders => ReplyFault::TooManyFields,
        httparse::Error::Version => match line {
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b' ', ..]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                ReplyFault::Version
            }
            _ => ReplyFault::StatusLine,
        },
        httparse::Error::Status => flaw::of_bytes(line).map_or(ReplyFault::StatusLine, ReplyFault::Line),
        _ => ReplyFault::Line(flaw::of_section(section).unwrap_or(LineFault::BadValue)),
    }
}

#[cfg(test)]
mod tests;
