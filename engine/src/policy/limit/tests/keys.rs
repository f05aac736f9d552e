//! What shares a count and what does not.

use super::super::key::KeyOf;
use super::*;

/// The key of a limit written as `key: …`, for facts.
fn key(written: &str, facts: &Facts<'_>) -> Vec<u8> {
    let limit = policy(&format!("limit: {{ rate: 1/s, key: {written} }}")).limit.expect("a limit");
    let mut out = Vec::new();
    KeyOf::new(&limit.key.0, u8::try_from(limit.ipv6_prefix).expect("small")).write(facts, &mut out);
    out
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().expect("an address"))
}

/// Whether two requests share a count.
fn share(written: &str, one: (&str, &str), other: (&str, &str)) -> bool {
    let of = |(client, fields): (&str, &str)| with_facts(ip(client), fields, |facts| key(written, &facts));
    of(one) == of(other)
}

#[test]
fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
    assert!(!share("client.ip", ("192.0.2.1", ""), ("192.0.2.2", "")));
    assert!(share("client.ip", ("2001:db8::1", ""), ("2001:db8::ffff:1", "")));
    assert!(!share("client.ip", ("2001:db8::1", ""), ("2001:db8:0:1::1", "")));
    assert!(share("client.ip", ("192.0.2.1", ""), ("::ffff:192.0.2.1", "")));
    assert!(share("client.ip, ipv6_prefix: 48", ("2001:db8::1", ""), ("2001:db8:0:1::1", "")));
    assert!(!share("client.ip, ipv6_prefix: 128", ("2001:db8::1", ""), ("2001:db8::2", "")));
}

#[test]
fn what_is_absent_falls_back_to_the_client() {
    assert!(share("header.X-Device", ("192.0.2.1", "X-Device: a\r\n"), ("192.0.2.2", "x-device: a\r\n")));
    assert!(!share("header.X-Device", ("192.0.2.1", ""), ("192.0.2.2", "")));
    assert!(share("header.X-Device", ("192.0.2.1", ""), ("192.0.2.1", "")));
    // The count of an address is not to be had by sending its four bytes as the field: they are '1234' in ASCII.
    assert!(!share("header.X-Device", ("49.50.51.52", ""), ("9.9.9.9", "X-Device: 1234\r\n")));
}

#[test]
fn a_list_never_looks_like_another() {
    let both = "[header.A, header.B]";
    assert!(!share(both, ("1.1.1.1", "A: ab\r\nB: c\r\n"), ("1.1.1.1", "A: a\r\nB: bc\r\n")));
    assert!(!share(both, ("1.1.1.1", "A: x\r\n"), ("1.1.1.1", "B: x\r\n")));
    assert!(share(both, ("1.1.1.1", "A: x\r\nB: y\r\n"), ("2.2.2.2", "B: y\r\nA: x\r\n")));
    assert!(share("global", ("1.1.1.1", ""), ("2.2.2.2", "")));
}

#[test]
fn facts_of_the_principal_tell_keys_apart() {
    let claim = |name: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(b"u-1");
        name == "sub"
    };
    with_facts(ip("1.1.1.1"), "", |facts| {
        let known =
            Facts { consumer: Some("acme"), api_key: Some(b"k"), tier: Some("gold"), claim: &claim, ..facts };
        let mut seen = Vec::new();
        for part in [
            "consumer",
            "api_key",
            "jwt.sub",
            "jwt.other",
            "tier",
            "route",
            "listener",
            "global",
            "client.ip",
        ] {
            seen.push(key(part, &known));
        }
        assert_eq!(
            seen[3], seen[8],
            "an absent claim is the client, whatever was written before it was missed"
        );
        seen.remove(3);
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len());
        assert_eq!(key("[consumer, jwt.sub]", &known)[5..9], *b"acme");
    });
}

#[test]
fn tiers_have_plans_of_their_own() {
    let mut sets = sets();
    let limit = limit(
        &mut sets,
        "rate: 1/h, key: consumer, plans: { gold: { rate: 3/h }, big: { rate: 6/h, burst: 2 } }",
    );
    assert!(limit.needs_principal());
    let mut cells = Cells::new();
    let mut passed = |tier: Option<&'static str>| {
        as_client(1, |facts| {
            let facts = Facts { tier, consumer: Some("acme"), ..facts };
            (0..10).filter(|_| cells.spend(&limit, &facts, Tick(START)).pass).count()
        })
    };
    assert_eq!(
        [passed(None), passed(Some("gold")), passed(Some("big")), passed(Some("other"))],
        [1, 3, 2, 0]
    );
}
