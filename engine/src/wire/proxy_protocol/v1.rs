//! Version 1: one line of text, `PROXY TCP4 192.0.2.7 192.0.2.1 50312 443` and CRLF (section 2.1).

use super::{Fault, Header, begins};
use crate::base::ClientAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of a line at most, its CRLF included.
pub const LINE_BYTES_MAX: usize = 107;

pub const SIGNATURE: &[u8] = b"PROXY ";
/// What follows [`SIGNATURE`] in each of the lines that there are.
const UNKNOWN: &[u8] = b"UNKNOWN";
const KINDS: [&[u8]; 3] = [b"TCP4 ", b"TCP6 ", UNKNOWN];

/// Reads the line at the front of `bytes`, which begin with as much of [`SIGNATURE`] as there is of them.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    // Nobody is waited for once the line is no line any more.
    let kind = bytes.get(SIGNATURE.len()..).unwrap_or_default();
    if !KINDS.iter().any(|known| begins(kind, known)) {
        return Err(Fault::Line);
    }
    let seen = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = seen.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if seen.len() == LINE_BYTES_MAX { Err(Fault::TooLong) } else { Ok(None) };
    };
    match (seen[end], seen.get(end + 1)) {
        (b'\r', Some(b'\n')) => {}
        (b'\r', None) if seen.len() == LINE_BYTES_MAX => return Err(Fault::TooLong),
        (b'\r', None) => return Ok(None),
        _ => return Err(Fault::Line),
    }
    let client = client(&seen[SIGNATURE.len()..end]).ok_or(Fault::Line)?;
    Ok(Some(Header { client, len: end + 2 }))
}

/// The client of a line; none of a line that breaks the grammar.
fn client(line: &[u8]) -> Option<Option<ClientAddr>> {
    if let Some(rest) = line.strip_prefix(UNKNOWN) {
        // What is behind it is for nobody (section 2.1), but it is not part of the word.
        return (rest.is_empty() || rest[0] == b' ').then_some(None);
    }
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split(' ');
    let ip: fn(&str) -> Option<IpAddr> = match words.next()? {
        "TCP4" => |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => return None,
    };
    let (from, to) = (ip(words.next()?)?, ip(words.next()?)?);
    let (from_port, to_port) = (port(words.next()?)?, port(words.next()?)?);
    // The destination is checked as well: who writes half a line is not to be believed in the other half.
    let _ = SocketAddr::new(to, to_port);
    words.next().is_none().then(|| Some(SocketAddr::new(from, from_port).into()))
}

/// A port in decimal, without sign or leading zeros.
fn port(text: &str) -> Option<u16> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain)
}
