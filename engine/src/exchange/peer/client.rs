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
    let (field, read) = asked(gateway.forwarding);
    walk(head, field, peer, &gateway.trusted, read).0
}

/// The `proto` and the `host` that Forwarded tells of the client: those of the element at which the walk to it ends. A
/// trusted hop wrote that one of the request as it came to it; those before it are anybody's, those behind it tell of
/// proxies.
pub fn named<'h>(
    head: Head<'h>,
    peer: Option<IpAddr>,
    trusted: &Networks,
) -> (Option<&'h [u8]>, Option<&'h [u8]>) {
    let (_, element) = walk(head, Field::FORWARDED, peer, trusted, node);
    let of = |name: &str| element.and_then(|element| parameter(element, name));
    (of("proto"), of("host"))
}

type Read = fn(&[u8]) -> Option<IpAddr>;

/// The field that tells who the client is, and how one of its elements is read.
fn asked(forwarding: Forwarding) -> (Field, Read) {
    match forwarding {
        Forwarding::Forwarded => (Field::FORWARDED, node),
        Forwarding::XForwarded | Forwarding::Off => (Field::X_FORWARDED_FOR, address),
    }
}

/// The client, and the element that was looked at last.
fn walk<'h>(
    head: Head<'h>,
    field: Field,
    peer: Option<IpAddr>,
    trusted: &Networks,
    read: Read,
) -> (Option<IpAddr>, Option<&'h [u8]>) {
    let (mut client, mut element) = (peer, None);
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
        // Empty elements are none (RFC 9110 §5.6.1.2).
        for hop in from_the_end(value, b',').filter(|hop| !hop.trim_ascii().is_empty()) {
            element = Some(hop);
            let Some(hop) = read(hop.trim_ascii()) else { return (client, element) };
            client = Some(hop);
            if !trusted.hold_ip(hop) {
                return (client, element);
            }
        }
    }
    (client, element)
}

/// The parts of `text` between marks, the last one first. A mark within quotes splits nothing: a Host may hold commas and
/// semicolons. Quotes are paired from the end, so that one which a client sent has no say in what a proxy wrote behind it.
fn from_the_end(text: &[u8], mark: u8) -> impl Iterator<Item = &[u8]> {
    let mut left = Some(text);
    std::iter::from_fn(move || {
        let text = left?;
        let mut quoted = false;
        let at = text.iter().rposition(|byte| {
            quoted ^= *byte == b'"';
            *byte == mark && !quoted
        });
        left = at.map(|at| &text[..at]);
        Some(at.map_or(text, |at| &text[at + 1..]))
    })
}

/// The address in the `for` of one element of Forwarded (RFC 7239 §4).
fn node(element: &[u8]) -> Option<IpAddr> {
    address(parameter(element, "for")?)
}

/// A parameter of one element of Forwarded, without its quotes. None that stands there twice, which is not allowed: two
/// readers may take different ones. None with an escape, which no address, scheme or host needs.
fn parameter<'e>(element: &'e [u8], name: &str) -> Option<&'e [u8]> {
    let mut values = from_the_end(element, b';').filter_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        pair[..at].trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
    });
    let value = values.next().filter(|_| values.next().is_none())?;
    let bare = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    (memchr::memchr2(b'"', b'\\', bare).is_none()).then_some(bare)
}

/// An address, alone or with a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip: Option<IpAddr> = bare.parse().ok();
    let ip = ip.or_else(|| text.parse::<SocketAddr>().ok().map(|addr| addr.ip()));
    // One of IPv4 may be written as IPv6.
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, request};

    const X_FORWARDED_FOR: Forwarding = Forwarding::XForwarded;
    const FORWARDED: Forwarding = Forwarding::Forwarded;

    fn with<T>(lines: &str, test: impl FnOnce(Head<'_>, &Networks) -> T) -> T {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let mut lines = Lines::new();
        request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("parses");
        let trusted = Networks { ip: vec!["10.0.0.0/8".parse().expect("is a network")], unix: true };
        test(Head::new(text.as_bytes(), &lines), &trusted)
    }

    fn client(forwarding: Forwarding, lines: &str, peer: Option<IpAddr>) -> Option<IpAddr> {
        let (field, read) = asked(forwarding);
        with(lines, |head, trusted| walk(head, field, peer, trusted, read).0)
    }

    fn check(field: Forwarding, cases: &[(&str, &str)]) {
        for (lines, expected) in cases {
            let peer = Some(IpAddr::from([127, 0, 0, 1]));
            assert_eq!(client(field, lines, peer), expected.parse().ok(), "{lines}");
        }
    }

    #[test]
    fn empty_elements_are_none() {
        check(
            Forwarding::XForwarded,
            &[
                ("X-Forwarded-For: 192.0.2.1,\r\n", "192.0.2.1"),
                ("X-Forwarded-For: 192.0.2.1, ,\t\r\n", "192.0.2.1"),
            ],
        );
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
                ("X-Forwarded-For: ::ffff:9.9.9.9\r\n", "9.9.9.9"),
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
                ("Forwarded: for=\"6.6.\\6.6\"\r\n", "127.0.0.1"),
                // A host may hold what else parts elements and parameters.
                ("Forwarded: for=9.9.9.9;host=\"a,for=6.6.6.6;b\";proto=http\r\n", "9.9.9.9"),
                // A quote that a client left open ends before what a proxy wrote.
                ("Forwarded: for=\"x, for=9.9.9.9;host=\"a\";proto=http\r\n", "9.9.9.9"),
                // Another field is not asked.
                ("X-Forwarded-For: 6.6.6.6\r\n", "127.0.0.1"),
            ],
        );
    }

    #[test]
    fn scheme_and_host_are_those_of_the_element_that_tells_of_the_client() {
        for (lines, proto, host) in [
            ("", None, None),
            ("Forwarded: for=9.9.9.9;proto=https;host=a.test\r\n", Some("https"), Some("a.test")),
            (
                "Forwarded: for=9.9.9.9;Proto=\"https\"; HOST=\"a.test:81\"\r\n",
                Some("https"),
                Some("a.test:81"),
            ),
            // One before it is the client's own, one behind it is of a proxy.
            ("Forwarded: for=6.6.6.6;proto=https;host=x, for=9.9.9.9;proto=http\r\n", Some("http"), None),
            ("Forwarded: for=9.9.9.9;proto=https, for=10.0.0.1;proto=http;host=in\r\n", Some("https"), None),
            (
                "Forwarded: for=9.9.9.9;proto=https\r\nForwarded: for=10.0.0.1;proto=http\r\n",
                Some("https"),
                None,
            ),
            // A proxy need not say who the client is.
            ("Forwarded: proto=https;host=a.test\r\n", Some("https"), Some("a.test")),
            ("Forwarded: for=unknown;proto=https, for=10.0.0.1\r\n", Some("https"), None),
            (
                "Forwarded: for=9.9.9.9;host=\"a,b;proto=https\";proto=http\r\n",
                Some("http"),
                Some("a,b;proto=https"),
            ),
            ("Forwarded: for=9.9.9.9;proto=https;proto=http\r\n", None, None),
            ("X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test\r\n", None, None),
        ] {
            let peer = Some(IpAddr::from([127, 0, 0, 1]));
            let (got_proto, got_host) = with(lines, |head, trusted| {
                let (proto, host) = named(head, peer, trusted);
                (proto.map(<[u8]>::to_vec), host.map(<[u8]>::to_vec))
            });
            assert_eq!(got_proto.as_deref(), proto.map(str::as_bytes), "{lines}");
            assert_eq!(got_host.as_deref(), host.map(str::as_bytes), "{lines}");
        }
    }

    #[test]
    fn behind_a_unix_socket_the_client_is_who_a_trusted_peer_names_or_nobody() {
        assert_eq!(client(X_FORWARDED_FOR, "", None), None);
        assert_eq!(client(X_FORWARDED_FOR, "X-Forwarded-For: junk\r\n", None), None);
        let named = client(X_FORWARDED_FOR, "X-Forwarded-For: 9.9.9.9, 10.0.0.1\r\n", None);
        assert_eq!(named, "9.9.9.9".parse().ok());
    }
}
