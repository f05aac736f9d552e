//! Server-Timing: on routes that ask for it, on an upstream's replies and on answers of the gateway's own; its phases are
//! the total.

use crate::support::{Gateway, Reply, Setup, each_driver};
use std::time::Instant;
use tools::upstream::Origin;

/// Phases and total, in milliseconds.
fn timing(reply: &Reply) -> (Vec<(String, f64)>, f64) {
    let shown = reply.values("server-timing");
    let shown = shown.last().unwrap_or_else(|| panic!("no Server-Timing in {}", reply.head));
    let entry = |entry: &str| {
        let (name, dur) = entry.split_once(";dur=").expect("a name and a duration");
        (name.to_owned(), dur.parse::<f64>().expect("is a number"))
    };
    let mut entries: Vec<_> = shown.split(", ").map(entry).collect();
    let (name, total) = entries.pop().expect("there is a total");
    assert_eq!(name, "total", "{shown}");
    (entries, total)
}

fn names(phases: &[(String, f64)]) -> Vec<&str> {
    phases.iter().map(|(name, _)| name.as_str()).collect()
}

const TIMED: &str = "- { name: timed, match: { host: timed.test, path: /* }, server_timing: true, to: origin }\n\
    - { name: here, match: { host: here.test, path: /* }, server_timing: true, respond: { body: ok } }\n\
    - { name: away, match: { host: away.test, path: /* }, server_timing: true, redirect: { path: / } }\n\
    - { name: dead, match: { host: dead.test, path: /* }, server_timing: true, to: nowhere }\n";

fn request(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[test]
fn the_phases_of_a_thousand_answers_sum_to_their_totals() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { routes: TIMED.to_owned(), ..Setup::of(&origin) });
        let mut client = gateway.connect();
        let mut worst: f64 = 0.0;
        for n in 0..1000 {
            let began = Instant::now();
            let reply = client.send(request("timed.test", "/ok")).reply().expect(200);
            let took = began.elapsed().as_secs_f64() * 1000.0;
            let (phases, total) = timing(&reply);
            let sum: f64 = phases.iter().map(|(_, dur)| dur).sum();
            worst = worst.max((sum - total).abs() / total);
            assert!(total > 0.0 && total <= took, "{n}: {total} of {took}");
            assert!(names(&phases).contains(&"first_byte"), "{phases:?}");
            let has_dialled = names(&phases).contains(&"connect");
            assert!(has_dialled == (n == 0), "{n}: {phases:?}");
        }
        println!("phases and total differ by {:.4} % at most", worst * 100.0);
        assert!(worst < 0.05, "{worst}");
    });
}

#[test]
fn what_the_upstream_takes_is_told_as_its_own_and_its_own_timing_stays() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { routes: TIMED.to_owned(), ..Setup::of(&origin) });
        origin.script("slow", "HTTP/1.1 200 OK\r\nServer-Timing: db;dur=53\r\nContent-Length: 2\r\n\r\nok");
        let mut client = gateway.connect();
        client.send(request("timed.test", "/held/0/slow"));
        assert!(origin.wait_held(1));
        let held = Instant::now();
        while held.elapsed().as_millis() < 100 {
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
        origin.release();
        let reply = client.reply().expect(200);
        assert_eq!(reply.values("server-timing").first(), Some(&"db;dur=53"));
        let (phases, total) = timing(&reply);
        let first_byte = phases.iter().find(|(name, _)| name == "first_byte").map_or(0.0, |(_, dur)| *dur);
        assert!(first_byte >= 100.0 && first_byte / total > 0.9, "{phases:?}");
    });
}

#[test]
fn answers_of_its_own_tell_their_time_too() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { routes: TIMED.to_owned(), ..Setup::of(&origin) });
        for (host, status, phase) in
            [("here.test", 200, "answer"), ("away.test", 308, "answer"), ("dead.test", 502, "connect")]
        {
            let reply = gateway.connect().send(request(host, "/x")).reply().expect(status);
            let (phases, total) = timing(&reply);
            let sum: f64 = phases.iter().map(|(_, dur)| dur).sum();
            assert!((sum - total).abs() < 0.0005 * phases.len() as f64, "{host}: {phases:?} {total}");
            assert!(names(&phases).contains(&phase), "{host}: {phases:?}");
        }
        let plain = gateway.connect().send(request("a", "/ok")).reply().expect(200);
        assert_eq!(plain.value("server-timing"), None, "its route does not ask for it");
    });
}
