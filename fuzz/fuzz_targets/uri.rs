//! Laws of targets, hosts and paths: parts joined are the whole; a canonical path is its own canonical form, holds
//! no dot segment and no escape that could be spelt otherwise, and is what RFC 3986 says step by step.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::wire::uri::{self, Authority, DoubleSlash, PathFault, PathRule};
use ringgate::wire::{Form, Method};

fuzz_target!(|bytes: &[u8]| {
    authority(bytes);
    path(bytes);
    for method in [Method::Get, Method::Options, Method::Connect] {
        target(method, bytes);
    }
});

fn authority(bytes: &[u8]) {
    let Some(Authority { host, port }) = Authority::parse(bytes) else { return };
    assert!(!host.is_empty() && !host.contains(&b'@') && !host.contains(&b'/'));
    let joined = match port {
        Some(port) => [host, b":", port.to_string().as_bytes()].concat(),
        None => host.to_vec(),
    };
    assert_eq!(Authority::parse(&joined), Some(Authority { host, port }));
}

fn target(method: Method, bytes: &[u8]) {
    let Some(parts) = uri::target(method, bytes) else { return };
    assert!(bytes.iter().all(|byte| (0x21..0x7f).contains(byte) && *byte != b'#'));
    let query = parts.query.map_or(vec![], |query| [b"?", query].concat());
    let joined = [parts.path, &query].concat();
    match parts.form {
        Form::Asterisk if parts.authority.is_some() => {
            assert!(bytes.ends_with(parts.authority.unwrap_or(b"?")))
        }
        Form::Origin | Form::Asterisk => assert_eq!(joined, bytes),
        Form::Authority => assert_eq!(parts.authority, Some(bytes)),
        Form::Absolute => assert!(bytes.ends_with(&[parts.authority.unwrap_or(b"?"), &joined[..]].concat())),
    }
    if let Some(authority) = parts.authority {
        assert!(Authority::parse(authority).is_some());
    }
    // What is forwarded instead of it is a target too.
    if let Ok(canonical) = uri::canonical(parts.path, &mut Vec::new()) {
        let onward = [canonical, &query].concat();
        assert_eq!(uri::target(Method::Get, &onward).map(|parts| parts.form), Some(Form::Origin));
    }
}

fn path(bytes: &[u8]) {
    let mut scratch = Vec::new();
    let found = uri::canonical(bytes, &mut scratch).map(<[u8]>::to_vec);
    assert_eq!(found, slow(bytes));
    let Ok(path) = found else { return };
    assert_eq!(uri::canonical(&path, &mut Vec::new()), Ok(&path[..]));
    assert_eq!(path.first(), Some(&b'/'));
    assert!(path.split(|byte| *byte == b'/').all(|segment| segment != b"." && segment != b".."));
    // Whether slashes are merged before or behind the rest, none is left, and nothing else changes.
    let merge = PathRule { double_slash: DoubleSlash::Merge, ..PathRule::default() };
    let refuse = PathRule { double_slash: DoubleSlash::Refuse, refuses_escaped_slash: true };
    if let Ok(merged) = merge.canonical(bytes, &mut Vec::new()) {
        assert!(!merged.windows(2).any(|pair| pair == b"//"));
        assert_eq!(merge.canonical(merged, &mut Vec::new()), Ok(merged));
        if !bytes.windows(2).any(|pair| pair == b"//") {
            assert_eq!(merged, path);
        }
    }
    if let Ok(strict) = refuse.canonical(bytes, &mut Vec::new()) {
        assert_eq!(strict, path);
        assert!(!strict.windows(3).any(|escape| matches!(escape, b"%2F" | b"%5C")));
    }
}

/// RFC 3986 §6.2.2 in its own order: escapes over the whole path, then the removal of §5.2.4.
fn slow(bytes: &[u8]) -> Result<Vec<u8>, PathFault> {
    if bytes.first() != Some(&b'/') {
        return Err(PathFault::NotAbsolute);
    }
    let (mut text, mut at, mut fault) = (Vec::new(), 0, None);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match (bytes[at], digits.and_then(|digits| std::str::from_utf8(digits).ok())) {
            (b'%', None) => {
                fault = Some(PathFault::Escape);
                break;
            }
            (b'%', Some(digits)) => {
                match u8::from_str_radix(digits, 16).expect("two digits") {
                    0 => {
                        fault = Some(PathFault::Nul);
                        break;
                    }
                    byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => text.push(byte),
                    byte => text.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                }
                at += 3;
            }
            (byte, _) => {
                text.push(byte);
                at += 1;
            }
        }
    }
    let mut out: Vec<&[u8]> = Vec::new();
    let mut segments: Vec<&[u8]> = text[1..].split(|byte| *byte == b'/').collect();
    // The segment with the fault comes after those whose dots are already looked at.
    if fault.is_some() {
        segments.pop();
    }
    let last = segments.len().wrapping_sub(1);
    for (index, segment) in segments.iter().enumerate() {
        match *segment {
            b"." => {}
            b".." => {
                out.pop().ok_or(PathFault::AboveRoot)?;
            }
            other => out.push(other),
        }
        if index == last && matches!(*segment, b"." | b"..") {
            out.push(b"");
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok([b"/", &out.join(&b'/')[..]].concat()),
    }
}
