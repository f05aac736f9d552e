//! What clients do to harm others: floods of frames that ask for nothing, fields that unfold, bodies that nobody reads.
//! The offender is ended or bounded; whoever asks beside it is answered as before, and the process does not grow.

use super::both;
use super::frames::*;
use super::hpack::{kept, plain};
use crate::admin::address;
use crate::admin::metrics::{scrape_until, value};
use crate::support::{Client, Gateway, PATIENCE, Setup, each_driver, three_fresh};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

/// What the machine's own noise may make of a p99.
const NOISE: Duration = Duration::from_millis(15);
/// How often a measurement is made at most.
const ROUNDS: usize = 5;
/// By how much a process may grow.
pub const GROWTH: u64 = 32 * 1024 * 1024;

/// What the offender sends, and how it fares.
struct Flood {
    name: &'static str,
    begin: fn() -> Vec<u8>,
    /// The frames of a turn.
    turn: fn(u32) -> Vec<u8>,
    /// Turns after which it must have been ended; none if it goes on, since what it does is a request like others.
    ended_after: Option<u32>,
}

fn nothing() -> Vec<u8> {
    Vec::new()
}

fn begun_upload() -> Vec<u8> {
    post(1, "/echo")
}

/// This many of a frame.
const MANY: u32 = 50;

fn many(frame: Vec<u8>) -> Vec<u8> {
    frame.repeat(MANY as usize)
}

fn each(turn: u32, frame: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (turn * MANY..(turn + 1) * MANY).flat_map(frame).collect()
}

fn reset_at_once(at: u32) -> Vec<u8> {
    [get(1 + 2 * at, "/ok"), reset(1 + 2 * at, CANCEL)].concat()
}

/// A request without a path.
fn malformed(at: u32) -> Vec<u8> {
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test")];
    frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * at, plain(&fields))
}

fn floods() -> Vec<Flood> {
    let ended = |name, begin, turn, after| Flood { name, begin, turn, ended_after: Some(after) };
    let goes_on = |name, turn| Flood { name, begin: nothing, turn, ended_after: None };
    let begun_head = || frame(HEADERS, END_STREAM, 1, plain(&asking("GET", "/ok")));
    vec![
        ended("rapid reset", nothing, |at| each(at, reset_at_once), 100),
        ended("CONTINUATION", begun_head, |_| many(frame(CONTINUATION, 0, 1, b"")), 100),
        ended("PING", nothing, |_| many(frame(PING, 0, 0, b"floods!!")), 100),
        ended("SETTINGS", nothing, |at| many(settings(&[(4, at)])), 100),
        ended("WINDOW_UPDATE", nothing, |_| many(window_update(0, 1)), 400),
        ended("PRIORITY", nothing, |at| each(at, |at| frame(PRIORITY, 0, 1 + 2 * at, [0, 0, 0, 0, 9])), 400),
        ended("empty DATA", begun_upload, |_| many(frame(DATA, 0, 1, b"")), 100),
        ended("frames of no known kind", nothing, |_| many(frame(0xb7, 0, 0, b"grease")), 400),
        ended("malformed requests", nothing, |at| each(at, malformed), 100),
        goes_on("heads that unfold", |at| {
            // One field of 4,000 bytes, and a thousand times its number.
            let block =
                [plain(&asking("GET", "/ok")), kept("x", &"v".repeat(4000)), vec![0x80 | 62; 1000]].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * at, block)
        }),
        goes_on("DATA of one byte", |at| {
            let head = if at == 0 { post(1, "/echo") } else { Vec::new() };
            [head, many(frame(DATA, 0, 1, b"x"))].concat()
        }),
    ]
}

/// Asks on one connection, and the times of the answers.
fn answers(gateway: SocketAddr, count: usize) -> Vec<Duration> {
    let mut client = Client::connect(gateway);
    let ask = || {
        let began = Instant::now();
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        began.elapsed()
    };
    std::iter::repeat_with(ask).take(count).collect()
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Floods until told to stop, over one connection after another; how often it was ended.
fn flood(at: SocketAddr, flood: &Flood, stop: &AtomicBool, ended: &AtomicU32) {
    while !stop.load(Relaxed) {
        let mut peer = Peer::greeted(Client::connect(at));
        peer.gives = false;
        peer.patience = Some(Duration::from_millis(1));
        peer.client().sends_within(PATIENCE);
        peer.send((flood.begin)());
        let mut turn = 0;
        let over = loop {
            turn += 1;
            if stop.load(Relaxed) {
                break false;
            }
            if !peer.try_send((flood.turn)(turn - 1)) {
                break true;
            }
            // What comes back is read now and then, so that it is not what ends the offender.
            if turn % 4 == 0 {
                while peer.look() == Look::Frame {}
            }
            if peer.goaway.is_some() || peer.client().how_it_ended().is_some() {
                break true;
            }
            if flood.ended_after.is_some_and(|most| turn >= most) {
                // All of it is on its way: the end has to come.
                peer.patience = Some(PATIENCE / 2);
                while peer.goaway.is_none() && peer.look() == Look::Frame {}
                let is_over = peer.goaway.is_some() || peer.client().how_it_ended().is_some();
                assert!(is_over, "{}: not ended after {turn} turns", flood.name);
            }
        };
        if over {
            while peer.goaway.is_none() && peer.look() == Look::Frame {}
            let code = peer.goaway.map(|(_, code)| code);
            // A reset may have overtaken the word.
            assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{}: {code:?}", flood.name);
            ended.fetch_add(1, Relaxed);
        }
    }
}

/// Asks beside an offender until it was ended twice, or long enough if it goes on; p99 of the answers.
fn beside(gateway: &Gateway, offence: &Flood, before: u64) -> Duration {
    let (stop, ended) = (AtomicBool::new(false), AtomicU32::new(0));
    let (times, peak) = thread::scope(|scope| {
        let offender = scope.spawn(|| flood(gateway.addr(), offence, &stop, &ended));
        let (mut times, mut peak) = (Vec::new(), before);
        let deadline = Instant::now() + PATIENCE;
        let enough = |times: &Vec<Duration>| {
            times.len() >= 200 && (offence.ended_after.is_none() || ended.load(Relaxed) >= 2)
        };
        while !enough(&times) && !offender.is_finished() {
            assert!(Instant::now() < deadline, "{}: ended {} times", offence.name, ended.load(Relaxed));
            times.extend(answers(gateway.addr(), 50));
            peak = gateway.resident().max(peak);
        }
        stop.store(true, Relaxed);
        if let Err(panic) = offender.join() {
            std::panic::resume_unwind(panic);
        }
        (times, peak)
    });
    let (count, disturbed) = (times.len(), p99(times));
    println!(
        "{}: p99 {disturbed:?} of {count}; ended {} times; {} KiB more",
        offence.name,
        ended.load(Relaxed),
        (peak - before) / 1024
    );
    assert!(peak - before < GROWTH, "{}: {} bytes more", offence.name, peak - before);
    disturbed
}

pub fn with_admin(setup: Setup, driver: crate::support::Driver) -> (Gateway, SocketAddr) {
    let gateway = Gateway::start(driver, &Setup { top: "admin: { bind: 127.0.0.1:0 }".to_owned(), ..setup });
    let admin = address(&gateway).parse().expect("is bound to an address");
    (gateway, admin)
}

/// Nothing is left of whoever was here, and nobody panicked.
pub fn at_rest(admin: SocketAddr) {
    let page = scrape_until(admin, "all connections are closed", |page| {
        value(page, "ringgate_listener_connections{listener=\"public\"}") == 0.0
    });
    assert_eq!(value(&page, "ringgate_panics_total"), 0.0, "{page}");
}

#[test]
fn a_flood_ends_its_connection_and_disturbs_nobody_else() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(both(&origin), driver);
        let quiet = p99(answers(gateway.addr(), 300));
        let before = gateway.resident();
        println!("p99 {quiet:?} quiet");
        for flood in floods() {
            // A round that the machine itself disturbed is measured again.
            let bears = |disturbed: Duration| disturbed <= (quiet * 2).max(NOISE);
            let borne = (0..ROUNDS).any(|_| bears(beside(&gateway, &flood, before)));
            assert!(borne, "{}: p99 is {quiet:?} without it", flood.name);
        }
        three_fresh(&gateway);
        at_rest(admin);
    });
}

#[test]
fn requests_beyond_the_streams_of_a_client_end_its_connection_as_a_flood_does() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "streams_per_connection: 1", ..both(&origin) });
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        peer.send(post(1, "/echo"));
        for turn in 0..100 {
            peer.send(each(turn, |at| get(3 + 2 * at, "/ok")));
        }
        peer.until("a GOAWAY", |peer| peer.goaway.is_some());
        assert_eq!(peer.goaway.map(|(_, code)| code), Some(ENHANCE_YOUR_CALM));
        let refused = |answer: &&Answer| answer.reset == Some(REFUSED_STREAM);
        let refused = peer.answers.values().filter(refused).count();
        assert!(refused > 500, "{refused}");
        three_fresh(&gateway);
    });
}

/// Whoever reads nothing has no answers kept for all that it sends.
#[test]
fn what_is_to_be_answered_to_a_client_that_does_not_read_is_bounded() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(both(&origin), driver);
        let before = gateway.resident();
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        peer.gives = false;
        // A body that fills the socket, and is not read.
        peer.send([window_update(0, 1 << 30), settings(&[(4, 1 << 30)]), get(1, "/bytes/50000000")].concat());
        peer.client().sends_within(Duration::from_millis(500));
        let mut peak = before;
        let all: Vec<u8> = (0..400_000).flat_map(|at| malformed(1 + at)).collect();
        for part in all.chunks(64 * 1024) {
            if !peer.try_send(part) {
                break;
            }
            peak = gateway.resident().max(peak);
        }
        println!("{} KiB more", (peak - before) / 1024);
        assert!(peak - before < GROWTH, "{} bytes more", peak - before);
        drop(peer);
        three_fresh(&gateway);
        at_rest(admin);
    });
}

/// Uploads that are answered before they are over: what their client still sends is nothing that it did wrong, however often.
#[test]
fn answers_that_come_before_uploads_are_over_do_not_use_a_connection_up() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "body_bytes: 1KiB", ..both(&origin) });
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        let upload = [plain(&asking("POST", "/echo")), plain(&[("content-length", "200000")])].concat();
        let streams = |batch: u32| (batch * 100..(batch + 1) * 100).map(|at| 1 + 2 * at);
        for batch in 0..20 {
            peer.send(
                streams(batch)
                    .flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &upload))
                    .collect::<Vec<u8>>(),
            );
            for stream in streams(batch) {
                peer.until("an answer and its end", |peer| {
                    peer.answers.get(&stream).is_some_and(|answer| answer.reset.is_some())
                });
                assert_eq!(peer.answers[&stream].status, 413);
            }
        }
        // It may be told again of each that it is over.
        peer.answers.clear();
        for batch in 0..20 {
            let late: Vec<u8> = streams(batch).flat_map(|stream| frame(DATA, 0, stream, [b'x'; 9])).collect();
            peer.send(late).barrier();
        }
        assert_eq!(peer.goaway, None);
        peer.ask(5001, "/ok").expect(200);
        three_fresh(&gateway);
    });
}
