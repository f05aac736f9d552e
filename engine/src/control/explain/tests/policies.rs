//! What policies say of a request that nobody sent; that a gateway does the same is tested over sockets.

use super::*;
use crate::policy::auth::base64url::encode_onto;
use crate::policy::auth::keys::{Key, KeySet, News};
use crate::policy::{Cause, Outcome};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::Value;
use std::sync::Arc;

const TEXT: &str = "version: 1
listeners: [{ name: public, bind: '127.0.0.1:0' }]
consumers: [{ name: acme, api_keys: [acme-key-0123456789], scopes: [orders.read], tier: partner }]
upstreams:
  a: { endpoints: [{ address: '10.0.0.7:81' }], balance: { consistent_hash: header.X-Key } }
  idp: { endpoints: [{ address: '10.0.0.9:81' }, { address: 'idp.internal:82' }] }
policies:
  site: { cors: { origins: ['https://app.test'] } }
  part: { cors: { origins: ['https://app.test'] }, when: \"'x-cors' in request.headers\" }
  net: { ip: { deny: [198.51.100.0/24] } }
  all: { limit: { rate: 20/h, key: global } }
  slow: { limit: { algorithm: leaky_bucket, rate: 10/s, burst: 5, key: global } }
  crowd: { in_flight: { limit: 3, key: global } }
  watch: { limit: { rate: 9/h, key: header.X-Day }, mode: shadow, when: \"'x-day' in request.headers\" }
  key: { api_key: { header: X-Key } }
  query: { api_key: { query: k } }
  token: { jwt: { algorithms: [HS256], secret: a-secret-of-thirty-two-bytes-or-more } }
  far: { jwt: { algorithms: [EdDSA], jwks: 'https://id.example/keys' } }
  asked: { introspection: { upstream: idp, path: /introspect, host: id.example, client_id: gw, client_secret: sesame } }
  service: { forward_auth: { upstream: idp, path: /check } }
  trial: { api_key: { header: X-Trial }, mode: shadow }
  guests: { anonymous: allow }
  may: { authorize: { scopes: [orders.write] } }
  read: { authorize: { scopes: [orders.read] } }
  maybe: { authorize: { scopes: [orders.write] }, mode: shadow }
  input: { validate: { query: { others: false } } }
  body: { validate: { body: { schema: { type: object } } } }
  tell: { headers: { request: { set: { X-From: gateway } } } }
routes:
  - { name: keyed, match: { path: /keyed/* }, policies: [tell, input, maybe, token, query, key, all, slow, crowd, watch, net, site], to: a }
  - { name: may, match: { path: /may/* }, policies: [may, all, key], to: a }
  - { name: far, match: { path: /far/* }, policies: [may, far], to: a }
  - { name: asked, match: { path: /asked/* }, policies: [may, asked, key], to: a }
  - { name: service, match: { path: /service/* }, policies: [service], redirect: { prefix: /x } }
  - { name: body, match: { path: /body/*, methods: [POST] }, policies: [body, site], to: a }
  - { name: tried, match: { path: /tried/* }, policies: [trial, guests, read, key], to: a }
  - { name: part, match: { path: /part/*, methods: [POST] }, policies: [part], to: a }
  - { name: free, match: { path: /free }, to: a }
";

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("is a key")
}

/// A field with a token that key `id` signed.
fn bearer(id: &str, claims: &str) -> String {
    let mut token = Vec::new();
    encode_onto(format!(r#"{{"alg":"EdDSA","kid":"{id}"}}"#).as_bytes(), &mut token);
    token.push(b'.');
    encode_onto(claims.as_bytes(), &mut token);
    let signature = pair().sign(&token);
    token.push(b'.');
    encode_onto(signature.as_ref(), &mut token);
    format!("Authorization: Bearer {}", String::from_utf8(token).expect("is text"))
}

/// The phase of the policies, as text below each other: name, what, why, and the verdict before.
fn said(report: &Report) -> Vec<String> {
    let Some(phase) = report.phases.iter().find(|phase| phase.name == "policies") else { return Vec::new() };
    let mut lines = vec![match phase.verdict {
        super::super::Verdict::Pass => format!("pass: {}", phase.says),
        super::super::Verdict::Answer(reason) => format!("{}: {}", reason.as_str(), phase.says),
    }];
    lines.extend(phase.rows.1.iter().map(|row| {
        let mark = if row.picked { "> " } else { "" };
        format!("{mark}{} [{}] {}", row.name, row.what, row.why)
    }));
    lines.extend(phase.notes.clone());
    lines
}

fn asked(table: &Table, keys: &[News], line: &str, fields: &[&str]) -> Report {
    let ground = Ground {
        table,
        listener: ListenerId(0),
        now: Tick(2_000_000_000),
        unix_ms: NOW_MS,
        keys,
        station: &Station::at_rest,
    };
    report_on(&ground, line, fields, Listing::Fitting)
}

fn check(line: &str, fields: &[&str], expected: &[&str], outcome: &str) {
    let report = asked(&table(TEXT), &[], line, fields);
    assert_eq!(said(&report), expected, "{line}");
    let text = report.to_string();
    assert_eq!(text.lines().last(), Some(&*format!("outcome   {outcome}")), "{text}");
}

#[test]
fn every_policy_is_told_in_the_order_in_which_it_is_asked() {
    check(
        "http://gw/keyed/1",
        &["X-Key: acme-key-0123456789", "X-Day: 7"],
        &[
            "pass: let it pass",
            "site [cors] passes",
            "net [ip] passes",
            "crowd [limit_by_request: in_flight] passes: 2 of 3 would remain",
            "all [limit_by_request: limit] passes: 19 of 20 would remain",
            "slow [limit_by_request: limit] passes: 5 of 6 would remain",
            "watch [limit_by_request: limit, shadow] passes: 8 of 9 would remain",
            "token [authenticate: jwt] finds no credentials of its kind",
            "query [authenticate: api_key] finds no credentials of its kind",
            "key [authenticate: api_key] passes, as consumer acme",
            "maybe [authorize, shadow] would refuse with 403, forbidden: scope_missing",
            "input [validate] passes",
            "tell [transform: headers] passes",
        ],
        "sent to 10.0.0.7:81 of upstream a",
    );
}

#[test]
fn what_comes_after_a_refusal_is_not_reached() {
    check(
        "http://gw/may/1",
        &["X-Key: acme-key-0123456789"],
        &[
            "forbidden: forbidden: scope_missing, by may",
            "all [limit_by_request: limit] passes: 19 of 20 would remain",
            "key [authenticate: api_key] passes, as consumer acme",
            "> may [authorize] refuses with 403, forbidden: scope_missing",
            "the scope 'orders.write' is missing",
        ],
        "answered with 403, reason forbidden",
    );
    check(
        "http://gw/may/1",
        &[],
        &[
            "unauthenticated: unauthenticated: no_credentials, by key",
            "all [limit_by_request: limit] passes: 19 of 20 would remain",
            "> key [authenticate: api_key] refuses with 401, unauthenticated: no_credentials",
            "may [authorize] not reached",
            "credentials are required",
        ],
        "answered with 401, reason unauthenticated",
    );
}

#[test]
fn whom_shadow_mode_alone_knows_is_nobody_to_what_follows() {
    check(
        "http://gw/tried/1",
        &["X-Trial: acme-key-0123456789"],
        &[
            "unauthenticated: unauthenticated: no_credentials, by read",
            "trial [authenticate: api_key, shadow] passes",
            "key [authenticate: api_key] finds no credentials of its kind",
            "guests [authenticate: anonymous] passes",
            "> read [authorize] refuses with 401, unauthenticated: no_credentials",
            "credentials are required",
        ],
        "answered with 401, reason unauthenticated",
    );
}

#[test]
fn who_cannot_tell_alone_names_whom_it_would_ask() {
    let bearer = bearer("k9", r#"{"exp":1700000060,"sub":"ann"}"#);
    check(
        "http://gw/far/1",
        &[&bearer],
        &[
            "pass: cannot be told: it depends on what far is told",
            "> far [authenticate: jwt] would ask https://id.example/keys for a key that is not known here",
            "may [authorize] not reached",
        ],
        "sent to 10.0.0.7:81 of upstream a, provided that far lets it pass",
    );
    check(
        "http://gw/asked/1",
        &[&bearer],
        &[
            "pass: cannot be told: it depends on what asked is told",
            "> asked [authenticate: introspection] would ask upstream idp (10.0.0.9:81, idp.internal:82) for /introspect, Host: id.example",
            "key [authenticate: api_key] not reached",
            "may [authorize] not reached",
        ],
        "sent to 10.0.0.7:81 of upstream a, provided that asked lets it pass",
    );
    check(
        "http://gw/service/1",
        &[],
        &[
            "pass: cannot be told: it depends on what service is told",
            "> service [authenticate: forward_auth] would ask upstream idp (10.0.0.9:81, idp.internal:82) for /check, Host: idp",
        ],
        "redirected with 308 to http://gw/x/1, provided that service lets it pass",
    );
    check(
        "POST http://gw/body/1",
        &["Content-Length: 9", "Content-Type: application/json"],
        &[
            "pass: cannot be told: it depends on what body is told",
            "site [cors] passes",
            "> body [validate] would ask for the body, which is not given here; 1048576 bytes at most",
        ],
        "sent to 10.0.0.7:81 of upstream a, provided that body lets it pass",
    );
    check("http://gw/free", &[], &[], "sent to 10.0.0.7:81 of upstream a");
}

#[test]
fn keys_that_were_fetched_decide() {
    let news = |again: u64| {
        let key = Key::ed25519(pair().public_key().as_ref()).expect("is a key").with_id(b"k9");
        let keys = Some(Arc::new(KeySet::new(vec![key])));
        let address = "https://id.example/keys".into();
        News { address, keys, again: Tick(again), number: 1, gone: false }
    };
    let table = table(TEXT);
    let told = |id: &str, again: u64| {
        let claims = r#"{"exp":1700000060,"scope":"orders.write"}"#;
        said(&asked(&table, &[news(again)], "http://gw/far/1", &[&bearer(id, claims)]))
    };
    assert_eq!(told("k9", 0)[1..], ["far [authenticate: jwt] passes", "may [authorize] passes"]);
    assert!(told("k8", 0)[1].contains("would ask https://id.example/keys"));
    // Control was asked for it a moment ago: an exchange would be refused at once.
    assert!(
        told("k8", u64::MAX)[1].contains("refuses with 401, unauthenticated: token_key"),
        "{:?}",
        told("k8", u64::MAX)
    );
}

#[test]
fn preflights_and_conditions_are_told() {
    check(
        "OPTIONS http://gw/body/1",
        &["Origin: https://app.test", "Access-Control-Request-Method: POST"],
        &["pass: site answers with 204", "> site [cors] answers with 204", "body [validate] not reached"],
        "answered with 204",
    );
    // Where no policy of CORS applies, it is an OPTIONS like any other.
    let preflight = ["Origin: https://app.test", "Access-Control-Request-Method: POST", "X-Cors: 1"];
    for (fields, outcome) in [
        (&preflight[..], "answered with 204"),
        (&preflight[..2], "answered with 405, reason method_not_allowed"),
    ] {
        let report = asked(&table(TEXT), &[], "OPTIONS http://gw/part/1", fields);
        assert_eq!(report.outcome.to_string(), outcome, "{fields:?}");
    }
    let report = asked(&table(TEXT), &[], "http://gw/keyed/1?z=1", &["X-Key: acme-key-0123456789"]);
    let lines = said(&report);
    assert!(
        lines.contains(
            &"watch [limit_by_request: limit, shadow] does not apply: its condition does not hold".to_owned()
        ),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("> input [validate] refuses with 400")), "{lines:#?}");
}

#[test]
fn what_is_explained_spends_and_counts_nothing() {
    let table = table(TEXT);
    let fields = ["X-Key: acme-key-0123456789", "X-Day: 7"];
    let first = said(&asked(&table, &[], "http://gw/keyed/1", &fields));
    for _ in 0..40 {
        assert_eq!(said(&asked(&table, &[], "http://gw/keyed/1", &fields)), first);
        asked(&table, &[], "http://gw/may/1", &fields);
    }
    for policy in &table.policies.all {
        let outcomes = Cause::ALL.into_iter().map(Outcome::Refused);
        for outcome in outcomes.chain([Outcome::Passed, Outcome::Shadowed]) {
            assert_eq!(policy.tally.sum(outcome), 0, "{}: {outcome:?}", policy.name);
        }
    }
}

#[test]
fn programs_are_told_more_of_each_policy() {
    let table = table(TEXT);
    let report = asked(&table, &[], "http://gw/may/1", &["X-Key: acme-key-0123456789"]).json();
    let phases = report["phases"].as_array().expect("is a list");
    let phase = phases.iter().find(|phase| phase["phase"] == "policies").expect("is there");
    assert_eq!(phase["status"], 403);
    let of = |name: &str| -> &Value {
        phase["policies"].as_array().unwrap().iter().find(|row| row["name"] == name).expect("is listed")
    };
    let limit = &of("all")["limit"];
    assert_eq!(
        (&limit["limit"], &limit["remaining"], &limit["retry_ms"]),
        (&20.into(), &19.into(), &0.into())
    );
    let may = of("may");
    for (name, value) in [
        ("kind", Value::from("authorize")),
        ("phase", "authorize".into()),
        ("mode", "enforce".into()),
        ("decision", "refuse".into()),
        ("status", 403.into()),
        ("reason", "forbidden".into()),
        ("detail", "scope_missing".into()),
        ("picked", true.into()),
    ] {
        assert_eq!(may[name], value, "{name}: {may:#}");
    }
    let report = asked(&table, &[], "http://gw/service/1", &[]).json();
    assert_eq!(report["outcome"]["provided"], "service");
}

#[test]
fn secrets_of_a_request_are_not_repeated() {
    let table = table(TEXT);
    let secrets = ["acme-key-0123456789", "s3cret-in-the-query", "t0ken", "c00kie", "d0uble", "esc4ped"];
    let fields = [
        "X-Key: acme-key-0123456789",
        "Authorization: Bearer t0ken",
        "Cookie: session=c00kie",
        "X-Api-Key: d0uble",
    ];
    let mut shown = 0;
    for line in [
        "http://gw/keyed/1?k=s3cret-in-the-query&page=7&access_token=t0ken&%6B=esc4ped",
        "http://gw/free?page=7&k=s3cret-in-the-query",
        "http://gw/service/1?k=s3cret-in-the-query&page=7",
        "http://gw/may/1?k=s3cret-in-the-query&page=7",
        "http://gw/nowhere?page=7&k=s3cret-in-the-query",
    ] {
        let report = asked(&table, &[], line, &fields);
        for text in [report.to_string(), report.json().to_string()] {
            shown += text.matches("page=7").count();
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
    assert!(shown >= 10, "the rest of a query is shown: {shown}");
}
