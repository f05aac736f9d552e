//! Names what is wrong with a field section that httparse refused. httparse says little about it and accepts a
//! bare LF; this walk runs only on heads that are refused anyway, so it reads byte by byte.

use super::fault::LineFault;
use crate::wire::token::{is_ows, is_token_byte, is_value_byte};

/// The first flaw of a line ending or a zero byte in `bytes`, whatever line it stands in.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<LineFault> {
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            0 => return Some(LineFault::Nul),
            b'\r' if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => return Some(LineFault::BareCr),
            b'\n' if at == 0 || bytes[at - 1] != b'\r' => return Some(LineFault::BareLf),
            _ => {}
        }
    }
    None
}

/// The first flaw of a field section, of which the last line may be incomplete.
pub(super) fn of_section(section: &[u8]) -> Option<LineFault> {
    let mut first = true;
    for line in section.split_inclusive(|byte| *byte == b'\n') {
        if line == b"\r\n" || line == b"\n" {
            // The end of the head; what follows is no longer its business.
            return of_bytes(line);
        }
        if let Some(fault) = of_line(line, first) {
            return Some(fault);
        }
        first = false;
    }
    None
}

/// The first flaw of one line with its ending, if that has come.
fn of_line(line: &[u8], first: bool) -> Option<LineFault> {
    if let Some(fault) = of_bytes(line) {
        return Some(fault);
    }
    if is_ows(*line.first()?) {
        return Some(if first { LineFault::LeadingSpace } else { LineFault::ObsFold });
    }
    let whole = line.ends_with(b"\n");
    let line = line.strip_suffix(b"\r\n").unwrap_or(line.strip_suffix(b"\r").unwrap_or(line));
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        let name_ends = whole || !line.iter().all(|byte| is_token_byte(*byte));
        return name_ends.then_some(LineFault::NoColon);
    };
    of_name(&line[..colon]).or_else(|| {
        let bad = line[colon + 1..].iter().any(|byte| !is_value_byte(*byte));
        bad.then_some(LineFault::BadValue)
    })
}

/// The flaw of what stands before a colon.
pub(super) fn of_name(name: &[u8]) -> Option<LineFault> {
    match name {
        [] => Some(LineFault::EmptyName),
        [.., last] if is_ows(*last) => Some(LineFault::SpaceBeforeColon),
        _ if name.iter().all(|byte| is_token_byte(*byte)) => None,
        _ => Some(LineFault::BadName),
    }
}
