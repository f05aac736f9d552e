//! A request's bytes, good or spoiled.

use crate::pattern::Pattern;
use crate::plan::config::{BODY_BYTES, HEAD_BYTES, TARGET_BYTES};
use crate::plan::{Act, Ask, Sent, Spoil};
use ringgate::net::sim::Random;
use std::fmt::Write;
use std::time::Duration;

/// Time between the parts of a message that comes in parts: longer than all pauses of a slow peer together.
pub const LATE: Duration = Duration::from_millis(1500);

/// Whether it asks for a tunnel.
pub fn is_tunnel(ask: &Ask) -> bool {
    matches!(ask.act, Act::Echo | Act::EchoReset)
}

/// Whether its client falls silent within it.
pub fn breaks_off(ask: &Ask) -> bool {
    matches!(ask.spoil, Some(Spoil::SilentHead | Spoil::SilentBody))
}

/// Whether its chunked body, and its answer's, end in trailer fields.
pub fn has_trailers(ask: &Ask) -> bool {
    ask.id.is_multiple_of(3)
}

/// The body that its answer has.
pub fn reply_of(ask: &Ask) -> Pattern {
    if ask.act == Act::Mirror { Pattern::request(ask.id) } else { Pattern::reply(ask.id) }
}

/// The head, or the part of it that is sent.
pub fn head(ask: &Ask) -> Vec<u8> {
    let version = if ask.version10 { "1.0" } else { "1.1" };
    let target = match ask.spoil {
        Some(Spoil::LongTarget) => format!("/u{}/{}", ask.upstream, "x".repeat(TARGET_BYTES)),
        Some(Spoil::Connect) => "sim:80".to_owned(),
        _ => format!("/u{}/{}", ask.upstream, ask.id),
    };
    let mut head = match ask.spoil {
        Some(Spoil::Garbage) => "\u{1} no request\r\n".to_owned(),
        _ => format!("{} {target} HTTP/{version}\r\n", ask.method),
    };
    match ask.spoil {
        Some(Spoil::NoHost) => {}
        Some(Spoil::Connect) => head.push_str("Host: sim:80\r\n"),
        Some(Spoil::BareLf) => head.push_str("Host: sim\n"),
        _ => head.push_str("Host: sim\r\n"),
    }
    let _ = write!(head, "X-Ask: {0}\r\nX-Request-Id: ask-{0}\r\n", ask.id);
    match ask.sent {
        Sent::Nothing if ask.method == "POST" => head.push_str("Content-Length: 0\r\n"),
        Sent::Nothing => {}
        Sent::Exact => {
            let _ = write!(head, "Content-Length: {}\r\n", ask.body);
        }
        Sent::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
    }
    match ask.spoil {
        Some(Spoil::TwoLengths) => head.push_str("Content-Length: 3\r\nContent-Length: 4\r\n"),
        Some(Spoil::LengthAndCoding) => head.push_str("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        Some(Spoil::Expectation) => head.push_str("Expect: applause\r\n"),
        Some(Spoil::LongHead) => {
            let _ = write!(head, "X-Long: {}\r\n", "x".repeat(HEAD_BYTES));
        }
        Some(Spoil::SilentHead) => return head.into_bytes(),
        _ => {}
    }
    if ask.expects {
        head.push_str("Expect: 100-continue\r\n");
    }
    if is_tunnel(ask) {
        head.push_str("Connection: upgrade\r\nUpgrade: websocket\r\n");
    }
    match (ask.version10, ask.keeps) {
        (true, true) => head.push_str("Connection: keep-alive\r\n"),
        (false, false) => head.push_str("Connection: close\r\n"),
        _ => {}
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The body in its framing, in two halves; what a spoiled one lacks is not there.
pub fn body(ask: &Ask, random: &Random) -> [Vec<u8>; 2] {
    let mut pattern = Pattern::request(ask.id);
    let half = ask.body.div_ceil(2);
    let (first, rest) = (pattern.next(half), pattern.next(ask.body - half));
    match ask.sent {
        Sent::Nothing if is_tunnel(ask) => [first, rest],
        Sent::Nothing => [vec![], vec![]],
        Sent::Exact if ask.spoil == Some(Spoil::SilentBody) => [first, vec![]],
        Sent::Exact => [first, rest],
        Sent::Chunked => {
            let end: &[u8] = match ask.spoil {
                Some(Spoil::BadChunk) => b"zz\r\n",
                _ if has_trailers(ask) => b"0\r\nX-Sum: 3\r\n\r\n",
                _ => b"0\r\n\r\n",
            };
            debug_assert!(ask.spoil != Some(Spoil::LongChunks) || ask.body > BODY_BYTES);
            [chunks(&first, random), [&chunks(&rest, random), end].concat()]
        }
    }
}

/// `bytes` in chunks of any size.
pub fn chunks(mut bytes: &[u8], random: &Random) -> Vec<u8> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let len = (1 + random.below(8000) as usize).min(bytes.len());
        out.extend_from_slice(format!("{len:x}\r\n").as_bytes());
        out.extend_from_slice(&bytes[..len]);
        out.extend_from_slice(b"\r\n");
        bytes = &bytes[len..];
    }
    out
}
