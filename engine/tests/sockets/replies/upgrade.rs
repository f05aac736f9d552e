//! Upgrades: `websocket`, and what a route names, become tunnels after 101, with an idle time of their own; all other
//! tokens are stripped, `h2c` always; a 101 that nobody asked for is a 502 (RFC 9110 §7.8).

use super::never_reused;
use crate::admin::address;
use crate::admin::metrics::{scrape_until, value};
use crate::requests::head;
use crate::support::{Client, Driver, End, Gateway, Ids, Setup, each_driver, three_fresh};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tools::upstream::{ConnectionEnd, Origin};

/// Asks for an upgrade to `token` at `target`.
fn offer(client: &mut Client, target: &str, token: &str) {
    client.send(format!(
        "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: {token}\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ));
}

/// Sends `bytes` and waits for them to come back.
#[track_caller]
fn echoed(client: &mut Client, bytes: &[u8]) {
    client.send(bytes);
    client.read_until(|come| come.len() >= bytes.len());
    assert!(client.take(bytes.len()) == bytes);
}

#[test]
fn a_websocket_is_a_tunnel_both_ways() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let (id, mut client) = (Ids::next(), gateway.connect());
        offer(&mut client, &format!("/upgrade?{id}"), "WebSocket");
        let reply = client.reply();
        assert_eq!(reply.status, 101, "{}", reply.head);
        assert!(reply.value("upgrade").is_some_and(|token| token.eq_ignore_ascii_case("websocket")));
        assert!(reply.value("connection").is_some_and(|option| option.eq_ignore_ascii_case("upgrade")));
        let seen = head(&origin, &id);
        assert_eq!(seen.value("upgrade").unwrap().to_ascii_lowercase(), "websocket");
        assert_eq!(seen.value("connection").unwrap().to_ascii_lowercase(), "upgrade");
        assert_eq!(seen.values("sec-websocket-key").len(), 1);
        echoed(&mut client, b"ping");
        echoed(&mut client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x00\xff\r\n");
        echoed(&mut client, &vec![0x82; 100_000]);
        let addr = client.addr();
        client.finish();
        assert_eq!(client.end(), End::Fin);
        let line = gateway.log_of(addr);
        assert!(line["status"] == 101 && line["tunnel"] == true && line["reason"] == "ok", "{line}");
        let bytes = 4 + 31 + 100_000;
        assert!(line["bytes_in"] == bytes && line["bytes_out"] == bytes, "{line}");
        assert!(never_reused(&origin, &id));
        three_fresh(&gateway);
    });
}

// Some clients announce the body that a handshake has not.
#[test]
fn a_body_of_no_bytes_is_no_body_and_one_of_some_is_no_handshake() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (length, status) in [("0", 101), ("1", 426)] {
            let mut client = gateway.connect();
            client.send(format!(
                "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                 Content-Length: {length}\r\n\r\nx"
            ));
            assert_eq!(client.reply().status, status, "{length}");
            if status == 101 {
                client.read_until(|come| !come.is_empty());
                assert_eq!(client.take(1), b"x");
                echoed(&mut client, b"ping");
            }
        }
        three_fresh(&gateway);
    });
}

#[test]
fn tunnels_past_the_cap_of_their_listener_are_refused_and_places_are_given_back() {
    each_driver(|driver| {
        let origin = Origin::start();
        let top = "admin: { bind: 127.0.0.1:0 }".to_owned();
        let setup = Setup { limits: "tunnels: 2", top, ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut open: Vec<Client> = (0..2).map(|_| gateway.connect()).collect();
        for client in &mut open {
            offer(client, "/upgrade", "websocket");
            assert_eq!(client.reply().status, 101);
        }
        let mut refused = gateway.connect();
        offer(&mut refused, "/upgrade", "websocket");
        assert_eq!(refused.reply().expect(503).reason(), "tunnel_cap");
        let admin = address(&gateway).parse().expect("is bound to an address");
        let of =
            |page: &str, name: &str| value(page, &format!("ringgate_listener_{name}{{listener=\"public\"}}"));
        let full = |page: &str| of(page, "tunnels") == 2.0 && of(page, "tunnels_limit") == 2.0;
        scrape_until(admin, "both tunnels", full);
        // Who asks for something else is not concerned.
        refused.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        // What the origin refuses holds no place.
        drop(open.pop());
        for _ in 0..3 {
            offer(&mut refused, "/ok", "websocket");
            refused.reply();
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            offer(&mut refused, "/upgrade", "websocket");
            match refused.reply().status {
                101 => break,
                503 => assert!(Instant::now() < deadline, "a place is given back"),
                other => panic!("{other}"),
            }
        }
        echoed(&mut refused, b"ping");
    });
}

#[test]
fn an_origin_that_declines_an_upgrade_holds_no_place_among_tunnels_while_it_answers() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "tunnels: 1", ..Setup::of(&origin) });
        let mut long = gateway.connect();
        // A reply that has begun, and goes on for as long as the test.
        offer(&mut long, "/slow-body/100/600", "websocket");
        assert!(long.came(), "its head");
        let mut client = gateway.connect();
        offer(&mut client, "/upgrade", "websocket");
        assert_eq!(client.reply().status, 101);
    });
}

#[test]
fn bytes_right_behind_either_head_are_not_lost() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        client.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly frame");
        assert_eq!(client.reply().status, 101);
        client.read_until(|come| come.len() >= 11);
        assert_eq!(client.take(11), b"early frame");
        origin.script(
            "switch",
            b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfirst frame"
                .to_vec(),
        );
        let mut client = gateway.connect();
        offer(&mut client, "/script-close/switch", "websocket");
        assert_eq!(client.reply().status, 101);
        assert_eq!(client.rest(), (b"first frame".to_vec(), End::Fin));
        three_fresh(&gateway);
    });
}

#[test]
fn one_sides_end_is_passed_on_and_the_other_may_still_talk() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        offer(&mut client, "/upgrade", "websocket");
        assert_eq!(client.reply().status, 101);
        client.send("last words").finish();
        assert_eq!(client.rest(), (b"last words".to_vec(), End::Fin));

        let (id, mut client) = (Ids::next(), gateway.connect());
        offer(&mut client, &format!("/upgrade?{id}"), "websocket");
        assert_eq!(client.reply().status, 101);
        echoed(&mut client, b"ping");
        client.reset();
        let ended = origin.wait(|seen| {
            let of_id =
                |c: &&tools::upstream::Connection| c.requests.iter().any(|r| r.target().contains(&id));
            seen.iter()
                .filter(of_id)
                .all(|c| matches!(c.end, Some(ConnectionEnd::PeerReset | ConnectionEnd::PeerClosed)))
        });
        assert!(ended, "a client's reset ends the origin's side");
        three_fresh(&gateway);
    });
}

#[test]
fn a_silent_tunnel_ends_after_its_own_idle_time() {
    each_driver(|driver| {
        let origin = Origin::start();
        let timeouts = "idle: 100ms, body: 100ms, head: 100ms, tunnel_idle: 500ms";
        let setup = Setup { timeouts, route_timeouts: "between_bytes: 100ms", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut client = gateway.connect();
        offer(&mut client, "/upgrade", "websocket");
        assert_eq!(client.reply().status, 101);
        let began = Instant::now();
        echoed(&mut client, b"ping");
        client.rest();
        let silent = began.elapsed();
        assert!(silent > Duration::from_millis(400) && silent < Duration::from_secs(5), "{silent:?}");
        assert_eq!(gateway.log_of(client.addr())["reason"], "tunnel_idle");
        three_fresh(&gateway);
    });
}

/// A gateway before an origin that opens each tunnel and then does `work` with it.
fn before(driver: Driver, work: impl Fn(TcpStream) + Send + 'static) -> Gateway {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let origin: SocketAddr = listener.local_addr().expect("is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head, mut byte) = (stream.expect("is connected"), Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.extend(byte);
            }
            if head.is_empty() {
                continue;
            }
            let says =
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            stream.write_all(says.as_bytes()).expect("is sent");
            work(stream);
        }
    });
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0 }}]\n\
         upstreams: {{ origin: {{ endpoints: [{{ address: '{origin}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

// RFC 9110 §9.3.6: what a side said before it closed is sent on, though it takes nothing more itself.
#[test]
fn the_last_words_of_an_origin_arrive_though_its_client_goes_on_talking() {
    const LEN: usize = 200_000;
    each_driver(|driver| {
        let gateway = before(driver, |mut stream| stream.write_all(&[7; LEN]).expect("is taken"));
        let mut client = gateway.connect();
        offer(&mut client, "/", "websocket");
        assert_eq!(client.reply().status, 101);
        for _ in 0..10 {
            client.send("ping");
            thread::sleep(Duration::from_millis(20));
        }
        client.read_until(|come| come.len() >= LEN);
        assert_eq!(client.take(LEN), [7; LEN]);
        assert_eq!(client.end(), End::Fin);
        let line = gateway.log_of(client.addr());
        assert!(line["reason"] == "ok" && line["bytes_out"] == LEN, "{line}");
    });
}

#[test]
fn the_last_words_of_a_client_arrive_though_its_origin_goes_on_talking() {
    const LEN: usize = 200_000;
    each_driver(|driver| {
        let (told, came) = mpsc::channel();
        let closed = Arc::<AtomicBool>::default();
        let is_closed = closed.clone();
        let gateway = before(driver, move |mut stream| {
            let (mut all, mut room) = (0, [0; 4096]);
            while let Ok(n @ 1..) = stream.read(&mut room) {
                all += n;
                if is_closed.load(SeqCst) {
                    drop(stream.write_all(b"tick"));
                }
                thread::sleep(Duration::from_millis(4));
            }
            told.send(all).expect("is awaited");
        });
        let mut client = gateway.connect();
        offer(&mut client, "/", "websocket");
        assert_eq!(client.reply().status, 101);
        client.send([7; LEN]);
        let addr = client.addr();
        drop(client);
        closed.store(true, SeqCst);
        assert_eq!(came.recv_timeout(Duration::from_secs(20)), Ok(LEN));
        assert_eq!(gateway.log_of(addr)["bytes_in"], LEN);
    });
}

#[test]
fn a_tunnel_ends_at_its_age_however_busy_it_is() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { timeouts: "tunnel_age: 800ms", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut client = gateway.connect();
        offer(&mut client, "/upgrade", "websocket");
        assert_eq!(client.reply().status, 101);
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(500) {
            echoed(&mut client, b"ping");
        }
        client.rest();
        let age = began.elapsed();
        assert!(age > Duration::from_millis(650) && age < Duration::from_secs(5), "{age:?}");
        let line = gateway.log_of(client.addr());
        assert_eq!((&line["reason"], &line["status"]), (&"tunnel_age".into(), &101.into()));
        three_fresh(&gateway);
    });
}

#[test]
fn tokens_that_no_route_names_are_stripped() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { upgrade: "chat", ..Setup::of(&origin) });
        for (token, passed) in [
            ("foo", None),
            ("h2c", None),
            ("H2C", None),
            ("TLS/1.0", None),
            ("websocket2", None),
            ("chat", Some("chat")),
            ("h2c, foo, Chat", Some("chat")),
            ("foo, websocket", Some("websocket")),
        ] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            offer(&mut client, &format!("/upgrade?{id}"), token);
            let reply = client.reply();
            let seen = head(&origin, &id).values("upgrade").join(", ").to_ascii_lowercase();
            assert_eq!(seen, passed.unwrap_or_default(), "{token}");
            assert_eq!(reply.status, if passed.is_some() { 101 } else { 426 }, "{token}: {}", reply.head);
            if passed.is_some() {
                echoed(&mut client, b"ping");
            }
        }
        three_fresh(&gateway);
    });
}

#[test]
fn only_an_http_1_1_request_without_a_body_that_says_so_offers_an_upgrade() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for request_head in [
            "GET /upgrade?{id} HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            "GET /upgrade?{id} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
            "GET /upgrade?{id} HTTP/1.1\r\nHost: a\r\nConnection: upgraded\r\nUpgrade: websocket\r\n\r\n",
        ] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(request_head.replace("{id}", &id));
            client.reply().expect(426);
            assert_eq!(head(&origin, &id).values("upgrade"), [""; 0], "{request_head:?}");
        }
        // The origin closes behind a 426 without a word: what is idempotent is sent again.
        let (id, mut client) = (Ids::next(), gateway.connect());
        client.send(format!(
            "PUT /echo?{id} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
            Content-Length: 5\r\n\r\nhello"
        ));
        client.reply().expect(200);
        assert_eq!(head(&origin, &id).values("upgrade"), [""; 0]);
        three_fresh(&gateway);
    });
}

#[test]
fn a_switch_that_was_not_asked_for_is_a_502() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        origin.script(
            "other",
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI".to_vec(),
        );
        origin.script("two", {
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket, foo\r\n\r\n"
                .to_vec()
        });
        for (target, token) in [
            ("/upgrade-unasked", None),
            ("/upgrade-unasked", Some("foo")),
            ("/upgrade-unasked", Some("h2c")),
            ("/script/other", Some("websocket")),
            ("/script/two", Some("websocket")),
        ] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            match token {
                Some(token) => offer(&mut client, &format!("{target}?{id}"), token),
                None => super::ask(&mut client, &format!("{target}?{id}")),
            }
            let reply = client.reply();
            assert_eq!(
                (reply.status, reply.reason().as_str()),
                (502, "upstream_malformed"),
                "{target} {token:?}"
            );
            assert!(never_reused(&origin, &id), "{target} {token:?}");
            three_fresh(&gateway);
        }
    });
}

#[test]
fn a_426_says_what_the_origin_wants_spoken() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        origin.script(
            "wants",
            "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade, x-hop\r\nUpgrade: websocket, foo/1\r\nX-Hop: 1\r\n\
             Content-Length: 0\r\n\r\n",
        );
        let mut client = gateway.connect();
        for _ in 0..2 {
            super::ask(&mut client, "/script/wants");
            let reply = client.reply().expect(426);
            assert_eq!(reply.values("upgrade"), ["websocket, foo/1"], "{}", reply.head);
            assert_eq!((reply.values("connection"), reply.value("x-hop")), (vec!["upgrade"], None));
        }
        client.send("GET /script/wants HTTP/1.0\r\nHost: a\r\n\r\n");
        let reply = client.reply().expect(426);
        assert_eq!(
            (reply.value("upgrade"), reply.value("connection")),
            (None, Some("close")),
            "{}",
            reply.head
        );
        three_fresh(&gateway);
    });
}

#[test]
fn an_origin_that_does_not_switch_answers_as_usual() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        for path in ["/ok", "/status/404", "/chunked/30"] {
            offer(&mut client, path, "websocket");
            let reply = client.reply();
            assert!(reply.status != 101 && reply.value("upgrade").is_none(), "{}", reply.head);
        }
        super::ask(&mut client, "/ok");
        client.reply().expect(200);
    });
}
