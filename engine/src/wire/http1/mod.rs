//! HTTP/1.1 as bytes (RFC 9112): heads are parsed strictly, framing has one reading or is a fault, bodies are
//! decoded incrementally, heads are written by copying what is kept. The only room that names httparse.

pub mod chunked;
pub mod encode;
pub mod framing;
pub mod reply;
pub mod request;

mod fault;
mod fields;
mod flaw;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod sample;
pub mod trailer;

pub use fault::{ChunkFault, FramingFault, LineFault, ReplyFault, RequestFault};

/// Bounds of a head. A head past one of them is refused as soon as that shows.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct HeadLimits {
    /// Bytes of the whole head, with the empty lines before it.
    pub head_bytes: u32,
    /// Field lines.
    pub fields: u16,
    /// Bytes of the request target.
    pub target_bytes: u32,
}

impl Default for HeadLimits {
    fn default() -> Self {
        HeadLimits { head_bytes: 32 * 1024, fields: 100, target_bytes: 16 * 1024 }
    }
}

/// How far a parse came.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// Nothing wrong so far; more bytes are needed.
    Partial,
    /// The head is whole.
    Complete {
        /// Its bytes, with the empty lines before it and the one behind it.
        len: usize,
    },
}

/// Whether a parse of `bytes` may bring more than [`Parsed::Partial`], when all but the bytes at `from` and behind
/// were there at the last parse: whether an empty line ends, or a CR stands without its LF, in the new ones. So a
/// head that dribbles in costs one look at each byte instead of a parse for each. Lines that end in a bare LF
/// count, so that they are parsed and refused. On the first bytes of a head parse right away instead.
pub fn may_be_complete(bytes: &[u8], from: usize) -> bool {
    let start = from.saturating_sub(3).min(bytes.len());
    memchr::memchr2_iter(b'\r', b'\n', &bytes[start..]).any(|found| match &bytes[start + found..] {
        [b'\n', b'\n', ..] | [b'\n', b'\r', b'\n', ..] => true,
        [b'\r', next, ..] => *next != b'\n',
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::may_be_complete;

    #[test]
    fn an_empty_line_is_seen_wherever_the_new_bytes_begin() {
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\nA: b\r\n\r\n"[..], true),
            (b"GET / HTTP/1.1\nA: b\n\n", true),
            (b"GET / HTTP/1.1\r\nA: b\n\r\n", true),
            (b"GET / HTTP/1.1\r\nA: b\r\n\n", true),
            (b"GET / HTTP/1.1\r\nA: b\rc", true),
            (b"GET / HTTP/1.1\r\nA: b\r\n\r", false),
            (b"GET / HTTP/1.1\r\nA: b\r\n", false),
            (b"GET / HTTP/1.1\r", false),
            (b"", false),
        ] {
            let last = bytes.len().saturating_sub(1);
            assert_eq!(may_be_complete(bytes, last), expected, "{bytes:?}");
            assert_eq!(may_be_complete(bytes, 0), expected, "{bytes:?}");
            let mut longer = bytes.to_vec();
            longer.extend_from_slice(b"body");
            assert!(!expected || may_be_complete(&longer, last), "{longer:?}");
        }
        assert!(!may_be_complete(b"ab", 9));
    }
}
