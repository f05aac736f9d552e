//! Modes and conditions: each kind of policy in shadow mode refuses nobody, is named in the log line and counted for itself;
//! conditions read the claims of a real token, and who cannot be told about is let in by shadow mode alone.

use super::identity::tokens;
use super::{ask, start};
use crate::admin::metrics::{scrape_until, value};
use crate::support::{Driver, Gateway, Reply, Setup, each_driver, three_fresh};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tools::upstream::{Down, Origin};

const TOP: &str = "admin: { bind: 127.0.0.1:0 }
consumers:
- { name: acme, api_keys: [\"acme-key-0123456789\"], tier: partner, scopes: [orders.read] }";

const WRONG: &str = "Authorization: Bearer e30.e30.e30\r\n";

/// Each kind that refuses: its name, the policy without its mode, a request that it refuses, and with which status.
const KINDS: [(&str, &str, &str, &str, u16); 13] = [
    (
        "site",
        "cors: { origins: https://app.test }",
        "OPTIONS",
        "Origin: https://other.test\r\nAccess-Control-Request-Method: PUT\r\n",
        403,
    ),
    ("net", "ip: { deny: [127.0.0.0/8] }", "GET", "", 403),
    ("token", "jwt: { algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef }", "GET", WRONG, 401),
    (
        "far",
        "jwt: { algorithms: [EdDSA], jwks: \"http://GONE/keys\" }",
        "GET",
        "Authorization: Bearer eyJhbGciOiJFZERTQSIsImtpZCI6IngifQ.e30.AAAA\r\n",
        503,
    ),
    ("key", "api_key: { header: X-API-Key }", "GET", "X-API-Key: nobodys-key-0123456789\r\n", 401),
    ("users", "basic: { users_file: USERS }", "GET", "Authorization: Basic YW5uOndyb25n\r\n", 401),
    ("peer", "mtls: {}", "GET", "", 401),
    ("asked", "introspection: { upstream: gone, path: /i, bearer: b, cache: 0s }", "GET", WRONG, 503),
    ("gate", "forward_auth: { upstream: gone, path: /f }", "GET", "", 503),
    ("may", "authorize: { scopes: [orders.write] }", "GET", "", 403),
    ("query", "validate: { query: { others: false } }", "GET", "", 400),
    ("body", "validate: { body: { schema: { type: object }, required: [GET] } }", "GET", "", 400),
    ("rate", "limit: { algorithm: fixed_window, rate: 1/d, key: global }", "GET", "", 429),
];

/// Starts a gateway with all kinds twice: `NAME` on `/NAME`, and `dark-NAME` in shadow mode on `/dark/NAME`.
fn all_kinds(driver: Driver, origin: &Origin, users: &str, gone: SocketAddr) -> Gateway {
    let gone_at = gone.to_string();
    let (mut policies, mut routes) = (String::new(), Vec::new());
    for (name, kind, ..) in KINDS {
        let kind = kind.replace("USERS", users).replace("GONE", &gone_at);
        policies += &format!("{name}: {{ {kind} }}\ndark-{name}: {{ {kind}, mode: shadow }}\n");
        routes.push(format!("match: {{ path: /{name} }}, policies: [{name}], respond: {{ body: ok }}"));
        routes.push(format!(
            "match: {{ path: /dark/{name} }}, policies: [dark-{name}], respond: {{ body: ok }}"
        ));
    }
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let upstreams = format!("  gone: {{ endpoints: [{{ address: \"{gone}\" }}] }}\n");
    start(driver, Setup { top: TOP.to_owned(), upstreams, ..Setup::of(origin) }, &policies, &routes)
}

#[test]
fn each_kind_in_shadow_mode_lets_pass_what_it_would_refuse_counts_it_and_is_named() {
    each_driver(|driver| {
        let (origin, down) = (Origin::start(), Down::new().expect("a free port"));
        let users =
            std::env::temp_dir().join(format!("ringgate-modes-{}-{}", std::process::id(), driver.name()));
        std::fs::write(&users, "ann:$2b$04$u0KAbxMe/hrti7GuzedbVukLAKmXK2Vqt5FsOQGz3W0DstpE7WOkW\n").unwrap();
        let gateway =
            all_kinds(driver, &origin, &users.display().to_string(), down.addr().expect("is bound"));
        let admin = crate::admin::address(&gateway).parse().expect("is an address");
        for (name, _, method, fields, status) in KINDS {
            // A limit lets the first one pass.
            let turns = if name == "rate" { 2 } else { 1 };
            let (mut refused, mut passed) = (None, None);
            for _ in 0..turns {
                refused = Some(ask(&gateway, &format!("{method} /{name}?a=b"), fields));
                passed = Some(ask(&gateway, &format!("{method} /dark/{name}?a=b"), fields));
            }
            let (reply, client) = refused.expect("was asked");
            let log = gateway.log_of(client.addr());
            let reply = reply.expect(status);
            assert_eq!((&log["policy"], log.get("shadow")), (&json!(name), None), "{log}");
            let reason = reply.reason();
            let (reply, client) = passed.expect("was asked");
            let log = gateway.log_of(client.addr());
            let reply = reply.expect(200);
            assert_eq!(log["shadow"], json!([format!("dark-{name}")]), "{log}");
            assert_eq!((&log["reason"], log.get("policy")), (&json!("ok"), None), "{log}");
            let names = ["www-authenticate", "ratelimit", "retry-after", "access-control-allow-origin"];
            assert!(names.iter().all(|name| reply.value(name).is_none()), "{name}: {}", reply.head);

            let count = |family: &str, labels: String| format!("ringgate_policy_{family}_total{{{labels}}}");
            let dark = count("shadow_refused", format!("policy=\"dark-{name}\""));
            let page = scrape_until(admin, "the request is counted", |page| value(page, &dark) == 1.0);
            let own = count("refused", format!("policy=\"{name}\",reason=\"{reason}\""));
            assert_eq!(value(&page, &own), 1.0, "{own}");
            assert!(
                !page.contains(&format!("ringgate_policy_refused_total{{policy=\"dark-{name}\"")),
                "{name}"
            );
            assert_eq!(value(&page, &count("shadow_refused", format!("policy=\"{name}\""))), 0.0, "{name}");
        }
        assert_eq!(origin.requests().len(), 0);
        three_fresh(&gateway);
        std::fs::remove_file(&users).unwrap();
    });
}

#[test]
fn places_in_flight_are_counted_in_shadow_mode_and_given_back() {
    each_driver(|driver| {
        let origin = Origin::start();
        let policies = "one: { in_flight: { limit: 1, key: global }, mode: shadow }";
        let routes = ["match: { path: /one }, policies: [one], to: origin"];
        let gateway = start(driver, Setup::of(&origin), policies, &routes);
        origin.script("slow", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec());
        let mut held = gateway.connect();
        held.send("GET /one HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /held/20/slow\r\n\r\n");
        assert!(origin.wait_held(1));
        let shadow = |fields: &str| {
            let (reply, client) = ask(&gateway, "GET /one", fields);
            reply.expect(200);
            gateway.log_of(client.addr()).get("shadow").cloned()
        };
        assert_eq!(shadow("X-Origin: /ok\r\n"), Some(json!(["one"])));
        origin.release();
        held.reply().expect(200);
        gateway.log_of(held.addr());
        assert_eq!(shadow("X-Origin: /ok\r\n"), None);
    });
}

#[test]
fn what_shadow_mode_knows_of_a_caller_is_not_told_beside_a_method_that_enforces() {
    each_driver(|driver| {
        let origin = Origin::start();
        let jwt = "algorithms: [HS256], secret: \"0123456789abcdef0123456789abcdef\", require_exp: false";
        let policies = format!(
            "dark: {{ jwt: {{ {jwt}, forward: {{ sub: X-Sub, role: X-Role }} }}, mode: shadow }}\n\
             key: {{ api_key: {{ header: X-API-Key }} }}\n\
             anyone: {{ anonymous: allow }}\n"
        );
        let routes = [
            "match: { path: /both }, policies: [dark, key], to: origin",
            "match: { path: /dark }, policies: [dark], to: origin",
            "match: { path: /open }, policies: [dark, anyone], to: origin",
        ];
        let setup = Setup { top: TOP.to_owned(), ..Setup::of(&origin) };
        let gateway = start(driver, setup, &policies, &routes);
        let token = tokens::of(r#"{"sub":"eve","role":"admin"}"#);
        for (path, sub, role) in [
            ("/both", None, None::<&str>),
            ("/dark", Some("eve"), Some("admin")),
            ("/open", Some("eve"), Some("admin")),
        ] {
            let fields = format!(
                "Authorization: Bearer {token}\r\nX-API-Key: acme-key-0123456789\r\nX-Origin: /ok\r\n"
            );
            ask(&gateway, &format!("GET {path}"), &fields).0.expect(200);
            let seen = origin.requests().pop().expect("was asked");
            assert_eq!(
                (seen.value("x-sub").as_deref(), seen.value("x-role").as_deref()),
                (sub, role),
                "{path}"
            );
        }
    });
}

#[test]
fn what_a_client_says_under_the_gateways_own_names_is_read_by_nobody() {
    each_driver(|driver| {
        let origin = Origin::start();
        let policies = "token: { jwt: { algorithms: [HS256], secret: \"0123456789abcdef0123456789abcdef\", forward: { sub: X-User-Id } } }
copy: { headers: { request: { set: { X-Copy: \"${header.X-User-Id}\", X-Other: \"${header.X-Sent}\" } } } }
named: { ip: { deny: [127.0.0.0/8] }, when: '\"x-user-id\" in request.headers || \"x_user_id\" in request.headers' }
each: { limit: { algorithm: fixed_window, rate: 2/d, key: [client.ip, header.X-User-Id] } }
";
        let routes = [
            "match: { path: /mine }, policies: [token], to: origin",
            "match: { path: /all }, policies: [copy, named], to: origin",
            "match: { path: /each }, policies: [each], to: origin",
        ];
        let gateway = start(driver, Setup::of(&origin), policies, &routes);
        let fields = "X-User-Id: root\r\nX_User_Id: root\r\nX-Sent: a\r\nX-Origin: /ok\r\n";
        ask(&gateway, "GET /all", fields).0.expect(200);
        let seen = origin.requests().pop().expect("was asked");
        assert_eq!((seen.value("x-copy"), seen.value("x-other").as_deref()), (None, Some("a")));
        let statuses = [1, 2, 3].map(|user| {
            let fields = format!("X-User-Id: {user}\r\nX-Origin: /ok\r\n");
            ask(&gateway, "GET /each", &fields).0.status
        });
        assert_eq!(statuses, [200, 200, 429], "another name is no other key");
    });
}

const CONDITIONS: &str = r#"
token: { jwt: { algorithms: [HS256], secret: "0123456789abcdef0123456789abcdef", require_exp: false } }
aunt: { authorize: { scopes: [family] }, when: 'caller.claims.age > 40 && "x-visit" in request.headers' }
dark-aunt: { authorize: { scopes: [family] }, when: 'caller.claims.age > 40', mode: shadow }
free: { limit: { algorithm: fixed_window, rate: 1/d, key: jwt.sub }, when: 'caller.claims.plan == "free"' }
dark-free: { limit: { algorithm: fixed_window, rate: 1/d, key: jwt.sub }, when: 'caller.claims.plan == "free"', mode: shadow }
"#;

const CONDITION_ROUTES: [&str; 4] = [
    "match: { path: /aunt }, policies: [token, aunt], to: origin",
    "match: { path: /dark-aunt }, policies: [token, dark-aunt], to: origin",
    "match: { path: /free }, policies: [free, token], to: origin",
    "match: { path: /dark-free }, policies: [dark-free, token], to: origin",
];

/// The reply and the log line for a caller with these claims.
fn as_caller(gateway: &Gateway, path: &str, claims: &str) -> (Reply, Value) {
    let token = tokens::of(claims);
    let fields = format!("Authorization: Bearer {token}\r\nX-Origin: /ok\r\nX-Visit: 1\r\n");
    let (reply, client) = ask(gateway, &format!("GET {path}"), &fields);
    (reply, gateway.log_of(client.addr()))
}

#[test]
fn a_condition_reads_the_claims_of_the_token_that_was_verified() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = start(driver, Setup::of(&origin), CONDITIONS, &CONDITION_ROUTES);
        for (claims, status, detail) in [
            (r#"{"sub":"ann","age":41}"#, 403, "scope_missing"),
            (r#"{"sub":"ann","age":41,"scope":"family"}"#, 200, ""),
            (r#"{"sub":"ann","age":40}"#, 200, ""),
            // The claim is missing, or no number.
            (r#"{"sub":"ann"}"#, 403, "condition"),
            (r#"{"sub":"ann","age":"old"}"#, 403, "condition"),
        ] {
            let (reply, log) = as_caller(&gateway, "/aunt", claims);
            reply.expect(status);
            if status == 403 {
                assert_eq!((&log["policy"], &log["detail"]), (&json!("aunt"), &json!(detail)), "{log}");
            }
            let (reply, log) = as_caller(&gateway, "/dark-aunt", claims);
            reply.expect(200);
            let named = (status == 403).then(|| json!(["dark-aunt"]));
            assert_eq!(log.get("shadow").cloned(), named, "{claims}: {log}");
        }
        // A token that is none is refused before any condition is read.
        let reply = ask(&gateway, "GET /aunt", "Authorization: Bearer e30.e30.e30\r\n").0;
        reply.expect(401);
        three_fresh(&gateway);
    });
}

#[test]
fn a_limit_under_a_condition_counts_only_those_for_whom_it_holds() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = start(driver, Setup::of(&origin), CONDITIONS, &CONDITION_ROUTES);
        for (claims, second) in [
            (r#"{"sub":"ann","plan":"free"}"#, 429),
            (r#"{"sub":"bob","plan":"gold"}"#, 200),
            (r#"{"sub":"cid"}"#, 403),
        ] {
            let (reply, _) = as_caller(&gateway, "/free", claims);
            reply.expect(if second == 403 { 403 } else { 200 });
            as_caller(&gateway, "/free", claims).0.expect(second);
            // In shadow mode all pass, and those who would not are named.
            let (_, first) = as_caller(&gateway, "/dark-free", claims);
            let (reply, log) = as_caller(&gateway, "/dark-free", claims);
            assert!(reply.expect(200).value("ratelimit").is_none());
            let named = (second != 200).then(|| json!(["dark-free"]));
            assert_eq!(log.get("shadow").cloned(), named, "{claims}: {log}");
            assert_eq!(first.get("shadow").is_some(), second == 403, "{claims}: {first}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn whom_shadow_mode_alone_knows_is_not_let_in_where_another_method_guards() {
    each_driver(|driver| {
        let origin = Origin::start();
        let policies = "
            new: { jwt: { algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef, require_exp: false }, mode: shadow }
            old: { api_key: { header: X-API-Key } }
            guests: { anonymous: allow, mode: shadow }
        ";
        let routes = [
            "match: { path: /both }, policies: [new, old], to: origin",
            "match: { path: /guests }, policies: [guests, old], to: origin",
        ];
        let gateway = start(driver, Setup { top: TOP.to_owned(), ..Setup::of(&origin) }, policies, &routes);
        let token = format!("Authorization: Bearer {}\r\n", tokens::of(r#"{"sub":"ann"}"#));
        let key = "X-API-Key: acme-key-0123456789\r\nX-Origin: /ok\r\n";
        for (path, fields, status, shadow) in [
            ("/both", token.clone(), 401, None),
            ("/both", key.to_owned(), 200, None),
            ("/both", format!("{token}{key}"), 200, None),
            ("/both", format!("{WRONG}{key}"), 200, Some(json!(["new"]))),
            ("/guests", String::new(), 401, None),
            ("/guests", key.to_owned(), 200, None),
        ] {
            let (reply, client) = ask(&gateway, &format!("GET {path}"), &fields);
            reply.expect(status);
            let log = gateway.log_of(client.addr());
            assert_eq!(log.get("shadow").cloned(), shadow, "{path} {fields}: {log}");
            if status == 200 {
                assert_eq!(log["consumer"], "acme", "{log}");
            }
        }
        three_fresh(&gateway);
    });
}
