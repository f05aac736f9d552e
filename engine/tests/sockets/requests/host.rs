//! Host: exactly one in HTTP/1.1, valid by grammar; an absolute-form target wins over it, and the forwarded Host
//! agrees with the target (RFC 9112 §3.2).

use super::Law::{Refused, Served, ServedLast};
use super::{Case, Seen, Torn, check, request};
use crate::support::{Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

macro_rules! host {
    ($fields:literal) => {
        concat!("GET /echo?{id} HTTP/1.1\r\n", $fields, "\r\n\r\n").as_bytes()
    };
}

const fn seen(line: &'static [&'static str]) -> super::Law {
    Served(Seen { body: "", has: line, lacks: &["evil"] })
}

#[test]
fn one_valid_host_is_passed_as_it_is() {
    let cases: &[Case] = &[
        (host!("Host: a"), seen(&["Host: a"])),
        (host!("host:A.Example.:8080"), seen(&["host:A.Example.:8080"])),
        (host!("Host: 127.0.0.1:80"), seen(&["Host: 127.0.0.1:80"])),
        (host!("Host: [::1]:80"), seen(&["Host: [::1]:80"])),
        (host!("Host: [2001:db8::7]"), seen(&["Host: [2001:db8::7]"])),
        (host!("Host: x_y-z.local"), seen(&["Host: x_y-z.local"])),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn none_or_two_are_refused() {
    let cases: &[Case] = &[
        (b"GET /echo?{id} HTTP/1.1\r\n\r\n", Refused(400, "host_missing")),
        (host!("X-Y: z"), Refused(400, "host_missing")),
        (host!("Host: a\r\nHost: b"), Refused(400, "host_twice")),
        (host!("Host: a\r\nHost: a"), Refused(400, "host_twice")),
        (host!("Host: a\r\nX-Y: z\r\nhost: a"), Refused(400, "host_twice")),
        (b"GET /echo?{id} HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Refused(400, "host_twice")),
        (b"GET http://a/echo?{id} HTTP/1.1\r\n\r\n", Refused(400, "host_missing")),
        (b"GET http://a/echo?{id} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Refused(400, "host_twice")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn what_is_no_host_is_refused() {
    let bad = Refused(400, "host_invalid");
    let cases: &[Case] = &[
        (host!("Host:"), bad),
        (host!("Host: a b"), bad),
        (host!("Host: a, b"), bad),
        (host!("Host: user@a"), bad),
        (host!("Host: user:word@a"), bad),
        (host!("Host: a/path"), bad),
        (host!("Host: a?query"), bad),
        (host!("Host: a#fragment"), bad),
        (host!("Host: http://a"), bad),
        (host!("Host: \"a\""), bad),
        (host!("Host: a<b>"), bad),
        (host!("Host: a\\b"), bad),
        (host!("Host: [::1"), bad),
        (host!("Host: ::1"), bad),
        (host!("Host: [::1]x"), bad),
        (host!("Host: [::1]:x"), bad),
        (host!("Host: [evil]"), bad),
        (host!("Host: a:b"), bad),
        (host!("Host: a:80x"), bad),
        (host!("Host: a:-1"), bad),
        (host!("Host: a:65536"), bad),
        (host!("Host: a:80:81"), bad),
        (host!("Host: :80"), bad),
        (host!("Host: a%"), bad),
        (host!("Host: \u{e9}"), bad),
        (host!("Host: a\tb"), bad),
        (host!("Host: a\x00b"), Refused(400, "nul")),
    ];
    check(Torn::Nowhere, cases);
}

#[test]
fn an_absolute_target_wins_over_host() {
    let cases: &[Case] = &[
        (b"GET http://abs.test/echo?{id} HTTP/1.1\r\nHost: evil.test\r\n\r\n", seen(&["Host: abs.test"])),
        (b"GET HTTP://Abs.Test:81/echo?{id} HTTP/1.1\r\nHost: evil\r\n\r\n", seen(&["Host: Abs.Test:81"])),
        (b"GET http://abs.test/echo?{id} HTTP/1.1\r\nHost: abs.test\r\n\r\n", seen(&["Host: abs.test"])),
        (b"GET http://u@abs.test/echo?{id} HTTP/1.1\r\nHost: abs.test\r\n\r\n", Refused(400, "bad_target")),
        (b"GET http:///echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n", Refused(400, "bad_target")),
        (b"GET http://a/echo?{id} HTTP/1.1\r\nHost: b c\r\n\r\n", Refused(400, "host_invalid")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn http_1_0_may_leave_it_out_and_the_origin_still_gets_one() {
    let last = |line| ServedLast(Seen { body: "", has: line, lacks: &[] });
    let cases: &[Case] = &[
        (b"GET /echo?{id} HTTP/1.0\r\nHost: old\r\n\r\n", last(&["Host: old"])),
        (b"GET http://abs.test/echo?{id} HTTP/1.0\r\n\r\n", last(&["Host: abs.test"])),
    ];
    check(Torn::Everywhere, cases);

    // Its own, which it is reached by: an empty one is refused by many.
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for fields in ["", "X-Forwarded-Host: evil\r\n"] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(format!("GET /echo?{id} HTTP/1.0\r\n{fields}\r\n")).reply().expect(200);
            let seen = request(&origin, &id);
            assert_eq!(seen.values("host"), [origin.addr().to_string()], "{}", seen.text());
            assert_eq!(seen.values("x-forwarded-host"), [""; 0], "{}", seen.text());
        }
        three_fresh(&gateway);
    });
}
