//! Who is believed, and what is said of who is not.

use super::*;
use crate::support::{PATIENCE, each_driver};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;
use tools::upstream::{Origin, pattern};

#[test]
fn an_origin_that_proves_itself_serves_as_any_other() {
    each_driver(|driver| {
        let origin = Origin::start();
        let old = Front::start(origin.addr(), Rules { versions: OLD, ..Rules::default() });
        let new = Front::start(origin.addr(), Rules::default());
        let named = format!("localhost:{}", new.addr().port());
        let ours = tls("");
        let other = tls(", server_name: Origin.Test");
        let sides: [Side<'_>; 4] = [
            ("old", &[&old.addr()], &ours),
            ("new", &[&new.addr()], &ours),
            ("named", &[&named], &ours),
            ("other", &[&new.addr()], &other),
        ];
        let gateway = start(driver, &sides);
        let mut client = gateway.connect();
        let upload = pattern(1_000_000);
        for (side, ..) in sides {
            assert_eq!(get(&mut client, &format!("/{side}/ok")).expect(200).body, b"ok\n");
            assert!(get(&mut client, &format!("/{side}/bytes/1000000")).expect(200).body == upload, "{side}");
            assert!(
                get(&mut client, &format!("/{side}/chunked/100000")).expect(200).body == upload[..100_000]
            );
            client.send(format!("POST /{side}/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"));
            assert!(client.send(&upload).reply().expect(200).body.ends_with(&upload), "{side}");
        }
        let asked = |front: &Front| front.shaken().into_iter().map(|one| one.asked).collect::<Vec<_>>();
        // An address is no name to ask for. One connection each, since they are kept.
        assert_eq!(asked(&old), [None]);
        assert_eq!(asked(&new), [None, Some("localhost".to_owned()), Some("origin.test".to_owned())]);
        // A tunnel.
        client.send(
            "GET /new/upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        client.reply().expect(101);
        client.send(&upload[..200_000]);
        client.read_until(|come| come.len() >= 200_000);
        assert!(client.take(200_000) == upload[..200_000]);
        client.send("more");
        assert_eq!(client.read_until(|come| come.len() >= 4), b"more");
    });
}

/// Who answers whatever comes in plain text.
fn speaks_plainly() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        stream.read_exact(&mut [0; 5]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").unwrap();
        // Up to its end.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    addr
}

#[test]
fn who_does_not_prove_the_name_gets_no_request() {
    each_driver(|driver| {
        let origin = Origin::start();
        let front = |cert, asks| Front::start(origin.addr(), Rules { cert, asks, ..Rules::default() });
        let [good, other, expired] =
            ["origin.pem", "other.pem", "expired.pem"].map(|cert| front(cert, false));
        let asks = front("origin.pem", true);
        let asks_old = Rules { asks: true, versions: OLD, ..Rules::default() };
        let asks_old = Front::start(origin.addr(), asks_old);
        // The kernel takes the connection; nobody shakes hands.
        let stalls = TcpListener::bind("127.0.0.1:0").unwrap();
        let stalls = stalls.local_addr().map(|addr| (addr, stalls)).unwrap();
        let ours = tls("");
        let foreign = format!("tls: {{ roots: {} }}", file("../tls-a.pem").display());
        let wrong = tls(", server_name: wrong.test");
        let shows =
            format!(", cert: {}, key: {}", file("client.pem").display(), file("client.key").display());
        let shows = tls(&shows);
        let off = "tls: { verify: false }";
        let plain = speaks_plainly();
        let sides: [Side<'_>; 12] = [
            ("foreign", &[&good.addr()], &foreign),
            ("wrong", &[&good.addr()], &wrong),
            ("other", &[&other.addr()], &ours),
            ("expired", &[&expired.addr()], &ours),
            ("asks", &[&asks.addr()], &ours),
            ("asks-old", &[&asks_old.addr()], &ours),
            ("plain", &[&plain], &ours),
            ("stalls", &[&stalls.0], &ours),
            ("off", &[&expired.addr()], off),
            ("shows", &[&asks.addr()], &shows),
            ("shows-old", &[&asks_old.addr()], &shows),
            ("spare", &[&expired.addr(), &other.addr(), &good.addr()], &ours),
        ];
        let gateway = start(driver, &sides);
        assert_eq!(
            gateway.said().now().iter().filter(|line| line.contains("is believed")).count(),
            1,
            "a warning at the start"
        );
        let mut logged = Vec::new();
        for (side, status, reason, detail) in [
            ("foreign", 502, "upstream_certificate", "unknown_issuer"),
            ("wrong", 502, "upstream_certificate", "wrong_name"),
            ("other", 502, "upstream_certificate", "wrong_name"),
            ("expired", 502, "upstream_certificate", "expired"),
            ("asks", 502, "upstream_tls", "alert_certificate_required"),
            ("asks-old", 502, "upstream_tls", "alert_certificate_required"),
            ("plain", 502, "upstream_tls", "malformed"),
            ("stalls", 504, "upstream_tls_timeout", ""),
        ] {
            let mut client = gateway.connect();
            let began = Instant::now();
            let reply = get(&mut client, &format!("/{side}/ok")).expect(status);
            assert!(began.elapsed() < PATIENCE / 2);
            assert_eq!((reply.reason().as_str(), reply.detail().as_str()), (reason, ""), "{side}");
            logged.push((client.addr(), side, reason, detail));
        }
        // Lines are written some at a time.
        for (client, side, reason, detail) in logged {
            let line = gateway.log_of(client);
            let told = line["detail"].as_str();
            let expected = (Some(reason), Some(detail).filter(|detail| !detail.is_empty()));
            assert_eq!((line["reason"].as_str(), told), expected, "{side}: {line}");
        }
        assert!(origin.requests().is_empty(), "none got through");
        let mut client = gateway.connect();
        for side in ["off", "shows", "shows-old", "spare", "spare", "spare"] {
            get(&mut client, &format!("/{side}/ok")).expect(200);
        }
        assert!(asks.shaken().last().is_some_and(|shaken| shaken.showed));
        assert!(asks_old.shaken().last().is_some_and(|shaken| shaken.showed));
        assert_eq!(good.shaken().len(), 1, "the others are left alone, and connections kept");
    });
}

#[test]
fn who_asks_is_named_before_the_handshake() {
    each_driver(|driver| {
        let origin = Origin::start();
        let front = Front::start(origin.addr(), Rules { announced: true, ..Rules::default() });
        let ours = tls("") + ", proxy_protocol: v1";
        let gateway = start(driver, &[("named", &[&front.addr()], &ours)]);
        let mut client = gateway.connect();
        get(&mut client, "/named/ok").expect(200);
        get(&mut client, "/named/ok").expect(200);
        let named: Vec<String> = front.shaken().into_iter().map(|one| one.announced).collect();
        let at = client.addr();
        let line = format!("PROXY TCP4 {} 127.0.0.1 {} {}\r\n", at.ip(), at.port(), gateway.addr().port());
        assert_eq!(named, [line.clone(), line]);
        assert!(front.shaken()[1].resumed);
    });
}
