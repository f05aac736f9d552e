//! HTTP/2 on both sides: what a stream may do that a message of HTTP/1.1 may not.

use super::frames::*;
use super::hpack::plain;
use super::{both, peer, server};
use crate::support::{Client, Driver, Gateway, Setup, each_driver, three_fresh};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

/// An origin that begins each answer when a request begins: with `head`, the request's own body, and `tail` behind its end.
fn origin(head: &'static [(&str, &str)], tail: &'static [(&str, &str)]) -> SocketAddr {
    origin_of(move |id| frame(HEADERS, END_HEADERS, id, plain(head)), tail)
}

/// The same with a head of frames.
fn origin_of(head: impl Fn(u32) -> Vec<u8> + Send + 'static, tail: &'static [(&str, &str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            // Whoever connected may only have looked whether it is there.
            if stream.read_exact(&mut [0; PREFACE.len()]).is_err() {
                continue;
            }
            stream.write_all(&settings(&[])).expect("is sent");
            let (mut header, mut last) = ([0; 9], 0);
            while stream.read_exact(&mut header).is_ok() {
                let [a, b, c, kind, flags, id @ ..] = header;
                let id = u32::from_be_bytes(id);
                let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
                stream.read_exact(&mut payload).expect("a frame is whole");
                let mut answer = match kind {
                    // What comes behind a body is no other request.
                    HEADERS if id == last => Vec::new(),
                    HEADERS => head(id),
                    DATA => frame(DATA, 0, id, &payload),
                    SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, b""),
                    _ => continue,
                };
                last = last.max(id);
                if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                    match tail {
                        [] => answer.extend(frame(DATA, END_STREAM, id, b"")),
                        tail => answer.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, plain(tail))),
                    }
                }
                stream.write_all(&answer).expect("is sent");
            }
        }
    });
    addr
}

fn before(driver: Driver, origin: SocketAddr) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [http1, http2], timeouts: {{ body: 200ms }} }}]\n\
         upstreams: {{ origin: {{ protocol: http2, endpoints: [{{ address: '{origin}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin, timeouts: {{ first_byte: 1s }} }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

#[test]
fn a_body_whose_length_was_said_has_its_trailers_either_way() {
    each_driver(|driver| {
        let head = &[(":status", "200"), ("content-length", "5")];
        let gateway = before(driver, origin(head, &[("grpc-status", "0")]));
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        let asked = [plain(&asking("POST", "/")), plain(&[("content-length", "5")])].concat();
        peer.send(frame(HEADERS, END_HEADERS, 1, asked));
        peer.send(frame(DATA, 0, 1, b"hello"));
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[("x-sum", "1")])));
        let answer = peer.answer(1).expect(200);
        assert_eq!((answer.text().as_str(), answer.value("content-length")), ("hello", Some("5")));
        assert_eq!(answer.trailers, [("grpc-status".into(), "0".into())], "{answer:?}");
    });
}

// RFC 9113 §8.1.1: the library forgets what made a block malformed where a field behind it is cut by the end of a frame.
#[test]
fn a_head_of_an_origin_that_is_cut_into_frames_is_held_to_the_rules_like_a_whole_one() {
    each_driver(|driver| {
        let rows: [(&'static [(&str, &str)], u16); 5] = [
            (&[(":status", "200"), ("x-a", "1"), ("x-last", "1")], 200),
            (&[(":status", "200"), ("connection", "close"), ("x-last", "1")], 502),
            (&[(":status", "200"), ("transfer-encoding", "chunked"), ("x-last", "1")], 502),
            (&[(":status", "200"), ("x-a", "1"), (":status", "404"), ("x-last", "1")], 502),
            (&[(":status", "200"), ("X-A", "1"), ("x-last", "1")], 502),
        ];
        for (head, status) in rows {
            let cut = move |id| {
                let block = plain(head);
                let (front, back) = block.split_at(block.len() - 3);
                [frame(HEADERS, 0, id, front), frame(CONTINUATION, END_HEADERS, id, back)].concat()
            };
            let gateway = before(driver, origin_of(cut, &[]));
            let mut client = Client::connect(gateway.addr());
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let reply = client.reply().expect(status);
            let reason = if status == 200 { "ok" } else { "upstream_malformed" };
            assert_eq!(gateway.log_of(client.addr())["reason"], reason, "{head:?}: {}", reply.head);
        }
    });
}

// RFC 9113 §8.1: whoever answers before it has read all resets what is left, and that is no misdeed.
#[test]
fn an_origin_that_answers_early_keeps_what_others_have_under_way_with_it() {
    each_driver(|driver| {
        let first = |id| match id {
            1 => frame(HEADERS, END_HEADERS, id, plain(&[(":status", "200")])),
            _ => {
                let refusal = plain(&[(":status", "401")]);
                [frame(HEADERS, END_HEADERS | END_STREAM, id, refusal), reset(id, 0)].concat()
            }
        };
        let gateway = before(driver, origin_of(first, &[]));
        let mut long = Peer::greeted(Client::connect(gateway.addr()));
        long.send([post(1, "/"), frame(DATA, 0, 1, b"one")].concat());
        long.until("a reply", |peer| peer.answers.get(&1).is_some_and(|answer| answer.body == b"one"));
        // 8 of credit each: more than a connection has, and gets back meanwhile.
        let mut others = Peer::greeted(Client::connect(gateway.addr()));
        for at in 0..1200 {
            let stream = 1 + 2 * at;
            others.send(post(stream, "/"));
            assert_eq!(others.answer(stream).status, 401, "call {at}");
            if at % 100 == 0 {
                long.send(frame(DATA, 0, 1, b"."));
            }
        }
        long.send(frame(DATA, END_STREAM, 1, b"end"));
        assert_eq!(long.answer(1).expect(200).text(), format!("one{}end", ".".repeat(12)));
    });
}

// What came with its client's FIN: the library forgets at an end what nobody has asked it for.
#[test]
fn requests_that_come_with_the_end_of_their_connection_are_logged() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &both(&origin));
        let mut client = Client::connect(gateway.addr());
        let addr = client.addr();
        client.send([PREFACE, &settings(&[]), &get(1, "/ok"), &get(3, "/ok"), &get(5, "/ok")].concat());
        client.finish();
        let lines = gateway.logs_of(addr, 3);
        assert!(lines.iter().all(|line| line["path"] == "/ok" && line["version"] == "2.0"), "{lines:?}");
        three_fresh(&gateway);
    });
}

// One direction that is held up is no silence, in frames as on a socket.
#[test]
fn a_tunnel_whose_client_reads_nothing_lives_for_as_long_as_it_talks() {
    each_driver(|driver| {
        let (origin, _) = opens(accepted);
        let gateway = over_http1_with(driver, origin, "tunnel_idle: 700ms");
        // No window at all: what the origin sends back cannot be passed on.
        let mut peer = Peer::greeted_with(Client::connect(gateway.addr()), &[(4, 0)]);
        let addr = peer.client().addr();
        peer.send(offer(1, "/upgrade"));
        peer.until("a head", |peer| peer.answers.get(&1).is_some_and(|answer| answer.status == 200));
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1800) {
            peer.send(frame(DATA, 0, 1, b"ping"));
            thread::sleep(Duration::from_millis(100));
        }
        // Now it is silent, and its tunnel ends in order (RFC 8441 §5).
        let line = gateway.log_of(addr);
        assert!(line["reason"] == "tunnel_idle" && line["bytes_in"].as_u64() >= Some(40), "{line}");
        assert!(peer.grant(1, 100_000).answer(1).ended);
    });
}

// RFC 9113 §8.2.1, which holds for trailers as it does for heads.
#[test]
fn trailers_with_space_around_a_value_are_malformed_either_way() {
    each_driver(|driver| {
        let gateway = before(driver, origin(&[(":status", "200")], &[("x-sum", "1")]));
        let client = Client::connect(gateway.addr());
        let local = client.addr();
        let mut peer = Peer::greeted(client);
        peer.send([post(1, "/"), frame(DATA, 0, 1, b"one")].concat());
        peer.until("a reply", |peer| peer.answers.get(&1).is_some_and(|answer| answer.body.len() == 3));
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[("x-sum", " 1")])));
        assert!(peer.answer(1).reset.is_some());
        assert_eq!(gateway.log_of(local)["reason"], "bad_request");

        let gateway = before(driver, origin(&[(":status", "200")], &[("x-sum", "1 ")]));
        let client = Client::connect(gateway.addr());
        let local = client.addr();
        let mut peer = Peer::greeted(client);
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&asking("GET", "/"))));
        // Whether the head has left by then is the origin's timing.
        let answer = peer.answer(1);
        assert!(answer.reset.is_some() || answer.status == 502, "{answer:?}");
        assert_eq!(gateway.log_of(local)["reason"], "upstream_malformed");
    });
}

#[test]
fn trailers_of_more_than_8_kib_are_malformed_either_way() {
    // With the name, two letters and the end of the line.
    const MOST: usize = 8 * 1024 - "x-sum: \r\n".len();
    let long = |bytes: usize| -> &'static str { "x".repeat(bytes).leak() };
    each_driver(|driver| {
        for (bytes, passes) in [(MOST, true), (MOST + 1, false)] {
            let gateway = before(driver, origin(&[(":status", "200")], &[("x-sum", "1")]));
            let client = Client::connect(gateway.addr());
            let local = client.addr();
            let mut peer = Peer::greeted(client);
            peer.send([post(1, "/"), frame(DATA, 0, 1, b"one")].concat());
            peer.until("a reply", |peer| peer.answers.get(&1).is_some_and(|answer| answer.body.len() == 3));
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[("x-sum", long(bytes))])));
            assert_eq!(peer.answer(1).reset.is_none(), passes, "{bytes}");
            assert_eq!(gateway.log_of(local)["reason"], if passes { "ok" } else { "bad_request" });

            let trailers: &'static [(&str, &str)] = vec![("x-sum", long(bytes))].leak();
            let gateway = before(driver, origin(&[(":status", "200")], trailers));
            let client = Client::connect(gateway.addr());
            let local = client.addr();
            let mut peer = Peer::greeted(client);
            let answer = peer.ask(1, "/");
            assert_eq!(answer.status == 200 && answer.reset.is_none(), passes, "{bytes}: {}", answer.status);
            assert_eq!(gateway.log_of(local)["reason"], if passes { "ok" } else { "upstream_malformed" });
        }
    });
}

#[test]
fn a_call_that_goes_both_ways_may_be_silent_one_way_for_longer_than_a_body_may() {
    each_driver(|driver| {
        let gateway = before(driver, origin(&[(":status", "200")], &[]));
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        peer.send([post(1, "/"), frame(DATA, 0, 1, b"one")].concat());
        let has =
            |count| move |peer: &Peer| peer.answers.get(&1).is_some_and(|answer| answer.body.len() == count);
        peer.until("what was sent", has(3));
        // Three times as long as a body may be silent before there is a reply.
        thread::sleep(Duration::from_millis(600));
        peer.send(frame(DATA, 0, 1, b"two"));
        peer.until("what was sent later", has(6));
        peer.send(frame(DATA, END_STREAM, 1, b""));
        assert_eq!(peer.answer(1).expect(200).text(), "onetwo");
    });
}

// RFC 9110 §6.4.1: these have no content. What a client of HTTP/1.1 got of it would be the answer to its next request.
#[test]
fn frames_behind_a_head_without_content_are_no_reply() {
    each_driver(|driver| {
        for status in ["204", "205", "304"] {
            let head: &'static [(&str, &str)] = match status {
                "204" => &[(":status", "204")],
                "205" => &[(":status", "205")],
                _ => &[(":status", "304")],
            };
            let gateway = before(driver, origin(head, &[]));
            let mut client = gateway.connect();
            let forged = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            let length = forged.len();
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{forged}"
            ));
            let (came, _) = client.rest();
            let came = String::from_utf8_lossy(&came);
            assert!(!came.contains("HTTP/1.1 200"), "{status}: {came}");
            let line = gateway.log_of(client.addr());
            assert_eq!(line["reason"], "upstream_malformed", "{line}");
            // Without frames of content all is well.
            let mut client = gateway.connect();
            for _ in 0..2 {
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                assert_eq!(client.reply().status.to_string(), status);
            }
        }
    });
}

/// An origin whose first connection falls silent once it has greeted, and whose next ones answer.
fn silent_at_first() -> SocketAddr {
    let behind = origin(&[(":status", "200")], &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    thread::spawn(move || {
        let mut silent = None;
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            // Whoever connected may only have looked whether it is there.
            let mut first = [0; PREFACE.len()];
            if stream.read_exact(&mut first).is_err() {
                continue;
            }
            if silent.is_none() {
                stream.write_all(&settings(&[])).expect("is sent");
                silent = Some(stream);
                continue;
            }
            let mut to = std::net::TcpStream::connect(behind).expect("it listens");
            to.write_all(&first).expect("is sent");
            let (mut from, mut back) = (stream.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            thread::spawn(move || std::io::copy(&mut back, &mut stream));
        }
    });
    addr
}

#[test]
fn a_connection_that_fell_silent_is_not_used_again() {
    each_driver(|driver| {
        let gateway = before(driver, silent_at_first());
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        assert_eq!(peer.ask(1, "/").status, 504);
        assert_eq!(peer.ask(3, "/").status, 200);
    });
}

/// An origin that answers no request, and answers so many PINGs.
fn only_pongs(pongs: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    let asked = Arc::new(AtomicUsize::new(0));
    let told = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            if stream.read_exact(&mut [0; PREFACE.len()]).is_err() {
                continue;
            }
            stream.write_all(&settings(&[])).expect("is sent");
            let mut header = [0; 9];
            while stream.read_exact(&mut header).is_ok() {
                let [a, b, c, kind, flags, ..] = header;
                let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
                stream.read_exact(&mut payload).expect("a frame is whole");
                let answer = match kind {
                    SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, b""),
                    PING if flags & ACK == 0 && told.fetch_add(1, Relaxed) < pongs => {
                        frame(PING, ACK, 0, payload)
                    }
                    _ => continue,
                };
                stream.write_all(&answer).expect("is sent");
            }
        }
    });
    (addr, asked)
}

#[test]
fn an_origin_that_is_silent_is_asked_whether_it_is_there_and_given_up_when_it_is_not() {
    each_driver(|driver| {
        let pongs = 3;
        let (origin, asked) = only_pongs(pongs);
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
             listeners: [{{ name: a, bind: 127.0.0.1:0 }}]\n\
             upstreams:\n  origin: {{ protocol: http2, endpoints: [{{ address: '{origin}' }}], pool: {{ ping: 200ms, idle: 1s }} }}\n\
             routes: [{{ name: all, match: {{ path: /* }}, to: origin, timeouts: {{ first_byte: 60s, total: none }} }}]\n",
            driver.name(),
        );
        let gateway = Gateway::with(&text, 1);
        let began = Instant::now();
        let mut client = gateway.connect();
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.reply().expect(502).reason(), "upstream_reset");
        // Each answer is good for another silence; the question that has none costs as much again.
        let took = began.elapsed();
        let span = Duration::from_millis(200) * (pongs as u32 + 2);
        assert!(took >= span && took < span * 4, "{took:?}");
        assert_eq!(asked.load(Relaxed), pongs + 1);
    });
}

/// The head of a request for a WebSocket (RFC 8441 §4).
fn offer(stream: u32, path: &str) -> Vec<u8> {
    let mut fields = asking("CONNECT", path);
    fields.insert(1, (":protocol".into(), "websocket".into()));
    fields.push(("sec-websocket-version".into(), "13".into()));
    frame(HEADERS, END_HEADERS, stream, plain(&fields))
}

// RFC 6455 §4.2.1: over HTTP/2 the origin sees no key, so that the handshake is the gateway's to look at.
#[test]
fn a_client_of_http1_opens_a_websocket_to_http2_only_by_a_whole_handshake() {
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
    each_driver(|driver| {
        // It opens them (RFC 8441 §3).
        let (addr, _) = server::origin(&[(8, 1)], |_, mut served| {
            while let Some(came) = served.next() {
                if came.kind == HEADERS {
                    served.send(server::head(came.stream, "200", 0));
                }
            }
        });
        let gateway = before(driver, addr);
        for (method, fields, detail) in [
            ("GET", [KEY, VERSION], None),
            ("POST", [KEY, VERSION], Some("websocket_method")),
            ("GET", ["", VERSION], Some("websocket_key")),
            ("GET", ["Sec-WebSocket-Key: short==\r\n", VERSION], Some("websocket_key")),
            ("GET", [&KEY.repeat(2), VERSION], Some("websocket_key")),
            ("GET", [KEY, ""], Some("websocket_version")),
            ("GET", [KEY, "Sec-WebSocket-Version: 8\r\n"], Some("websocket_version")),
        ] {
            let mut client = gateway.connect();
            let fields = fields.concat();
            client.send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n{fields}\r\n"
            ));
            let reply = client.reply();
            let Some(detail) = detail else {
                assert_eq!(reply.status, 101, "{reply:?}");
                assert_eq!(reply.value("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
                continue;
            };
            let version = (detail == "websocket_version").then_some("13");
            assert_eq!(reply.value("sec-websocket-version"), version, "{reply:?}");
            assert_eq!(reply.expect(400).reason(), "bad_request");
            assert_eq!(gateway.log_of(client.addr())["detail"], detail);
        }
    });
}

#[test]
fn a_success_that_opens_no_tunnel_does_not_look_as_if_it_did() {
    each_driver(|driver| {
        let origin = Origin::start();
        let routes = "- { name: here, match: { path: /here }, respond: { body: ok } }\n\
                      - { name: gone, match: { path: /gone }, respond: { status: 410 } }\n";
        let gateway = Gateway::start(driver, &Setup { routes: routes.to_owned(), ..both(&origin) });
        for (path, status, reason) in
            [("/ok", 426, "upgrade_refused"), ("/here", 426, "upgrade_refused"), ("/gone", 410, "ok")]
        {
            let mut peer = peer(&gateway);
            peer.send(offer(1, path));
            let answer = peer.answer(1);
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            let line = gateway.log_of(peer.client().addr());
            assert_eq!(line["reason"], reason, "{path}: {line}");
            assert_eq!(peer.ask(3, "/here").expect(200).text(), "ok", "{path}");
        }
        three_fresh(&gateway);
    });
}

/// An origin of HTTP/1.1 that opens each WebSocket, with this answer to its key, and sends back what comes; and the keys.
fn opens(answer: fn(&str) -> String) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    let keys = Arc::<Mutex<Vec<String>>>::default();
    let told = keys.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head) = (stream.expect("is connected"), Vec::new());
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.extend(byte);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let Some((_, key)) = head.split_once("Sec-WebSocket-Key: ") else { continue };
            let key = key.lines().next().unwrap_or_default();
            told.lock().unwrap().push(key.to_owned());
            let says = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
            drop(stream.write_all(format!("{says}{}\r\n", answer(key)).as_bytes()));
            let mut back = stream.try_clone().expect("has a descriptor");
            thread::spawn(move || std::io::copy(&mut stream, &mut back));
        }
    });
    (addr, keys)
}

/// The field by which an origin takes a WebSocket (RFC 6455 §4.2.2).
fn accepted(key: &str) -> String {
    let asked = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, asked.as_bytes());
    let letter = |at: usize| match at {
        0..26 => b'A' + at as u8,
        26..52 => b'a' + (at - 26) as u8,
        52..62 => b'0' + (at - 52) as u8,
        62 => b'+',
        _ => b'/',
    };
    let bits: String = hash.as_ref().iter().map(|byte| format!("{byte:08b}")).collect::<String>() + "00";
    let sixes = (0..27).map(|at| usize::from_str_radix(&bits[6 * at..6 * at + 6], 2).expect("are bits"));
    let text: String = sixes.map(|six| char::from(letter(six))).collect();
    format!("Sec-WebSocket-Accept: {text}=\r\n")
}

fn over_http1(driver: Driver, origin: SocketAddr) -> Gateway {
    over_http1_with(driver, origin, "")
}

fn over_http1_with(driver: Driver, origin: SocketAddr, timeouts: &str) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [http1, http2], timeouts: {{ {timeouts} }} }}]\n\
         upstreams: {{ origin: {{ endpoints: [{{ address: '{origin}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

// RFC 6455 §4.1: over HTTP/2 there is no key, so that nobody but the gateway can look at the answer.
#[test]
fn a_tunnel_is_opened_by_an_origin_that_answers_to_the_key_of_its_request() {
    each_driver(|driver| {
        type Answer = fn(&str) -> String;
        let wrong: Answer = |_| "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n".into();
        let none: Answer = |_| String::new();
        for (answer, status) in [(accepted as Answer, 200), (none, 502), (wrong, 502)] {
            let (addr, keys) = opens(answer);
            let gateway = over_http1(driver, addr);
            let mut peer = peer(&gateway);
            for stream in [1, 3] {
                peer.send(offer(stream, "/chat"));
                peer.until("a head", |peer| {
                    peer.answers.get(&stream).is_some_and(|answer| answer.status != 0)
                });
                assert_eq!(peer.answers[&stream].status, status);
                if status == 502 {
                    let line = gateway.log_of(peer.client().addr());
                    let told = (&line["reason"], &line["detail"]);
                    assert_eq!(told, (&"upstream_malformed".into(), &"websocket_accept".into()), "{line}");
                }
            }
            let keys = keys.lock().unwrap();
            assert!(keys.len() == 2 && keys[0] != keys[1] && keys[0].len() == 24, "{keys:?}");
        }
    });
}

#[test]
fn what_a_tunnel_carried_is_counted_though_its_client_resets_it() {
    each_driver(|driver| {
        let (origin, _) = opens(accepted);
        let gateway = over_http1(driver, origin);
        let mut peer = peer(&gateway);
        peer.send(offer(1, "/upgrade"));
        peer.send(frame(DATA, 0, 1, b"hello"));
        peer.until("an echo", |peer| peer.answers.get(&1).is_some_and(|answer| answer.body == b"hello"));
        peer.send(reset(1, CANCEL));
        let line = gateway.log_of(peer.client().addr());
        let told = (&line["bytes_in"], &line["bytes_out"], &line["tunnel"]);
        assert_eq!(told, (&5.into(), &5.into(), &true.into()), "{line}");
    });
}

/// What widespread clients do: a PING and a WINDOW_UPDATE for each frame of data, and two WINDOW_UPDATEs for each 4 KiB.
#[test]
fn peers_that_answer_each_piece_of_what_they_asked_for_are_no_flood() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &both(&origin));
        let mut peer = peer(&gateway);
        peer.send(get(1, "/slow-body/1/2500"));
        let mut seen = 0;
        while seen < 2500 {
            peer.until("a piece", |peer| peer.answers.get(&1).is_some_and(|answer| answer.body.len() > seen));
            let now = peer.answers[&1].body.len();
            peer.send([window_update(0, (now - seen) as u32), frame(PING, 0, 0, [7; 8])].concat());
            seen = now;
        }
        assert_eq!(peer.answer(1).body.len(), 2500);
        let size = 20_000_000;
        peer.send(get(3, &format!("/bytes/{size}")));
        let mut told = 0;
        while told < size {
            peer.until("4 KiB", |peer| {
                peer.answers.get(&3).is_some_and(|answer| answer.body.len() >= size.min(told + 4096))
            });
            while told + 4096 <= peer.answers[&3].body.len() {
                peer.grant(0, 4096).grant(3, 4096);
                told += 4096;
            }
            if peer.answers[&3].ended {
                break;
            }
        }
        assert_eq!(peer.answer(3).body.len(), size);
        assert_eq!(peer.goaway, None);
    });
}
