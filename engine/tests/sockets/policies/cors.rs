//! `cors`: preflights, who may read a reply, and refusals that a browser can read.

use super::{ask, scripted, with};
use crate::support::{Reply, Setup, three_fresh};

const POLICIES: &str = r#"
site: { cors: { origins: ["https://app.test", "https://*.app.test", "regex:https://pr-[0-9]+\\.dev"], methods: [GET, PUT], headers: [Content-Type, X-A], expose: [X-B], credentials: true, max_age: 10m, private_network: true } }
open: { cors: { origins: "*" } }
nobody: { ip: { deny: [0.0.0.0/0] } }
trial: { cors: { origins: "https://other.test" }, mode: shadow }
part: { cors: { origins: "https://app.test" }, when: '"x-cors" in request.headers' }
"#;

const ROUTES: [&str; 9] = [
    "match: { path: /site, methods: [GET, PUT, DELETE] }, policies: [site], to: origin",
    "match: { path: /open }, policies: [open], to: origin",
    "match: { path: /shut }, policies: [nobody, site], to: origin",
    "match: { path: /own, methods: [OPTIONS] }, to: origin",
    "match: { path: /down }, policies: [site], to: nowhere",
    "match: { path: /tried, methods: [GET, PUT] }, policies: [trial, site], to: origin",
    "match: { path: /part, methods: [POST] }, policies: [part], to: origin",
    "match: { path: /both, methods: [POST] }, policies: [part], to: origin",
    "match: { path: /both, methods: [OPTIONS] }, to: origin",
];

fn allowed(reply: &Reply) -> Option<&str> {
    let values = reply.values("access-control-allow-origin");
    assert!(values.len() < 2, "{}", reply.head);
    values.first().copied()
}

#[test]
fn a_preflight_is_answered_for_the_method_it_asks_for() {
    with(
        POLICIES,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            for (path, from, method, headers, status) in [
                ("/site", "https://app.test", "PUT", "", 204),
                ("/site", "https://a.b.app.test", "PUT", "content-type, x-a", 204),
                ("/site", "https://pr-7.dev", "GET", "", 204),
                ("/site", "https://pr-x.dev", "GET", "", 403),
                ("/site", "https://evil.test", "PUT", "", 403),
                ("/site", "https://app.test", "DELETE", "", 403),
                ("/site", "https://app.test", "PUT", "X-Other", 403),
                ("/open", "https://any.test", "PATCH", "X-Z", 204),
                // One on trial in front of it takes nothing away.
                ("/tried", "https://app.test", "PUT", "", 204),
            ] {
                let asked = if headers.is_empty() {
                    String::new()
                } else {
                    format!("Access-Control-Request-Headers: {headers}\r\n")
                };
                let fields = format!(
                    "Origin: {from}\r\nAccess-Control-Request-Method: {method}\r\n{asked}Access-Control-Request-Private-Network: true\r\n"
                );
                let (reply, client) = ask(gateway, &format!("OPTIONS {path}"), &fields);
                let reply = reply.expect(status);
                let line = gateway.log_of(client.addr());
                match status {
                    204 => assert_eq!((&line["reason"], reply.text().as_str()), (&"ok".into(), "")),
                    _ => assert_eq!(
                        (&line["reason"], &line["policy"]),
                        (&"cors_denied".into(), &"site".into())
                    ),
                }
                if status != 204 {
                    continue;
                }
                let site = path != "/open";
                assert_eq!(allowed(&reply), Some(if site { from } else { "*" }));
                assert_eq!(
                    reply.value("access-control-allow-methods"),
                    Some(if site { "GET, PUT" } else { method })
                );
                assert_eq!(
                    reply.value("access-control-allow-headers"),
                    Some(if site { "Content-Type, X-A" } else { headers })
                );
                assert_eq!(reply.value("access-control-max-age"), site.then_some("600"));
                assert_eq!(reply.value("access-control-allow-credentials"), site.then_some("true"));
                assert_eq!(reply.value("access-control-allow-private-network"), site.then_some("true"));
                assert_eq!(reply.values("vary").contains(&"Origin"), site, "{}", reply.head);
            }
            assert_eq!(origin.requests().len(), 0);
            three_fresh(gateway);
        },
    );
}

#[test]
fn a_preflight_without_a_policy_goes_where_options_go() {
    with(
        POLICIES,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            let fields =
                "Origin: https://app.test\r\nAccess-Control-Request-Method: GET\r\nX-Origin: /ok\r\n";
            ask(gateway, "OPTIONS /own", fields).0.expect(200);
            assert_eq!(origin.requests().len(), 1);
        },
    );
}

#[test]
fn a_preflight_to_which_no_policy_applies_is_an_options_like_any_other() {
    const ORIGIN: &str = "Origin: https://app.test\r\n";
    const ASKED: &str = "Access-Control-Request-Method: POST\r\nX-Origin: /ok\r\n";
    with(
        POLICIES,
        &ROUTES,
        // The usual routes take every method of every path.
        |setup| Setup { host: "usual.test", ..setup },
        |gateway, origin| {
            for (path, fields, status) in [
                ("/part", format!("{ORIGIN}{ASKED}X-Cors: 1\r\n"), 204),
                ("/part", format!("{ORIGIN}{ASKED}"), 405),
                // Two origins are none that a browser sends.
                ("/part", format!("{ORIGIN}{ORIGIN}{ASKED}X-Cors: 1\r\n"), 405),
                ("/both", format!("{ORIGIN}{ASKED}X-Cors: 1\r\n"), 204),
            ] {
                let (reply, _) = ask(gateway, &format!("OPTIONS {path}"), &fields);
                let allow = (status == 405).then_some("POST");
                assert_eq!(reply.expect(status).value("allow"), allow, "{path} {fields}");
            }
            assert_eq!(origin.requests().len(), 0);
            ask(gateway, "OPTIONS /both", &format!("{ORIGIN}{ASKED}")).0.expect(200);
            assert_eq!(origin.requests().len(), 1);
        },
    );
}

#[test]
fn a_reply_says_who_may_read_it_in_place_of_what_the_origin_said() {
    with(
        POLICIES,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            let own = "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nVary: Accept\r\n";
            let says = scripted(origin, "own", 200, own, "hi");
            for (path, from, expected) in [
                ("/site", "https://app.test", Some("https://app.test")),
                ("/site", "https://evil.test", None),
                ("/open", "https://evil.test", Some("*")),
            ] {
                let (reply, _) = ask(gateway, &format!("GET {path}"), &format!("{says}Origin: {from}\r\n"));
                let reply = reply.expect(200);
                assert_eq!(allowed(&reply), expected, "{path} {from}");
                let credentials = expected.filter(|_| path == "/site").map(|_| "true");
                assert_eq!(reply.value("access-control-allow-credentials"), credentials);
                assert_eq!(reply.value("access-control-expose-headers"), credentials.map(|_| "X-B"));
                let vary: &[&str] = if path == "/site" { &["Accept", "Origin"] } else { &["Accept"] };
                assert_eq!(reply.values("vary"), vary);
            }
            // Two origins are none, and a reply without one varies all the same.
            let (reply, _) = ask(
                gateway,
                "GET /site",
                &format!("{says}Origin: https://app.test\r\nOrigin: https://evil.test\r\n"),
            );
            assert_eq!(allowed(&reply.expect(200)), None);
            let reply = ask(gateway, "GET /site", &says).0.expect(200);
            assert!(allowed(&reply).is_none() && reply.values("vary").contains(&"Origin"), "{}", reply.head);
        },
    );
}

#[test]
fn refusals_and_faults_can_be_read_by_the_script_that_asked() {
    with(
        POLICIES,
        &ROUTES,
        |setup| setup,
        |gateway, _| {
            for (line, status) in [("GET /shut", 403), ("GET /down", 502)] {
                let (reply, _) = ask(gateway, line, "Origin: https://app.test\r\n");
                assert_eq!(allowed(&reply.expect(status)), Some("https://app.test"), "{line}");
            }
            three_fresh(gateway);
        },
    );
}

#[test]
fn a_miss_is_dressed_by_the_listeners_policy() {
    let setup = |setup| Setup { listener: "policies: [site]", host: "gw.test", ..setup };
    with(POLICIES, &ROUTES, setup, |gateway, _| {
        let mut client = gateway.connect();
        for (head, status) in [
            ("GET / HTTP/1.1\r\nHost: unknown.test\r\nOrigin: https://app.test\r\n\r\n", 404),
            ("GET /%zz HTTP/1.1\r\nHost: gw.test\r\nOrigin: https://app.test\r\n\r\n", 400),
        ] {
            client.send(head);
            assert_eq!(allowed(&client.reply().expect(status)), Some("https://app.test"), "{head}");
        }
    });
}
