//! What a head that is refused asks for and of whom: of what is no request, that is all there is to tell. Read
//! leniently where the strict parser has refused, so it serves records only, and nothing is decided by it.

use super::{METHOD_BYTES_MAX, empty_lines, start_line};
use crate::wire::head::{Lines, Span, Version};
use crate::wire::http1::HeadLimits;
use crate::wire::token::{is_token_byte, trim};
use crate::wire::uri::Authority;

/// Bytes shown of a target past its limit.
const SHOWN_MAX: usize = 256;

/// Lays the request line of the refused head at the front of `bytes` into `lines`, and its host if one is named that is valid.
/// There are no field lines. None of it where the line cannot be told, or has not wholly come: then the answer is false.
/// *Cost*: one pass over what has come, no allocation.
pub fn outline(bytes: &[u8], lines: &mut Lines, limits: &HeadLimits) -> bool {
    lines.clear();
    read(bytes, lines, limits).is_some()
}

fn read(bytes: &[u8], lines: &mut Lines, limits: &HeadLimits) -> Option<()> {
    let skipped = empty_lines(bytes).ok()?;
    let line = &bytes[skipped..];
    let method_len = line.iter().take(METHOD_BYTES_MAX + 1).position(|byte| !is_token_byte(*byte))?;
    let (method, rest) = line.split_at(method_len);
    let rest = rest.strip_prefix(b" ")?;
    let max = limits.target_bytes as usize;
    let is_over = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n');
    let (target, behind) = match rest.iter().take(max + 1).position(is_over) {
        Some(len) => rest.split_at(len),
        None if rest.len() > max => (shown(&rest[..max]), &b" HTTP/1.1"[..]),
        None => return None,
    };
    let version = match behind.strip_prefix(b" HTTP/")? {
        [b'1', b'.', b'0', ..] => Version::Http10,
        _ => Version::Http11,
    };
    lines.start = start_line(bytes, method, target).ok()?;
    lines.start.version = version;
    lines.start.head_len = (skipped + method_len + 1 + target.len()) as u32;
    lines.start.skipped = skipped as u32;
    if lines.start.host.len == 0
        && let Some(host) = host(rest).filter(|host| Authority::parse(host).is_some())
    {
        lines.start.host = Span::within(bytes, host);
    }
    Some(())
}

/// The front of a target that is too long, without half an escape at its end.
pub fn shown(target: &[u8]) -> &[u8] {
    let front = &target[..target.len().min(SHOWN_MAX)];
    let tail = front.len().saturating_sub(2);
    let escape = front[tail..].iter().position(|byte| *byte == b'%');
    &front[..escape.map_or(front.len(), |at| tail + at)]
}

/// The value of the first Host line that has come whole.
fn host(bytes: &[u8]) -> Option<&[u8]> {
    let whole = &bytes[..memchr::memrchr(b'\n', bytes)?];
    let value = whole.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let (name, value) = line.split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"host:").then_some(value)
    })?;
    Some(trim(value.strip_suffix(b"\r").unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Head;

    /// Method, host, target and version of what is refused.
    fn told(bytes: &[u8]) -> Option<[String; 4]> {
        let (mut lines, limits) = (Lines::new(), HeadLimits { target_bytes: 300, ..HeadLimits::default() });
        outline(bytes, &mut lines, &limits).then(|| {
            let head = Head::new(bytes, &lines);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let (method, host) = (text(head.method_bytes()), text(head.host()));
            [method, host, text(head.target()), head.version().name().to_owned()]
        })
    }

    #[test]
    fn a_refused_head_tells_its_request_line_and_its_host() {
        for (bytes, expected) in [
            (
                &b"GET /a?b HTTP/1.1\r\nA : b\r\nhOST: \ta.test \r\n\r\n"[..],
                ["GET", "a.test", "/a?b", "HTTP/1.1"],
            ),
            (b"\r\n\r\nPUT /a HTTP/1.0\nHost: a\n\n", ["PUT", "a", "/a", "HTTP/1.0"]),
            (b"GET /a HTTP/2.0\r\n", ["GET", "", "/a", "HTTP/1.1"]),
            (b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", ["GET", "", "/a", "HTTP/1.1"]),
            (b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", ["GET", "a", "/a", "HTTP/1.1"]),
            // Of a name, or of a line, that has not come whole nothing is said.
            (b"GET /a HTTP/1.1\r\nHost: a.te", ["GET", "", "/a", "HTTP/1.1"]),
            (b"GET http://b/a HTTP/1.1\r\nHost: a\r\n", ["GET", "b", "http://b/a", "HTTP/1.1"]),
        ] {
            assert_eq!(told(bytes), Some(expected.map(str::to_owned)), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_has_no_request_line_tells_nothing() {
        for bytes in [
            &b""[..],
            b"GET",
            b"GET /a",
            b"GET  /a HTTP/1.1\r\n\r\n",
            b"GET /a b HTTP/1.1\r\n\r\n",
            b"GET /a\r\n\r\n",
            b"G@T /a HTTP/1.1\r\n\r\n",
            b"GET a HTTP/1.1\r\n\r\n",
            b"GET /a\x00 HTTP/1.1\r\n\r\n",
            b"\n\x16\x03\x01",
            b"\x16\x03\x01 / HTTP/1.1\r\n",
        ] {
            assert_eq!(told(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn of_a_target_past_its_limit_the_front_is_told() {
        for (target, expected) in [
            (format!("/{}", "a".repeat(400)), format!("/{}", "a".repeat(255))),
            (format!("/{}%2F{}", "a".repeat(253), "a".repeat(400)), format!("/{}", "a".repeat(253))),
            (format!("/{}%2F{}", "a".repeat(252), "a".repeat(400)), format!("/{}%2F", "a".repeat(252))),
        ] {
            let told = told(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
            assert_eq!(told[2], expected);
        }
    }
}
