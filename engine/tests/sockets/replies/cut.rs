//! A body that is cut must look cut to the client: no last chunk, an early close, and a reset where only the end of the
//! connection ends the body (RFC 9112 §8). A head that is cut is a 502.

use super::{ask, never_reused};
use crate::support::{Client, Gateway, Ids, Reply, Setup, Whole, each_driver, three_fresh};
use serde_json::Value;
use tools::upstream::Origin;

/// A GET of `target` by a client of `version`.
fn get(gateway: &Gateway, target: &str, version: &str) -> (Client, Reply) {
    let mut client = gateway.connect();
    client.send(format!("GET {target} HTTP/{version}\r\nHost: a\r\n\r\n"));
    let reply = client.reply();
    (client, reply)
}

#[test]
fn a_cut_body_looks_cut_to_each_client() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut clients = Vec::new();
        origin.script("endless", b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec());
        origin.script("empty", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec());
        for path in [
            "/cut-length?after=5",
            "/cut-length?after=50000",
            "/cut-length?after=0",
            "/cut-chunked?after=5",
            "/cut-chunked?after=50000",
            "/reset-mid-body?after=5",
            "/script-reset/endless?",
            "/script-close/empty?",
            "/script-reset/empty?",
        ] {
            for version in ["1.1", "1.0"] {
                let id = Ids::next();
                let (client, reply) = get(&gateway, &format!("{path}&{id}"), version);
                let told = format!("{path} to {version}: {}", reply.head);
                if reply.status != 502 {
                    assert_eq!(reply.status, 200, "{told}");
                    assert_ne!(reply.whole, Whole::Yes, "{told}: {} bytes", reply.body.len());
                    assert!(
                        tools::upstream::pattern(100_000).starts_with(&reply.body) || reply.body == b"hello"
                    );
                }
                assert!(never_reused(&origin, &id), "{told}");
                clients.push((client.addr(), told));
                three_fresh(&gateway);
            }
        }
        for (client, told) in clients {
            let is_cut =
                |line: &Value| line["reason"] == "upstream_cut" || line["reason"] == "upstream_reset";
            gateway.log_where(client, &told, is_cut);
        }
    });
}

#[test]
fn an_answer_cut_at_any_byte_is_never_taken_for_a_whole_one() {
    const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world";
    const CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n";
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for whole in [LENGTH, CHUNKS] {
            let head = whole.find("\r\n\r\n").unwrap() + 4;
            for (at, way, version) in (0..=whole.len())
                .flat_map(|at| ["script-close", "script-reset"].map(|way| (at, way)))
                .flat_map(|(at, way)| ["1.1", "1.0"].map(|version| (at, way, version)))
                // Resets take their time: every third boundary will do.
                .filter(|(at, way, _)| *way == "script-close" || at % 3 == 0)
            {
                let (name, id) = (Ids::next(), Ids::next());
                origin.script(&name, &whole.as_bytes()[..at]);
                let (_, reply) = get(&gateway, &format!("/{way}/{name}?{id}"), version);
                let told = format!("{way} at {at} to {version}: {} {}", reply.head, reply.text());
                let is_whole = reply.whole == Whole::Yes;
                if at == whole.len() {
                    assert!(reply.status == 200 && is_whole && reply.text() == "hello, world", "{told}");
                } else if at < head {
                    assert!(reply.status == 502 && is_whole, "{told}");
                } else {
                    let is_cut =
                        reply.status == 200 && !is_whole && "hello, world".starts_with(&reply.text());
                    assert!(is_cut || reply.status == 502 && is_whole, "{told}");
                }
                assert!(never_reused(&origin, &id), "{told}");
            }
            three_fresh(&gateway);
        }
    });
}

#[test]
fn an_end_instead_of_a_head_is_a_502() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for path in ["/close-before-head", "/reset-before-head"] {
            for method in ["GET", "POST"] {
                let mut client = gateway.connect();
                client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
                let reply = client.reply().expect(502);
                assert_eq!(reply.reason(), "upstream_reset", "{method} {path}");
                ask(&mut client, "/ok");
                client.reply().expect(200);
                three_fresh(&gateway);
            }
        }
    });
}
