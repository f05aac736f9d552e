//! One route, several upstreams: canaries by field and by cookie, weights, and clients that stay on their side.

use super::{ask, start};
use crate::support::{Driver, Gateway, Setup, each_driver};
use tools::upstream::Origin;

/// A gateway whose route `/*` of `split.test` goes to `origin` and to `next`, as `route` says.
fn sides(driver: Driver, route: &str) -> (Gateway, [Origin; 2]) {
    let origins = [Origin::start(), Origin::start()];
    let upstreams = format!("  next: {{ endpoints: [{{ address: \"{}\" }}] }}\n", origins[1].addr());
    let setup = Setup { upstreams, ..Setup::of(&origins[0]) };
    (start(driver, setup, &[&format!("match: {{ host: gw.test }}, {route}")]), origins)
}

/// Requests that each origin has seen.
fn counts(origins: &[Origin; 2]) -> [usize; 2] {
    [origins[0].requests().len(), origins[1].requests().len()]
}

#[test]
fn a_canary_takes_what_fits_its_when_and_nothing_else() {
    each_driver(|driver| {
        let (gateway, origins) = sides(
            driver,
            "to: [{ upstream: origin }, { upstream: next, when: { headers: { X-Canary: always } } }, \
             { upstream: next, when: { cookies: { beta: \"regex:1|yes\" } } }]",
        );
        let mut expected = [0, 0];
        for (fields, side) in [
            ("", 0),
            ("X-Canary: always\r\n", 1),
            ("x-canary: always\r\n", 1),
            ("X-Canary: never\r\n", 0),
            ("Cookie: a=b; beta=yes\r\n", 1),
            ("Cookie: beta=yesterday\r\n", 0),
            ("Cookie: a=b\r\nCookie: beta=1\r\n", 1),
        ] {
            ask(&gateway, "/ok", fields).expect(200);
            expected[side] += 1;
            assert_eq!(counts(&origins), expected, "{fields:?}");
        }
        let mut client = gateway.connect();
        client.send("GET /ok HTTP/1.1\r\nHost: gw.test\r\nX-Canary: always\r\n\r\n");
        client.reply().expect(200);
        assert_eq!(gateway.log_of(client.addr())["upstream"], "next");
    });
}

#[test]
fn weights_share_the_requests_out() {
    each_driver(|driver| {
        let (gateway, origins) =
            sides(driver, "to: [{ upstream: origin, weight: 3 }, { upstream: next, weight: 1 }]");
        let mut client = gateway.connect();
        for _ in 0..400 {
            client.send("GET /ok HTTP/1.1\r\nHost: gw.test\r\n\r\n");
            client.reply().expect(200);
        }
        // 100 expected at `next`, with a standard deviation of 8.7: seven of them.
        let counts = counts(&origins);
        assert!((40..=160).contains(&counts[1]) && counts[0] + counts[1] == 400, "{counts:?}");
    });
}

#[test]
fn a_sticky_cookie_is_issued_once_and_honoured() {
    each_driver(|driver| {
        let (gateway, origins) = sides(
            driver,
            "sticky: { cookie: side, ttl: 1h }, to: [{ upstream: origin }, { upstream: next }]",
        );
        let mut sides_met = [false; 2];
        for _ in 0..20 {
            let before = counts(&origins);
            let reply = ask(&gateway, "/ok", "Cookie: other=1\r\n").expect(200);
            let cookies = reply.values("set-cookie");
            let [cookie] = cookies[..] else { panic!("one cookie is issued: {cookies:?}") };
            let (pair, attributes) = cookie.split_once("; ").expect("has attributes");
            assert!(pair.starts_with("side=") && pair.len() == 21, "{cookie}");
            assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=3600");
            let side = usize::from(counts(&origins)[1] > before[1]);
            sides_met[side] = true;
            for _ in 0..5 {
                let before = counts(&origins);
                let reply = ask(&gateway, "/ok", &format!("Cookie: a=b; {pair}\r\n")).expect(200);
                assert!(reply.value("set-cookie").is_none(), "{}", reply.head);
                assert_eq!(counts(&origins)[side], before[side] + 1, "{pair}");
            }
        }
        assert_eq!(sides_met, [true; 2]);
    });
}

#[test]
fn a_sticky_cookie_stands_beside_those_of_the_upstream() {
    each_driver(|driver| {
        let (gateway, origins) = sides(
            driver,
            "sticky: { cookie: side }, rewrite: { strip_prefix: /x }, to: [{ upstream: origin }, { upstream: next }]",
        );
        for origin in &origins {
            origin.script("c", "HTTP/1.1 200 OK\r\nSet-Cookie: own=1; Path=/\r\nContent-Length: 0\r\n\r\n");
        }
        let reply = ask(&gateway, "/x/script/c", "").expect(200);
        let cookies = reply.values("set-cookie");
        assert!(cookies.len() == 2 && cookies[0] == "own=1; Path=/x", "{cookies:?}");
        assert!(cookies[1].starts_with("side=") && cookies[1].ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    });
}

#[test]
fn a_sticky_field_decides_alone_and_is_the_same_after_a_restart() {
    each_driver(|driver| {
        let route = "sticky: { header: X-User }, to: [{ upstream: origin }, { upstream: next }]";
        let side_of = |gateway: &Gateway, origins: &[Origin; 2], user: usize| {
            let before = counts(origins);
            let reply = ask(gateway, "/ok", &format!("X-User: user-{user}\r\n")).expect(200);
            assert!(reply.value("set-cookie").is_none(), "{}", reply.head);
            counts(origins)[1] > before[1]
        };
        let (one, its) = sides(driver, route);
        let first: Vec<bool> = (0..20).map(|user| side_of(&one, &its, user)).collect();
        let (other, its) = sides(driver, route);
        let again: Vec<bool> = (0..20).map(|user| side_of(&other, &its, user)).collect();
        assert_eq!(first, again);
        assert!(first.contains(&true) && first.contains(&false));
    });
}
