//! What is read of certificates is what openssl reads of them.

use super::*;
use crate::certs::name::text;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const ANN: &[u8] = include_bytes!("../../../tests/data/clients/ann.pem");
const BOB: &[u8] = include_bytes!("../../../tests/data/clients/bob.pem");

fn certificate(pem: &[u8]) -> Certificate {
    let der = CertificateDer::from_pem_slice(pem).expect("is PEM");
    read(std::iter::once(&*der)).expect("is a certificate")
}

fn claims(certificate: &Certificate) -> Value {
    serde_json::from_slice(&certificate.claims).expect("is JSON")
}

#[test]
fn a_certificate_says_what_openssl_says_of_it() {
    let ann = certificate(ANN);
    let hash = "615a91ddb97c61d90a2e8df7650c0d230797599b8f15c472a0de4136a80152f3".to_owned();
    let expected = serde_json::json!({
        "subject": "CN=ann,OU=Größe #1+UID=a1,O=Acme\\, Inc.,C=DE",
        "issuer": "CN=Clients A,O=Ringgate tests",
        "serial": "1001",
        "fingerprint": hash,
        "common_name": "ann",
        "spiffe": "spiffe://example.test/ns/shop/sa/ann",
        "dns": ["ann.test"],
        "uri": ["spiffe://example.test/ns/shop/sa/ann"],
        "email": ["ann@example.test"],
    });
    assert_eq!(claims(&ann), expected);
    let marks: Vec<&str> = ann.marks.iter().map(|mark| &**mark).collect();
    let expected = [
        &*format!("sha256:{hash}"),
        "spiffe://example.test/ns/shop/sa/ann",
        "subject:CN=ann,OU=Größe #1+UID=a1,O=Acme\\, Inc.,C=DE",
        "uri:spiffe://example.test/ns/shop/sa/ann",
        "email:ann@example.test",
        "dns:ann.test",
    ];
    assert_eq!(marks, expected);
    // Without alternative names.
    let bob = claims(&certificate(BOB));
    assert_eq!((&bob["subject"], &bob["serial"]), (&"CN=bob".into(), &"1002".into()));
    assert_eq!((bob.get("spiffe"), bob.get("dns"), bob.get("uri")), (None, None, None));
}

#[test]
fn addresses_are_written_as_people_write_them() {
    let origin = certificate(include_bytes!("../../../tests/data/origins/origin.pem"));
    assert_eq!(claims(&origin)["ip"], serde_json::json!(["127.0.0.1"]));
    assert!(origin.marks.iter().any(|mark| **mark == *"ip:127.0.0.1"));
    let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(address(&v6).as_deref(), Some("2001:db8::1"));
    assert_eq!((address(&v6[..15]), address(&[])), (None, None));
}

#[test]
fn what_is_no_certificate_or_more_than_one_is_not_read() {
    let der = CertificateDer::from_pem_slice(BOB).expect("is PEM").to_vec();
    for bad in [&der[..der.len() - 1], b"", &[&der[..], b"x"].concat()] {
        assert!(read(std::iter::once(bad)).is_none());
    }
    assert!(read(std::iter::empty()).is_none());
}

#[test]
fn a_name_of_a_service_is_what_the_standard_takes() {
    for (uri, expected) in [
        ("spiffe://a", true),
        ("spiffe://prod.example_1/ns/a-B/sa/c.d", true),
        ("spiffe://", false),
        ("spiffe:///a", false),
        ("spiffe://A/b", false),
        ("spiffe://a/", false),
        ("spiffe://a//b", false),
        ("spiffe://a/./b", false),
        ("spiffe://a/../b", false),
        ("spiffe://a/b?c", false),
        ("spiffe://a:80/b", false),
        ("spiffe://u@a/b", false),
        ("spiffe://a/%41", false),
        ("SPIFFE://a/b", false),
        ("https://a/b", false),
    ] {
        assert_eq!(is_spiffe(uri), expected, "{uri}");
    }
    assert!(!is_spiffe(&format!("spiffe://a/{}", "b".repeat(SPIFFE_BYTES_MAX))));
}

/// DER of a value, and of all that a name is made of.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(value.len()).expect("is short");
    assert!(len < 0x80);
    [&[tag, len][..], value].concat()
}

/// An attribute: its type, and its value with its tag.
type Attribute<'a> = (&'a [u8], u8, &'a [u8]);

fn name(parts: &[&[Attribute<'_>]]) -> Vec<u8> {
    let attribute = |(oid, tag, value): &Attribute<'_>| der(0x30, &[der(6, oid), der(*tag, value)].concat());
    let part = |part: &&[Attribute<'_>]| der(0x31, &part.iter().flat_map(attribute).collect::<Vec<_>>());
    der(0x30, &parts.iter().flat_map(part).collect::<Vec<_>>())
}

#[test]
fn a_name_has_one_text_whatever_it_holds() {
    const CN: &[u8] = &[0x55, 4, 3];
    const DC: &[u8] = &[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25];
    for (made, expected) in [
        (name(&[]), ""),
        (name(&[&[(DC, 22, b"test")], &[(DC, 22, b"a")], &[(CN, 12, b"x")]]), "CN=x,DC=a,DC=test"),
        // RFC 4514 §4.
        (name(&[&[(CN, 12, b"James \"Jim\" Smith, III")]]), r#"CN=James \"Jim\" Smith\, III"#),
        (name(&[&[(CN, 12, b"Before\rAfter")]]), r"CN=Before\0DAfter"),
        (name(&[&[(&[0x2b, 6, 1, 4, 1, 0x8b, 0x3a, 0], 4, b"Hi")]]), "1.3.6.1.4.1.1466.0=#04024869"),
        (name(&[&[(CN, 12, "Lučić".as_bytes())]]), "CN=Lučić"),
        // At the edges, and what would end or join.
        (name(&[&[(CN, 12, b" # ")]]), r"CN=\ #\ "),
        (name(&[&[(CN, 12, b"#a+b;c<d>\\")]]), r"CN=\#a\+b\;c\<d\>\\"),
        (name(&[&[(CN, 12, b" ")]]), r"CN=\ "),
        (name(&[&[(CN, 12, b"a\0b")]]), r"CN=a\00b"),
        // One that says that it is two.
        (name(&[&[(CN, 12, b"a,O=b")]]), r"CN=a\,O=b"),
        // Older kinds of text, and what is none.
        (name(&[&[(CN, 30, &[1, 0x0d, 0, 0x61])]]), "CN=\u{10d}a"),
        (name(&[&[(CN, 28, &[0, 1, 0xf6, 0])]]), "CN=\u{1f600}"),
        (name(&[&[(CN, 20, &[0xe9])]]), "CN=é"),
        (name(&[&[(CN, 30, &[1])]]), "CN=#1E0101"),
        (name(&[&[(CN, 12, &[0xff])]]), "CN=#0C01FF"),
        (name(&[&[(CN, 2, &[5])]]), "CN=#020105"),
    ] {
        let (rest, read) = x509_parser::x509::X509Name::from_der(&made).expect("is a name");
        assert!(rest.is_empty());
        assert_eq!(text(&read), expected);
    }
}
