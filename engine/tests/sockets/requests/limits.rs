//! Limits: one long line, many fields, a large body, a slow head or body and too many connections are bounded in bytes
//! and time; each has its own answer and its own reason in the log, and all others go on untouched.

use crate::support::{Client, End, Gateway, Ids, Setup, each_driver, three_fresh};
use std::time::{Duration, Instant};
use tools::upstream::{BodyEnd, Connection, Origin, Request};

/// The gateway's answer `status` for `reason`, logged so, with the connection closed behind it.
#[track_caller]
fn refused(gateway: &Gateway, client: &mut Client, status: u16, reason: &str) {
    let reply = client.reply().expect(status);
    assert_eq!(reply.reason(), reason);
    assert!(reply.says_close());
    assert_eq!(client.end(), End::Fin);
    let line = gateway.log_of(client.addr());
    assert!(line["status"] == status && line["reason"] == reason, "{line}");
    three_fresh(gateway);
}

#[test]
fn a_head_past_a_limit_is_414_or_431() {
    each_driver(|driver| {
        let origin = Origin::start();
        let limits = "header_bytes: 2KiB, headers: 20, target_bytes: 256B";
        let gateway = Gateway::start(driver, &Setup { limits, ..Setup::of(&origin) });
        let get = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let long = |bytes: usize| format!("X-Long: {}\r\n", "a".repeat(bytes));
        let target = |bytes: usize| format!("/echo?{}", "q".repeat(bytes - 6));
        for (head, status, reason) in [
            (get(&target(257), ""), 414, "target_too_long"),
            (get(&target(100_000), ""), 414, "target_too_long"),
            (get("/echo", &long(3000)), 431, "head_too_large"),
            (get("/echo", &long(200_000)), 431, "head_too_large"),
            (get("/echo", &"X-A: b\r\n".repeat(20)), 431, "too_many_fields"),
            (get("/echo", &"X-A: b\r\n".repeat(10_000)), 431, "too_many_fields"),
            (get("/echo", &"a:\r\n".repeat(10_000)), 431, "too_many_fields"),
        ] {
            let mut client = gateway.connect();
            // The gateway may have answered and closed before all of it was sent.
            drop(client.try_send(&head));
            refused(&gateway, &mut client, status, reason);
            let mut client = gateway.connect();
            for piece in head.as_bytes().chunks(500) {
                drop(client.try_send(piece));
            }
            refused(&gateway, &mut client, status, reason);
        }
        let fits = get("/echo", "");
        for head in [
            get(&target(256), ""),
            get("/echo", &"X-A: b\r\n".repeat(19)),
            get("/echo", &long(2048 - fits.len() - "X-Long: \r\n".len())),
        ] {
            gateway.connect().send(&head).reply().expect(200);
        }
    });
}

#[test]
fn a_head_without_an_end_is_431() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for endless in ["GET /", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET / HTTP/1.1\r\nHost: a\r\nX"] {
            let mut client = gateway.connect();
            client.send(endless);
            for _ in 0..40 {
                drop(client.try_send([b'a'; 1024]));
            }
            let (status, reason) =
                if endless == "GET /" { (414, "target_too_long") } else { (431, "head_too_large") };
            refused(&gateway, &mut client, status, reason);
        }
    });
}

#[test]
fn a_body_past_its_limit_is_413_by_length_or_by_count() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "body_bytes: 1000B", ..Setup::of(&origin) });
        let head = |framing: &str| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        let chunk = |bytes: usize| format!("{bytes:x}\r\n{}\r\n", "b".repeat(bytes));
        for (request, status) in [
            (head("Content-Length: 1000") + &"b".repeat(1000), 200),
            (head("Content-Length: 1001") + &"b".repeat(1001), 413),
            (head("Content-Length: 1001"), 413),
            (head("Content-Length: 18446744073709551615"), 413),
            (head("Transfer-Encoding: chunked") + &chunk(1000) + "0\r\n\r\n", 200),
            (head("Transfer-Encoding: chunked") + &chunk(1001) + "0\r\n\r\n", 413),
            (head("Transfer-Encoding: chunked") + &chunk(1).repeat(1001) + "0\r\n\r\n", 413),
            (head("Transfer-Encoding: chunked") + &chunk(500).repeat(3), 413),
            (head("Transfer-Encoding: chunked") + "ffffffffffffffff\r\n" + &"b".repeat(2000), 413),
        ] {
            let mut client = gateway.connect();
            client.send(&request);
            if status == 413 {
                refused(&gateway, &mut client, status, "body_too_large");
            } else {
                client.reply().expect(status);
            }
        }
    });
}

#[test]
fn a_large_upload_that_is_refused_still_hears_why() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "body_bytes: 1000B", ..Setup::of(&origin) });
        let mut client = gateway.connect();
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n");
        client.send(vec![b'b'; 30_000_000]);
        refused(&gateway, &mut client, 413, "body_too_large");
    });
}

/// Sends all of `requests` at once; each is 408 for `reason` after its time.
fn slow(gateway: &Gateway, requests: &[String], reason: &str) {
    let mut clients: Vec<Client> = requests
        .iter()
        .map(|request| {
            let mut client = gateway.connect();
            client.send(request);
            client
        })
        .collect();
    let began = Instant::now();
    for (client, request) in clients.iter_mut().zip(requests) {
        client.read_until(|bytes| !bytes.is_empty());
        let took = began.elapsed();
        assert!(took > Duration::from_millis(200) && took < Duration::from_secs(5), "{request:?}: {took:?}");
        refused(gateway, client, 408, reason);
    }
}

#[test]
fn a_slow_head_is_408_however_it_dribbles() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { timeouts: "head: 300ms", ..Setup::of(&origin) });
        let heads = ["G", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r"];
        slow(&gateway, &heads.map(str::to_owned), "head_timeout");
        // A byte now and then is no reprieve: the time is that of the whole head.
        let (began, mut client) = (Instant::now(), gateway.connect());
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
        client.patience(Duration::from_millis(50));
        while !client.came() && began.elapsed() < Duration::from_secs(5) {
            drop(client.try_send("a"));
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        refused(&gateway, &mut client, 408, "head_timeout");
    });
}

#[test]
fn an_empty_line_behind_a_body_begins_no_head() {
    each_driver(|driver| {
        let origin = Origin::start();
        let timeouts = "head: 300ms, idle: 1500ms";
        let gateway = Gateway::start(driver, &Setup { timeouts, ..Setup::of(&origin) });
        let mut client = gateway.connect();
        for empty in ["\r\n", "\r\n\r\n"] {
            client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello{empty}"));
            assert!(client.reply().expect(200).text().ends_with("hello"));
            client.patience(Duration::from_millis(700));
            assert!(!client.came(), "{empty:?}: nothing was begun that could be too slow");
        }
        // Nor does one keep the connection open.
        let began = Instant::now();
        client.send("\r\n");
        assert_eq!(client.end(), End::Fin);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let mut client = gateway.connect();
        client.send("\r").patience(Duration::from_millis(50));
        assert!(!client.came());
        client.send("\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
    });
}

#[test]
fn a_slow_body_is_408_and_the_origin_sees_it_cut() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { timeouts: "body: 300ms", ..Setup::of(&origin) });
        let ids: Vec<String> = (0..5).map(|_| Ids::next()).collect();
        let bodies = [
            "Content-Length: 10\r\n\r\n",
            "Content-Length: 10\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ];
        let requests: Vec<String> = ids
            .iter()
            .zip(bodies)
            .map(|(id, body)| format!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\n{body}"))
            .collect();
        slow(&gateway, &requests, "body_timeout");
        let cut = origin.wait(|seen| {
            let is_cut = |(connection, request): (&Connection, &Request)| {
                connection.end.is_some() && request.end == BodyEnd::Cut
            };
            Ids::found(seen, &ids).all(is_cut)
        });
        assert!(cut, "the origin's connections are closed");
    });
}

/// Asks until somebody is let in.
#[track_caller]
fn a_place_is_free_within(gateway: &Gateway, time: Duration) {
    let deadline = Instant::now() + time;
    loop {
        let mut client = gateway.connect();
        drop(client.try_send("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        if client.reply().status == 200 {
            return;
        }
        assert!(Instant::now() < deadline, "no place is free");
    }
}

#[test]
fn connections_past_a_cap_are_503_and_a_place_is_free_again_when_one_ends() {
    for (gateway_keys, limits) in [("", "connections: 4"), ("connections: 4", "")] {
        each_driver(|driver| {
            let origin = Origin::start();
            let setup = Setup { gateway: gateway_keys, limits, shards: 2, ..Setup::of(&origin) };
            let gateway = Gateway::start(driver, &setup);
            let mut held: Vec<Client> = (0..4).map(|_| gateway.connect()).collect();
            for client in &mut held {
                client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
            }
            for _ in 0..8 {
                let mut past = gateway.connect();
                let reply = past.reply().expect(503);
                assert_eq!(
                    (reply.reason().as_str(), reply.value("retry-after")),
                    ("connection_cap", Some("1"))
                );
                assert!(reply.says_close());
                assert_eq!(past.end(), End::Fin);
                let line = gateway.log_of(past.addr());
                assert!(line["status"] == 503 && line["reason"] == "connection_cap", "{line}");
            }
            for client in &mut held {
                client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
            }
            drop(held);
            // The places are free once the gateway has seen the ends.
            a_place_is_free_within(&gateway, Duration::from_secs(10));
        });
    }
}

#[test]
fn a_client_past_a_cap_that_sends_a_body_still_hears_why() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "connections: 1", ..Setup::of(&origin) });
        let mut held = gateway.connect();
        held.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        let mut past = gateway.connect();
        past.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
        past.send(vec![b'b'; 500_000]);
        let reply = past.reply().expect(503);
        assert_eq!(past.end(), End::Fin);
        let line = gateway.log_of(past.addr());
        assert_eq!(line["bytes_out"], reply.text().len(), "{line}");
        held.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
    });
}

#[test]
fn a_client_that_said_close_is_not_waited_for() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "connections: 1", ..Setup::of(&origin) });
        for head in
            ["GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close", "GET /bytes/300000 HTTP/1.0\r\nHost: a"]
        {
            let mut first = gateway.connect();
            first.send(format!("{head}\r\n\r\n")).reply().expect(200);
            // It keeps its end open, which takes nobody's place.
            a_place_is_free_within(&gateway, Duration::from_secs(1));
            assert_eq!(first.end(), End::Fin, "{head}");
        }
    });
}
