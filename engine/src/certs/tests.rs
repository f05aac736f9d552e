//! Identities from files, and names to certificates.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CrlDistributionPoint, CrlIssuingDistributionPoint, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
    let cut_off = "ends before -----END CERTIFICATE----- (is it cut off?)";
    assert_eq!(Identity::read(cut, A_KEY).err(), Some(Unfit::Cert(cut_off.into())));
    let good = Identity::read(A, A_KEY).expect("is an identity");
    let other = Identity::read(C, C_KEY).expect("is an identity");
    assert!(good.is_hidden_by(&[other.clone(), good.clone()]), "the same names and kind of key");
    assert!(!good.is_hidden_by(&[other]) && !good.is_hidden_by(&[]));
    assert_eq!(good.names().collect::<Vec<_>>(), ["a.test", "*.b.test"]);
    let (from, until) = good.validity();
    assert_eq!(until - from, 36_500 * 86_400);
}

#[test]
fn a_connection_serves_the_hosts_of_the_certificate_it_was_made_with() {
    let read = |cert, key| Identity::read(cert, key).expect("is an identity");
    let terms =
        Terms::new((&[read(A, A_KEY), read(C, C_KEY)], &[]), &[b"http/1.1"], None, Sealing::Own, None)
            .expect("are terms");
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
        ("other.test", "more.test", false),
        // And those of the first certificate, which is shown to whoever asks for such a host.
        ("other.test", "a.test", true),
        ("other.test", "x.b.test", true),
        ("other.test", "c.test", false),
        ("other.test", "another.test", false),
        // HTTP/1.0 need not say.
        ("a.test", "", true),
        ("a.test", " ", false),
    ] {
        assert_eq!(terms.covers(asked, host.as_bytes()), expected, "{asked} {host}");
    }
}

/// Of tests/data/clients: authorities, clients and lists.
macro_rules! shown {
    ($name:literal) => {
        &include_bytes!(concat!("../../tests/data/clients/", $name))[..]
    };
}

/// 2027-01-15, and a moment when all lists are overdue.
const NOW: u64 = 1_800_000_000;
const LATE: u64 = 4_950_000_000;

fn chain(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().expect("is PEM")
}

fn admits(clients: &Clients, pem: &[u8], now: u64) -> bool {
    let chain = chain(pem);
    clients.admit(chain.iter().map(|der| &**der), UnixTime::since_unix_epoch(Duration::from_secs(now)))
}

#[test]
fn clients_are_taken_that_an_authority_vouches_for_and_no_list_revokes() {
    let read = |lists: &[&[u8]]| Clients::read(Asks::Required, shown!("ca-a.pem"), lists).expect("are good");
    let (plain, none, bob) = (read(&[]), read(&[shown!("none.crl")]), read(&[shown!("bob.crl")]));
    for (clients, client, expected) in [
        (&plain, shown!("ann.pem"), true),
        (&plain, shown!("bob.pem"), true),
        (&plain, shown!("eve.pem"), false),
        (&plain, shown!("old.pem"), false),
        (&plain, shown!("ca-a.pem"), false),
        (&plain, b"", false),
        (&none, shown!("bob.pem"), true),
        (&bob, shown!("bob.pem"), false),
        (&bob, shown!("ann.pem"), true),
    ] {
        assert_eq!(admits(clients, client, NOW), expected);
    }
    assert!(!admits(&none, shown!("ann.pem"), LATE), "a list that is overdue says nothing of anybody");
    assert_eq!(none.overdue(LATE as i64).count(), 1);
    assert_eq!(none.overdue(NOW as i64).count(), 0);
    let optional = Clients::read(Asks::Optional, shown!("ca-a.pem"), &[]).expect("are good");
    assert!(admits(&optional, b"", NOW) && !admits(&optional, shown!("eve.pem"), NOW));
    // Whoever comes back by a ticket comes by the authorities; whoever is connected by the lists too.
    let kin = |clients: &Clients| clients.kin;
    assert!(kin(&plain) == kin(&bob) && kin(&plain) != kin(&optional));
    let numbers = [&plain, &none, &bob, &optional].map(Clients::number);
    assert!((0..4).all(|at| !numbers[at + 1..].contains(&numbers[at])));
    let both = [shown!("ca-a.pem"), shown!("ca-b.pem")].concat();
    let both = Clients::read(Asks::Required, &both, &[shown!("bob.crl")]).expect("are good");
    assert_eq!(both.unlisted().collect::<Vec<_>>(), ["CN=Clients B,O=Ringgate tests"]);
    assert!(!admits(&both, shown!("eve.pem"), NOW), "her authority has no list");
}

#[test]
fn of_two_lists_of_an_authority_the_newer_counts_wherever_it_stands() {
    let read = |lists: &[&[u8]]| Clients::read(Asks::Required, shown!("ca-a.pem"), lists).expect("are good");
    let (older, newer) = (shown!("none.crl"), shown!("bob.crl"));
    let joined = [older, newer].concat();
    let alone = read(&[newer]);
    for lists in [&[older, newer][..], &[newer, older], &[newer, newer], &[&joined]] {
        let clients = read(lists);
        assert!(!admits(&clients, shown!("bob.pem"), NOW) && admits(&clients, shown!("ann.pem"), NOW));
        assert_eq!(clients.number(), alone.number(), "what was superseded plays no part");
        assert_eq!(clients.overdue(LATE as i64).count(), 1);
    }
}

#[test]
fn lists_are_compared_by_their_numbers_within_one_scope() {
    let key = || KeyPair::generate().expect("is made");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(params, key()).expect("is made");
    let mut params = CertificateParams::default();
    params.serial_number = Some(77.into());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = params.signed_by(&key(), &authority).expect("is made").pem();
    let at = |seconds: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let list = |number: u64, made: u64, point: Option<&str>, numbers: &[u64]| {
        let revoked = |number: &u64| RevokedCertParams {
            serial_number: (*number).into(),
            revocation_time: at(made),
            reason_code: None,
            invalidity_date: None,
        };
        let point = point.map(|uri| CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint { uris: vec![uri.into()] },
            scope: None,
        });
        let list = CertificateRevocationListParams {
            this_update: at(made),
            next_update: at(LATE),
            crl_number: number.into(),
            issuing_distribution_point: point,
            revoked_certs: numbers.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&authority).expect("is made").der().to_vec()
    };
    let admits = |lists: [Vec<u8>; 2]| {
        let lists = lists.each_ref().map(|list| &**list);
        let clients = Clients::read(Asks::Required, authority.pem().as_bytes(), &lists).expect("are good");
        admits(&clients, client.as_bytes(), NOW)
    };
    // 256 is more than 255, in however many bytes they are written, and whichever was made first.
    assert!(!admits([list(255, NOW, None, &[]), list(256, NOW - 9, None, &[77])]));
    assert!(admits([list(256, NOW - 9, None, &[]), list(255, NOW, None, &[77])]));
    // One that says of some certificates takes the place of none that says of all.
    let some = Some("http://a.test/some.crl");
    assert!(!admits([list(9, NOW, some, &[]), list(8, NOW - 9, None, &[77])]));
    assert!(!admits([list(8, NOW - 9, None, &[77]), list(9, NOW, some, &[])]));
}

/// A list of version 1 (RFC 5280 §5.1.2.1), as `openssl ca -gencrl` makes one where nobody asks for extensions.
fn first_version() -> Vec<u8> {
    let der = |tag: u8, parts: &[&[u8]]| {
        let inner = parts.concat();
        [&[tag, u8::try_from(inner.len()).expect("is short")], &inner[..]].concat()
    };
    // ecdsa-with-SHA256, CN=a.
    let signs = der(0x30, &[&der(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]);
    let name = der(0x30, &[&der(0x31, &[&der(0x30, &[&der(6, &[&[0x55, 4, 3]]), &der(12, &[b"a"])])])]);
    let made = der(23, &[b"260101000000Z"]);
    der(0x30, &[&der(0x30, &[&signs, &name, &made]), &signs, &der(3, &[&[0; 9]])])
}

#[test]
fn files_that_vouch_for_nobody_are_refused_with_the_one_at_fault() {
    let good = shown!("none.crl");
    let unusable = |bundle: &[u8], lists: &[&[u8]]| Clients::read(Asks::Optional, bundle, lists).err();
    for (bundle, expected) in [
        (&b""[..], "holds no certificate"),
        (shown!("ann.key"), "holds no certificate"),
        (shown!("ann.pem"), "holds a certificate that may vouch for none, number 1: CN=ann"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "cannot be read, number 1"),
    ] {
        let told = unusable(bundle, &[good]);
        assert!(matches!(&told, Some(Unusable::Bundle(why)) if why.contains(expected)), "{told:?}");
    }
    let der = b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    for (list, expected) in [
        (&b""[..], "holds no list of revoked certificates"),
        (shown!("ann.pem"), "holds no list of revoked certificates"),
        (der, "holds a list that cannot be read"),
        (&[0x30, 0], "holds a list that cannot be read"),
        (&first_version(), "holds a list that is not of version 2 with a number (RFC 5280 §5)"),
    ] {
        let told = unusable(shown!("ca-a.pem"), &[good, list]);
        assert!(matches!(&told, Some(Unusable::List(1, why)) if why.contains(expected)), "{told:?}");
    }
}

#[test]
fn a_ticket_leads_to_nobody_who_asks_otherwise_of_clients() {
    let terms = |clients: Option<Clients>, previous: Option<&Terms>| {
        let identity = Identity::read(A, A_KEY).expect("is an identity");
        Terms::new((&[identity], &[]), &[b"http/1.1"], clients, Sealing::Own, previous).expect("are terms")
    };
    let listed = |asks, ca: &[u8], lists: &[&[u8]]| Some(Clients::read(asks, ca, lists).expect("are good"));
    let clients = |asks, ca: &[u8]| listed(asks, ca, &[]);
    let (a, b) = (shown!("ca-a.pem"), shown!("ca-b.pem"));
    let open = terms(None, None);
    let ticket = open.config().ticketer.encrypt(b"who it was").expect("is sealed");
    let read = |terms: &Terms| terms.config().ticketer.decrypt(&ticket);
    assert_eq!(read(&terms(None, Some(&open))).as_deref(), Some(&b"who it was"[..]));
    let strict = terms(clients(Asks::Required, a), Some(&open));
    assert_eq!((read(&strict), strict.number() == open.number()), (None, false));
    // A session without a name, with the certificate of bob and nothing else that is looked at.
    let bob = &chain(shown!("bob.pem"))[0];
    let size = |more: usize| ((bob.len() + more) as u32).to_be_bytes();
    let session =
        [&b"\0\x03\x04\x13\x01\0\x01\x01"[..], &size(3)[1..], &size(0)[1..], bob, b"\0\0\0"].concat();
    let ticket = strict.config().ticketer.encrypt(&session).expect("is sealed");
    for (clients, expected) in [
        (clients(Asks::Required, a), true),
        (listed(Asks::Required, a, &[shown!("none.crl")]), true),
        (listed(Asks::Required, a, &[shown!("bob.crl")]), false),
        (clients(Asks::Required, b), false),
        (clients(Asks::Optional, a), false),
        (None, false),
    ] {
        let other = terms(clients, Some(&strict));
        let opened = other.config().ticketer.decrypt(&ticket);
        assert_eq!(opened.as_deref(), expected.then_some(&session[..]));
    }
    assert_eq!(strict.config().ticketer.decrypt(b"").or(strict.config().ticketer.decrypt(&[7; 200])), None);
}

#[test]
fn what_is_obtained_is_shown_once_it_is_there_and_a_proof_for_as_long_as_it_is_held() {
    let read = |cert, key| Identity::read(cert, key).expect("is an identity");
    let obtained = Arc::new(Obtained::default());
    assert!(obtained.key().is_none() && obtained.validity().is_none());
    let (file, elsewhere) = (Path::new("ca/a.test.pem"), Path::new("staging/a.test.pem"));
    obtained.show(read(A, A_KEY), file);
    let validity = Some(read(A, A_KEY).validity());
    assert_eq!((obtained.validity(), obtained.validity_of(file)), (validity, validity));
    assert_eq!(obtained.validity_of(elsewhere), None, "it is of another order");
    obtained.show(read(C, C_KEY), file);
    assert_eq!(obtained.key().map(|key| key.cert.clone()), Some(chain(C)));
    let other = Obtained::default();
    other.begin_with(&obtained);
    assert_eq!(other.validity(), obtained.validity());
    assert!(other.validity_of(file).is_some() && other.validity_of(elsewhere).is_none());
    let shown = |name: &str| obtained.proof(name).map(|key| key.cert.clone());
    let first = obtained.prove("a.test", &read(A, A_KEY));
    let second = obtained.prove("c.test", &read(C, C_KEY));
    assert_eq!((shown("a.test"), shown("c.test"), shown("b.test")), (Some(chain(A)), Some(chain(C)), None));
    drop(first);
    assert_eq!((shown("a.test"), shown("c.test")), (None, Some(chain(C))));
    drop(second);
    assert_eq!(shown("c.test"), None);
}

#[test]
fn a_name_whose_certificate_is_not_there_yet_is_shown_that_of_the_wildcard_above_it() {
    let read = |cert, key| Identity::read(cert, key).expect("is an identity");
    let obtained = Arc::new(Obtained::default());
    let ordered = |name: &str| Ordered {
        names: Box::new([name.into()]),
        obtained: obtained.clone(),
        by_handshake: false,
    };
    let store = store::Store::new(&[read(A, A_KEY)], &[ordered("x.b.test"), ordered("c.test")]);
    let shown = |name: &str| {
        let places = store.places(name).expect("is known");
        store.there(places).next().map(|key| key.cert.clone())
    };
    assert_eq!((shown("x.b.test"), shown("c.test")), (Some(chain(A)), None));
    assert!(store.covers("y.b.test", b"x.b.test"), "both are shown the same");
    obtained.show(read(C, C_KEY), Path::new("x.b.test.pem"));
    assert_eq!((shown("x.b.test"), shown("y.b.test")), (Some(chain(C)), Some(chain(A))));
    assert!(!store.covers("y.b.test", b"x.b.test"));
}
