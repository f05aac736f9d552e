//! Policies do what is explained of them: each request is explained by a running gateway, then sent to it. Status, reason,
//! detail, who refused, who would have in shadow mode, and what limits leave must be as explained, and explaining must
//! have spent nothing.

use crate::policies::identity::tokens;
use crate::support::{Client, Gateway, Setup, each_driver, three_fresh};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use tools::upstream::Origin;

const TOP: &str = "admin: { bind: 127.0.0.1:0 }
consumers:
- { name: acme, api_keys: [\"acme-key-0123456789\"], tier: partner, scopes: [orders.read], roles: [buyer] }
policies:
  token: { jwt: { algorithms: [HS256], secret: \"0123456789abcdef0123456789abcdef\", from: [{ header: Authorization }, { query: t }] } }
  key: { api_key: { header: X-API-Key } }
  users: { basic: { users_file: USERS } }
  guests: { anonymous: allow }
  read: { authorize: { scopes: [orders.read], methods: { POST: { scopes: [orders.write] } } } }
  dark: { authorize: { roles: [admin] }, mode: shadow }
  dark-key: { api_key: { header: X-Dark }, mode: shadow }
  site: { cors: { origins: https://app.test } }
  net: { ip: { deny: [127.0.0.1] }, when: '\"x-deny\" in request.headers' }
  aunt: { authorize: { scopes: [family] }, when: 'caller.claims.age > 40' }
  all: { limit: { rate: 3/h, key: global } }
  each: { limit: { rate: 2/h, key: jwt.sub, plans: { partner: { rate: 9/h } } } }
  dark-limit: { limit: { rate: 1/h, key: global }, mode: shadow }
  crowd: { in_flight: { limit: 1, key: global } }
  input: { validate: { query: { others: false, parameters: { t: { type: string } } } } }
  body: { validate: { body: { schema: { type: object } } } }
";

const ROUTES: &str = "
- { name: both, match: { path: /both }, policies: [dark, token, key, read, site, net], to: origin }
- { name: open, match: { path: /open }, policies: [key, guests, dark, dark-key], to: origin }
- { name: users, match: { path: /users }, policies: [users], to: origin }
- { name: aunt, match: { path: /aunt }, policies: [token, aunt], to: origin }
- { name: limits, match: { path: /limits }, policies: [all, each, dark-limit, token], to: origin }
- { name: crowd, match: { path: /crowd }, policies: [crowd], to: origin }
- { name: input, match: { path: /input }, policies: [input, token], respond: { status: 204 } }
- { name: body, match: { path: /body }, policies: [body], to: origin }
- { name: gone, match: { path: /gone }, policies: [key], redirect: { scheme: https } }
";

/// What is sent: the line, its fields, and how often.
fn requests() -> Vec<(&'static str, Vec<String>, usize)> {
    let bearer = |claims: &str| format!("Authorization: Bearer {}", tokens::of(claims));
    let good = r#"{"sub":"ann","exp":4102444800,"scope":"orders.read","age":41}"#;
    let young = r#"{"sub":"bob","exp":4102444800,"age":40}"#;
    let key = || "X-API-Key: acme-key-0123456789".to_owned();
    let basic = |pair: &str| format!("Authorization: Basic {pair}");
    vec![
        ("GET /both", vec![], 1),
        ("GET /both", vec![key()], 1),
        ("POST /both", vec![key()], 1),
        ("GET /both", vec![key(), "X-Deny: 1".into()], 1),
        ("GET /both", vec!["X-API-Key: nobodys-key-0123456789".into()], 1),
        ("GET /both", vec![bearer(good)], 1),
        ("GET /both", vec![bearer(r#"{"sub":"ann","exp":1}"#)], 1),
        ("GET /both", vec!["Authorization: Bearer a.b.c".into()], 1),
        ("GET /both", vec![bearer(good), bearer(good)], 1),
        (
            "OPTIONS /both",
            vec!["Origin: https://app.test".into(), "Access-Control-Request-Method: GET".into()],
            1,
        ),
        (
            "OPTIONS /both",
            vec!["Origin: https://evil.test".into(), "Access-Control-Request-Method: GET".into()],
            1,
        ),
        ("GET /open", vec![], 1),
        ("GET /open", vec![key(), "X-Dark: nobodys-key-0123456789".into()], 1),
        // ann:secret, ann:wrong
        ("GET /users", vec![basic("YW5uOnNlY3JldA==")], 1),
        ("GET /users", vec![basic("YW5uOndyb25n")], 1),
        ("GET /aunt", vec![bearer(good)], 1),
        ("GET /aunt", vec![bearer(young)], 1),
        ("GET /aunt", vec![bearer(r#"{"sub":"eve","exp":4102444800}"#)], 1),
        ("GET /limits", vec![bearer(good)], 4),
        ("GET /limits", vec![bearer(young)], 2),
        ("GET /crowd", vec![], 1),
        ("GET /input?x=1", vec![bearer(good)], 1),
        ("POST /body", vec!["Content-Type: application/json".into()], 1),
        ("POST /body", vec!["Content-Type: text/plain".into(), "Content-Length: 0".into()], 1),
        ("GET /gone", vec![key()], 1),
        ("GET /gone", vec![], 1),
    ]
}

fn explained(admin: SocketAddr, line: &str, fields: &[String]) -> Value {
    let fields: Vec<String> =
        fields.iter().cloned().chain(["Host: gw.test".into(), "X-Origin: /ok".into()]).collect();
    let question = json!({ "request": line, "fields": fields }).to_string();
    let length = question.len();
    let head = format!("POST /explain HTTP/1.1\r\nHost: {admin}\r\nContent-Length: {length}\r\n\r\n");
    let reply = Client::connect(admin).send(format!("{head}{question}")).reply().expect(200);
    serde_json::from_slice(&reply.body).expect("a report is JSON")
}

/// What each policy decided, and what limits leave.
fn decisions(report: &Value) -> Vec<[Value; 3]> {
    let rows = report["phases"].as_array().into_iter().flatten();
    let rows = rows.flat_map(|phase| phase["policies"].as_array().into_iter().flatten());
    rows.map(|row| [&row["name"], &row["decision"], &row["limit"]["remaining"]].map(Value::clone)).collect()
}

/// Explains, sends and compares. Gives the decisions that were met.
fn check(gateway: &Gateway, admin: SocketAddr, line: &str, fields: &[String]) -> Vec<String> {
    let report = explained(admin, line, fields);
    let again = explained(admin, line, fields);
    assert_eq!(decisions(&again), decisions(&report), "explaining changes nothing");
    let mut client = gateway.connect();
    let lines: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    client.send(format!("{line} HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /ok\r\n{lines}\r\n"));
    let reply = client.reply_to(line.split(' ').next().expect("a method"));
    let log = gateway.log_of(client.addr());
    let about = format!("{line} {fields:?}\n{log}\n{report:#}");

    let status = report["outcome"]["status"].as_u64().unwrap_or(200);
    assert_eq!(u64::from(reply.status), status, "{about}");
    let phases = report["phases"].as_array().expect("is a list");
    let phase = phases.iter().find(|phase| phase["phase"] == "policies").expect("the route has policies");
    let refused = phase["verdict"] == "answer";
    assert_eq!(refused, report["outcome"]["kind"] == "refused", "{about}");
    assert_eq!(log["reason"], if refused { phase["reason"].clone() } else { "ok".into() }, "{about}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if refused {
        assert_eq!(text(&log["detail"]), text(&phase["detail"]), "{about}");
        assert_eq!(text(&log["policy"]), text(&phase["facts"]["by"]), "{about}");
        // The client is told the same words.
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        assert_eq!(text(&body["detail"]), text(&phase["facts"]["tells"]), "{about}");
        assert_eq!(body["errors"], phase["facts"]["errors"], "{about}");
    }
    let rows = phase["policies"].as_array().expect("is a list");
    let shadows = rows.iter().filter(|row| row["mode"] == "shadow" && row["decision"] == "refuse");
    let shadows: Vec<&Value> = shadows.map(|row| &row["name"]).collect();
    let logged: Vec<&Value> = log["shadow"].as_array().into_iter().flatten().collect();
    assert_eq!(logged, shadows, "{about}");
    let limits = rows.iter().filter(|row| row["kind"] == "limit" && row["mode"] == "enforce");
    let left = limits.filter_map(|row| row["limit"]["remaining"].as_u64()).min();
    if let Some(told) = reply.value("x-ratelimit-remaining") {
        assert_eq!(told.parse().ok(), left, "{about}");
    }
    rows.iter().map(|row| text(&row["decision"])).collect()
}

#[test]
fn policies_do_what_is_explained_of_them() {
    each_driver(|driver| {
        let origin = Origin::start();
        let users = std::env::temp_dir().join(format!("ringgate-explain-{}", std::process::id()));
        fs::write(&users, "ann:$2b$04$u0KAbxMe/hrti7GuzedbVukLAKmXK2Vqt5FsOQGz3W0DstpE7WOkW\n")
            .expect("a writable folder");
        let top = TOP.replace("USERS", &users.display().to_string());
        let setup = Setup { top, routes: ROUTES.to_owned(), ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let admin = crate::admin::address(&gateway).parse().expect("is bound to an address");
        let mut met = std::collections::BTreeSet::new();
        for (line, fields, times) in requests() {
            (0..times).for_each(|_| met.extend(check(&gateway, admin, line, &fields)));
        }
        let all = ["abstain", "answer", "not_reached", "pass", "refuse", "settled", "skip"];
        assert_eq!(met.into_iter().collect::<Vec<_>>(), all, "each kind of decision is met");
        three_fresh(&gateway);
        fs::remove_file(&users).expect("is there");
    });
}
