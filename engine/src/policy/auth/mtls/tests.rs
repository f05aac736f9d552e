//! Certificates become callers, and go on as what they are.

use super::*;
use crate::policy::auth::Blind;
use crate::policy::auth::registry::Entry;

fn certificate(claims: &str, marks: &[&str]) -> Certificate {
    let marks = marks.iter().map(|mark| (*mark).into()).collect();
    Certificate {
        claims: claims.as_bytes().into(),
        marks,
        chain: [[1, 2, 3, 0xff].into(), [4].into()].into(),
        until: 0,
    }
}

fn policy(user: CertificateName, consumers_only: bool, forward: CertificateFields) -> (Mtls, Forwarded) {
    let given = Given { user, consumers_only, realm: "api".into(), forward };
    let mut faults = Faults::default();
    let compiled = Mtls::compile(&given, &Pointer::default(), &mut faults);
    assert!(faults.0.is_empty(), "{faults:?}");
    compiled
}

fn fields() -> CertificateFields {
    CertificateFields {
        subject: None,
        issuer: None,
        common_name: None,
        serial: None,
        fingerprint: None,
        spiffe: None,
        dns: None,
        uri: None,
        email: None,
        ip: None,
        certificate: None,
        chain: None,
        pem: None,
    }
}

fn registry() -> Registry {
    let entry = |name: &str, marks: &[&str]| Entry {
        name: name.into(),
        tier: "gold".into(),
        scopes: vec!["orders.read".into()],
        roles: vec!["x".into()],
        certificates: marks.iter().map(|mark| (*mark).to_owned()).collect(),
        ..Entry::default()
    };
    let entries = [entry("by-name", &["dns:a.test"]), entry("by-hash", &["sha256:ab"])];
    Registry::new(&entries, &Blind::of(&[3; 32]))
}

#[test]
fn a_certificate_is_the_caller_that_the_policy_reads_in_it() {
    let whole = r#"{"subject":"CN=a","serial":"1","spiffe":"spiffe://t/a","dns":["a.test","b.test"]}"#;
    for (user, claims, expected) in [
        (CertificateName::Subject, whole, Some("CN=a")),
        (CertificateName::Spiffe, whole, Some("spiffe://t/a")),
        (CertificateName::Dns, whole, Some("a.test")),
        // What it does not say, or says of nobody.
        (CertificateName::Email, whole, None),
        (CertificateName::CommonName, whole, None),
        (CertificateName::Subject, r#"{"subject":""}"#, None),
        (CertificateName::Dns, r#"{"dns":[]}"#, None),
        // What cannot be read.
        (CertificateName::Subject, "{", None),
    ] {
        let (mtls, _) = policy(user, false, fields());
        let (mut principal, mut space) = (Principal::default(), Vec::new());
        let certificate = certificate(claims, &[]);
        let outcome = mtls.decide(Some(&certificate), &registry(), &mut principal, &mut space);
        match expected {
            Some(_) => assert!(matches!(outcome, Outcome::Known), "{outcome:?}"),
            None => assert!(matches!(outcome, Outcome::Denied(Denial::CertificateName)), "{outcome:?}"),
        }
        assert_eq!(principal.subject(), expected.map(str::as_bytes), "{claims}");
        assert_eq!(principal.is_known(), expected.is_some());
    }
    let (mtls, _) = policy(CertificateName::Subject, false, fields());
    let mut principal = Principal::default();
    let outcome = mtls.decide(None, &registry(), &mut principal, &mut Vec::new());
    assert!(matches!(outcome, Outcome::Absent) && !principal.is_known());
}

#[test]
fn it_is_of_the_consumer_that_has_the_most_exact_of_what_it_is_known_by() {
    let decide = |consumers_only, marks: &[&str]| {
        let (mtls, _) = policy(CertificateName::Subject, consumers_only, fields());
        let (mut principal, mut space) = (Principal::default(), Vec::new());
        let certificate = certificate(r#"{"subject":"CN=a","dns":["a.test"]}"#, marks);
        let outcome = mtls.decide(Some(&certificate), &registry(), &mut principal, &mut space);
        (outcome, principal)
    };
    for (marks, expected) in [
        (&["sha256:ab", "dns:a.test"][..], Some("by-hash")),
        (&["sha256:cd", "dns:a.test"], Some("by-name")),
        (&["sha256:cd"], None),
    ] {
        let (outcome, principal) = decide(false, marks);
        assert!(matches!(outcome, Outcome::Known), "{outcome:?}");
        assert_eq!(principal.consumer(), expected.map(str::as_bytes));
        assert_eq!(principal.tier().is_some(), expected.is_some());
        let is_granted = principal.has_scope(b"orders.read") && principal.has_role(b"x");
        assert_eq!(is_granted, expected.is_some());
        assert_eq!(principal.method(), Some(Method::Mtls));
        assert_eq!(principal.claim_at(b"dns").map(Value::bytes), Some(&br#"["a.test"]"#[..]));
    }
    let (outcome, principal) = decide(true, &["sha256:cd"]);
    assert!(matches!(outcome, Outcome::Denied(Denial::Certificate)) && !principal.is_known());
    assert!(matches!(decide(true, &["dns:a.test"]).0, Outcome::Known));
}

#[test]
fn the_certificate_itself_goes_on_in_the_forms_that_others_read() {
    let name = |text: &str| Some(text.to_owned());
    let forward = CertificateFields {
        certificate: name("Client-Cert"),
        chain: name("Client-Cert-Chain"),
        pem: name("X-Client-Pem"),
        ..fields()
    };
    let (mtls, forwarded) = policy(CertificateName::Subject, false, forward);
    assert!(forwarded.is_empty());
    assert_eq!(mtls.fields().count(), 3);
    let (mut edits, mut value) = (Edits::new(), Vec::new());
    mtls.tell(&certificate("{}", &[]), &mut edits, &mut value);
    assert_eq!(edits.value("Client-Cert"), Some(&b":AQID/w==:"[..]));
    assert_eq!(edits.value("Client-Cert-Chain"), Some(&b":BA==:"[..]));
    let pem = "-----BEGIN%20CERTIFICATE-----%0AAQID%2Fw%3D%3D%0A-----END%20CERTIFICATE-----%0A";
    assert_eq!(edits.value("X-Client-Pem"), Some(pem.as_bytes()));
    for (bytes, expected) in
        [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"foob", "Zm9vYg==")]
    {
        let mut out = Vec::new();
        base64(bytes, |byte| out.push(byte));
        assert_eq!(out, expected.as_bytes());
    }
}

#[test]
fn a_name_with_a_comma_is_not_sent_on_as_two() {
    let forward = CertificateFields { uri: Some("X-Uri".into()), ..fields() };
    let (mtls, forwarded) = policy(CertificateName::Subject, false, forward);
    let [(path, _)] = &forwarded[..] else { panic!("one field") };
    let sent = |uris: &str| {
        let (mut principal, mut out) = (Principal::default(), Vec::new());
        let certificate = certificate(&format!(r#"{{"subject":"CN=a","uri":{uris}}}"#), &[]);
        mtls.decide(Some(&certificate), &registry(), &mut principal, &mut Vec::new());
        principal.write_claim(path, &mut out).then_some(out)
    };
    assert_eq!(
        sent(r#"["https://a.test/x,spiffe://a/admin","spiffe://a/x"]"#).as_deref(),
        Some(&b"spiffe://a/x"[..])
    );
    assert_eq!(sent(r#"["https://a.test/x,spiffe://a/admin"]"#), None);
}
