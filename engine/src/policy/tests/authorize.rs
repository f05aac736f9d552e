//! `authorize`: each need, alone and with others, by method, and who is told what.

use super::*;

#[test]
fn each_need_is_held_to_what_the_caller_has() {
    for (needs, lacks) in [
        ("scopes: [orders.read]", ""),
        ("scopes: [orders.read, orders.write]", "scope_missing"),
        ("any_scope: [orders.write, orders.read]", ""),
        ("any_scope: [orders.write, users.read]", "scope_missing"),
        ("roles: [admin, buyer]", ""),
        ("roles: [admin]", "role_missing"),
        // No part of a name is one.
        ("roles: [buy]", "role_missing"),
        ("consumers: [tiny, acme]", ""),
        ("consumers: [tiny]", "consumer_refused"),
        ("tiers: [partner]", ""),
        ("tiers: [free]", "tier_refused"),
        ("scopes: [orders.read], roles: [buyer], consumers: [acme], tiers: [partner]", ""),
        ("scopes: [orders.read], roles: [buyer], consumers: [acme], tiers: [free]", "tier_refused"),
    ] {
        let policies =
            format!("key: {{ api_key: {{ header: X-API-Key }} }}\nmay: {{ authorize: {{ {needs} }} }}");
        let told = gate(&policies).ask("GET /u/7", ACME).told();
        let expected = if lacks.is_empty() { "pass".to_owned() } else { format!("403 {lacks} by may") };
        assert_eq!(told, expected, "{needs}");
    }
}

#[test]
fn a_method_needs_more_and_head_is_get_and_itself() {
    let mut gate = gate(
        "key: { api_key: { header: X-API-Key } }
        may: { authorize: { tiers: [partner], methods: { GET: { scopes: [orders.read] }, HEAD: { roles: [prober] }, POST: { scopes: [orders.write] } } } }",
    );
    gate.check(&[
        ("GET /u/7", ACME, "pass"),
        ("DELETE /u/7", ACME, "pass"),
        ("POST /u/7", ACME, "403 scope_missing by may"),
        // An origin that does not mind the case takes them for POST and HEAD.
        ("post /u/7", ACME, "403 scope_missing by may"),
        ("Post /u/7", ACME, "403 scope_missing by may"),
        ("head /u/7", ACME, "403 role_missing by may"),
        ("HEAD /u/7", ACME, "403 role_missing by may"),
        ("GET /u/7", "X-API-Key: tiny-key-0123456789\r\n", "403 tier_refused by may"),
    ]);
    assert_eq!(gate.counted("may"), [2, 6, 0]);
}

#[test]
fn a_challenge_says_what_is_missing() {
    for (needs, error, detail) in [
        ("scopes: [s1]", "a scope is missing\", scope=\"s1", "the scope 's1' is missing"),
        (
            "any_scope: [s2, zz]",
            "a scope is missing\", scope=\"s2 zz",
            "one of the scopes 's2', 'zz' is missing",
        ),
        ("any_scope: [s2]", "a scope is missing\", scope=\"s2", "the scope 's2' is missing"),
        ("roles: [admin]", "a role is missing", "a role is missing"),
        (
            "claims: { dep: x }",
            "a claim is missing or has another value",
            "the claim 'dep' is not as required",
        ),
        ("consumers: [other]", "this is for other consumers", "this is for other consumers"),
        ("tiers: [gold]", "this is for other tiers", "this is for other tiers"),
    ] {
        let mut gate = gate(&format!(
            "token: {{ introspection: {{ upstream: idp, path: /i, bearer: b }} }}
            may: {{ authorize: {{ {needs} }} }}"
        ))
        .answered(200, &[], r#"{"active":true}"#);
        let met = gate.ask("GET /u/7", "Authorization: Bearer t\r\n");
        let expected = format!(
            "WWW-Authenticate: Bearer realm=\"api\", error=\"insufficient_scope\", error_description=\"{error}\""
        );
        assert_eq!(lines(&met.passage.refusal), [expected], "{needs}");
        assert_eq!(String::from_utf8_lossy(&met.passage.detail), detail, "{needs}");
    }
}

#[test]
fn a_claim_is_one_of_its_values_or_a_list_with_one_of_them() {
    for (claims, told) in [
        (r#"{"active":true,"dep":"sales","a":{"b":7}}"#, "pass"),
        (r#"{"active":true,"dep":["it","board"],"a":{"b":7}}"#, "pass"),
        (r#"{"active":true,"dep":["it"],"a":{"b":7}}"#, "403 claim_missing by may"),
        (r#"{"active":true,"dep":"sales"}"#, "403 claim_missing by may"),
        (r#"{"active":true,"dep":{"sales":1},"a":{"b":7}}"#, "403 claim_missing by may"),
        (r#"{"active":true,"a":{"b":7}}"#, "403 claim_missing by may"),
    ] {
        let mut gate = gate(
            "token: { introspection: { upstream: idp, path: /i, bearer: b } }
            may: { authorize: { claims: { dep: [sales, board], a.b: '7' } } }",
        )
        .answered(200, &[], claims);
        gate.check(&[("GET /u/7", "Authorization: Bearer t\r\n", told)]);
    }
}

#[test]
fn who_is_not_signed_in_is_asked_to_and_who_is_is_told_what_is_missing() {
    let mut gate = gate(
        "key: { api_key: { header: X-API-Key } }
        guests: { anonymous: allow }
        may: { authorize: { scopes: [orders.write] } }",
    );
    let met = gate.ask("GET /u/7", "");
    assert_eq!(met.told(), "401 no_credentials by may");
    assert_eq!(
        lines(&met.passage.refusal),
        ["WWW-Authenticate: ApiKey realm=\"api\", in=\"header\", name=\"x-api-key\""]
    );
    let met = gate.ask("GET /u/7", ACME);
    assert_eq!(met.told(), "403 scope_missing by may");
    assert_eq!(met.passage.detail, b"the scope 'orders.write' is missing");
    assert_eq!(met.passage.scopes, b"orders.write");
}
