//! 204, 304 and answers to HEAD have no body whatever their fields say (RFC 9112 §6.3, RFC 9110 §8.6).

use super::Law::{Passed, Refused};
use super::{Case, Torn, ask, check};
use crate::support::{Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

#[test]
fn no_status_without_body_gets_one() {
    let cases: &[Case] = &[
        (b"HTTP/1.1 204 No Content\r\n\r\n", Passed(204, "")),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Passed(204, "")),
        (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", Passed(204, "")),
        (b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", Passed(304, "")),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", Passed(304, "")),
        (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", Passed(304, "")),
        // RFC 9110 §15.3.6: its content is announced as none, in any of these ways.
        (b"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", Passed(205, "")),
        (b"HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Passed(205, "")),
        (b"HTTP/1.1 205 Reset\r\nContent-Length: 5\r\n\r\nhello", Refused("reset_content_with_body")),
        (
            b"HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            Refused("reset_content_with_body"),
        ),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_length_is_kept_only_where_it_informs() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (method, answer, length) in [
            ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5", None),
            ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0", None),
            ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000", Some("1000")),
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000", Some("1000")),
            ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", None),
            ("HEAD", "HTTP/1.1 204 No Content\r\nContent-Length: 5", None),
            ("GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0", Some("0")),
            ("GET", "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n0", Some("0")),
        ] {
            let (name, mut client) = (Ids::next(), gateway.connect());
            origin.script(&name, format!("{answer}\r\n\r\n"));
            client.send(format!("{method} /script/{name} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let reply = client.reply_to(method);
            assert_eq!(reply.value("content-length"), length, "{method} {answer:?}: {}", reply.head);
            assert!(reply.status == 205 || method == "HEAD" || reply.value("transfer-encoding").is_none());
            ask(&mut client, "/ok");
            client.reply().expect(200);
        }
        three_fresh(&gateway);
    });
}

#[test]
fn the_connections_live_on_behind_an_answer_without_body() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        for (method, path) in [
            ("HEAD", "/bytes/30"),
            ("HEAD", "/chunked/30"),
            ("HEAD", "/close-delimited/30"),
            ("HEAD", "/status/404"),
            ("GET", "/status/204"),
            ("GET", "/304"),
            ("HEAD", "/304"),
        ] {
            client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            assert_eq!(client.reply_to(method).body, b"", "{method} {path}");
        }
        // The one that closes has cost a connection.
        assert_eq!(origin.connections(), 2);
        three_fresh(&gateway);
    });
}
