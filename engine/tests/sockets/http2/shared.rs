//! Connections to origins of HTTP/2, which many exchanges share: what one of them does, or its client, is not the others'
//! loss, and what an origin did not look at is asked again.

use super::frames::*;
use super::hpack::plain;
use super::server::{Frame, head, origin};
use crate::admin::address;
use crate::admin::metrics::scrape_until;
use crate::support::{Client, Driver, Gateway, PATIENCE, each_driver};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a large body.
const LARGE: usize = 1 << 20;

/// A gateway with these keys of its upstream and timeouts of its route.
fn before(driver: Driver, origin: SocketAddr, upstream: &str, timeouts: &str) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\nadmin: {{ bind: 127.0.0.1:0 }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [http1, http2] }}]\n\
         upstreams: {{ origin: {{ protocol: http2, endpoints: [{{ address: '{origin}' }}]{upstream} }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin, timeouts: {{ {timeouts} }} }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

fn greeted(gateway: &Gateway) -> Peer {
    Peer::greeted(Client::connect(gateway.addr()))
}

/// Waits until `count` has come to `many`.
#[track_caller]
fn comes_to(count: &AtomicUsize, many: usize) {
    let deadline = Instant::now() + PATIENCE;
    while count.load(Relaxed) < many {
        assert!(Instant::now() < deadline, "{} of {many}", count.load(Relaxed));
        thread::sleep(Duration::from_millis(1));
    }
}

// RFC 9113 §8.6.
#[test]
fn an_origin_that_switches_a_stream_is_answered_with_502() {
    each_driver(|driver| {
        let resets = Arc::new(AtomicUsize::new(0));
        let seen = resets.clone();
        let (addr, _) = origin(&[], move |_, mut served| {
            while let Some(Frame { kind, stream, path, .. }) = served.next() {
                match kind {
                    HEADERS if path == "/switch" => served.send(head(stream, "101", 0)),
                    HEADERS => served.send(head(stream, "200", END_STREAM)),
                    RST_STREAM => drop(seen.fetch_add(1, Relaxed)),
                    _ => {}
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut client = gateway.connect();
        client.send("GET /switch HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.reply().expect(502).reason(), "upstream_malformed");
        comes_to(&resets, 1);
        let mut peer = greeted(&gateway);
        let answer = peer.ask(1, "/switch").expect(502);
        assert!(answer.interim.is_empty(), "{answer:?}");
        peer.ask(3, "/ok").expect(200);
    });
}

// RFC 9113 §8.2.1.
#[test]
fn values_with_space_around_them_are_no_reply() {
    each_driver(|driver| {
        let (addr, _) = origin(&[], |_, mut served| {
            while let Some(Frame { kind, stream, path, .. }) = served.next() {
                let value = path.strip_prefix("/").map(|value| value.replace('_', " ").replace('~', "\t"));
                if let (HEADERS, Some(value)) = (kind, value) {
                    let block = plain(&[(":status", "200"), ("x-value", value.as_str())]);
                    served.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block));
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut peer = greeted(&gateway);
        for (at, (path, status)) in
            [("/a_b", 200), ("/", 200), ("/_a", 502), ("/a_", 502), ("/~a", 502), ("/a~", 502), ("/_", 502)]
                .into_iter()
                .enumerate()
        {
            assert_eq!(peer.ask(1 + 2 * at as u32, path).status, status, "{path}");
        }
    });
}

#[test]
fn downloads_that_are_given_up_end_nobody_else() {
    each_driver(|driver| {
        let resets = Arc::new(AtomicUsize::new(0));
        let seen = resets.clone();
        let (addr, connections) = origin(&[], move |_, mut served| {
            let mut long = 0;
            while let Some(Frame { kind, stream, path, .. }) = served.next() {
                let piece = frame(DATA, 0, stream, b"a");
                match (kind, path.as_str()) {
                    (HEADERS, "/end") => {
                        served.send(frame(DATA, END_STREAM, long, b"b"));
                        served.send(head(stream, "200", END_STREAM));
                    }
                    (HEADERS, path) => {
                        long = if path == "/long" { stream } else { long };
                        served.send([head(stream, "200", 0), piece].concat());
                    }
                    // What was on its way when the reset came.
                    (RST_STREAM, _) => {
                        served.send(piece.repeat(3));
                        seen.fetch_add(1, Relaxed);
                    }
                    _ => {}
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut long = greeted(&gateway);
        let has_come = |peer: &Peer| peer.answers.values().all(|answer| answer.body == b"a");
        long.send(get(1, "/long")).until("its first byte", |peer| peer.answers.len() == 1 && has_come(peer));
        for batch in 1..=30 {
            let mut peer = greeted(&gateway);
            peer.send((0..40).flat_map(|at| get(1 + 2 * at, "/many")).collect::<Vec<u8>>());
            peer.until("their first bytes", |peer| peer.answers.len() == 40 && has_come(peer));
            drop(peer);
            comes_to(&resets, batch * 40);
        }
        long.ask(3, "/end").expect(200);
        assert_eq!(long.answer(1).expect(200).text(), "ab");
        assert_eq!(connections.load(Relaxed), 1);
    });
}

#[test]
fn small_frames_that_an_origin_does_not_take_end_no_connection() {
    each_driver(|driver| {
        let (to, writers) = mpsc::channel();
        let to = Mutex::new(to);
        // No window at all.
        let (addr, _) = origin(&[(4, 0)], move |_, mut served| {
            let mut bytes = 0;
            while let Some(Frame { kind, flags, stream, payload, .. }) = served.next() {
                match kind {
                    HEADERS => to.lock().unwrap().send((stream, served.writer())).unwrap(),
                    DATA => {
                        bytes += payload.len();
                        if flags & END_STREAM != 0 {
                            let body = frame(DATA, END_STREAM, stream, bytes.to_string());
                            served.send([head(stream, "200", 0), body].concat());
                        }
                    }
                    _ => {}
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut peer = greeted(&gateway);
        peer.send([post(1, "/"), frame(DATA, 0, 1, [b'x'; 10]).repeat(5000)].concat());
        peer.send(frame(DATA, END_STREAM, 1, b"")).barrier();
        let (stream, mut writer) = writers.recv_timeout(PATIENCE).expect("a head");
        writer.write_all(&[window_update(stream, 1 << 20), window_update(0, 1 << 20)].concat()).unwrap();
        assert_eq!(peer.answer(1).expect(200).text(), "50000");
    });
}

/// An origin with a large body, and one in very small frames.
fn bodies() -> (SocketAddr, Arc<AtomicUsize>) {
    origin(&[], |_, mut served| {
        while let Some(Frame { kind, stream, path, .. }) = served.next() {
            match (kind, path.as_str()) {
                (HEADERS, "/drops") => {
                    let drops = frame(DATA, 0, stream, b"drops").repeat(19_999);
                    let last = frame(DATA, END_STREAM, stream, b"drops");
                    served.send([head(stream, "200", 0), drops, last].concat());
                }
                (HEADERS, _) => served.large(stream, LARGE),
                _ => {}
            }
        }
    })
}

/// A client that gives no credit for what it asks.
fn stalled(gateway: &Gateway) -> Peer {
    let mut peer = Peer::greeted_with(Client::connect(gateway.addr()), &[(4, 0)]);
    peer.gives = false;
    peer
}

#[test]
fn small_frames_that_a_client_does_not_take_end_no_connection() {
    each_driver(|driver| {
        let (addr, connections) = bodies();
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut slow = stalled(&gateway);
        slow.send(get(1, "/drops")).until("a head", |peer| peer.answers.len() == 1);
        assert_eq!(greeted(&gateway).ask(1, "/large").expect(200).body.len(), LARGE);
        slow.grant(1, 1 << 20).grant(0, 1 << 20);
        assert_eq!(slow.answer(1).expect(200).body.len(), 100_000);
        assert_eq!(connections.load(Relaxed), 1);
    });
}

#[test]
fn clients_that_take_nothing_do_not_keep_others_from_their_bodies() {
    each_driver(|driver| {
        let (addr, connections) = bodies();
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut slow = stalled(&gateway);
        slow.send((0..20).flat_map(|at| get(1 + 2 * at, "/large")).collect::<Vec<u8>>());
        slow.until("all heads", |peer| peer.answers.len() == 20);
        assert_eq!(greeted(&gateway).ask(1, "/large").expect(200).body.len(), LARGE);
        assert_eq!(connections.load(Relaxed), 1);
    });
}

/// An origin that takes two requests at once, answers each after a while, and refuses the others; and how many it refused.
fn takes_two() -> (SocketAddr, Arc<AtomicUsize>) {
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = refused.clone();
    let (addr, _) = origin(&[(3, 2)], move |_, mut served| {
        let live = Arc::new(Mutex::new(BTreeSet::new()));
        while let Some(Frame { kind, stream, .. }) = served.next() {
            if kind != HEADERS {
                continue;
            }
            if live.lock().unwrap().len() >= 2 {
                counted.fetch_add(1, Relaxed);
                served.send(reset(stream, REFUSED_STREAM));
                continue;
            }
            live.lock().unwrap().insert(stream);
            let (live, mut writer) = (live.clone(), served.writer());
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                live.lock().unwrap().remove(&stream);
                drop(writer.write_all(&head(stream, "200", END_STREAM)));
            });
        }
    });
    (addr, refused)
}

#[test]
fn no_more_is_asked_at_once_than_an_origin_that_is_new_will_take() {
    each_driver(|driver| {
        // Connections as they are needed, and a single one.
        for upstream in ["", ", pool: { connections: 1 }"] {
            let (addr, refused) = takes_two();
            let gateway = before(driver, addr, upstream, "first_byte: 5s, connect: 5s");
            let mut peer = greeted(&gateway);
            let streams: Vec<u32> = (0..20).map(|at| 1 + 2 * at).collect();
            peer.send(streams.iter().flat_map(|stream| get(*stream, "/")).collect::<Vec<u8>>());
            for stream in streams {
                peer.answer(stream).expect(200);
            }
            assert_eq!(refused.load(Relaxed), 0, "{upstream}");
        }
    });
}

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

// RFC 9113 §8.7.
#[test]
fn what_an_origin_refused_is_asked_again_a_few_times_whatever_it_is() {
    each_driver(|driver| {
        for (refusals, status) in [(0, 200), (1, 200), (3, 200), (4, 502)] {
            let asked = AtomicUsize::new(0);
            let (addr, _) = origin(&[], move |_, mut served| {
                let mut takes = false;
                while let Some(Frame { kind, stream, flags, payload, .. }) = served.next() {
                    match kind {
                        HEADERS => {
                            takes = asked.fetch_add(1, Relaxed) >= refusals;
                            if !takes {
                                served.send(reset(stream, REFUSED_STREAM));
                            }
                        }
                        DATA if takes => {
                            let body = frame(DATA, flags, stream, &payload);
                            served.send([head(stream, "200", 0), body].concat());
                        }
                        _ => {}
                    }
                }
            });
            let gateway = before(driver, addr, "", "first_byte: 5s");
            let reply = gateway.connect().send(POST).reply().expect(status);
            assert!(status != 200 || reply.text() == "hello", "{reply:?}");
        }
    });
}

#[test]
fn what_a_connection_that_leaves_did_not_look_at_is_asked_on_another() {
    each_driver(|driver| {
        for asks in [POST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            let (addr, connections) = origin(&[], |at, mut served| {
                while let Some(came) = served.next() {
                    match came.kind {
                        HEADERS if at == 0 => served.send(frame(GOAWAY, 0, 0, [0; 8])),
                        _ if at > 0 && came.ends() => served.send(head(came.stream, "200", END_STREAM)),
                        _ => {}
                    }
                }
            });
            let gateway = before(driver, addr, "", "first_byte: 5s");
            gateway.connect().send(asks).reply().expect(200);
            assert_eq!(connections.load(Relaxed), 2, "{asks}");
        }
    });
}

/// An origin that answers all but one path.
fn never() -> (SocketAddr, Arc<AtomicUsize>) {
    origin(&[], |_, mut served| {
        while let Some(Frame { kind, stream, path, .. }) = served.next() {
            if kind == HEADERS && path != "/never" {
                served.send(head(stream, "200", END_STREAM));
            }
        }
    })
}

#[test]
fn a_connection_is_not_given_up_for_the_time_that_a_caller_gave() {
    each_driver(|driver| {
        let (addr, connections) = never();
        let gateway = before(driver, addr, "", "first_byte: 20s");
        let mut peer = greeted(&gateway);
        peer.ask(1, "/ok").expect(200);
        let mut fields = asking("POST", "/never");
        for (name, value) in
            [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "100m")]
        {
            fields.push((name.to_owned(), value.to_owned()));
        }
        for stream in [3, 5] {
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, plain(&fields)));
            let answer = peer.answer(stream);
            assert_eq!(answer.value("grpc-status"), Some("4"), "{answer:?}");
        }
        peer.ask(7, "/ok").expect(200);
        assert_eq!(connections.load(Relaxed), 1);
        let admin = address(&gateway).parse().expect("is bound to an address");
        let page = scrape_until(admin, "the endpoint", |page| page.contains("ringgate_endpoint_failures"));
        let failures = page.lines().filter(|line| line.starts_with("ringgate_endpoint_failures_total{"));
        failures.for_each(|line| assert!(line.ends_with(" 0"), "{line}"));
    });
}

#[test]
fn a_connection_is_not_given_up_for_the_time_of_a_route() {
    each_driver(|driver| {
        let (addr, connections) = never();
        let gateway = before(driver, addr, "", "first_byte: 20s, total: 200ms");
        let mut peer = greeted(&gateway);
        peer.ask(1, "/ok").expect(200);
        peer.ask(3, "/never").expect(504);
        peer.ask(5, "/ok").expect(200);
        assert_eq!(connections.load(Relaxed), 1);
    });
}

#[test]
fn a_body_that_was_not_taken_whole_leaves_no_stream_open() {
    each_driver(|driver| {
        // Five bytes of each body, one request at once.
        let (addr, connections) = origin(&[(3, 1), (4, 5)], |_, mut served| {
            while let Some(Frame { kind, stream, flags, .. }) = served.next() {
                let is_get = kind == HEADERS && flags & END_STREAM != 0;
                if is_get || kind == DATA {
                    served.send(head(stream, "200", END_STREAM));
                }
            }
        });
        for _ in 0..5 {
            let gateway = before(driver, addr, ", pool: { connections: 1 }", "connect: 3s");
            let before = connections.load(Relaxed);
            gateway
                .connect()
                .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789")
                .reply()
                .expect(200);
            gateway.connect().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
            assert_eq!(connections.load(Relaxed), before + 1);
        }
    });
}

// RFC 9113 §6.9: the window of a connection is one for all of its streams.
#[test]
fn an_upload_that_an_origin_does_not_read_holds_up_no_other_one() {
    each_driver(|driver| {
        let came = Arc::new(AtomicUsize::new(0));
        let seen = came.clone();
        // What is sent to one path is not read, and nothing is given back for it.
        let (addr, connections) = origin(&[], move |_, mut served| {
            let mut deaf = 0;
            while let Some(Frame { kind, stream, flags, payload, path, .. }) = served.next() {
                match kind {
                    HEADERS if path == "/deaf" => deaf = stream,
                    HEADERS if flags & END_STREAM != 0 => served.send(head(stream, "200", END_STREAM)),
                    DATA if stream == deaf => drop(seen.fetch_add(payload.len(), Relaxed)),
                    DATA => {
                        let body = frame(DATA, flags, stream, &payload);
                        served.send([head(stream, "200", 0), body].concat());
                    }
                    _ => {}
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut stuck = gateway.connect();
        let large = "x".repeat(1 << 17);
        stuck.send(format!("POST /deaf HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{large}", 1 << 17));
        comes_to(&came, 65_535);
        // Longer than whoever reads takes to give something back.
        thread::sleep(Duration::from_millis(200));
        let mut client = gateway.connect();
        // What sends no body needs no room for one.
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        assert_eq!(connections.load(Relaxed), 1);
        // What may become a tunnel will.
        let offer = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        gateway.connect().send(offer).reply().expect(200);
        assert_eq!(connections.load(Relaxed), 2);
        for _ in 0..3 {
            assert_eq!(client.send(POST).reply().expect(200).text(), "hello");
        }
        assert_eq!(connections.load(Relaxed), 2);
    });
}

// RFC 9113 §8.7: what else than REFUSED_STREAM an origin resets a stream with, it may have done what was asked.
#[test]
fn a_stream_that_an_origin_resets_is_not_asked_again() {
    each_driver(|driver| {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let (addr, connections) = origin(&[], move |_, mut served| {
            while let Some(Frame { kind, stream, path, .. }) = served.next() {
                match (kind, path.as_str()) {
                    (HEADERS, "/ok") => served.send(head(stream, "200", END_STREAM)),
                    (HEADERS, _) => {
                        counted.fetch_add(1, Relaxed);
                        served.send(reset(stream, INTERNAL_ERROR));
                    }
                    _ => {}
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut client = gateway.connect();
        for _ in 0..30 {
            client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
            client.send("GET /reset HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.reply().expect(502).reason(), "upstream_reset");
        }
        assert_eq!((asked.load(Relaxed), connections.load(Relaxed)), (30, 1));
    });
}

/// An origin that answers any first bytes as a server of HTTP/1.1 would.
fn old() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            // Whoever connected may only have looked whether it is there.
            if stream.read_exact(&mut [0; PREFACE.len()]).is_ok() {
                drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
                drop(stream.read_to_end(&mut Vec::new()));
            }
        }
    });
    addr
}

#[test]
fn an_origin_that_breaks_the_protocol_is_told_from_one_that_is_gone() {
    each_driver(|driver| {
        let (floods, connections) = origin(&[], |_, mut served| {
            while let Some(Frame { kind, stream, path, .. }) = served.next() {
                match (kind, path.as_str()) {
                    (HEADERS, "/ok") => served.send(head(stream, "200", END_STREAM)),
                    (HEADERS, _) => served.send(frame(PING, 0, 0, [0; 8]).repeat(3000)),
                    _ => {}
                }
            }
        });
        for (addr, detail, before_it) in [(old(), "http2", None), (floods, "flood", Some("/ok"))] {
            let gateway = before(driver, addr, "", "first_byte: 5s");
            if let Some(path) = before_it {
                greeted(&gateway).ask(1, path).expect(200);
            }
            let mut client = gateway.connect();
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.reply().expect(502).reason(), "upstream_malformed", "{detail}");
            let line = gateway.log_of(client.addr());
            assert!(line["detail"] == detail && line["tries"] == 1, "{line}");
        }
        assert_eq!(connections.load(Relaxed), 1, "it is not asked again");
    });
}

// RFC 7541 §7.1.3.
#[test]
fn credentials_and_cookies_are_never_indexed_either_way() {
    each_driver(|driver| {
        let (to, came) = mpsc::channel();
        let to = Mutex::new(to);
        let (addr, _) = origin(&[], move |_, mut served| {
            while let Some(Frame { kind, stream, never, .. }) = served.next() {
                if kind == HEADERS {
                    to.lock().unwrap().send(never).unwrap();
                    let block = plain(&[(":status", "200"), ("set-cookie", "a=1"), ("x-other", "1")]);
                    served.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block));
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        let mut peer = greeted(&gateway);
        for stream in [1, 3] {
            let fields = [("cookie", "b=2"), ("authorization", "Bearer x"), ("x-other", "2")];
            let block = [plain(&asking("GET", "/")), plain(&fields)].concat();
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block));
            peer.answer(stream).expect(200);
            let mut never = came.recv_timeout(PATIENCE).expect("a head");
            never.sort_unstable();
            assert_eq!(never, ["authorization", "cookie"]);
        }
        assert_eq!(peer.never(), ["set-cookie", "set-cookie"]);
    });
}

#[test]
fn a_reply_head_may_be_as_large_as_over_http1() {
    each_driver(|driver| {
        let (addr, _) = origin(&[], |_, mut served| {
            while let Some(Frame { kind, stream, path, .. }) = served.next() {
                let Some(bytes) = path.strip_prefix("/").and_then(|bytes| bytes.parse().ok()) else {
                    continue;
                };
                if kind == HEADERS {
                    let block = plain(&[(":status", "200"), ("x-large", &"x".repeat(bytes))]);
                    let (first, rest) = block.split_at(block.len().min(16_384));
                    served.send(frame(HEADERS, END_STREAM, stream, first));
                    rest.chunks(16_384).for_each(|part| served.send(frame(CONTINUATION, 0, stream, part)));
                    served.send(frame(CONTINUATION, END_HEADERS, stream, b""));
                }
            }
        });
        let gateway = before(driver, addr, "", "first_byte: 5s");
        for (bytes, status) in [(1, 200), (40_000, 200), (62_000, 200), (66_000, 502)] {
            let mut client = gateway.connect();
            let reply =
                client.send(format!("GET /{bytes} HTTP/1.1\r\nHost: a\r\n\r\n")).reply().expect(status);
            assert_eq!(reply.value("x-large").map(str::len), (status == 200).then_some(bytes));
        }
    });
}

// RFC 9113 §5.1.2.
#[test]
fn an_origin_that_gives_no_stream_is_not_waited_for() {
    each_driver(|driver| {
        let (none, _) = origin(&[(3, 0)], |_, mut served| {
            while let Some(Frame { kind, stream, .. }) = served.next() {
                if kind == HEADERS {
                    served.send(reset(stream, REFUSED_STREAM));
                }
            }
        });
        let gateway = before(driver, none, "", "connect: 10s, first_byte: 10s, between_bytes: 10s");
        for asks in [POST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", POST] {
            let mut client = gateway.connect();
            let began = Instant::now();
            assert_eq!(client.send(asks).reply().expect(502).reason(), "upstream_reset");
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
    });
}
