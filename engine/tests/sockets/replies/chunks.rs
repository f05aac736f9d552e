//! Chunks of answers: extensions dropped, trailers stripped, and a chunk that is broken ends the reply visibly: 502 if
//! nothing of it was sent, else cut without a last chunk (RFC 9112 §7.1, §8).

use super::Law::{Broken, Passed};
use super::{Case, Torn, ask, check};
use crate::support::{Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

macro_rules! reply {
    ($body:literal) => {
        concat!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", $body).as_bytes()
    };
}

#[test]
fn data_is_the_same_however_it_is_cut_into_chunks() {
    let hello = Passed(200, "hello");
    let cases: &[Case] = &[
        (reply!("5\r\nhello\r\n0\r\n\r\n"), hello),
        (reply!("1\r\nh\r\n004\r\nello\r\n000\r\n\r\n"), hello),
        (reply!("5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n"), hello),
        (reply!("0\r\n\r\n"), Passed(200, "")),
        (reply!("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), Passed(200, "0\r\n\r\n")),
        // Servers that pad their sizes.
        (reply!("5  \r\nhello\r\n0   \r\n\r\n"), hello),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_size_that_is_none_ends_the_reply_as_an_error() {
    let cases: &[Case] = &[
        (reply!("\r\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("g\r\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("-5\r\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("0x5\r\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!(" 5\r\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("10000000000000005\r\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("5\r\nhello\r\nzz\r\n\r\n"), Broken("hello")),
        (reply!("5\r\nhello\r\n\r\n0\r\n\r\n"), Broken("hello")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn line_ends_are_exact() {
    let cases: &[Case] = &[
        (reply!("5\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("5\rhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("5\r\nhello\n0\r\n\r\n"), Broken("hello")),
        (reply!("5\r\nhello0\r\n\r\n"), Broken("hello")),
        (reply!("4\r\nhello\r\n0\r\n\r\n"), Broken("hell")),
        (reply!("5\r\nhello\r\n0\n\r\n"), Broken("hello")),
        (reply!("5\r\nhello\r\n0\r\n\n"), Broken("hello")),
        (reply!("5;\x00\r\nhello\r\n0\r\n\r\n"), Broken("")),
        (reply!("5\r\nhello\r\n0\r\nX-T : 1\r\n\r\n"), Broken("hello")),
        (reply!("5\r\nhello\r\n0\r\nX-T: 1\n\r\n"), Broken("hello")),
        (reply!("5\r\nhello\r\n0\r\nX-T: 1\r\n folded\r\n\r\n"), Broken("hello")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn trailers_that_decide_something_are_dropped_and_others_passed() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (fields, trailers, passed) in [
            ("", "X-Checksum:  7 \r\nETag: \"e\"\r\n", &["X-Checksum: 7", "ETag: \"e\""][..]),
            ("", "Content-Length: 9\r\nX-A: 1\r\n", &["X-A: 1"]),
            ("", "Transfer-Encoding: chunked\r\nSet-Cookie: a=b\r\nX-A: 1\r\n", &["X-A: 1"]),
            ("", "Connection: close\r\nLocation: /evil\r\nContent-Type: x/y\r\nX-A: 1\r\n", &["X-A: 1"]),
            ("Connection: x-hop\r\n", "X-Hop: 1\r\nX-A: 1\r\n", &["X-A: 1"]),
        ] {
            let (name, mut client) = (Ids::next(), gateway.connect());
            origin.script(
                &name,
                format!("HTTP/1.1 200 OK\r\n{fields}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{trailers}\r\n"),
            );
            ask(&mut client, &format!("/script/{name}"));
            let reply = client.reply().expect(200);
            assert_eq!(reply.text(), "hello");
            assert_eq!(reply.trailers, passed, "{trailers:?}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn extensions_and_trailers_are_bounded() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for body in [
            format!("5;a={}\r\nhello\r\n0\r\n\r\n", "b".repeat(100_000)),
            format!("0\r\n{}\r\n", "X-T: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(5_000)),
            "1;aaaaaaaaaaaaaaaa\r\nx\r\n".repeat(2_000) + "0\r\n\r\n",
        ] {
            let (name, id, mut client) = (Ids::next(), Ids::next(), gateway.connect());
            origin.script(&name, format!("{head}{body}"));
            ask(&mut client, &format!("/script/{name}?{id}"));
            let reply = client.reply();
            let is_cut = reply.whole != crate::support::Whole::Yes;
            assert!(reply.status == 502 || is_cut, "{}", reply.head);
            assert!(super::never_reused(&origin, &id));
            three_fresh(&gateway);
        }
    });
}
