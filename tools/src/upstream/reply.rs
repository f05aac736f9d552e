//! The bytes of answers: heads, the body pattern, hexadecimal.

/// Bytes of one block of the pattern; a multiple of 26, so that blocks follow each other in phase.
const BLOCK_BYTES: usize = 26 * 2500;

/// `bytes` bytes of `abc…zabc…`: what every counted body consists of.
pub fn pattern(bytes: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(bytes).collect()
}

/// The pattern in blocks, for bodies that need not be in memory whole.
pub fn blocks(bytes: u64) -> impl Iterator<Item = Vec<u8>> {
    let block = pattern(BLOCK_BYTES);
    let count = bytes.div_ceil(BLOCK_BYTES as u64);
    (0..count).map(move |at| {
        let left = bytes - at * BLOCK_BYTES as u64;
        block[..left.min(BLOCK_BYTES as u64) as usize].to_vec()
    })
}

/// A head of `status` with `fields`, each `Name: value`.
pub fn head(status: u16, fields: &[&str]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// A whole answer with a length.
pub fn whole(status: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(status, &["Content-Type: text/plain", &length(body.len() as u64)]);
    bytes.extend_from_slice(body);
    bytes
}

/// The field that gives a body's length.
pub fn length(bytes: u64) -> String {
    format!("Content-Length: {bytes}")
}

/// One chunk.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        426 => "Upgrade Required",
        _ => "Status",
    }
}

/// The path that makes the origin answer with exactly `reply`: `/raw/HEX`.
pub fn raw_path(reply: &[u8]) -> String {
    let digits: String = reply.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/raw/{digits}")
}

/// The bytes that pairs of hexadecimal digits stand for.
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_the_pattern() {
        for bytes in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES * 2 + 7] {
            let joined: Vec<u8> = blocks(bytes as u64).flatten().collect();
            assert!(joined == pattern(bytes), "{bytes}");
        }
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(raw_path(&bytes).strip_prefix("/raw/").unwrap()), Some(bytes));
        assert_eq!((unhex("0"), unhex("0g"), unhex("é")), (None, None, None));
    }
}
