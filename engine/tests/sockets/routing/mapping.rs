//! What an upstream says of places reaches the client in the client's words, and internal addresses never show.

use super::{ask, with_routes};
use crate::support::three_fresh;
use tools::upstream::Origin;

/// A redirect of the origin with these fields; `{origin}` is its own address.
fn script(origin: &Origin, fields: &str) {
    let fields = fields.replace("{origin}", &origin.addr().to_string());
    origin.script("r", format!("HTTP/1.1 302 Found\r\n{fields}Content-Length: 0\r\n\r\n"));
}

const ROUTES: [&str; 4] = [
    "match: { path: /api/* }, rewrite: { strip_prefix: /api }, to: origin",
    "match: { path: /p/* }, rewrite: { prefix: /v2 }, to: origin",
    "match: { path: \"/users/{id}\" }, rewrite: { path: \"/v2/u/{id}\" }, to: origin",
    "match: { path: /h/* }, rewrite: { host: orders.svc }, to: origin",
];

#[test]
fn a_location_is_the_one_that_the_client_can_reach() {
    with_routes(&ROUTES, |gateway, origin| {
        for (path, location, expected) in [
            ("/plain", "http://{origin}/x?y#z", "http://gw.test/x?y#z"),
            ("/plain", "/x", "/x"),
            ("/plain", "https://id.test/login", "https://id.test/login"),
            ("/plain", "https://gw.test/x", "https://gw.test/x"),
            ("/api/a", "http://{origin}/x", "http://gw.test/api/x"),
            ("/api/a", "/x?y", "/api/x?y"),
            ("/api/a", "/api/x", "/api/x"),
            ("/api/a", "http://gw.test/x", "http://gw.test/api/x"),
            ("/api/a", "https://id.test/x", "https://id.test/x"),
            ("/api/a", "b", "b"),
            ("/p/a", "/v2/b", "/p/b"),
            ("/p/a", "/elsewhere", "/elsewhere"),
            ("/users/7", "/v2/u/8", "/users/8"),
            ("/h/a", "http://orders.svc/x", "http://gw.test/x"),
            ("/h/a", "https://orders.svc:81/x", "https://orders.svc:81/x"),
        ] {
            script(origin, &format!("Location: {location}\r\n"));
            let reply = ask(gateway, path, "X-Origin: /script/r\r\n").expect(302);
            assert_eq!(reply.values("location"), [expected], "{path} {location}");
        }
        three_fresh(gateway);
    });
}

#[test]
fn every_field_that_names_a_place_is_mapped_and_all_others_pass() {
    with_routes(&ROUTES, |gateway, origin| {
        script(
            origin,
            "X-A: http://{origin}/\r\nContent-Location: /x\r\nLocation: http://{origin}/y\r\nX-B: 1\r\n\
             Refresh: 3; url=http://{origin}/z\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Domain=127.0.0.1; Secure\r\n\
             Set-Cookie: c=3; Domain=gw.test\r\nlocation: /w\r\n",
        );
        let reply = ask(gateway, "/api/a", "X-Origin: /script/r\r\n").expect(302);
        assert_eq!(reply.values("location"), ["http://gw.test/api/y", "/api/w"]);
        assert_eq!(reply.values("content-location"), ["/api/x"]);
        assert_eq!(reply.values("refresh"), ["3; url=http://gw.test/api/z"]);
        let cookies = ["a=1; Path=/api", "b=2; Secure", "c=3; Domain=gw.test"];
        assert_eq!(reply.values("set-cookie"), cookies);
        assert_eq!((reply.values("x-b"), reply.values("x-a").len()), (vec!["1"], 1));
    });
}

#[test]
fn a_path_that_looks_like_a_host_stays_on_ours() {
    with_routes(&["match: { host: v2.test }, rewrite: { prefix: /v2 }, to: origin"], |gateway, origin| {
        script(origin, "Location: /v2//evil.test/\r\n");
        let mut client = gateway.connect();
        client.send("GET //evil.test HTTP/1.1\r\nHost: v2.test\r\nX-Origin: /script/r\r\n\r\n");
        let reply = client.reply().expect(302);
        assert_eq!(reply.values("location"), ["http://v2.test//evil.test/"]);
        assert_eq!(origin.requests().last().expect("it came").target(), "/v2//evil.test");
    });
}
