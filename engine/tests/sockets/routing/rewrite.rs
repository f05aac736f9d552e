//! Rewrites: the path in each way, the host, and what is refused.

use super::{ask, seen, with_routes};
use crate::requests::request;
use crate::support::{Ids, three_fresh};

#[test]
fn a_path_is_rewritten_in_each_way_and_the_query_stays() {
    let routes = [
        "match: { path: /strip/* }, rewrite: { strip_prefix: /strip }, to: origin",
        "match: { path: [/p/*, \"/users/{id}/*\"] }, rewrite: { prefix: /v2 }, to: origin",
        "match: { path: \"/t/{kind}/{id}\" }, rewrite: { path: \"/v2/{id}/{kind}\" }, to: origin",
        "match: { path: /a/* }, rewrite: { regex: { match: \"^/a/([^/]+)/(.*)$\", to: \"/b/$2/$1\" } }, to: origin",
        "match: { path: /g/* }, rewrite: { regex: { match: \"^/g/([0-9]+)/(?P<user>.+)$\", to: \"/${user}/${1}0\" } }, to: origin",
        "match: { host: gw.test, path: \"regex:(?x) /c/(?P<id>[0-9]+) # comment\" }, rewrite: { path: \"/id/{id}\" }, to: origin",
    ];
    with_routes(&routes, |gateway, origin| {
        for (path, expected) in [
            ("/strip/x", "/x"),
            ("/strip", "/"),
            ("/strip/", "/"),
            ("/stripped", "/stripped"),
            ("/p/x/y", "/v2/x/y"),
            ("/p", "/v2"),
            ("/users/7/orders", "/v2/orders"),
            ("/users/7", "/v2"),
            ("/t/orders/%7e7", "/v2/~7/orders"),
            ("/a/x/y/z", "/b/y/z/x"),
            ("/a/x", "/a/x"),
            ("/g/7/ann", "/ann/70"),
            ("/c/17", "/id/17"),
            ("/./strip/%2e%2e/p/a%2fb", "/v2/a%2Fb"),
        ] {
            let seen = seen(gateway, origin, path);
            let (found, query) = seen.target().split_once('?').expect("has its query");
            assert_eq!(found, expected, "{path}");
            assert!(!query.contains('?'), "{path}");
        }
        three_fresh(gateway);
    });
}

#[test]
fn what_a_capture_would_smuggle_in_is_refused() {
    let to = "rewrite: { regex: { match: \"^/x/(.*)-(.*)$\", to: \"/$1/$2\" } }, to: origin";
    with_routes(&[&format!("match: {{ path: /x/* }}, {to}")], |gateway, origin| {
        for path in ["/x/a-..", "/x/..-a", "/x/-.", "/x/a-./b"] {
            let reply = ask(gateway, path, "").expect(400);
            let told = (reply.reason(), reply.detail());
            assert_eq!(told, ("bad_request".into(), "rewrite_not_canonical".into()), "{path}");
        }
        assert_eq!(origin.requests().len(), 0);
        three_fresh(gateway);
    });
}

// Gateway API, HTTPURLRewriteFilter.hostname: "the value to be used to replace the Host header value during forwarding".
#[test]
fn the_host_is_rewritten_and_the_clients_is_told() {
    let routes =
        ["match: { path: /h/* }, rewrite: { host: \"orders.internal:81\", strip_prefix: /h }, to: origin"];
    with_routes(&routes, |gateway, origin| {
        let id = Ids::next();
        ask(gateway, &format!("/h/ok?{id}"), "").expect(200);
        let seen = request(origin, &id);
        assert_eq!(seen.target(), format!("/ok?{id}"));
        assert_eq!(seen.values("host"), ["orders.internal:81"]);
        assert_eq!(seen.values("x-forwarded-host"), ["gw.test"]);
        three_fresh(gateway);
    });
}

#[test]
fn options_for_the_server_as_a_whole_keeps_its_target() {
    with_routes(&["match: { host: star.test }, rewrite: { prefix: /v2 }, to: origin"], |gateway, origin| {
        let mut client = gateway.connect();
        client.send("OPTIONS * HTTP/1.1\r\nHost: star.test\r\nX-Origin: /ok\r\n\r\n");
        client.reply_to("OPTIONS").expect(200);
        assert_eq!(origin.requests().last().expect("it came").target(), "*");
    });
}
