//! Version: HTTP/1.0 and 1.1; others are 400 or 505, and what is not HTTP/1 at all gets a clean refusal
//! (RFC 9112 §2.3).

use super::Law::{Refused, Served, ServedLast};
use super::{Case, Seen, Torn, check};
use crate::support::{End, Gateway, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

macro_rules! version {
    ($version:literal) => {
        concat!("GET /echo?{id}", $version, "\r\nHost: a\r\n\r\n").as_bytes()
    };
}

#[test]
fn versions_1_0_and_1_1_are_served_and_no_other() {
    let (no, bad) = (Refused(505, "version_not_supported"), Refused(400, "not_http"));
    let seen = Seen { body: "", has: &["Via: 1.1 ringgate"], lacks: &["http/1.0"] };
    let seen_1_0 = Seen { has: &["Via: 1.0 ringgate"], ..seen };
    let cases: &[Case] = &[
        (version!(" HTTP/1.1"), Served(seen)),
        (version!(" HTTP/1.0"), ServedLast(seen_1_0)),
        (version!(" HTTP/1.2"), no),
        (version!(" HTTP/1.9"), no),
        (version!(" HTTP/2.0"), no),
        (version!(" HTTP/0.9"), no),
        (version!(" HTTP/3.0"), no),
        (version!(""), bad),
        (version!(" "), bad),
        (version!(" HTTP/1"), bad),
        (version!(" HTTP/2"), no),
        (version!(" HTTP/1."), bad),
        (version!(" HTTP/1.11"), bad),
        (version!(" HTTP/11.1"), bad),
        (version!(" HTTP/1,1"), bad),
        (version!(" HTTP/1.1 "), bad),
        (version!(" HTTP/1.1 x"), bad),
        (version!(" HTTP/ 1.1"), bad),
        (version!(" http/1.1"), bad),
        (version!(" HTTPS/1.1"), bad),
        (version!(" ICY/1.1"), bad),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn http_0_9_is_never_served() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for line in ["GET /echo\r\n", "GET /echo\r\n\r\n", "GET /echo \r\n"] {
            let mut client = gateway.connect();
            client.send(line).finish();
            client.reply().expect(400);
            assert_eq!(client.end(), End::Fin);
        }
        three_fresh(&gateway);
        assert!(origin.requests().iter().all(|request| request.target().contains("fresh")));
    });
}

#[test]
fn other_protocols_get_a_clean_refusal() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghijklmnop";
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (bytes, status, why) in [
            (PREFACE, 505, "version_not_supported"),
            (HELLO, 400, "tls_on_plain_port"),
            (b"\x80\x2e\x01\x03\x02", 400, "bad_method"),
            (b"\x05\x01\x02", 400, "bad_method"),
            (b"EHLO a.example\r\n", 400, "not_http"),
            (b"\xff\xff\xff\xff", 400, "bad_method"),
        ] {
            let mut client = gateway.connect();
            client.send(bytes);
            let reply = client.reply().expect(status);
            let given = if reply.detail().is_empty() { reply.reason() } else { reply.detail() };
            assert_eq!(given, why, "{bytes:?}");
            assert_eq!(client.end(), End::Fin);
            three_fresh(&gateway);
        }
    });
}
