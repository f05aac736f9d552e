//! Keys from each place, and which of several methods decides.

use super::*;

#[test]
fn a_key_is_found_in_its_place_and_nowhere_else() {
    let long = "x".repeat(1025);
    for (place, line, fields, told) in [
        ("header: X-Key", "GET /u/7", "x-key:  acme-key-0123456789 \r\n", "pass"),
        ("header: X-Key", "GET /u/7?X-Key=acme-key-0123456789", "", "401 no_credentials by key"),
        ("header: X-Key", "GET /u/7", "X-Key: acme-key-012345678\r\n", "401 api_key_unknown by key"),
        ("header: X-Key", "GET /u/7", "X-Key: ACME-KEY-0123456789\r\n", "401 api_key_unknown by key"),
        (
            "header: X-Key",
            "GET /u/7",
            "X-Key: acme-key-0123456789\r\nX-Key: acme-key-0123456789\r\n",
            "400 repeated_credentials by key",
        ),
        ("header: X-Key", "GET /u/7", &format!("X-Key: {long}\r\n"), "400 malformed_credentials by key"),
        ("cookie: k", "GET /u/7", "Cookie: a=b; k=acme-key-0123456789\r\n", "pass"),
        ("cookie: k", "GET /u/7", "Cookie: K=acme-key-0123456789\r\n", "401 no_credentials by key"),
        ("query: k", "GET /u/7?a=b&k=acme-key-0123456789", "", "pass"),
        // A query is decoded, for it is what clients encode.
        ("query: k", "GET /u/7?k=acme%2Dkey-0123456789", "", "pass"),
        ("query: k", "GET /u/7?k=acme%2gkey-0123456789", "", "400 malformed_credentials by key"),
        ("query: k", "GET /u/7?k=acme%2", "", "400 malformed_credentials by key"),
        (
            "query: k",
            "GET /u/7?k=acme-key-0123456789&k=acme-key-0123456789",
            "",
            "400 repeated_credentials by key",
        ),
    ] {
        let told_now = gate(&format!("key: {{ api_key: {{ {place} }} }}")).ask(line, fields).told();
        assert_eq!(told_now, told, "{place}: {line} {fields}");
    }
}

#[test]
fn the_first_method_whose_credentials_are_there_decides_and_all_are_asked_for() {
    let mut gate = gate(
        "one: { api_key: { header: X-One } }
        two: { api_key: { header: X-Two } }",
    );
    let (good, wrong) = ("acme-key-0123456789", "nobodys-key-0123456789");
    gate.check(&[
        ("GET /u/7", &format!("X-One: {good}\r\nX-Two: {wrong}\r\n"), "pass"),
        ("GET /u/7", &format!("X-One: {wrong}\r\nX-Two: {good}\r\n"), "401 api_key_unknown by one"),
        ("GET /u/7", &format!("X-Two: {good}\r\n"), "pass"),
    ]);
    let met = gate.ask("GET /u/7", "");
    assert_eq!(met.told(), "401 no_credentials by one");
    assert_eq!(lines(&met.passage.refusal).len(), 2, "each method is told of");
}

#[test]
fn whoever_brings_nothing_may_go_on_and_whoever_brings_what_is_wrong_may_not_wherever_guests_are_named() {
    const KEY: &str = "key: { api_key: { header: X-API-Key } }";
    const GUESTS: &str = "guests: { anonymous: allow }";
    for policies in [[KEY, GUESTS], [GUESTS, KEY]] {
        let mut gate = gate(&policies.join("\n"));
        gate.check(&[
            ("GET /u/7", "", "pass"),
            ("GET /u/7", "X-API-Key: nobodys-key-0123456789\r\n", "401 api_key_unknown by key"),
        ]);
        let met = gate.ask("GET /u/7", ACME);
        assert_eq!(met.passage.principal.consumer(), Some(&b"acme"[..]), "{policies:?}");
    }
}

#[test]
fn callers_whom_two_methods_know_by_one_name_spend_apart() {
    let mut gate = gate(
        "token: { introspection: { upstream: idp, path: /i, bearer: b } }
        other: { introspection: { upstream: idp, path: /j, bearer: b, from: [{ header: X-Token }] } }
        key: { api_key: { header: X-API-Key } }
        own: { limit: { rate: 1/h, key: jwt.sub } }",
    )
    .answered(200, &[], r#"{"active":true,"sub":"acme"}"#);
    for fields in ["Authorization: Bearer t\r\n", "X-Token: t\r\n", ACME] {
        gate.check(&[("GET /u/7", fields, "pass"), ("GET /u/7", fields, "429 rate by own")]);
    }
}

#[test]
fn passwords_that_cannot_be_hashed_are_503_by_the_policy_that_asked() {
    let users = "ann:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
    let files = Memory::default().file("users", users);
    let mut gate = Gate::new("staff: { basic: { users_file: users, remember: 0s } }", files.clone());
    // ann:U*U and ann:U*V
    let [right, wrong] =
        ["YW5uOlUqVQ==", "YW5uOlUqVg=="].map(|pair| format!("Authorization: Basic {pair}\r\n"));
    gate.check(&[("GET /u/7", &right, "pass"), ("GET /u/7", &wrong, "401 password_wrong by staff")]);
    gate.is_busy = true;
    gate.check(&[("GET /u/7", &right, "503 passwords_busy by staff")]);
    assert_eq!(gate.counted("staff"), [1, 2, 0]);
    // In shadow mode they keep nobody out.
    let mut dark = Gate::new("staff: { basic: { users_file: users }, mode: shadow }", files);
    dark.is_busy = true;
    dark.check(&[("GET /u/7", &right, "pass + staff")]);
    assert_eq!(dark.counted("staff"), [0, 0, 1]);
}

#[test]
fn what_was_said_of_a_token_is_remembered_over_a_reload_of_the_same_policy() {
    let asked =
        |more: &str| format!("asked: {{ introspection: {{ upstream: idp, path: /i, bearer: b{more} }} }}");
    let token = "Authorization: Bearer t\r\n";
    for (next, told) in [
        (asked(""), "pass"),
        (asked("") + "\nmore: { ip: { deny: [10.0.0.0/8] } }", "pass"),
        // Held to another rule, or asked elsewhere, it may be another's.
        (asked(", audience: api"), "503 no_answer by asked"),
        (asked(", host: id.test"), "503 no_answer by asked"),
        (asked("").replace("asked:", "other:"), "503 no_answer by other"),
    ] {
        let mut gate = gate(&asked("")).answered(200, &[], r#"{"active":true}"#);
        assert_eq!(gate.ask("GET /u/7", token).told(), "pass");
        let mut gate = gate.reloaded(&next, Memory::default());
        assert_eq!(gate.ask("GET /u/7", token).told(), told, "{next}");
    }
}
