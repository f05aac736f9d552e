//! Limits: which moment of a request counts.

use super::{ask, with};
use crate::support::{PATIENCE, three_fresh};
use std::time::{Duration, Instant};

/// From one request that passes to the next.
const APART: Duration = Duration::from_millis(200);

#[test]
fn a_head_that_is_held_back_spends_of_the_moment_at_which_it_is_whole() {
    let policies = "
        plan: { limit: { rate: 5/s, burst: 1, key: global } }
        pace: { limit: { rate: 5/s, burst: 1, key: global } }
    ";
    let routes = [
        "match: { path: /plan }, policies: [plan], respond: { body: ok }",
        "match: { path: /pace }, policies: [pace], respond: { body: ok }",
    ];
    with(
        policies,
        &routes,
        |setup| setup,
        |gateway, _| {
            let mut held = Vec::new();
            for _ in 0..4 {
                let mut client = gateway.connect();
                client.send("GET /plan HTTP/1.1\r\n");
                held.push(client);
                // Another limit of the same rate tells when its time is over.
                let until = Instant::now() + PATIENCE;
                while ask(gateway, "GET /pace", "").0.status != 200 {
                    assert!(Instant::now() < until, "the other limit never lets anything pass");
                }
            }
            let begun = Instant::now();
            for client in &mut held {
                client.send("Host: gw.test\r\n\r\n");
            }
            let statuses: Vec<u16> = held.iter_mut().map(|client| client.reply().status).collect();
            let passed = statuses.iter().filter(|status| **status == 200).count();
            let most = 1 + begun.elapsed().as_nanos() / APART.as_nanos();
            assert!((1..=most).contains(&(passed as u128)), "{passed} pass, of {most} at most");
            three_fresh(gateway);
        },
    );
}
