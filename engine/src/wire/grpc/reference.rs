//! A second reader of gRPC-Web for tests and fuzzing: slow, over whole bodies, straight from RFC 4648 §4 and PROTOCOL-WEB.md.
//! It names nothing of the crate, since the fuzz package includes it by path.

/// The bytes that `text` says, piece behind piece; none if it is no base64.
pub fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for group in text.chunks(4) {
        let pads = group.iter().rev().take_while(|character| **character == b'=').count();
        if group.len() < 4 || pads > 2 {
            return None;
        }
        let mut bits = String::new();
        for character in &group[..4 - pads] {
            let value = ALPHABET.find(char::from(*character))?;
            bits.push_str(&format!("{value:06b}"));
        }
        let (said, rest) = bits.split_at(8 * (3 - pads));
        if rest.contains('1') {
            return None;
        }
        for byte in 0..said.len() / 8 {
            bytes.push(u8::from_str_radix(&said[8 * byte..8 * byte + 8], 2).ok()?);
        }
    }
    Some(bytes)
}

/// The messages that stand in `body`, and what is behind the last whole one: nothing, the front of another, or a frame that
/// is no message.
pub fn messages(body: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut messages, mut rest) = (Vec::new(), body);
    while let [0 | 1, a, b, c, d, behind @ ..] = rest {
        let length = [a, b, c, d].into_iter().fold(0_usize, |length, byte| length * 256 + usize::from(*byte));
        let Some((message, behind)) = behind.split_at_checked(length) else { break };
        messages.push(message);
        rest = behind;
    }
    (messages, rest)
}

/// Names and values of the frame of trailers that is all of `frame`.
pub fn trailers(frame: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let text = frame.strip_prefix(&[0x80])?;
    let (length, text) = text.split_at_checked(4)?;
    if length != (text.len() as u32).to_be_bytes() {
        return None;
    }
    let mut fields = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let colon = rest[..end].windows(2).position(|two| two == b": ")?;
        fields.push((String::from_utf8(rest[..colon].to_vec()).ok()?, rest[colon + 2..end].to_vec()));
        rest = &rest[end + 2..];
    }
    Some(fields)
}
