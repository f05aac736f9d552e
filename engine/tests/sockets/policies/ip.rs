//! `ip`: by the client's address, behind trusted proxies too, and in shadow mode.

use super::{ask, with};
use crate::support::{Setup, three_fresh};

const POLICIES: &str = r#"
office: { ip: { allow: [127.0.0.0/8, 9.9.9.0/24], deny: [127.0.0.7, 9.9.9.9] } }
watch: { ip: { deny: [127.0.0.0/8] }, mode: shadow }
watch-too: { ip: { deny: [127.0.0.0/8] }, mode: shadow }
posts: { ip: { deny: [127.0.0.0/8] }, when: 'request.method == "POST" && request.headers["x-a"] != "1"' }
none: { ip: { deny: [127.0.0.0/8] }, mode: off }
"#;

const ROUTES: [&str; 3] = [
    "match: { path: /posts }, policies: [posts], to: origin",
    "match: { path: /office }, policies: [office], to: origin",
    "match: { path: /watched }, policies: [watch, none, watch-too], to: origin",
];

#[test]
fn a_client_is_refused_by_its_address() {
    with(
        POLICIES,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            for (from, status) in [([127, 0, 0, 1], 200), ([127, 0, 0, 7], 403)] {
                let mut client = crate::support::Client::connect_from(from, gateway.addr());
                client.send("GET /office HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /ok\r\nX-Forwarded-For: 9.9.9.1\r\n\r\n");
                let reply = client.reply().expect(status);
                let line = gateway.log_of(client.addr());
                if status == 403 {
                    assert_eq!(reply.reason(), "address_denied");
                    assert_eq!(
                        (&line["reason"], &line["policy"]),
                        (&"address_denied".into(), &"office".into())
                    );
                    assert!(line["upstream"].is_null() && !reply.says_close(), "{line}");
                }
            }
            assert_eq!(origin.requests().len(), 1);
            three_fresh(gateway);
        },
    );
}

#[test]
fn behind_a_trusted_proxy_it_is_the_client_that_it_tells() {
    let setup = |setup| Setup { gateway: "trusted_proxies: [127.0.0.0/8]", ..setup };
    with(POLICIES, &ROUTES, setup, |gateway, _| {
        for (told, status) in
            [("9.9.9.1", 200), ("9.9.9.9", 403), ("8.8.8.8", 403), ("9.9.9.9, 9.9.9.1", 200)]
        {
            let fields = format!("X-Origin: /ok\r\nX-Forwarded-For: {told}\r\n");
            ask(gateway, "GET /office", &fields).0.expect(status);
        }
    });
}

#[test]
fn in_shadow_mode_the_log_names_who_would_have_refused() {
    with(
        POLICIES,
        &ROUTES,
        |setup| setup,
        |gateway, _| {
            let (reply, client) = ask(gateway, "GET /watched", "X-Origin: /ok\r\n");
            reply.expect(200);
            let line = gateway.log_of(client.addr());
            assert_eq!(line["shadow"], serde_json::json!(["watch", "watch-too"]), "{line}");
            assert_eq!((&line["reason"], line.get("policy")), (&"ok".into(), None));
        },
    );
}

#[test]
fn a_policy_applies_where_its_condition_holds_and_nobody_passes_where_it_cannot_be_told() {
    with(
        POLICIES,
        &ROUTES,
        |setup| setup,
        |gateway, _| {
            for (line, fields, status, reason) in [
                ("GET /posts", "", 200, ""),
                ("POST /posts", "X-A: 1\r\n", 200, ""),
                ("POST /posts", "X-A: 2\r\n", 403, "address_denied"),
                // The field that it reads is missing.
                ("POST /posts", "", 403, "forbidden"),
            ] {
                let (reply, client) = ask(gateway, line, &format!("{fields}X-Origin: /ok\r\n"));
                let reply = reply.expect(status);
                if status == 403 {
                    assert_eq!(reply.reason(), reason);
                    let line = gateway.log_of(client.addr());
                    assert_eq!(line["policy"], "posts", "{line}");
                    assert!(reason != "forbidden" || line["detail"] == "condition", "{line}");
                }
            }
        },
    );
}
