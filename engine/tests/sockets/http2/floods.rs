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
