//! What every client expects: methods, kept connections, both address families, bodies of any size intact in both
//! directions, and a slow reader that slows nobody else.

use crate::requests::request;
use crate::support::{Client, End, Gateway, Ids, Setup, Whole, each_driver, three_fresh};
use tools::upstream::{Origin, Recording, pattern};

const MIB: usize = 1024 * 1024;

/// The origin's pattern, made block by block.
fn letters(bytes: usize) -> Vec<u8> {
    let block = pattern(26 * 1024);
    let mut all = block.repeat(bytes.div_ceil(block.len()));
    all.truncate(bytes);
    all
}

#[test]
fn every_method_reaches_the_origin_and_its_answer_the_client() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        for method in
            ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "brew"]
        {
            for body in ["", "hello"] {
                let id = Ids::next();
                client.send(format!(
                    "{method} /echo?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ));
                let reply = client.reply_to(method).expect(200);
                let seen = request(&origin, &id);
                assert_eq!((seen.method(), &seen.body[..]), (method, body.as_bytes()));
                assert!(method == "HEAD" || reply.body == [&seen.head[..], &seen.body].concat());
            }
        }
        assert_eq!(origin.connections(), 1, "one client's requests one by one need one connection");
    });
}

#[test]
fn a_kept_connection_serves_exchange_after_exchange() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        for (path, status) in
            [("/ok", 200), ("/status/404", 404), ("/chunked/3000", 200), ("/status/500", 500)]
        {
            for _ in 0..5 {
                client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                assert!(!client.reply().expect(status).says_close());
            }
        }
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(client.reply().expect(200).says_close());
        assert_eq!(client.end(), End::Fin);
        assert_eq!(gateway.logs_of(client.addr(), 21).len(), 21);
        assert_eq!(origin.connections(), 1);
    });
}

#[test]
fn a_request_id_is_made_or_passed_and_told_in_the_log() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (sent, passed) in
            [("", false), ("X-Request-Id: mine-1\r\n", true), ("X-Request-Id: a b\r\n", false)]
        {
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(format!("GET /echo?{id} HTTP/1.1\r\nHost: a\r\n{sent}\r\n"));
            client.reply().expect(200);
            let seen = request(&origin, &id).values("x-request-id");
            assert_eq!(seen.len(), 1, "{seen:?}");
            assert_eq!(seen[0] == "mine-1", passed, "{seen:?}");
            assert!(passed || seen[0].len() == 36 && seen[0].as_bytes()[14] == b'7', "UUIDv7: {seen:?}");
            assert_eq!(gateway.log_of(client.addr())["request_id"], seen[0]);
        }
    });
}

#[test]
fn the_host_asked_for_and_the_client_are_told_to_the_origin() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("this machine has no IPv6 loopback: this test is passed by");
        return;
    }
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { bind: "[::1]:0", ..Setup::of(&origin) });
        let (id, mut client) = (Ids::next(), gateway.connect());
        client.send(format!("GET /echo?{id} HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"));
        client.reply().expect(200);
        let seen = request(&origin, &id);
        assert_eq!(seen.value("x-forwarded-for").as_deref(), Some("::1"));
        assert_eq!(seen.value("host").as_deref(), Some("[::1]:8080"));
        assert_eq!(seen.value("x-forwarded-host").as_deref(), Some("[::1]:8080"));
        assert!(gateway.log_of(client.addr())["client_ip"] == "::1");
        three_fresh(&gateway);
    });
}

#[test]
fn large_answers_come_intact() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (path, bytes) in [
            (format!("/bytes/{MIB}"), MIB),
            (format!("/chunked/{MIB}?size=50000"), MIB),
            (format!("/close-delimited/{MIB}"), MIB),
            (format!("/bytes/{}", 50 * MIB), 50 * MIB),
        ] {
            let mut client = gateway.connect();
            for _ in 0..2 {
                client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                let reply = client.reply().expect(200);
                assert!(reply.body == letters(bytes), "{path}: {} bytes", reply.body.len());
                if bytes > MIB {
                    break;
                }
            }
            let line = gateway.log_of(client.addr());
            assert!(line["bytes_out"] == bytes && line["reason"] == "ok", "{line}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn large_uploads_arrive_intact() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (bytes, chunk) in [(MIB, None), (MIB, Some(50_000)), (50 * MIB, None)] {
            let (id, mut client, body) = (Ids::next(), gateway.connect(), letters(bytes));
            match chunk {
                None => {
                    client.send(format!(
                        "POST /ok?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n"
                    ));
                    client.send(&body);
                }
                Some(size) => {
                    client.send(format!(
                        "POST /ok?{id} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    ));
                    for piece in body.chunks(size) {
                        client.send(format!("{:x}\r\n", piece.len())).send(piece).send("\r\n");
                    }
                    client.send("0\r\n\r\n");
                }
            }
            client.reply().expect(200);
            let seen = request(&origin, &id);
            assert!(seen.body == body, "{bytes} {chunk:?}: {}", seen.body.len());
            assert_eq!(gateway.log_of(client.addr())["bytes_in"], bytes);
        }
        three_fresh(&gateway);
    });
}

#[test]
fn both_directions_flow_at_once() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let (mut client, body) = (gateway.connect(), letters(4 * MIB));
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
        client.send(&body);
        let reply = client.reply().expect(200);
        assert!(reply.body.ends_with(&body));
        three_fresh(&gateway);
    });
}

#[test]
fn a_reader_that_stops_slows_nobody_else_and_loses_nothing() {
    each_driver(|driver| {
        // Nothing is recorded, so that what the sockets hold is all that is in memory.
        let origin = Origin::bind(([127, 0, 0, 1], 0).into(), Recording::Off).unwrap();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let bytes = 50 * MIB;
        let mut stopped: Vec<Client> = ["/bytes", "/chunked", "/close-delimited"]
            .into_iter()
            .map(|path| {
                let mut client = gateway.connect();
                // Chunks are made in memory by the origin: fewer will do.
                let bytes = if path == "/chunked" { 8 * MIB } else { bytes };
                client.send(format!("GET {path}/{bytes}?size=100000 HTTP/1.1\r\nHost: a\r\n\r\n"));
                client.read_until(|come| come.len() > 1000);
                client
            })
            .collect();
        for _ in 0..20 {
            three_fresh(&gateway);
        }
        for (client, bytes) in stopped.iter_mut().zip([bytes, 8 * MIB, bytes]) {
            let reply = client.reply();
            assert!(reply.whole == Whole::Yes && reply.body == letters(bytes), "{} bytes", reply.body.len());
        }
    });
}
