//! Text of a query as it is meant.

/// The bytes of `raw`, escapes decoded; what is no escape stands for itself (RFC 3986 §2.1).
pub fn unescaped(raw: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = raw.iter();
    std::iter::from_fn(move || {
        let byte = *rest.next()?;
        if byte == b'%'
            && let [high, low, ..] = rest.as_slice()
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            rest.nth(1);
            return Some(high << 4 | low);
        }
        Some(byte)
    })
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

/// Whether a parameter that is sent as `raw` is called `name`: as it stands, or with its escapes decoded.
pub fn is_named(raw: &[u8], name: &[u8]) -> bool {
    raw == name || memchr::memchr(b'%', raw).is_some() && unescaped(raw).eq(name.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_with_escapes_and_without() {
        for (raw, name, same) in [
            ("key", "key", true),
            ("k%65y", "key", true),
            ("%6B%65%79", "key", true),
            ("k%2565y", "key", false),
            ("k%65y", "k%65y", true),
            ("k%6", "k%6", true),
            ("Key", "key", false),
            ("keys", "key", false),
            ("", "key", false),
        ] {
            assert_eq!(is_named(raw.as_bytes(), name.as_bytes()), same, "{raw} {name}");
        }
    }
}
