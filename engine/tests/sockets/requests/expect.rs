//! Expect: 100-continue is passed on and its 100 passed back, never to an HTTP/1.0 client; other expectations are 417
//! (RFC 9110 §10.1.1).

use super::Law::{Refused, Served, ServedLast};
use super::{Case, Seen, Torn, check, request};
use crate::support::{End, Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

macro_rules! post {
    ($fields:literal) => {
        concat!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n", $fields, "\r\n\r\nhello")
            .as_bytes()
    };
}

const PASSED: Seen = Seen { body: "hello", has: &["Expect: 100-continue"], lacks: &[] };

#[test]
fn one_expectation_is_known() {
    let failed = Refused(417, "expectation_failed");
    let cases: &[Case] = &[
        (post!("Expect: 100-continue"), Served(PASSED)),
        (post!("expect: 100-Continue"), Served(PASSED)),
        (post!("Expect: 200-ok"), failed),
        (post!("Expect: 100-continue, fast"), failed),
        (post!("Expect: 100-continue\r\nExpect: fast"), failed),
        (post!("Expect: 100"), failed),
        (post!("Expect:"), failed),
        (
            b"POST /echo?{id} HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
            ServedLast(Seen { body: "hello", has: &[], lacks: &["expect"] }),
        ),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_client_that_waits_gets_the_origins_100_before_its_body_is_sent() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (framing, body) in
            [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")]
        {
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(format!(
                "POST /echo?{id} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{framing}\r\n\r\n"
            ));
            let interim = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
            assert!(interim.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(interim));
            client.send(body);
            assert_eq!(client.reply().expect(200).interim.len(), 1);
            assert_eq!(request(&origin, &id).body, b"hello");
            three_fresh(&gateway);
        }
    });
}

#[test]
fn a_refusal_instead_of_100_reaches_the_client_that_waits() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for target in ["/early-answer", "/early-answer-close"] {
            let mut client = gateway.connect();
            client.send(format!(
                "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
            ));
            let reply = client.reply().expect(200);
            assert_eq!((reply.text().as_str(), reply.interim.len()), ("early\n", 0));
            assert!(reply.says_close(), "whether the body will come is not known: {}", reply.head);
            assert_eq!(client.end(), End::Fin);
            three_fresh(&gateway);
        }
    });
}

#[test]
fn a_100_that_nobody_asked_for_does_no_harm() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for version in ["1.1", "1.0"] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            let head =
                format!("POST /100-continue?{id} HTTP/{version}\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
            client.send(head + "hello");
            let reply = client.reply().expect(200);
            assert!(reply.interim.is_empty() || version == "1.1", "{:?}", reply.interim);
            assert!(reply.text().ends_with("hello"), "{}", reply.text());
            three_fresh(&gateway);
        }
    });
}

#[test]
fn a_body_past_the_limit_is_refused_before_it_is_asked_for() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "body_bytes: 4B", ..Setup::of(&origin) });
        let mut client = gateway.connect();
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(client.reply().expect(413).interim.len(), 0);
        assert_eq!(client.end(), End::Fin);
        assert_eq!(origin.connections(), 0);
    });
}
