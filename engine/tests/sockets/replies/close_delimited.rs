//! Answers that end with their connection: chunked to HTTP/1.1 clients, whose connection lives on; by the close to
//! HTTP/1.0 clients (RFC 9112 §6.3 (8)).

use super::{ask, never_reused};
use crate::support::{Delimited, End, Gateway, Ids, Setup, each_driver, three_fresh, torn_reply};
use tools::upstream::{Origin, pattern};

#[test]
fn they_are_chunked_for_who_understands_it() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for bytes in [0, 1, 5000, 300_000] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            ask(&mut client, &format!("/close-delimited/{bytes}?{id}"));
            let reply = client.reply().expect(200);
            assert_eq!(reply.delimited, Delimited::Chunks, "{}", reply.head);
            assert!(reply.body == pattern(bytes), "{bytes}: {}", reply.body.len());
            assert!(!reply.says_close());
            assert!(never_reused(&origin, &id));
            ask(&mut client, "/ok");
            client.reply().expect(200);

            let mut client = gateway.connect();
            client.send(format!("GET /close-delimited/{bytes} HTTP/1.0\r\nHost: a\r\n\r\n"));
            let reply = client.reply().expect(200);
            assert_eq!(reply.delimited, Delimited::Close, "{}", reply.head);
            assert!(reply.body == pattern(bytes), "{bytes}: {}", reply.body.len());
            three_fresh(&gateway);
        }
    });
}

#[test]
fn they_are_the_same_wherever_they_are_torn() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let answer = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello";
        torn_reply(&gateway, &origin, answer, true, ask, |client, at, id| {
            let reply = client.reply().expect(200);
            assert_eq!(
                (reply.text().as_str(), reply.delimited),
                ("hello", Delimited::Chunks),
                "torn at {at}"
            );
            assert!(never_reused(&origin, id), "torn at {at}");
        });
        let ask_1_0 = |client: &mut crate::support::Client, target: &str| {
            client.send(format!("GET {target} HTTP/1.0\r\nHost: a\r\n\r\n"));
        };
        torn_reply(&gateway, &origin, answer, true, ask_1_0, |client, at, _| {
            let reply = client.reply().expect(200);
            assert_eq!((reply.text().as_str(), reply.delimited), ("hello", Delimited::Close), "torn at {at}");
            assert_eq!(client.end(), End::Fin);
        });
    });
}
