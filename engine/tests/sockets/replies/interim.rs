//! Interim replies: any number within a bound is passed on, to HTTP/1.0 clients none; their fields frame nothing
//! (RFC 9110 §15.2).

use super::Law::{Passed, Refused};
use super::{Case, Torn, ask, check, never_reused};
use crate::support::{Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

#[test]
fn interim_replies_frame_nothing() {
    let hello = Passed(200, "hello");
    let cases: &[Case] = &[
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            hello,
        ),
        (
            b"HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            hello,
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            hello,
        ),
        (b"HTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Passed(204, "")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20 OK\r\n\r\n", Refused("bad_status_line")),
        (b"HTTP/1.1 103 Early\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Refused("bare_lf")),
        (b"HTTP/1.1 100 Continue\r\n\r\nhello", Refused("bad_status_line")),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", Refused("upgrade_not_asked")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn early_hints_are_passed_with_their_fields() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (path, count) in [("/103", 1), ("/many-1xx/30", 30)] {
            let mut client = gateway.connect();
            ask(&mut client, path);
            let reply = client.reply().expect(200);
            assert_eq!((reply.text().as_str(), reply.interim.len()), ("ok\n", count));
            for (number, interim) in reply.interim.iter().enumerate() {
                let own = format!("Link: </style-{number}.css>; rel=preload");
                assert!(interim.starts_with("HTTP/1.1 103 ") && interim.contains(&own), "{interim}");
                assert!(!interim.to_ascii_lowercase().contains("content-length"), "{interim}");
            }
            let mut client = gateway.connect();
            client.send(format!("GET {path} HTTP/1.0\r\nHost: a\r\n\r\n"));
            assert_eq!(client.reply().expect(200).interim.len(), 0, "{path}");
            three_fresh(&gateway);
        }
    });
}

#[test]
fn a_flood_of_interim_replies_is_a_502() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for version in ["1.1", "1.0"] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(format!("GET /many-1xx/5000?{id} HTTP/{version}\r\nHost: a\r\n\r\n"));
            let reply = client.reply().expect(502);
            assert!(reply.interim.len() < 100, "{}", reply.interim.len());
            assert!(never_reused(&origin, &id));
            three_fresh(&gateway);
        }
    });
}
