//! Clients that begin and do not go on: heads that are never whole, replies that nobody reads or gives credit for,
//! silence. What they hold is bounded, and ends with the time that the listener gives.

use super::floods::{GROWTH, at_rest, with_admin};
use super::frames::*;
use super::hpack::plain;
use super::server::{head, origin};
use super::{both, peer};
use crate::support::{Client, End, Gateway, Setup, each_driver, three_fresh};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

/// Milliseconds between two looks of a client that reads slowly.
const SLOW_MS: u64 = 20;

/// What a client does before it goes.
type Stage = fn(&mut Peer);

#[test]
fn what_is_begun_has_to_be_whole_within_the_time_of_a_head() {
    each_driver(|driver| {
        let origin = Origin::start();
        let timeouts = "head: 300ms, idle: 60s";
        let (gateway, admin) = with_admin(Setup { timeouts, ..both(&origin) }, driver);
        let block = plain(&asking("GET", "/ok"));
        let cases = [
            ("half a frame's header", get(1, "/ok")[..5].to_vec()),
            ("half a head", get(1, "/ok")[..20].to_vec()),
            ("a head without its end", frame(HEADERS, END_STREAM, 1, &block)),
            (
                "half a CONTINUATION",
                [
                    frame(HEADERS, END_STREAM, 1, &block[..9]),
                    frame(CONTINUATION, 0, 1, &block[9..])[..12].to_vec(),
                ]
                .concat(),
            ),
            ("half a PING", frame(PING, 0, 0, [0; 8])[..12].to_vec()),
        ];
        let mut stalled = Vec::new();
        for (name, bytes) in cases {
            let client = gateway.connect();
            let addr = client.addr();
            let mut peer = Peer::greeted(client);
            // A running stream makes no difference.
            peer.send(get(101, "/never")).send(bytes);
            stalled.push((name, addr, peer));
        }
        // Silence behind what is whole is another matter.
        let mut whole = peer(&gateway);
        whole.ask(1, "/ok").expect(200);
        for (name, addr, mut peer) in stalled {
            peer.rest();
            let line = gateway.log_where(addr, name, |line| line["reason"] == "head_timeout");
            assert_eq!(line["status"], 0, "{line}");
        }
        whole.ask(3, "/ok").expect(200);
        drop(whole);
        three_fresh(&gateway);
        at_rest(admin);
    });
}

#[test]
fn a_preface_that_is_never_whole_is_not_waited_for() {
    each_driver(|driver| {
        let origin = Origin::start();
        for listener in ["protocols: [http1, http2]", "protocols: [http2]"] {
            let setup = Setup { listener, timeouts: "head: 150ms, idle: 60s", ..Setup::of(&origin) };
            let (gateway, admin) = with_admin(setup, driver);
            let lengths = [1, 3, 14, 18, 23];
            let mut clients = lengths.map(|_| gateway.connect());
            for (client, len) in clients.iter_mut().zip(lengths) {
                client.send(&PREFACE[..len]);
            }
            // The preface, and nothing behind it.
            let mut client = gateway.connect();
            client.send(PREFACE);
            for client in clients.iter_mut().chain([&mut client]) {
                client.rest();
                let line = gateway.log_of(client.addr());
                assert_eq!(line["reason"], "head_timeout", "{listener}: {line}");
            }
            drop((clients, client));
            at_rest(admin);
        }
    });
}

/// A hundred large replies for a client that reads nothing.
#[test]
fn replies_that_nobody_reads_are_not_kept() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(Setup { timeouts: "body: 500ms", ..both(&origin) }, driver);
        gateway.connect().send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        let before = gateway.resident();
        let mut stalled = gateway.connect();
        let asked: Vec<u8> =
            (0..100).flat_map(|at| get(1 + 2 * at, &format!("/bytes/10000000?stall-{at}"))).collect();
        let windows = [settings(&[(4, 0x7fff_ffff)]), window_update(0, 0x7fff_0000)].concat();
        stalled.send([PREFACE, &windows, &asked].concat());
        let stalls = |target: &str| target.contains("?stall-");
        assert!(origin.wait(|seen| {
            let all = seen.iter().flat_map(|connection| &connection.requests);
            all.filter(|request| stalls(request.target())).count() == 100
        }));
        let mut most = before;
        // Others are served meanwhile.
        for _ in 0..50 {
            gateway
                .connect()
                .send("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .reply()
                .expect(200);
            most = gateway.resident().max(most);
        }
        // All are given up.
        gateway.logs_of(stalled.addr(), 100);
        most = gateway.resident().max(most);
        println!("{} KiB for 100 replies that nobody reads", (most - before) / 1024);
        assert!(most - before < GROWTH, "{} bytes more", most - before);
        drop(stalled);
        three_fresh(&gateway);
        at_rest(admin);
    });
}

#[test]
fn who_reads_nothing_is_given_up_though_it_goes_on_talking() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(Setup { timeouts: "body: 500ms", ..both(&origin) }, driver);
        let mut stalled = TcpStream::connect(gateway.addr()).expect("it listens");
        let windows = [settings(&[(4, 0x7fff_ffff)]), window_update(0, 0x7fff_0000)].concat();
        stalled.write_all(&[PREFACE, &windows, &get(1, "/bytes/100000000")].concat()).expect("is sent");
        let began = Instant::now();
        // What it says is no reading.
        while stalled.write_all(&frame(PING, 0, 0, [0; 8])).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(5), "it is served for as long as it talks");
            thread::sleep(Duration::from_millis(50));
        }
        at_rest(admin);
    });
}

#[test]
fn replies_without_credit_are_given_up_one_by_one() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(Setup { timeouts: "body: 400ms", ..both(&origin) }, driver);
        let mut peer = peer(&gateway);
        peer.gives = false;
        let streams: Vec<u32> = (0..50).map(|at| 1 + 2 * at).collect();
        peer.send(streams.iter().flat_map(|stream| get(*stream, "/bytes/10000000")).collect::<Vec<u8>>());
        for stream in &streams {
            let answer = peer.answer(*stream);
            assert!(answer.reset.is_some() && answer.body.len() <= 65_535, "{:?}", answer.reset);
        }
        // The connection is as good as before, once there is credit.
        peer.gives = true;
        peer.grant(0, 1 << 20);
        peer.ask(1001, "/bytes/100000").expect(200);
        drop(peer);
        three_fresh(&gateway);
        at_rest(admin);
    });
}

#[test]
fn a_body_that_stops_is_given_up_and_the_connection_is_not() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(Setup { timeouts: "body: 300ms", ..both(&origin) }, driver);
        let mut peer = peer(&gateway);
        peer.send([post(1, "/echo"), frame(DATA, 0, 1, b"begun")].concat());
        // And one whose frame is torn.
        peer.send([post(3, "/echo"), frame(DATA, 0, 3, b"torn")].concat());
        for stream in [1, 3] {
            let answer = peer.answer(stream);
            assert!(answer.status == 408 || answer.reset.is_some(), "{answer:?}");
        }
        peer.ask(5, "/ok").expect(200);
        drop(peer);
        at_rest(admin);
    });
}

#[test]
fn whoever_is_silent_while_it_is_served_is_asked_whether_it_is_there() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { timeouts: "idle: 100ms, head: 150ms", ..both(&origin) };
        let (gateway, admin) = with_admin(setup, driver);
        let mut there = peer(&gateway);
        let mut gone = peer(&gateway);
        gone.pongs_back = false;
        for peer in [&mut there, &mut gone] {
            peer.send(get(1, "/never"));
        }
        there.until("three pings", |peer| peer.pings >= 3);
        assert_eq!(gone.rest(), End::Fin);
        assert_eq!(gone.pings, 1);
        let line = gateway.log_of(gone.client().addr());
        assert_eq!(line["reason"], "client_silent", "{line}");
        assert!(there.answers.is_empty() && there.goaway.is_none());
        there.send(reset(1, CANCEL)).ask(3, "/ok").expect(200);
        // Nothing runs any more: it is told to leave, and ended soon after.
        there.until("a GOAWAY", |peer| peer.goaway.is_some());
        assert_eq!(there.goaway.map(|(_, code)| code), Some(NO_ERROR));
        drop(there);
        at_rest(admin);
    });
}

/// A client whose PONGs come behind a large reply, which it reads slowly and steadily: less at once than it may be sent.
#[test]
fn whoever_reads_slowly_is_there_though_its_answer_comes_late() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { timeouts: "idle: 300ms, head: 300ms, body: 5s", ..both(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut slow = TcpStream::connect(gateway.addr()).expect("it listens");
        let size = 6_000_000;
        let windows = [settings(&[(4, 0x7fff_ffff)]), window_update(0, 0x7fff_0000)].concat();
        slow.write_all(&[PREFACE, &windows, &get(1, &format!("/bytes/{size}"))].concat()).expect("is sent");
        let (mut came, mut some) = (0, vec![0; 64 * 1024]);
        while came < size {
            thread::sleep(Duration::from_millis(SLOW_MS));
            match slow.read(&mut some).expect("it is not reset") {
                0 => {
                    panic!("it is closed after {came} bytes: {}", gateway.log_of(slow.local_addr().unwrap()))
                }
                read => came += read,
            }
        }
        let line = gateway.log_of(slow.local_addr().unwrap());
        assert_eq!(line["reason"], "ok", "{line}");
    });
}

/// A connection in each state that a client can leave it in.
#[test]
fn a_reset_at_any_stage_leaves_nothing_behind() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(both(&origin), driver);
        let stages: [(&str, Stage); 8] = [
            ("greeted", |_| {}),
            ("half a head", |peer| {
                peer.send(&get(1, "/ok")[..20]);
            }),
            ("asked", |peer| {
                peer.send(get(1, "/never"));
            }),
            ("asked many", |peer| {
                peer.send((0..100).flat_map(|at| get(1 + 2 * at, "/never")).collect::<Vec<u8>>());
            }),
            ("half a body", |peer| {
                peer.send([post(1, "/echo"), frame(DATA, 0, 1, [b'x'; 5000])].concat());
            }),
            ("an answer on its way", |peer| {
                peer.gives = false;
                peer.send(get(1, "/bytes/10000000")).until("some of it", |peer| peer.pieces > 0);
            }),
            ("an answer and a body", |peer| {
                peer.send([post(1, "/early-answer"), frame(DATA, 0, 1, b"x")].concat());
                peer.until("a head", |peer| peer.answers.contains_key(&1));
            }),
            ("answered", |peer| {
                peer.ask(1, "/ok").expect(200);
            }),
        ];
        for (_, stage) in stages {
            for leaves in [|peer: Peer| peer.into_client().reset(), |peer: Peer| drop(peer)] {
                let mut peer = peer(&gateway);
                stage(&mut peer);
                leaves(peer);
            }
        }
        three_fresh(&gateway);
        at_rest(admin);
    });
}

/// All of a session, torn at every byte.
#[test]
fn frames_torn_at_every_byte_are_the_same_frames() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway: Gateway = super::gateway(driver, &origin);
        let head = plain(&asking("POST", "/echo-json"));
        let (front, back) = head.split_at(11);
        let session = [
            PREFACE,
            &settings(&[(4, 100_000)]),
            &frame(HEADERS, PADDED, 1, [&[3][..], front, &[0; 3]].concat()),
            &frame(CONTINUATION, END_HEADERS, 1, back),
            &frame(PING, 0, 0, [7; 8]),
            &frame(DATA, PADDED, 1, b"\x02he\0\0"),
            &frame(DATA, 0, 1, b"llo"),
            &window_update(0, 5),
            &frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[("x-sum", "abc")])),
        ]
        .concat();
        let mut watch = gateway.connect();
        let boundaries: Vec<usize> = (1..session.len()).collect();
        for batch in boundaries.chunks(48) {
            let mut torn: Vec<(usize, Client)> = batch.iter().map(|at| (*at, gateway.connect())).collect();
            for (at, client) in &mut torn {
                client.send(&session[..*at]);
            }
            crate::support::barrier(&mut watch);
            for (at, mut client) in torn {
                client.send(&session[at..]);
                let answer = Peer::over(client).answer(1).expect(200);
                assert!(answer.text().contains("\"body\":\"hello\""), "torn at {at}: {}", answer.text());
            }
        }
        three_fresh(&gateway);
    });
}

/// An origin that answers at once and goes on doing so, and takes ten bytes of what it is sent until a second has passed. At
/// its end it tells how many came.
fn late_reader() -> SocketAddr {
    let (addr, _) = origin(&[(4, 10)], |_, mut served| {
        let mut came = 0;
        while let Some(asked) = served.next() {
            let id = asked.stream;
            match asked.kind {
                HEADERS => {
                    served.send(head(id, "200", 0));
                    let mut speaks = served.writer();
                    thread::spawn(move || {
                        for _ in 0..10 {
                            thread::sleep(Duration::from_millis(100));
                            speaks.write_all(&frame(DATA, 0, id, b".")).expect("is sent");
                        }
                        speaks.write_all(&window_update(id, 1000)).expect("is sent");
                    });
                }
                DATA => came += asked.payload.len(),
                _ => {}
            }
            if asked.ends() {
                served.send(frame(DATA, END_STREAM, id, came.to_string()));
            }
        }
    });
    addr
}

#[test]
fn an_origin_that_has_answered_may_read_as_late_as_it_likes() {
    each_driver(|driver| {
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
             listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [http1, http2] }}]\n\
             upstreams: {{ origin: {{ protocol: http2, endpoints: [{{ address: '{}' }}] }} }}\n\
             routes: [{{ name: all, match: {{ path: /* }}, to: origin, timeouts: {{ between_bytes: 300ms }} }}]\n",
            driver.name(),
            late_reader(),
        );
        let gateway = Gateway::with(&text, 1);
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        peer.send([post(1, "/"), frame(DATA, 0, 1, [b'x'; 100])].concat());
        peer.until("ten dots", |peer| peer.answers.get(&1).is_some_and(|answer| answer.body.len() >= 10));
        peer.send(frame(DATA, END_STREAM, 1, b""));
        assert_eq!(peer.answer(1).expect(200).text(), "..........100");
    });
}
