//! Routes that end in the gateway: redirects and answers that the operator wrote.

use super::{ask, start, with_routes};
use crate::support::{End, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

// Gateway API, HTTPRequestRedirectFilter.statusCode: 301, 302, 303, 307 and 308.
#[test]
fn a_redirect_leads_where_it_says_in_each_of_its_forms() {
    let routes = [
        "match: { path: /to }, redirect: { to: \"https://www.example.com/new?a=b\" }",
        "match: { path: /here }, redirect: { to: /there, status: 303 }",
        "match: { path: /tls/* }, redirect: { scheme: https, status: 301 }",
        "match: { path: /port/* }, redirect: { port: 8081, status: 302 }",
        "match: { path: /other/* }, redirect: { host: other.test, status: 307 }",
        "match: { path: \"/u/{id}\" }, redirect: { host: other.test, port: 80, path: \"/users/{id}/me\" }",
        "match: { path: /old/* }, redirect: { prefix: /new }",
    ];
    with_routes(&routes, |gateway, origin| {
        for (path, status, expected) in [
            ("/to?q", 308, "https://www.example.com/new?a=b"),
            ("/here", 303, "/there"),
            ("/tls/x?q=1", 301, "https://gw.test/tls/x?q=1"),
            ("/port/", 302, "http://gw.test:8081/port/"),
            ("/other/%7ex", 307, "http://other.test/other/~x"),
            ("/u/7?q", 308, "http://other.test/users/7/me?q"),
            ("/old/a/b?q", 308, "http://gw.test/new/a/b?q"),
            ("/old", 308, "http://gw.test/new"),
            ("/old//evil.test/", 308, "http://gw.test/new//evil.test/"),
        ] {
            let mut client = gateway.connect();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: gw.test\r\n\r\n"));
            let reply = client.reply().expect(status);
            assert_eq!(reply.values("location"), [expected], "{path}");
            assert_eq!((reply.values("content-length"), reply.says_close()), (vec!["0"], false));
            let line = gateway.log_of(client.addr());
            assert!(line["status"] == status && line["reason"] == "ok", "{line}");
            assert!(line["route"].as_str().is_some_and(|name| name.starts_with('r')), "{line}");
            assert!(line["upstream"].is_null(), "{line}");
        }
        assert_eq!(origin.requests().len(), 0);
        three_fresh(gateway);
    });
}

#[test]
fn a_trusted_proxy_tells_the_scheme_and_host_that_the_client_named() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { gateway: "trusted_proxies: [127.0.0.0/8]", ..Setup::of(&origin) };
        let gateway = start(driver, setup, &["match: { path: /old/* }, redirect: { prefix: /new }"]);
        let told = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.test\r\n";
        let reply = ask(&gateway, "/old/x", told).expect(308);
        assert_eq!(reply.values("location"), ["https://www.test/new/x"]);
        let reply = ask(&gateway, "/old/x", "X-Forwarded-Host: a b\r\n").expect(308);
        assert_eq!(reply.values("location"), ["http://gw.test/new/x"]);
        // Only the field that the gateway is set to is believed, and of it the element that tells of the client.
        let told_both = "Forwarded: proto=https\r\nX-Forwarded-Host: evil.test\r\n";
        let told_own = "Forwarded: for=9.9.9.9;proto=https;host=www.test\r\n";
        let told_of_proxies = "Forwarded: for=6.6.6.6;host=evil.test, for=9.9.9.9;proto=https;host=\"www.test:81\", \
            for=127.0.0.7;host=evil.test\r\n";
        let rfc7239 = "trusted_proxies: [127.0.0.0/8], forwarded: rfc7239";
        for (gateway, fields, expected) in [
            (rfc7239, told, "http://gw.test/new/x"),
            (rfc7239, told_own, "https://www.test/new/x"),
            (rfc7239, told_of_proxies, "https://www.test:81/new/x"),
            (rfc7239, told_both, "https://gw.test/new/x"),
            ("trusted_proxies: ['::ffff:127.0.0.0/104']", told, "https://www.test/new/x"),
            ("forwarded: rfc7239", told_own, "http://gw.test/new/x"),
            ("trusted_proxies: [127.0.0.0/8]", told_own, "http://gw.test/new/x"),
            ("trusted_proxies: [127.0.0.0/8], forwarded: off", told, "https://www.test/new/x"),
        ] {
            let setup = Setup { gateway, ..Setup::of(&origin) };
            let gateway = start(driver, setup, &["match: { path: /old/* }, redirect: { prefix: /new }"]);
            let reply = ask(&gateway, "/old/x", fields).expect(308);
            assert_eq!(reply.values("location"), [expected], "{fields}");
        }
    });
    with_routes(&["match: { path: /old/* }, redirect: { prefix: /new }"], |gateway, _| {
        let reply =
            ask(gateway, "/old/x", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.test\r\n").expect(308);
        assert_eq!(reply.values("location"), ["http://gw.test/new/x"], "nobody else is believed");
    });
}

const ANSWERS: [&str; 4] = [
    "match: { path: /ping }, respond: { body: pong }",
    "match: { path: /gone }, respond: { status: 410, headers: { Content-Type: application/json, X-A: b }, body: '{}' }",
    "match: { path: /none }, respond: { status: 204, headers: { X-A: b } }",
    "match: { path: /health }, respond: {}",
];

#[test]
fn an_answer_is_what_the_operator_wrote() {
    with_routes(&ANSWERS, |gateway, origin| {
        let mut client = gateway.connect();
        for (method, path, status, kind, length, body) in [
            ("GET", "/ping", 200, "text/plain; charset=utf-8", "4", "pong"),
            ("HEAD", "/ping", 200, "text/plain; charset=utf-8", "4", ""),
            ("GET", "/gone", 410, "application/json", "2", "{}"),
            ("POST", "/gone", 410, "application/json", "2", "{}"),
            ("HEAD", "/gone", 410, "application/json", "2", ""),
            ("GET", "/none", 204, "", "", ""),
            ("GET", "/health", 200, "", "0", ""),
            ("HEAD", "/health", 200, "", "0", ""),
        ] {
            client.send(format!("{method} {path} HTTP/1.1\r\nHost: gw.test\r\n\r\n"));
            let reply = client.reply_to(method).expect(status);
            assert_eq!(reply.text(), body, "{method} {path}");
            assert_eq!(reply.value("content-type").unwrap_or_default(), kind, "{method} {path}");
            assert_eq!(reply.value("content-length").unwrap_or_default(), length, "{method} {path}");
            assert!(!reply.says_close() && reply.value("date").is_some(), "{}", reply.head);
            assert_eq!(reply.value("x-a").is_some(), path == "/gone" || path == "/none");
        }
        let lines = gateway.logs_of(client.addr(), 8);
        assert!(lines.iter().all(|line| line["reason"] == "ok"), "{lines:?}");
        assert!(
            lines[0]["route"] == "r0" && lines[0]["bytes_out"] == 4 && lines[1]["bytes_out"] == 0,
            "{lines:?}"
        );
        assert_eq!(origin.requests().len(), 0);
        three_fresh(gateway);
    });
}

#[test]
fn an_answer_of_any_size_arrives_whole() {
    let body = "0123456789".repeat(30_000);
    let route = format!("match: {{ path: /large }}, respond: {{ body: '{body}' }}");
    with_routes(&[&route], |gateway, _| {
        let mut client = gateway.connect();
        for _ in 0..3 {
            client.send("GET /large HTTP/1.1\r\nHost: gw.test\r\n\r\n");
            assert!(client.reply().expect(200).text() == body);
        }
        client.send("GET /large HTTP/1.0\r\n\r\n");
        assert!(client.reply().expect(200).text() == body);
        assert_eq!(client.end(), End::Fin);
        three_fresh(gateway);
    });
}

#[test]
fn a_body_that_has_come_is_passed_over_and_one_that_may_not_come_ends_the_connection() {
    with_routes(&ANSWERS, |gateway, _| {
        let mut client = gateway.connect();
        for framing in
            ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
        {
            client.send(format!("POST /ping HTTP/1.1\r\nHost: gw.test\r\n{framing}"));
            let reply = client.reply().expect(200);
            assert!(!reply.says_close() && reply.text() == "pong", "{}", reply.head);
        }
        client.send(
            "POST /ping HTTP/1.1\r\nHost: gw.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        );
        let reply = client.reply().expect(200);
        assert!(reply.says_close() && reply.interim.is_empty(), "{}", reply.head);
        client.finish();
        assert_eq!(client.end(), End::Fin);
        three_fresh(gateway);
    });
}
