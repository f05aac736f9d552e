//! The laws of the header, whole, torn, and written.

use super::*;
use crate::mem::{Class, Pool};
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n";

/// The verdict on a header with a request behind it, held to be the same however the bytes come in.
#[track_caller]
fn verdict(header: &[u8]) -> Result<Option<Header>, Fault> {
    let bytes = [header, REQUEST].concat();
    let whole = parse(&bytes);
    let mut settled = None;
    for len in 0..=bytes.len() {
        let seen = parse(&bytes[..len]);
        if let Some(settled) = settled {
            assert_eq!(seen, settled, "at {len} of {:?}", header.escape_ascii().to_string());
        } else if seen != Ok(None) {
            settled = Some(seen);
        }
    }
    assert_eq!(settled.unwrap_or(Ok(None)), whole);
    whole
}

#[track_caller]
fn names(header: &[u8], client: Option<ClientAddr>) {
    assert_eq!(verdict(header), Ok(Some(Header { client, len: header.len() })));
}

fn at(text: &str) -> Option<ClientAddr> {
    Some(ClientAddr::Ip(text.parse().expect("is an address")))
}

/// A version 2 header with these bytes behind its length.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let len = (rest.len() as u16).to_be_bytes();
    [v2::SIGNATURE, &[command, family], &len, rest].concat()
}

const FOUR: &[u8] = &[192, 0, 2, 7, 192, 0, 2, 1, 0xC4, 0x88, 0x01, 0xBB];

#[test]
fn a_line_names_its_source() {
    names(b"PROXY TCP4 192.0.2.7 192.0.2.1 50312 443\r\n", at("192.0.2.7:50312"));
    names(b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", at("255.255.255.255:65535"));
    names(b"PROXY TCP6 2001:DB8::7 ::1 0 443\r\n", at("[2001:db8::7]:0"));
    names(b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 2\r\n", at("192.0.2.7:1"));
}

#[test]
fn an_ipv4_address_written_as_ipv6_is_the_one_that_it_stands_for() {
    let mapped = |last: u8| [&[0; 10][..], &[0xFF, 0xFF, 192, 0, 2, last]].concat();
    let ends = [mapped(7), mapped(1), vec![0xC4, 0x88, 0x01, 0xBB]].concat();
    names(&v2(0x21, 0x21, &ends), at("192.0.2.7:50312"));
}

#[test]
fn a_line_of_an_unknown_connection_names_nobody() {
    names(b"PROXY UNKNOWN\r\n", None);
    names(b"PROXY UNKNOWN ffff::1 whatever 1 2 3\r\n", None);
    let longest = [&b"PROXY UNKNOWN "[..], &[b'x'; 91], b"\r\n"].concat();
    assert_eq!(longest.len(), 107);
    names(&longest, None);
}

#[test]
fn a_line_of_more_than_107_bytes_is_refused_at_the_108th() {
    let long = [&b"PROXY UNKNOWN "[..], &[b'x'; 92], b"\r\n"].concat();
    assert_eq!(verdict(&long), Err(Fault::TooLong));
    assert_eq!(parse(&long[..106]), Ok(None));
    assert_eq!(parse(&long[..107]), Err(Fault::TooLong));
}

#[test]
fn a_line_that_breaks_the_grammar_is_refused() {
    for line in [
        "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 1.2.3.4\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX",
        "PROXY UNKNOWNS\r\n",
        "PROXY UNKNOWN a\nb\r\n",
        "PROXY UNIX\r\n",
    ] {
        assert_eq!(verdict(line.as_bytes()), Err(Fault::Line), "{line:?}");
    }
}

#[test]
fn anything_else_is_no_header_from_its_first_strange_byte_on() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PROXY\r\n", b"proxy TCP4", b"\r\nGET", b"\x16\x03\x01", b"\0"]
    {
        assert_eq!(verdict(bytes), Err(Fault::Missing), "{bytes:?}");
    }
    assert_eq!(parse(b""), Ok(None));
    assert_eq!(parse(b"G"), Err(Fault::Missing));
    assert_eq!(parse(b"PROXY X"), Err(Fault::Line));
}

#[test]
fn bytes_name_their_source_and_additions_are_skipped() {
    names(&v2(0x21, 0x11, FOUR), at("192.0.2.7:50312"));
    let additions = [FOUR, &[0x03, 0, 4, 1, 2, 3, 4, 0x20, 0, 200], &[0xAA; 197]].concat();
    names(&v2(0x21, 0x11, &additions), at("192.0.2.7:50312"));
    let mut six = [0; 36];
    (six[0], six[1], six[15], six[31], six[33], six[35]) = (0x20, 0x01, 7, 1, 80, 90);
    names(&v2(0x21, 0x21, &six), at("[2001::7]:80"));
    names(&v2(0x21, 0x12, FOUR), at("192.0.2.7:50312"));
    names(&v2(0x21, 0x31, &[0; 216]), Some(ClientAddr::Unix));
}

#[test]
fn bytes_of_an_unknown_connection_name_nobody() {
    for family in [0x00, 0x01, 0x02, 0x10, 0x20, 0x30] {
        names(&v2(0x21, family, b""), None);
        names(&v2(0x21, family, FOUR), None);
    }
}

#[test]
fn a_local_header_names_nobody_whatever_its_family() {
    for family in [0x00, 0x11, 0x21, 0x31, 0x99, 0xFF] {
        names(&v2(0x20, family, b""), None);
        names(&v2(0x20, family, FOUR), None);
    }
}

#[test]
fn versions_commands_and_families_that_do_not_exist_are_refused() {
    for command in (0..=255u8).filter(|command| !matches!(command, 0x20 | 0x21)) {
        assert_eq!(verdict(&v2(command, 0x11, FOUR)), Err(Fault::Unknown), "{command:#x}");
    }
    for family in (0..=255u8).filter(|family| family >> 4 > 3 || family & 15 > 2) {
        assert_eq!(verdict(&v2(0x21, family, FOUR)), Err(Fault::Unknown), "{family:#x}");
    }
}

#[test]
fn bytes_too_short_for_their_addresses_are_refused() {
    for (family, len) in [(0x11, 12), (0x12, 12), (0x21, 36), (0x31, 216)] {
        assert_eq!(verdict(&v2(0x21, family, &vec![0; len - 1])), Err(Fault::Short), "{family:#x}");
        assert!(verdict(&v2(0x21, family, &vec![0; len])).is_ok_and(|header| header.is_some()));
    }
}

#[test]
fn a_header_fits_a_small_buffer_or_is_refused_by_what_it_says() {
    let fits = v2(0x20, 0, &[0; HEADER_BYTES_MAX - v2::FIXED_BYTES]);
    assert_eq!(fits.len(), crate::mem::SMALL_BYTES);
    names(&fits, None);
    let long = v2(0x20, 0, &[0; HEADER_BYTES_MAX - v2::FIXED_BYTES + 1]);
    assert_eq!(parse(&long[..v2::FIXED_BYTES]), Err(Fault::TooLong));
}

fn written(announce: Announce) -> Vec<u8> {
    let mut out = Pool::new().take(Class::Small);
    assert!(out.put(b"before ") && announce.put(&mut out));
    out.filled()[7..].to_vec()
}

#[test]
fn an_announcement_says_both_ends() {
    let announce = |version, client: &str, local: Option<&str>| {
        let local = local.map(|text| text.parse().expect("is an address"));
        written(Announce { version, client: ClientAddr::Ip(client.parse().expect("is an address")), local })
    };
    let told = |client, local| String::from_utf8(announce(Version::V1, client, local)).expect("is text");
    let (four, six) = ("192.0.2.7:50312", "[2001:db8::7]:9");
    assert_eq!(told(four, Some("192.0.2.1:443")), "PROXY TCP4 192.0.2.7 192.0.2.1 50312 443\r\n");
    assert_eq!(told(six, Some("[::1]:443")), "PROXY TCP6 2001:db8::7 ::1 9 443\r\n");
    assert_eq!(told(four, Some("[::1]:443")), "PROXY TCP4 192.0.2.7 0.0.0.0 50312 0\r\n");
    assert_eq!(told(six, None), "PROXY TCP6 2001:db8::7 :: 9 0\r\n");
    assert_eq!(announce(Version::V2, four, Some("192.0.2.1:443")), v2(0x21, 0x11, FOUR));
}

#[test]
fn an_announcement_of_a_unix_client_names_nobody() {
    let of = |version| written(Announce { version, client: ClientAddr::Unix, local: None });
    assert_eq!(of(Version::V1), b"PROXY UNKNOWN\r\n");
    assert_eq!(of(Version::V2), v2(0x21, 0, b""));
}

#[test]
fn an_announcement_without_room_leaves_the_buffer_as_it_was() {
    let mut out = Pool::new().take(Class::Small);
    assert!(out.put(&[b'x'; crate::mem::SMALL_BYTES - 10]));
    assert!(!Announce { version: Version::V1, client: ClientAddr::Unix, local: None }.put(&mut out));
    assert_eq!(out.room(), 10);
}

proptest! {
    #[test]
    fn what_is_written_is_read(from in any::<(IpAddr, u16)>(), to in any::<Option<(IpAddr, u16)>>(), first: bool) {
        let version = if first { Version::V1 } else { Version::V2 };
        let client = ClientAddr::from(SocketAddr::from(from));
        let header = written(Announce { version, client, local: to.map(SocketAddr::from) });
        prop_assert!(header.len() <= ANNOUNCE_BYTES_MAX);
        prop_assert_eq!(verdict(&header), Ok(Some(Header { client: Some(client), len: header.len() })));
    }

    #[test]
    fn any_bytes_have_one_verdict_however_they_are_torn(
        version in 0..4u8,
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let front: &[u8] = match version {
            0 => b"PROXY TCP4 ",
            1 => b"PROXY UNKNOWN",
            2 => v2::SIGNATURE,
            _ => b"",
        };
        let _ = verdict(&[front, &rest].concat());
    }

    #[test]
    fn any_line_of_words_has_one_verdict(line in "PROXY (TCP4|TCP6|UNKNOWN)[ 0-9a-f:.\r\n]{0,120}") {
        let _ = verdict(line.as_bytes());
    }
}
