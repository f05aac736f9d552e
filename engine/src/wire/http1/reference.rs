//! A second reader of heads for tests and fuzzing: slow, line by line, straight from the grammar of RFC 9112 §2–§5.
//! What the real parsers accept and give must be just what this one does. It names nothing of the crate, since
//! the fuzz package includes it by path.

/// A head as this reader sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// The start line without its ending.
    pub start: Vec<u8>,
    /// Names and trimmed values in order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes of the head.
    pub len: usize,
}

/// The head at the front of `bytes`, behind at most `empty_lines` empty ones; none if it is not whole or not valid.
/// What the start line says is left to the caller.
pub fn head(bytes: &[u8], empty_lines: usize) -> Option<Seen> {
    let mut at = 0;
    let mut start = line(bytes, &mut at)?;
    for _ in 0..empty_lines {
        if start.is_empty() {
            start = line(bytes, &mut at)?;
        }
    }
    let mut fields = Vec::new();
    loop {
        let text = line(bytes, &mut at)?;
        if text.is_empty() {
            return Some(Seen { start: start.to_vec(), fields, len: at });
        }
        let colon = text.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&text[..colon], &text[colon + 1..]);
        if name.is_empty()
            || !name.iter().all(|byte| is_tchar(*byte))
            || !value.iter().all(|byte| is_text(*byte))
        {
            return None;
        }
        fields.push((name.to_vec(), trimmed(value).to_vec()));
    }
}

/// Whether `start` is `method SP target SP HTTP/1.x`, with a target of bytes that are visible; gives the three.
pub fn request_line(start: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut parts = start.split(|byte| *byte == b' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    let valid = parts.next().is_none()
        && !method.is_empty()
        && method.len() <= 32
        && method.iter().all(|byte| is_tchar(*byte))
        && !target.is_empty()
        && target.iter().all(|byte| (0x21..0x7f).contains(byte))
        && (version == b"HTTP/1.0" || version == b"HTTP/1.1");
    valid.then_some((method, target, version))
}

/// Whether `start` is `HTTP/1.x SP 3DIGIT [ SP reason ]`; gives status and reason.
pub fn status_line(start: &[u8]) -> Option<(u16, &[u8])> {
    let rest = start.strip_prefix(b"HTTP/1.0 ").or(start.strip_prefix(b"HTTP/1.1 "))?;
    let (digits, reason) = (rest.get(..3)?, &rest[3..]);
    if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
        return None;
    }
    let reason = if reason.is_empty() { reason } else { reason.strip_prefix(b" ")? };
    let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    reason.iter().all(|byte| is_text(*byte)).then_some((status, reason))
}

/// The next line without its CRLF, in which no other CR, LF or NUL stands.
fn line<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let rest = &bytes[*at..];
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let text = rest[..end].strip_suffix(b"\r")?;
    *at += end + 1;
    (!text.contains(&b'\r') && !text.contains(&0)).then_some(text)
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || byte == b' ' || (0x21..0x7f).contains(&byte) || byte >= 0x80
}

fn trimmed(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}
