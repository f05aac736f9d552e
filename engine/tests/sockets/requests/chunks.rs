//! Chunks: hex digits, bounded; extensions dropped; CRLF exact; trailers parsed, bounded, and stripped of what frames,
//! routes or authenticates (RFC 9112 §7.1, RFC 9110 §6.5).

use super::Law::{Refused, Served};
use super::{Case, Seen, Torn, check, request};
use crate::support::{Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

macro_rules! post {
    ($body:literal) => {
        concat!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", $body).as_bytes()
    };
}

const HELLO: Seen = Seen { body: "hello", has: &["Transfer-Encoding: chunked"], lacks: &["content-length"] };
const EMPTY: Seen = Seen { body: "", ..HELLO };
const BROKEN: super::Law = Refused(400, "body_framing");

#[test]
fn data_is_the_same_however_it_is_cut_into_chunks() {
    let cases: &[Case] = &[
        (post!("5\r\nhello\r\n0\r\n\r\n"), Served(HELLO)),
        (post!("1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n"), Served(HELLO)),
        (post!("00000005\r\nhello\r\n000\r\n\r\n"), Served(HELLO)),
        (post!("0\r\n\r\n"), Served(EMPTY)),
        (post!("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"), {
            Served(Seen { body: "01234567890123456789a", ..HELLO })
        }),
        (post!("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), Served(Seen { body: "0\r\n\r\n", ..HELLO })),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn extensions_are_dropped() {
    let cases: &[Case] = &[
        (post!("5;a\r\nhello\r\n0;last\r\n\r\n"), Served(HELLO)),
        (post!("5;a=b;c=\"d;e\\\"f\"\r\nhello\r\n0\r\n\r\n"), Served(HELLO)),
        (post!("5 ; a = b\r\nhello\r\n0\r\n\r\n"), Served(HELLO)),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_size_that_is_none_ends_the_message_as_an_error() {
    let cases: &[Case] = &[
        (post!("\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("g\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("-5\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("+5\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("0x5\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!(" 5\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5 \r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5_\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5 5\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5\x0b\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5\u{ff15}\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("10000000000000005\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("00000000000000005\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\nzz\r\n\r\n"), BROKEN),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn line_ends_are_exact() {
    let cases: &[Case] = &[
        (post!("5\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5\rhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5\r\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\n0\r\n\r\n"), BROKEN),
        (post!("5\r\nhello0\r\n\r\n"), BROKEN),
        (post!("5\r\nhelloXX\r\n0\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r0\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\n\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\nX"), BROKEN),
        (post!("4\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5;a\nb\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n"), BROKEN),
        (post!("5;\x00\r\nhello\r\n0\r\n\r\n"), BROKEN),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_broken_trailer_section_is_refused() {
    let cases: &[Case] = &[
        (post!("5\r\nhello\r\n0\r\nX-T: 1\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\nX-T 1\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\nX-T : 1\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\n: 1\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\nX-T: 1\r\n folded\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\nX-T: a\x00b\r\n\r\n"), BROKEN),
        (post!("5\r\nhello\r\n0\r\nX-T: a\rb\r\n\r\n"), BROKEN),
    ];
    check(Torn::Everywhere, cases);
}

/// A request with `trailers`, and the trailer section that reached the origin.
fn passed_on(gateway: &Gateway, origin: &Origin, fields: &str, trailers: &str) -> String {
    let id = Ids::next();
    let mut client = gateway.connect();
    client.send(format!(
        "POST /echo?{id} HTTP/1.1\r\nHost: a\r\n{fields}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{trailers}\r\n"
    ));
    client.reply().expect(200);
    let seen = request(origin, &id);
    assert_eq!(seen.body, b"hello");
    String::from_utf8(seen.trailers).unwrap()
}

#[test]
fn trailers_that_decide_something_are_dropped_and_others_passed() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let pass = |fields: &str, trailers: &str| passed_on(&gateway, &origin, fields, trailers);
        assert_eq!(pass("", "X-Checksum:  abc \r\nETag: \"1\"\r\n"), "X-Checksum: abc\r\nETag: \"1\"\r\n");
        for decides in [
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
            "Host: evil",
            "Connection: close",
            "Authorization: Basic x",
            "Cookie: a=b",
            "Content-Type: text/html",
            "Content-Encoding: gzip",
            "X-Forwarded-For: 1.2.3.4",
            "X-Request-Id: mine",
            "Via: 1.1 me",
            "Expect: 100-continue",
            "Upgrade: websocket",
            "TE: trailers",
            "Trailer: X",
            "Range: bytes=0-1",
            "Max-Forwards: 1",
            "Cache-Control: no-store",
        ] {
            assert_eq!(pass("", &format!("{decides}\r\nX-A: 1\r\n")), "X-A: 1\r\n", "{decides}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn trailers_that_connection_names_are_dropped() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let trailers = "X-Hop: 1\r\nX-End: 2\r\nETag: \"e\"\r\n";
        let passed = passed_on(&gateway, &origin, "Connection: x-hop, etag\r\n", trailers);
        assert_eq!(passed, "X-End: 2\r\n");
    });
}

#[test]
fn extensions_and_trailers_are_bounded() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let huge_extension = format!("5;a={}", "b".repeat(100_000));
        let endless_trailers =
            format!("0\r\n{}", "X-T: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(2_000));
        let tiny_chunks = "1;aaaaaaaaaaaaaaaa\r\nx\r\n".repeat(2_000);
        for body in [huge_extension, endless_trailers, tiny_chunks] {
            let mut client = gateway.connect();
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            // What comes past the bound may find the connection closed.
            drop(client.try_send(&body));
            let reply = client.reply().expect(400);
            assert!(reply.says_close(), "{}", reply.head);
            assert_eq!(gateway.log_of(client.addr())["status"], 400);
            three_fresh(&gateway);
        }
    });
}
