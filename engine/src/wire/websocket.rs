//! What of WebSocket's handshake is not passed on but made: over HTTP/2 there is no key, so a client of HTTP/1.1 gets the
//! answer to its own from us, and an origin of HTTP/1.1 a key that it has to answer to (RFC 6455 §4, RFC 8441 §5).

use super::field::Field;
use super::head::Head;
use super::method::Method;
use ring::digest;

/// What is put behind a key before it is hashed.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes of an answer.
pub const ACCEPT_BYTES: usize = 28;

/// Bytes of a key.
pub const KEY_BYTES: usize = 24;

/// The one version that there is (RFC 6455 §4.1).
pub const VERSION: &[u8] = b"13";
/// A handshake of another version, or of none.
pub const OTHER_VERSION: &str = "websocket_version";

/// What is wrong with a client's handshake, where we are the ones who answer to it (RFC 6455 §4.2.1).
pub fn flaw(head: Head<'_>) -> Option<&'static str> {
    if head.method() != Method::Get {
        return Some("websocket_method");
    }
    let mut versions = head.all(Field::SEC_WEBSOCKET_VERSION);
    if (versions.next(), versions.next()) != (Some(VERSION), None) {
        return Some(OTHER_VERSION);
    }
    let mut keys = head.all(Field::SEC_WEBSOCKET_KEY);
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => None,
        _ => Some("websocket_key"),
    }
}

/// Whether it is sixteen bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let letters = key.strip_suffix(b"==").unwrap_or_default();
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == KEY_BYTES && letters.iter().all(is_letter) && !letters.is_empty()
}

/// The value of `Sec-WebSocket-Accept` for a key. It proves that the handshake was understood, and nothing else.
pub fn accept(key: &[u8]) -> [u8; ACCEPT_BYTES] {
    let mut hashed = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hashed.update(key);
    hashed.update(GUID);
    base64(hashed.finish().as_ref())
}

/// The value of `Sec-WebSocket-Key` that these random bytes make (RFC 6455 §4.1).
pub fn key(random: [u64; 2]) -> [u8; KEY_BYTES] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random[0].to_ne_bytes());
    bytes[8..].copy_from_slice(&random[1].to_ne_bytes());
    base64(&bytes)
}

/// Bytes as so many letters, padding among them.
fn base64<const LETTERS: usize>(bytes: &[u8]) -> [u8; LETTERS] {
    debug_assert_eq!(bytes.len().div_ceil(3) * 4, LETTERS, "what is asked for is what they take");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = [b'='; LETTERS];
    for (group, letters) in bytes.chunks(3).zip(out.chunks_mut(4)) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (letter, shift) in letters.iter_mut().zip([18, 12, 6, 0]).take(group.len() + 1) {
            *letter = alphabet[(word >> shift & 63) as usize];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, Parsed, request};

    #[test]
    fn keys_are_sixteen_bytes_in_base64() {
        let word = |bytes: [u8; 8]| u64::from_ne_bytes(bytes);
        assert_eq!(&key([word(*b"the samp"), word(*b"le nonce")]), b"dGhlIHNhbXBsZSBub25jZQ==");
    }

    #[test]
    fn a_handshake_has_one_key_of_sixteen_bytes_and_the_version_that_there_is() {
        const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        const VERSION: &str = "Sec-WebSocket-Version: 13";
        let key = |key: &str| format!("Sec-WebSocket-Key: {key}");
        for (method, fields, expected) in [
            ("GET", vec![KEY, VERSION], None),
            ("GET", vec![&*key("AAAAAAAAAAAAAAAAAAAA+/=="), VERSION], None),
            ("POST", vec![KEY, VERSION], Some("websocket_method")),
            ("GET", vec![KEY], Some(OTHER_VERSION)),
            ("GET", vec![KEY, "Sec-WebSocket-Version: 8"], Some(OTHER_VERSION)),
            ("GET", vec![KEY, VERSION, VERSION], Some(OTHER_VERSION)),
            ("GET", vec![VERSION], Some("websocket_key")),
            ("GET", vec![KEY, KEY, VERSION], Some("websocket_key")),
            ("GET", vec![&*key(""), VERSION], Some("websocket_key")),
            ("GET", vec![&*key("dGhlIHNhbXBsZSBub25jZQ="), VERSION], Some("websocket_key")),
            ("GET", vec![&*key("dGhlIHNhbXBsZSBub25jZQAA"), VERSION], Some("websocket_key")),
            ("GET", vec![&*key("dGhlIHNhbXBsZSBub25jZ_=="), VERSION], Some("websocket_key")),
            ("GET", vec![&*key("dGhlIHNhbXBsZSBub25jZQAAAA=="), VERSION], Some("websocket_key")),
        ] {
            let text = format!("{method} / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", fields.join("\r\n"));
            let mut lines = Lines::new();
            let parsed = request::parse(text.as_bytes(), &mut lines, &HeadLimits::default());
            assert!(matches!(parsed, Ok(Parsed::Complete { .. })), "{text}");
            assert_eq!(flaw(Head::new(text.as_bytes(), &lines)), expected, "{text}");
        }
    }

    #[test]
    fn the_example_of_rfc_6455() {
        assert_eq!(&accept(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
