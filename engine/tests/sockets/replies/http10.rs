//! HTTP/1.0 on either side: such a client gets no chunks and no interim replies, and such an origin's connection is
//! not used again unless it says so (RFC 9112 §6.1, §9.3; RFC 9110 §15.2).

use super::{ask, never_reused};
use crate::support::{Delimited, End, Gateway, Ids, Setup, Whole, each_driver, three_fresh};
use tools::upstream::{Origin, pattern};

#[test]
fn an_old_client_gets_the_body_without_chunks() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (path, delimited, body) in [
            ("/bytes/3000", Delimited::Length, pattern(3000)),
            ("/chunked/3000", Delimited::Close, pattern(3000)),
            ("/trailers", Delimited::Close, b"hello".to_vec()),
            ("/close-delimited/3000", Delimited::Close, pattern(3000)),
            ("/chunked/0", Delimited::Close, Vec::new()),
            ("/http10", Delimited::Close, pattern(1000)),
            ("/103", Delimited::Length, b"ok\n".to_vec()),
        ] {
            for connection in ["", "Connection: keep-alive\r\n"] {
                let mut client = gateway.connect();
                client.send(format!("GET {path} HTTP/1.0\r\nHost: a\r\n{connection}\r\n"));
                let reply = client.reply().expect(200);
                assert_eq!((reply.delimited, reply.interim.len()), (delimited, 0), "{path}: {}", reply.head);
                assert!(reply.body == body, "{path}: {} bytes", reply.body.len());
                assert!(reply.value("trailer").is_none() || path == "/trailers");
                if delimited == Delimited::Length && !connection.is_empty() {
                    // It has to be told that the connection lives on.
                    assert_eq!(reply.value("connection"), Some("keep-alive"), "{path}");
                    client.send("GET /ok HTTP/1.0\r\nHost: a\r\n\r\n").reply().expect(200);
                }
                assert_eq!(client.end(), End::Fin, "{path}");
            }
        }
        three_fresh(&gateway);
    });
}

#[test]
fn an_old_clients_request_reaches_the_origin_as_http_1_1() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        client.send("POST /echo HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        let reply = client.reply().expect(200);
        let text = reply.text();
        assert!(
            text.starts_with("POST /echo HTTP/1.1\r\n") && text.contains("Via: 1.0 ringgate\r\n"),
            "{text}"
        );
        assert!(reply.says_close());
        assert_eq!(client.end(), End::Fin);
    });
}

#[test]
fn an_old_origins_connection_is_used_again_only_if_it_says_so() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (fields, delimited) in [
            ("Content-Length: 5\r\n", Delimited::Length),
            ("Connection: close\r\nContent-Length: 5\r\n", Delimited::Length),
            ("Connection: keep-alive, close\r\nContent-Length: 5\r\n", Delimited::Length),
        ] {
            let (name, id, mut client) = (Ids::next(), Ids::next(), gateway.connect());
            origin.script(&name, format!("HTTP/1.0 200 OK\r\n{fields}\r\nhello"));
            ask(&mut client, &format!("/script/{name}?{id}"));
            let reply = client.reply().expect(200);
            assert_eq!((reply.text().as_str(), reply.delimited), ("hello", delimited), "{fields:?}");
            assert!(!reply.says_close(), "{}", reply.head);
            assert!(never_reused(&origin, &id), "{fields:?}");
            ask(&mut client, "/ok");
            client.reply().expect(200);
        }
        let mut client = gateway.connect();
        ask(&mut client, "/http10");
        let reply = client.reply().expect(200);
        assert_eq!((reply.delimited, reply.whole), (Delimited::Chunks, Whole::Yes));
        assert!(reply.body == pattern(1000));
        three_fresh(&gateway);
    });
}
