//! Identities from files, and names to certificates.

use super::*;

const A: &[u8] = include_bytes!("../../tests/data/tls-a.pem");
const A_KEY: &[u8] = include_bytes!("../../tests/data/tls-a.key");
const C: &[u8] = include_bytes!("../../tests/data/tls-c.pem");
const C_KEY: &[u8] = include_bytes!("../../tests/data/tls-c.key");

#[test]
fn what_cannot_serve_is_refused_with_the_file_at_fault() {
    let cut = &A[..A.len() / 2];
    let der = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (cert, key, expected) in [
        (&b""[..], A_KEY, Unfit::Cert("holds no certificate".into())),
        (A_KEY, A_KEY, Unfit::Cert("holds no certificate".into())),
        (&der[..], A_KEY, Unfit::Cert("begins with a certificate that cannot be read".into())),
        (A, b"", Unfit::Key("holds no private key without a password".into())),
        (A, A, Unfit::Key("holds no private key without a password".into())),
        (A, C_KEY, Unfit::Key("is not the key of the certificate".into())),
    ] {
        assert_eq!(Identity::read(cert, key).err(), Some(expected));
    }
    assert!(matches!(Identity::read(cut, A_KEY), Err(Unfit::Cert(why)) if why.starts_with("is not PEM")));
    let good = Identity::read(A, A_KEY).expect("is an identity");
    assert_eq!(good.names().collect::<Vec<_>>(), ["a.test", "*.b.test"]);
    let (from, until) = good.validity();
    assert_eq!(until - from, 36_500 * 86_400);
}

#[test]
fn a_connection_serves_the_hosts_of_the_certificate_it_was_made_with() {
    let read = |cert, key| Identity::read(cert, key).expect("is an identity");
    let terms = Terms::new(&[read(A, A_KEY), read(C, C_KEY)], &[b"http/1.1"], None).expect("are terms");
    for (asked, host, expected) in [
        ("a.test", "a.test", true),
        ("a.test", "A.Test:8443", true),
        ("a.test", "a.test.", true),
        ("a.test", "x.b.test", true),
        ("x.b.test", "y.b.test", true),
        ("a.test", "c.test", false),
        ("c.test", "a.test", false),
        // One label is what a wildcard stands for.
        ("a.test", "x.y.b.test", false),
        ("a.test", "b.test", false),
        // Of no certificate: only what was asked for.
        ("other.test", "other.test", true),
        ("other.test", "a.test", false),
        ("other.test", "another.test", false),
        ("a.test", "", false),
    ] {
        assert_eq!(terms.covers(asked, host.as_bytes()), expected, "{asked} {host}");
    }
}
