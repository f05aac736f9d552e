//! What of WebSocket's handshake is not passed on but made: over HTTP/2 there is no key, so a client of HTTP/1.1 gets the
//! answer to its own from us (RFC 6455 §4.2.2, RFC 8441 §5).

use ring::digest;

/// What is put behind a key before it is hashed.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes of an answer.
pub const ACCEPT_BYTES: usize = 28;

/// The value of `Sec-WebSocket-Accept` for a key. It proves that the handshake was understood, and nothing else.
pub fn accept(key: &[u8]) -> [u8; ACCEPT_BYTES] {
    let mut hashed = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hashed.update(key);
    hashed.update(GUID);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // Twenty bytes: the last group has two of them, and padding.
    let mut out = [b'='; ACCEPT_BYTES];
    for (group, letters) in hashed.finish().as_ref().chunks(3).zip(out.chunks_mut(4)) {
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

    #[test]
    fn the_example_of_rfc_6455() {
        assert_eq!(&accept(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
