//! What limits have counted goes on through a reload by the policy's name: with other numbers, in shadow mode apart, and anew
//! where the counting means something else.

use crate::policies::{ask, start};
use crate::support::{Driver, Gateway, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

/// A gateway with one limit, `plan`, on `/r`.
struct Limited {
    gateway: Gateway,
    generation: u64,
}

impl Limited {
    fn start(driver: Driver, origin: &Origin, limit: &str) -> Limited {
        let routes = ["match: { path: /r }, policies: [plan], to: origin"];
        let setup = Setup { shards: 2, gateway: "watch: false", ..Setup::of(origin) };
        let gateway = start(driver, setup, &format!("plan: {{ {limit} }}"), &routes);
        Limited { gateway, generation: 1 }
    }

    /// Has the line of the policy replaced, and waits until that is served.
    fn becomes(&mut self, policy: &str) {
        let text = std::fs::read_to_string(self.gateway.file()).expect("is there");
        let name = policy.split_once(':').expect("has a name").0;
        let line = |line: &str| match line
            .trim_start()
            .split_once(": { limit")
            .or(line.trim_start().split_once(": { in_flight"))
        {
            Some((_, _)) => format!("  {policy}\n"),
            None if line.contains("path: /r }") => {
                let (front, rest) = line.split_once("policies: [").expect("names the policy");
                let (_, rest) = rest.split_once(']').expect("and ends the list");
                format!("{front}policies: [{name}]{rest}\n")
            }
            None => format!("{line}\n"),
        };
        self.generation += 1;
        self.gateway.replace(&text.lines().map(line).collect::<String>());
        self.gateway.hangup();
        self.gateway.serves(self.generation);
    }

    /// Of so many requests, each on a connection of its own, those that pass; all others are 429.
    fn passed(&self, requests: usize) -> usize {
        let passes =
            (0..requests).filter(|_| match ask(&self.gateway, "GET /r", "X-Origin: /ok\r\n").0.status {
                200 => true,
                429 => false,
                other => panic!("{other}"),
            });
        passes.count()
    }
}

#[test]
fn counts_go_on_by_name_with_other_numbers() {
    each_driver(|driver| {
        let origin = Origin::start();
        for algorithm in ["fixed_window", "sliding_window_log", "sliding_window_counter"] {
            let of = |rate: &str| format!("limit: {{ algorithm: {algorithm}, rate: {rate}, key: global }}");
            let mut limited = Limited::start(driver, &origin, &of("4/d"));
            assert_eq!(limited.passed(6), 4, "{algorithm}");
            limited.becomes(&format!("plan: {{ {} }}", of("6/d")));
            assert_eq!(limited.passed(6), 2, "{algorithm}: the four from before count");
            limited.becomes(&format!("plan: {{ {} }}", of("5/d")));
            assert_eq!(limited.passed(2), 0, "{algorithm}");
            three_fresh(&limited.gateway);
        }
        // A bucket keeps what it owes in time: twice the rate pays it in half the time, and a day is long either way.
        let mut limited = Limited::start(driver, &origin, "limit: { rate: 4/d, key: global }");
        assert_eq!(limited.passed(6), 4);
        limited.becomes("plan: { limit: { rate: 4/d, burst: 2, key: global } }");
        assert_eq!(limited.passed(3), 0);
    });
}

#[test]
fn another_name_key_or_kind_of_counting_begins_anew() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut limited =
            Limited::start(driver, &origin, "limit: { algorithm: fixed_window, rate: 2/d, key: global }");
        assert_eq!(limited.passed(3), 2);
        for other in [
            "plan: { limit: { algorithm: fixed_window, rate: 2/d, key: client.ip } }",
            "plan: { limit: { algorithm: sliding_window_log, rate: 2/d, key: client.ip } }",
            "other: { limit: { algorithm: sliding_window_log, rate: 2/d, key: client.ip } }",
        ] {
            limited.becomes(other);
            assert_eq!(limited.passed(3), 2, "{other}");
        }
    });
}

#[test]
fn what_was_counted_in_shadow_mode_is_owed_by_nobody_once_it_refuses() {
    each_driver(|driver| {
        let origin = Origin::start();
        let limit = "limit: { algorithm: fixed_window, rate: 2/d, key: global }";
        let mut limited = Limited::start(driver, &origin, &format!("{limit}, mode: shadow"));
        assert_eq!(limited.passed(5), 5);
        limited.becomes(&format!("plan: {{ {limit} }}"));
        assert_eq!(limited.passed(3), 2);
        limited.becomes(&format!("plan: {{ {limit}, mode: shadow }}"));
        assert_eq!(limited.passed(3), 3);
    });
}

#[test]
fn requests_in_flight_are_counted_through_a_reload() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut limited = Limited::start(driver, &origin, "in_flight: { limit: 1, key: global }");
        origin.script("slow", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec());
        let hold = |gateway: &Gateway| {
            let mut client = gateway.connect();
            client.send("GET /r HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /held/20/slow\r\n\r\n");
            client
        };
        let mut first = hold(&limited.gateway);
        assert!(origin.wait_held(1));
        assert_eq!(limited.passed(1), 0);
        limited.becomes("plan: { in_flight: { limit: 2, key: global } }");
        // One place more than the one that the old table gave.
        let mut second = hold(&limited.gateway);
        assert!(origin.wait_held(2));
        assert_eq!(limited.passed(1), 0);
        origin.release();
        for client in [&mut first, &mut second] {
            client.reply().expect(200);
            limited.gateway.log_of(client.addr());
        }
        // A place is given back once the answer is written, by a shard that another one does not wait for.
        super::until("both places are free", || limited.passed(2) == 2);
    });
}
