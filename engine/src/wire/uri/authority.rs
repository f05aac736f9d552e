//! Host and port, by the grammar of RFC 3986 §3.2 and stricter: no userinfo, no empty host, no zone id, no
//! future IP literal, and of a name neither escapes nor empty labels: routes go by what is written, and an origin that
//! decodes it would see another host. What passes can stand in a Host field that is sent on, and in an `:authority`.

use std::net::Ipv6Addr;

/// Longest host that is accepted, in bytes: the longest name DNS can hold.
const HOST_BYTES_MAX: usize = 255;

/// A host with its port, split but otherwise as sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Authority<'a> {
    /// A name, an IPv4 address, or an IPv6 address in its brackets.
    pub host: &'a [u8],
    /// The port, if one was given. An empty one counts as none (RFC 3986 §6.2.3).
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Splits `host[:port]`; none when it is not valid. No allocation.
    pub fn parse(bytes: &'a [u8]) -> Option<Authority<'a>> {
        let host_len = match bytes.first()? {
            b'[' => bracketed(bytes)?,
            _ => named(bytes)?,
        };
        if host_len > HOST_BYTES_MAX {
            return None;
        }
        let (host, port) = bytes.split_at(host_len);
        let port = match port {
            [] | [b':'] => None,
            [b':', digits @ ..] => Some(number(digits)?),
            _ => return None,
        };
        Some(Authority { host, port })
    }
}

/// The bytes of a registered name: unreserved and sub-delims (RFC 3986 §3.2.2).
static NAME: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        allowed[at] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*')
            || matches!(byte, b'+' | b',' | b';' | b'=');
        at += 1;
    }
    allowed
};

/// Length of a registered name or IPv4 address at the front of `bytes`, at least one. A dot may close it.
fn named(bytes: &[u8]) -> Option<usize> {
    let len = bytes.iter().position(|byte| !NAME[*byte as usize]).unwrap_or(bytes.len());
    let mut before = b'.';
    for byte in &bytes[..len] {
        if (*byte, before) == (b'.', b'.') {
            return None;
        }
        before = *byte;
    }
    (len > 0 && matches!(bytes[len..], [] | [b':', ..])).then_some(len)
}

/// Length of an IPv6 literal with its brackets at the front of `bytes`.
fn bracketed(bytes: &[u8]) -> Option<usize> {
    let close = bytes.iter().position(|byte| *byte == b']')?;
    let inner = std::str::from_utf8(&bytes[1..close]).ok()?;
    inner.parse::<Ipv6Addr>().ok()?;
    Some(close + 1)
}

/// A port: one to five digits, at most 65,535.
fn number(digits: &[u8]) -> Option<u16> {
    if digits.len() > 5 {
        return None;
    }
    let mut value: u32 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
    }
    u16::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_authorities_are_split() {
        for (text, host, port) in [
            ("a", "a", None),
            ("api.example.com", "api.example.com", None),
            ("api.example.com:8443", "api.example.com", Some(8443)),
            ("a:", "a", None),
            ("a:0", "a", Some(0)),
            ("a:65535", "a", Some(65535)),
            ("a:00080", "a", Some(80)),
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("[::1]", "[::1]", None),
            ("[2001:db8::7]:443", "[2001:db8::7]", Some(443)),
            ("[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]", Some(1)),
            ("x_y-z~.local", "x_y-z~.local", None),
            ("a.b.", "a.b.", None),
            ("a!$&'()*+,;=b", "a!$&'()*+,;=b", None),
        ] {
            let expected = Authority { host: host.as_bytes(), port };
            assert_eq!(Authority::parse(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ":80",
            "a:b",
            "a:80x",
            "a:65536",
            "a:999999",
            "a:000080",
            "a:-1",
            "a:+1",
            "a:1:2",
            "u@h",
            "u:p@h:1",
            "a/b",
            "a?b",
            "a#b",
            "a b",
            "a\tb",
            "a\"b",
            "a<b",
            "a>b",
            "a\\b",
            "a^b",
            "a`b",
            "a{b}",
            "a|b",
            "[::1",
            "::1",
            "[]",
            "[::1]x",
            "[::1]:x",
            "[1.2.3.4]",
            "[fe80::1%25eth0]",
            "[v1.a]",
            "[:::]",
            "a]",
            "[a",
            ".",
            ".a",
            "a..",
            "a..b",
            "caf%C3%A9.fr",
            "%61.b",
            "%",
            "%4",
            "%zz",
            "a%",
            "\u{e9}",
            "a\0",
            "a\r",
            "http://a",
        ] {
            assert_eq!(Authority::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Authority::parse(&[b'a'; 256]), None);
        assert!(Authority::parse(&[b'a'; 255]).is_some());
    }
}
