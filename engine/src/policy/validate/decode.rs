//! Percent-encoded text → text, strictly: an escape is `%` and two digits, what comes out is UTF-8 and has no NUL.

/// Why a text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecodable {
    /// A `%` without two hexadecimal digits behind it.
    Escape,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A NUL, which ends a text for some readers.
    Nul,
}

impl Undecodable {
    /// What is wrong.
    pub fn message(self) -> &'static str {
        match self {
            Undecodable::Escape => "has a '%' without two hexadecimal digits behind it",
            Undecodable::NotUtf8 => "is not UTF-8",
            Undecodable::Nul => "has a NUL",
        }
    }
}

/// What `+` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plus {
    /// Itself: in a path.
    Plus,
    /// A space: in a query, as forms write it and all usual readers take it.
    Space,
}

/// Appends what `encoded` stands for to `out`, with `scratch` for bytes. Nothing is appended when it cannot be decoded.
///
/// # Errors
/// Why.
pub fn decode(
    encoded: &[u8],
    plus: Plus,
    scratch: &mut Vec<u8>,
    out: &mut String,
) -> Result<(), Undecodable> {
    scratch.clear();
    let mut at = 0;
    while at < encoded.len() {
        let byte = match encoded[at] {
            b'%' => {
                let digit = |at: usize| encoded.get(at).and_then(|byte| (*byte as char).to_digit(16));
                let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
                    return Err(Undecodable::Escape);
                };
                at += 2;
                (high << 4 | low) as u8
            }
            b'+' if plus == Plus::Space => b' ',
            byte => byte,
        };
        if byte == 0 {
            return Err(Undecodable::Nul);
        }
        scratch.push(byte);
        at += 1;
    }
    out.push_str(std::str::from_utf8(scratch).map_err(|_| Undecodable::NotUtf8)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoded: &[u8], plus: Plus, expected: Result<&str, Undecodable>) {
        let (mut scratch, mut out) = (Vec::new(), String::new());
        let found = decode(encoded, plus, &mut scratch, &mut out).map(|()| out.as_str());
        assert_eq!(found, expected, "{encoded:?}");
    }

    #[test]
    fn escapes_are_whole_and_make_utf8() {
        check(b"", Plus::Space, Ok(""));
        check(b"a%20b", Plus::Plus, Ok("a b"));
        check(b"%c3%A9%e2%82%ac", Plus::Plus, Ok("é€"));
        check(b"%2525%2F", Plus::Plus, Ok("%25/"));
        check(b"a+b", Plus::Space, Ok("a b"));
        check(b"a+b%2B", Plus::Plus, Ok("a+b+"));
        for bad in [&b"%"[..], b"%2", b"a%", b"%zz", b"%+1", b"%%32", b"% 1"] {
            check(bad, Plus::Space, Err(Undecodable::Escape));
        }
        for bad in [&b"%ff"[..], b"%c3", b"%c3a", b"%ed%a0%80", b"%c0%af", b"\xff"] {
            check(bad, Plus::Space, Err(Undecodable::NotUtf8));
        }
        check(b"a%00", Plus::Space, Err(Undecodable::Nul));
    }
}
