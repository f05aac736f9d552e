//! Laws of the PROXY header: a slow reference accepts the same bytes and sees the same client in them; torn at any
//! byte it has the same verdict; what it names can be written and is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::base::ClientAddr;
use ringgate::mem::{Class, Pool};
use ringgate::wire::proxy_protocol::{Announce, HEADER_BYTES_MAX, Header, Version, parse};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a whole header says; the outer option is none for bytes that are none.
type Said = Option<(Option<ClientAddr>, usize)>;

fuzz_target!(|bytes: &[u8]| {
    let verdict = parse(bytes);
    let said = verdict.ok().flatten().map(|Header { client, len }| (client, len));
    assert_eq!(said, line(bytes).or_else(|| binary(bytes)), "{}", bytes.escape_ascii());
    torn(bytes);
    if let Ok(Some(Header { client, len })) = verdict {
        assert!(len <= bytes.len() && len <= HEADER_BYTES_MAX);
        if let Some(client) = client {
            written(client);
        }
    }
});

/// From the first byte on that settles it, no other one changes anything.
fn torn(bytes: &[u8]) {
    let mut settled = None;
    for end in 0..=bytes.len().min(HEADER_BYTES_MAX + 1) {
        let seen = parse(&bytes[..end]);
        if let Some(settled) = settled {
            assert_eq!(seen, settled, "at {end} of {}", bytes.escape_ascii());
        } else if seen != Ok(None) {
            settled = Some(seen);
        }
    }
    assert!(settled.is_some() || bytes.len() < HEADER_BYTES_MAX, "a header ends or is refused");
}

fn written(client: ClientAddr) {
    for version in [Version::V1, Version::V2] {
        let mut out = Pool::new().take(Class::Small);
        assert!(Announce { version, client, local: None }.put(&mut out));
        let named = Some(client).filter(|client| *client != ClientAddr::Unix);
        assert_eq!(parse(out.filled()), Ok(Some(Header { client: named, len: out.len() })));
    }
}

/// Version 1, word by word.
fn line(bytes: &[u8]) -> Said {
    let end = bytes.windows(2).position(|two| two == b"\r\n").filter(|end| end + 2 <= 107)?;
    let line = &bytes[..end];
    if line.contains(&b'\n') || line.contains(&b'\r') {
        return None;
    }
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Some((None, end + 2));
    }
    let words: Vec<&str> = std::str::from_utf8(line).ok()?.split(' ').collect();
    let ["PROXY", kind, from, to, from_port, to_port] = words[..] else { return None };
    let port = |text: &str| {
        let port: u16 = text.parse().ok()?;
        (port.to_string() == text).then_some(port)
    };
    let (from_port, _) = (port(from_port)?, port(to_port)?);
    let from = match kind {
        "TCP4" => SocketAddr::from((ip::<Ipv4Addr>(from, to)?, from_port)),
        "TCP6" => SocketAddr::from((ip::<Ipv6Addr>(from, to)?, from_port)),
        _ => return None,
    };
    Some((Some(ClientAddr::from(from)), end + 2))
}

/// The first of two addresses, if both are some.
fn ip<T: std::str::FromStr>(from: &str, to: &str) -> Option<T> {
    to.parse::<T>().ok()?;
    from.parse().ok()
}

/// Version 2, field by field.
fn binary(bytes: &[u8]) -> Said {
    let rest = bytes.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n")?;
    let (&[command, family, high, low], rest) = rest.split_first_chunk::<4>()?;
    let len = usize::from(high) * 256 + usize::from(low);
    let body = rest.get(..len).filter(|_| len + 16 <= 4096)?;
    if command == 0x20 {
        return Some((None, len + 16));
    }
    let client = match (command, family) {
        (0x21, 0x00..=0x02 | 0x10 | 0x20 | 0x30) => None,
        (0x21, 0x11 | 0x12) => {
            let ip: [u8; 4] = body.get(..12)?[..4].try_into().ok()?;
            Some(ClientAddr::from(SocketAddr::from((ip, u16::from_be_bytes([body[8], body[9]])))))
        }
        (0x21, 0x21 | 0x22) => {
            let ip: [u8; 16] = body.get(..36)?[..16].try_into().ok()?;
            Some(ClientAddr::from(SocketAddr::from((ip, u16::from_be_bytes([body[32], body[33]])))))
        }
        (0x21, 0x31 | 0x32) => body.get(..216).map(|_| Some(ClientAddr::Unix))?,
        _ => return None,
    };
    Some((client, len + 16))
}
