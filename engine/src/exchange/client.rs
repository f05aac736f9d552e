//! Who the client is behind trusted proxies, as the field says that the gateway is set to: Forwarded with
//! `forwarded: rfc7239`, else X-Forwarded-For. Both are read from their end, past every trusted hop. What cannot be
//! read as an address ends the walk, since whoever wrote it is not trusted to name others.

use crate::table::{Forwarding, Gateway, Networks};
use crate::wire::field::Field;
use crate::wire::head::Head;
use std::net::{IpAddr, SocketAddr};

/// Lines of the field that are looked at, from the last one.
const LINES_MAX: usize = 16;

/// The client of a trusted `peer`; the peer itself where no field tells of another.
pub fn behind(head: Head<'_>, peer: Option<IpAddr>, gateway: &Gateway) -> Option<IpAddr> {
    match gateway.forwarding {
        Forwarding::Forwarded => walk(head, Field::FORWARDED, peer, &gateway.trusted, named),
        Forwarding::XForwarded | Forwarding::Off => {
            walk(head, Field::X_FORWARDED_FOR, peer, &gateway.trusted, address)
        }
    }
}

fn walk(
    head: Head<'_>,
    field: Field,
    peer: Option<IpAddr>,
    trusted: &Networks,
    read: fn(&[u8]) -> Option<IpAddr>,
) -> Option<IpAddr> {
    let mut client = peer;
    let mut values = [&b""[..]; LINES_MAX];
    let mut count = 0;
    for value in head.all(field) {
        if count == values.len() {
            values.rotate_left(1);
            count -= 1;
        }
        values[count] = value;
        count += 1;
    }
    for value in values[..count].iter().rev() {
        for hop in value.rsplit(|byte| *byte == b',') {
            let Some(hop) = read(hop.trim_ascii()) else { return client };
            client = Some(hop);
            if !trusted.hold_ip(hop) {
                return client;
            }
        }
    }
    client
}

/// The address in the `for` of one element of Forwarded (RFC 7239 §4). A comma or semicolon within quotes splits what a
/// well-formed node never holds, and leaves parts that name nobody.
fn named(element: &[u8]) -> Option<IpAddr> {
    let mut nodes = element.split(|byte| *byte == b';').filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        pair[..at].trim_ascii().eq_ignore_ascii_case(b"for").then(|| pair[at + 1..].trim_ascii())
    });
    // A second `for` is not allowed, and two readers may take different ones.
    let node = nodes.next().filter(|_| nodes.next().is_none())?;
    let bare = node.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(node);
    address(bare)
}

/// An address, alone or with a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|addr| addr.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, request};

    type Walked = (Field, fn(&[u8]) -> Option<IpAddr>);
    const X_FORWARDED_FOR: Walked = (Field::X_FORWARDED_FOR, address);
    const FORWARDED: Walked = (Field::FORWARDED, named);

    fn client((field, read): Walked, lines: &str, peer: Option<IpAddr>) -> Option<IpAddr> {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let mut lines = Lines::new();
        request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("parses");
        let trusted = Networks { ip: vec!["10.0.0.0/8".parse().expect("is a network")], unix: true };
        walk(Head::new(text.as_bytes(), &lines), field, peer, &trusted, read)
    }

    fn check(field: Walked, cases: &[(&str, &str)]) {
        for (lines, expected) in cases {
            let peer = Some(IpAddr::from([127, 0, 0, 1]));
            assert_eq!(client(field, lines, peer), expected.parse().ok(), "{lines}");
        }
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_not_trusted() {
        check(
            X_FORWARDED_FOR,
            &[
                ("", "127.0.0.1"),
                ("X-Forwarded-For: 9.9.9.9\r\n", "9.9.9.9"),
                ("X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.0.0.1\r\n", "9.9.9.9"),
                ("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 9.9.9.9, 10.0.0.1\r\n", "9.9.9.9"),
                ("X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n", "10.0.0.1"),
                ("X-Forwarded-For: 6.6.6.6, junk, 10.0.0.2\r\n", "10.0.0.2"),
                ("X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1"),
                ("X-Forwarded-For: 9.9.9.9:1234\r\n", "9.9.9.9"),
            ],
        );
    }

    #[test]
    fn forwarded_names_the_client_in_its_for_parameter() {
        check(
            FORWARDED,
            &[
                ("Forwarded: for=9.9.9.9\r\n", "9.9.9.9"),
                ("Forwarded: proto=http;For=9.9.9.9;by=10.0.0.3\r\n", "9.9.9.9"),
                ("Forwarded: for=6.6.6.6, for=9.9.9.9, for=10.0.0.1\r\n", "9.9.9.9"),
                ("Forwarded: for=9.9.9.9\r\nForwarded: for=10.0.0.1;proto=https\r\n", "9.9.9.9"),
                ("Forwarded: for=\"[2001:db8::1]:4711\"\r\n", "2001:db8::1"),
                ("Forwarded: for=\"9.9.9.9:80\"\r\n", "9.9.9.9"),
                // Nobody is named: the walk ends at the hop before.
                ("Forwarded: for=unknown, for=10.0.0.1\r\n", "10.0.0.1"),
                ("Forwarded: for=_hidden\r\n", "127.0.0.1"),
                ("Forwarded: for=6.6.6.6;for=7.7.7.7, for=10.0.0.1\r\n", "10.0.0.1"),
                ("Forwarded: for=\"6.6.6.6, for=10.0.0.1\r\n", "10.0.0.1"),
                // Another field is not asked.
                ("X-Forwarded-For: 6.6.6.6\r\n", "127.0.0.1"),
            ],
        );
    }

    #[test]
    fn behind_a_unix_socket_the_client_is_who_a_trusted_peer_names_or_nobody() {
        assert_eq!(client(X_FORWARDED_FOR, "", None), None);
        assert_eq!(client(X_FORWARDED_FOR, "X-Forwarded-For: junk\r\n", None), None);
        let named = client(X_FORWARDED_FOR, "X-Forwarded-For: 9.9.9.9, 10.0.0.1\r\n", None);
        assert_eq!(named, "9.9.9.9".parse().ok());
    }
}
