//! Reads a request head: httparse for speed, and what it leaves out or allows made strict, so that no second reader
//! of the same bytes can see another request (RFC 9112 §2.2, §3, §5). Called by conn/http1 on what has come so far.

use super::fault::{LineFault, RequestFault};
use super::fields::{self, Slot};
use super::flaw;
pub use super::{HeadLimits, Parsed, may_be_complete};
use crate::wire::field::Field;
use crate::wire::head::{Lines, Span, Start, Version};
use crate::wire::method::Method;
use crate::wire::token::is_token_byte;
use crate::wire::uri::{self, Authority};
pub use outline::{outline, shown};

/// Empty lines allowed before a request line (RFC 9112 §2.2).
const EMPTY_LINES_MAX: usize = 4;
/// Longest method; registered ones have at most 17 bytes.
const METHOD_BYTES_MAX: usize = 32;
/// The first line of what HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Parses the request head at the front of `bytes` into `lines`. Called again with all bytes when more have come,
/// best after [`may_be_complete`]; a head that cannot become valid is refused as soon as that shows.
///
/// *Errors*: the first fault found; the client sees `fault.status()`, and the connection cannot be used on.
/// *Cost*: one pass, no allocation once `lines` is warm (up to 100 fields).
pub fn parse(bytes: &[u8], lines: &mut Lines, limits: &HeadLimits) -> Result<Parsed, RequestFault> {
    lines.clear();
    let skipped = empty_lines(bytes)?;
    fields::with_slots(limits.fields, |slots| read(bytes, skipped, slots, lines, limits))
}

/// The cheap part of [`parse`], for bytes that cannot be a whole head yet: refuses what is no HTTP by its first byte
/// and what is past a limit. *Cost*: one search over the request line.
pub fn screen(bytes: &[u8], limits: &HeadLimits) -> Result<(), RequestFault> {
    let line = &bytes[empty_lines(bytes)?..];
    match line.first() {
        Some(0x16) => return Err(RequestFault::Tls),
        // The first half of an empty line.
        Some(b'\r') => return Ok(()),
        Some(byte) if !is_token_byte(*byte) => return Err(RequestFault::Method),
        _ => {}
    }
    let method_end = line.iter().take(METHOD_BYTES_MAX + 1).position(|byte| !is_token_byte(*byte));
    match method_end {
        None if line.len() > METHOD_BYTES_MAX => return Err(RequestFault::Method),
        Some(end) if line[end] == b' ' => {
            let target = &line[end + 1..];
            let shown = target.len().min(limits.target_bytes as usize + 1);
            if shown > limits.target_bytes as usize
                && memchr::memchr2(b' ', b'\n', &target[..shown]).is_none()
            {
                return Err(RequestFault::TargetTooLong);
            }
        }
        _ => {}
    }
    if bytes.len() >= limits.head_bytes as usize {
        return Err(RequestFault::HeadTooLong);
    }
    Ok(())
}

/// Whether nothing but empty lines has come, each of them whole.
pub fn is_blank(bytes: &[u8]) -> bool {
    bytes.chunks(2).all(|line| line == b"\r\n")
}

/// Bytes of the empty lines at the front.
#[inline]
fn empty_lines(bytes: &[u8]) -> Result<usize, RequestFault> {
    let mut skipped = 0;
    loop {
        match &bytes[skipped..] {
            [b'\r', b'\n', ..] if skipped == 2 * EMPTY_LINES_MAX => return Err(RequestFault::EmptyLines),
            [b'\r', b'\n', ..] => skipped += 2,
            [b'\r', _, ..] => return Err(RequestFault::Line(LineFault::BareCr)),
            [b'\n', ..] => return Err(RequestFault::Line(LineFault::BareLf)),
            _ => return Ok(skipped),
        }
    }
}

fn read<'b>(
    bytes: &'b [u8],
    skipped: usize,
    slots: &mut [Slot<'b>],
    lines: &mut Lines,
    limits: &HeadLimits,
) -> Result<Parsed, RequestFault> {
    let mut request = httparse::Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(&bytes[skipped..], slots) {
        Ok(httparse::Status::Complete(len)) => skipped + len,
        Ok(httparse::Status::Partial) => {
            screen(bytes, limits)?;
            return Ok(Parsed::Partial);
        }
        Err(error) => return Err(name(error, bytes, skipped, limits)),
    };
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(RequestFault::NotHttp);
    };
    if target.len() > limits.target_bytes as usize {
        return Err(RequestFault::TargetTooLong);
    }
    if len > limits.head_bytes as usize {
        return Err(RequestFault::HeadTooLong);
    }
    if method.len() > METHOD_BYTES_MAX {
        return Err(RequestFault::Method);
    }
    fields::lay(bytes, len, request.headers, lines).map_err(RequestFault::Line)?;

    let version = if version == 0 { Version::Http10 } else { Version::Http11 };
    let field_host = host(bytes, version, lines)?;
    lines.start = start_line(bytes, method.as_bytes(), target.as_bytes())?;
    if lines.start.host.len == 0 {
        lines.start.host = field_host;
    }
    lines.start.version = version;
    lines.start.head_len = len as u32;
    lines.start.skipped = skipped as u32;
    Ok(Parsed::Complete { len })
}

/// The parts of the request line but for the version. `host` is that of the target, if it has one.
#[inline]
fn start_line(bytes: &[u8], method_bytes: &[u8], target: &[u8]) -> Result<Start, RequestFault> {
    let method = Method::of(method_bytes);
    let parts = uri::target(method, target).ok_or(RequestFault::Target)?;
    Ok(Start {
        method,
        form: parts.form,
        method_bytes: Span::within(bytes, method_bytes),
        target: Span::within(bytes, target),
        path: match parts.path {
            b"" => Span::default(),
            path => Span::within(bytes, path),
        },
        query: parts.query.map(|query| Span::within(bytes, query)),
        host: parts.authority.map_or(Span::default(), |authority| Span::within(bytes, authority)),
        ..Start::default()
    })
}

/// The Host field's value: exactly one in HTTP/1.1, at most one in HTTP/1.0, valid, whatever form the target has
/// (RFC 9112 §3.2).
#[inline]
fn host(bytes: &[u8], version: Version, lines: &Lines) -> Result<Span, RequestFault> {
    if lines.repeated().contains(Field::HOST) {
        return Err(RequestFault::HostTwice);
    }
    match lines.first(Field::HOST) {
        Some(value) if Authority::parse(value.of(bytes)).is_none() => Err(RequestFault::HostInvalid),
        Some(value) => Ok(value),
        None if version == Version::Http10 => Ok(Span::default()),
        None => Err(RequestFault::HostMissing),
    }
}

/// The fault behind an error of httparse. A limit that is passed as well comes first, as it would have for fewer
/// bytes at a time.
#[cold]
fn name(error: httparse::Error, bytes: &[u8], skipped: usize, limits: &HeadLimits) -> RequestFault {
    if error == httparse::Error::TooManyHeaders {
        return RequestFault::TooManyFields;
    }
    let head = &bytes[skipped..];
    if head.starts_with(PREFACE) || PREFACE.starts_with(head) {
        return RequestFault::Http2Preface;
    }
    let line_end = head.iter().position(|byte| *byte == b'\n').map_or(head.len(), |at| at + 1);
    let (line, section) = head.split_at(line_end);
    request_line(line, limits).or_else(|| flaw::of_section(section).map(RequestFault::Line)).unwrap_or(
        match error {
            httparse::Error::HeaderName => RequestFault::Line(LineFault::BadName),
            httparse::Error::HeaderValue => RequestFault::Line(LineFault::BadValue),
            _ => RequestFault::NotHttp,
        },
    )
}

/// The flaw of a request line with its ending, if that has come.
fn request_line(line: &[u8], limits: &HeadLimits) -> Option<RequestFault> {
    if line.first() == Some(&0x16) {
        return Some(RequestFault::Tls);
    }
    if let Some(fault) = flaw::of_bytes(line) {
        return Some(RequestFault::Line(fault));
    }
    let whole = line.ends_with(b"\n");
    // A CR whose LF has not come yet is no part of the version.
    let line = line.strip_suffix(b"\r\n").unwrap_or(line.strip_suffix(b"\r").unwrap_or(line));
    let method_len = line.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(line.len());
    let Some(rest) = line[method_len..].strip_prefix(b" ") else {
        return Some(RequestFault::Method).filter(|_| method_len < line.len() || whole);
    };
    if method_len == 0 {
        return Some(RequestFault::Method);
    }
    let target_len = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    if target_len > limits.target_bytes as usize {
        return Some(RequestFault::TargetTooLong);
    }
    if target_len == 0 || rest[..target_len].iter().any(|byte| !(0x21..0x7f).contains(byte)) {
        return Some(RequestFault::Target);
    }
    let version = rest[target_len..].strip_prefix(b" ").unwrap_or(b"");
    match version.strip_prefix(b"HTTP/") {
        Some(b"1.0" | b"1.1") => None,
        // One without a minor number, or whose number has not come yet, is of another version too.
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Some(RequestFault::Version)
        }
        Some([major] | [major, b'.']) if *major != b'1' && major.is_ascii_digit() => {
            Some(RequestFault::Version)
        }
        _ => Some(RequestFault::NotHttp).filter(|_| whole || !b"HTTP/1.".starts_with(version)),
    }
}

mod outline;
#[cfg(test)]
mod tests;
