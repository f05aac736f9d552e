//! Modes and conditions: what is in shadow mode counts and is named, refuses nobody, changes nothing and opens no door
//! that another policy guards; a condition that cannot be told lets nobody pass.

use super::*;

const USERS: &str = "ann:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
const WRONG: &str = "X-API-Key: nobodys-key-0123456789\r\n";
const TOKEN: &str = "Authorization: Bearer e30.e30.e30\r\n";

#[test]
fn in_shadow_mode_each_kind_counts_what_it_would_refuse_and_changes_nothing() {
    let preflight = "Origin: https://other.test\r\nAccess-Control-Request-Method: PUT\r\n";
    for (kind, line, fields) in [
        ("cors: { origins: https://app.test }", "OPTIONS /u/7", preflight),
        ("ip: { deny: [192.0.2.0/24] }", "GET /u/7", ""),
        ("jwt: { algorithms: [HS256], secret: a-secret-of-thirty-two-bytes-or-more }", "GET /u/7", TOKEN),
        ("jwt: { algorithms: [EdDSA], jwks: 'https://id.example/keys' }", "GET /u/7", TOKEN),
        ("api_key: { header: X-API-Key }", "GET /u/7", WRONG),
        ("api_key: { header: X-API-Key }", "GET /u/7", ""),
        ("basic: { users_file: users }", "GET /u/7", "Authorization: Basic YW5uOlUqVg==\r\n"),
        ("mtls: {}", "GET /u/7", ""),
        ("introspection: { upstream: idp, path: /i, bearer: b }", "GET /u/7", TOKEN),
        ("forward_auth: { upstream: idp, path: /f }", "GET /u/7", ""),
        ("authorize: { scopes: [a] }", "GET /u/7", ""),
        ("validate: { query: { others: false } }", "GET /u/7?a=b", ""),
        ("validate: { body: { required: [GET] } }", "GET /u/7", ""),
    ] {
        let files = Memory::default().file("users", USERS);
        let mut gate = Gate::new(&format!("p: {{ {kind}, mode: shadow }}"), files.clone());
        let met = gate.ask(line, fields);
        assert_eq!(met.told(), "pass + p", "{kind}");
        assert!(met.request.is_empty() && met.reply.is_empty(), "{kind}: {:?} {:?}", met.request, met.reply);
        assert!(met.passage.refusal.is_empty() && met.passage.detail.is_empty(), "{kind}: {:?}", met.passage);
        assert_eq!(gate.counted("p"), [0, 0, 1], "{kind}");
        // It would have: else the case says nothing.
        let mut gate = Gate::new(&format!("p: {{ {kind} }}"), files);
        let told = gate.ask(line, fields).told();
        assert!(told.ends_with(" by p"), "{kind}: {told}");
        assert_eq!(gate.counted("p"), [0, 1, 0], "{kind}");
    }
}

#[test]
fn limits_in_shadow_mode_count_for_themselves() {
    let both =
        "hard: { limit: { rate: 2/h, key: global } }\np: { limit: { rate: 1/h, key: global }, mode: shadow }";
    let mut gate = gate(both);
    let told: Vec<String> = (0..3).map(|_| gate.ask("GET /u/7", "").told()).collect();
    assert_eq!(told, ["pass", "pass + p", "429 rate by hard + p"]);
    assert_eq!((gate.counted("hard"), gate.counted("p")), ([2, 1, 0], [1, 0, 2]));
    let met = super::gate("p: { limit: { rate: 1/h, key: global }, mode: shadow }").ask("GET /u/7", "");
    assert!(met.reply.is_empty(), "the client is told nothing: {:?}", met.reply);
}

#[test]
fn requests_in_flight_in_shadow_mode_hold_places_of_their_own() {
    let mut gate = gate("p: { in_flight: { limit: 1, key: global }, mode: shadow }");
    let first = gate.ask("GET /u/7", "");
    assert_eq!(first.told(), "pass");
    assert_eq!(gate.ask("GET /u/7", "").told(), "pass + p");
    drop(first);
    assert_eq!(gate.ask("GET /u/7", "").told(), "pass");
}

#[test]
fn what_changes_fields_changes_none_in_shadow_mode() {
    let mut gate = gate(
        "tell: { headers: { request: { set: { X-A: a } }, response: { set: { X-B: b } } }, mode: shadow }
        hide: { sanitize: { errors: replace }, mode: shadow }
        site: { cors: { origins: 'https://app.test' }, mode: shadow }",
    );
    let reply = "HTTP/1.1 500 Oops\r\nServer: x\r\n\r\n";
    let met = gate.ask_and_dress("GET /u/7", "Origin: https://app.test\r\n", Some(reply));
    assert_eq!((met.told().as_str(), lines(&met.request), lines(&met.reply)), ("pass", vec![], vec![]));
    let chain = gate.table.policies.chain(ListenerId(0), RouteId(0)).expect("is there");
    assert!(!chain.replaces_errors(&met.passage) && !chain.has_cors());
}

#[test]
fn a_method_in_shadow_mode_opens_no_door_that_another_one_guards() {
    const NEW: &str = "new: { api_key: { header: X-New }, mode: shadow }";
    const OLD: &str = "old: { api_key: { header: X-Old } }";
    const GUESTS: &str = "guests: { anonymous: allow, mode: shadow }";
    let (acme, tiny) = ("acme-key-0123456789", "tiny-key-0123456789");
    for (policies, new, old, told) in [
        ([NEW, OLD], acme, "", "401 no_credentials by old"),
        ([OLD, NEW], acme, "", "401 no_credentials by old"),
        ([NEW, OLD], acme, "nobodys-key-0123456789", "401 api_key_unknown by old"),
        ([NEW, OLD], "nobodys-key-0123456789", acme, "pass + new"),
        ([NEW, OLD], acme, tiny, "pass"),
        // Another method knows them: nothing would be asked of them.
        ([NEW, OLD], "", acme, "pass"),
        ([OLD, NEW], "nobodys-key-0123456789", acme, "pass"),
        ([GUESTS, OLD], "", "", "401 no_credentials by old"),
        ([OLD, GUESTS], "", "", "401 no_credentials by old"),
        ([GUESTS, NEW], "", "", "pass"),
        ([GUESTS, NEW], "nobodys-key-0123456789", "", "pass + new"),
        ([NEW, GUESTS], "nobodys-key-0123456789", "", "pass + new"),
    ] {
        let mut gate = gate(&policies.join("\n"));
        let field =
            |name: &str, key: &str| if key.is_empty() { String::new() } else { format!("{name}: {key}\r\n") };
        let fields = field("X-New", new) + &field("X-Old", old);
        assert_eq!(gate.ask("GET /u/7", &fields).told(), told, "{policies:?} {fields}");
    }
    // Who is known is whom the method that guards knows.
    let mut gate = gate(&[NEW, OLD, "may: { authorize: { consumers: [tiny] } }"].join("\n"));
    gate.check(&[("GET /u/7", &format!("X-New: {acme}\r\nX-Old: {tiny}\r\n"), "pass")]);
    gate.check(&[(
        "GET /u/7",
        &format!("X-New: {tiny}\r\nX-Old: {acme}\r\n"),
        "403 consumer_refused by may",
    )]);
}

#[test]
fn whom_shadow_mode_alone_knows_is_nobody_beside_a_method_that_guards() {
    const NEW: &str = "new: { api_key: { header: X-New }, mode: shadow }";
    const OLD: &str = "old: { api_key: { header: X-Old } }";
    const NEVER: &str = "old: { api_key: { header: X-Old }, when: 'request.method == \"POST\"' }";
    const GUESTS: &str = "guests: { anonymous: allow }";
    const MAY: &str = "may: { authorize: { scopes: [orders.read] } }";
    const TELL: &str = "tell: { headers: { request: { set: { X-U: '${user}' } } } }";
    let fields = "X-New: acme-key-0123456789\r\n";
    for (methods, told, user) in [
        ([NEW, OLD, GUESTS], "401 no_credentials by may", None),
        ([OLD, NEW, GUESTS], "401 no_credentials by may", None),
        // One that does not apply to this request guards all the same.
        ([NEVER, NEW, GUESTS], "401 no_credentials by may", None),
        // Where none guards they are the caller.
        ([NEW, GUESTS, ""], "pass", Some("acme")),
    ] {
        let methods = methods.join("\n");
        assert_eq!(
            gate(&format!("{methods}\n{MAY}\n{TELL}")).ask("GET /u/7", fields).told(),
            told,
            "{methods}"
        );
        let met = gate(&format!("{methods}\n{TELL}")).ask("GET /u/7", fields);
        assert_eq!(
            (met.told().as_str(), met.passage.principal.is_known()),
            ("pass", user.is_some()),
            "{methods}"
        );
        assert_eq!(met.request.value("X-U").map(String::from_utf8_lossy).as_deref(), user, "{methods}");
    }
}

#[test]
fn a_condition_decides_whether_a_policy_applies_in_either_mode() {
    let token = "token: { introspection: { upstream: idp, path: /i, bearer: b } }";
    for (claims, enforced, shadowed) in [
        (r#"{"active":true,"age":41}"#, "403 scope_missing by may", "pass + may"),
        (r#"{"active":true,"age":40}"#, "pass", "pass"),
        // What it reads is missing, or of another type: it cannot be told.
        (r#"{"active":true}"#, "403 condition by may", "pass + may"),
        (r#"{"active":true,"age":"41"}"#, "403 condition by may", "pass + may"),
    ] {
        for (mode, told) in [("enforce", enforced), ("shadow", shadowed)] {
            let may = format!(
                "may: {{ authorize: {{ scopes: [family] }}, when: 'caller.claims.age > 40', mode: {mode} }}"
            );
            let mut gate = gate(&format!("{token}\n{may}")).answered(200, &[], claims);
            gate.check(&[("GET /u/7", "Authorization: Bearer t\r\n", told)]);
            let refuses = u64::from(told != "pass");
            let counted = match mode {
                "enforce" => [0, refuses, 0],
                _ => [0, 0, refuses],
            };
            assert_eq!(gate.counted("may"), counted, "{claims} {mode}");
        }
    }
}
