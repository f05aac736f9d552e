//! The small grammar under all fields: tokens, values, optional whitespace, comma lists (RFC 9110 §5.6).

/// Which bytes may stand in a token, a field value, a hexadecimal number.
const TOKEN: u8 = 1;
const VALUE: u8 = 2;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() || is_mark(byte) {
            class[at] |= TOKEN;
        }
        if byte == b'\t' || (byte >= b' ' && byte != 0x7f) {
            class[at] |= VALUE;
        }
        at += 1;
    }
    class
};

/// The marks a token may hold.
const fn is_mark(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}

/// Whether `byte` may stand in a token (RFC 9110 §5.6.2).
#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// Whether `byte` may stand in a field value: visible, obs-text, space or tab (RFC 9110 §5.5).
#[inline]
pub fn is_value_byte(byte: u8) -> bool {
    CLASS[byte as usize] & VALUE != 0
}

/// Whether `bytes` are a token: at least one byte, all of them allowed.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

/// Whether `bytes` can stand as a field value.
pub fn is_value(bytes: &[u8]) -> bool {
    // Without an early end and without a table, so that the compiler takes many bytes at once.
    let is_bad = |byte: u8| (byte < b' ') & (byte != b'\t') | (byte == 0x7F);
    !bytes.iter().fold(false, |bad, byte| bad | is_bad(*byte))
}

/// Whether `byte` is optional whitespace (RFC 9110 §5.6.3).
#[inline]
pub fn is_ows(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// `bytes` without surrounding spaces and tabs.
#[inline]
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        if !is_ows(*first) {
            break;
        }
        bytes = rest;
    }
    while let [rest @ .., last] = bytes {
        if !is_ows(*last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// The elements of a comma list, trimmed; empty ones are left out (RFC 9110 §5.6.1.2). Quoted strings are not
/// understood: for lists of tokens only.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_values_are_told_by_the_grammar() {
        assert!(is_token(b"X-Name_1.0~") && is_token(b"!#$%&'*+-.^_`|~"));
        for bad in [&b""[..], b"a b", b"a:", b"a\0", b"\"a\"", b"a,b", b"\x80", b"(a)", b"a/b"] {
            assert!(!is_token(bad), "{bad:?}");
        }
        assert!(is_value(b"") && is_value(b"a\tb \xff~"));
        for bad in [&b"\0"[..], b"a\rb", b"a\nb", b"\x7f", b"\x1f"] {
            assert!(!is_value(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_list_gives_its_elements_trimmed_without_empty_ones() {
        let all: Vec<&[u8]> = list(b" close ,\tUpgrade\t,, ,x").collect();
        assert_eq!(all, [&b"close"[..], b"Upgrade", b"x"]);
        assert_eq!(list(b"").count(), 0);
    }
}
