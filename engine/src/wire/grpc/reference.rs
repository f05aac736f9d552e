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

/// How many frames stand in `body`, and what is left behind them; none where one of them is no message.
pub fn frames(body: &[u8]) -> Option<(usize, &[u8])> {
    let (mut count, mut rest) = (0, body);
    while let Some(flags) = rest.first() {
        if *flags > 1 {
            return None;
        }
        let Some(length) = rest.get(1..5) else { break };
        let length = length.iter().fold(0_usize, |length, byte| length * 256 + usize::from(*byte));
        if rest.len() < 5 + length {
            break;
        }
        (count, rest) = (count + 1, &rest[5 + length..]);
    }
    Some((count, rest))
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
