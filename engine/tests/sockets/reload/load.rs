//! Reloads under load: no request fails, whatever comes and goes. `bench/load/reload` does the same a thousand times a minute
//! and looks at latencies and memory.

use super::Text;
use crate::support::{Client, Driver, Gateway, each_driver};
use std::net::SocketAddr;
use std::thread;
use tools::load::{self, Plan, Report};
use tools::upstream::Origin;

/// Reloads of a test.
const RELOADS: u64 = 60;

/// Load on `addr` for `seconds`, at a fixed rate or as fast as answers come.
fn load(addr: SocketAddr, rate: Option<u32>, seconds: f64) -> thread::JoinHandle<Report> {
    let url = format!("http://{addr}/ok").parse().expect("is a URL");
    let plan = Plan { connections: 16, seconds, rate, ..Plan::new(url) };
    thread::spawn(move || load::run(&plan).expect("the load runs"))
}

/// Two files that differ in a route, a weight and a listener.
fn two(driver: Driver, shards: u32, origin: &Origin) -> [Text; 2] {
    let mut one = Text::of(driver, shards, origin);
    one.upstreams.push(("second", origin.addr()));
    let sides = |a: u32, b: u32| {
        format!(
            "{{ name: all, match: {{ path: /* }}, to: [{{ upstream: origin, weight: {a} }}, {{ upstream: second, weight: {b} }}] }}"
        )
    };
    one.routes = vec![sides(90, 10)];
    let mut other = one.clone();
    other.routes =
        vec!["{ name: new, match: { path: /new }, respond: { body: new } }".to_owned(), sides(50, 50)];
    other.listeners.insert(0, "{ name: more, bind: 127.0.0.1:0 }".to_owned());
    other.upstreams.insert(0, ("unused", origin.addr()));
    [one, other]
}

/// Reloads `gateway` until both loads are over, [`RELOADS`] times at least; gives how often.
fn reloads(gateway: &Gateway, texts: &[Text; 2], loads: Vec<thread::JoinHandle<Report>>) -> u64 {
    let mut generation = 1;
    while generation <= RELOADS || loads.iter().any(|load| !load.is_finished()) {
        generation += 1;
        texts[(generation % 2) as usize].reload(gateway, generation);
    }
    for load in loads {
        let report = load.join().expect("the load ran");
        assert!(report.latency.total() > 100, "{report:?}");
        assert_eq!((report.errors.total(), report.unanswered), (0, 0), "{report:?}");
    }
    generation
}

#[test]
fn no_request_fails_while_tables_listeners_and_upstreams_change() {
    each_driver(|driver| {
        let origin =
            Origin::bind(SocketAddr::from(([127, 0, 0, 1], 0)), tools::upstream::Recording::Off).unwrap();
        let texts = two(driver, 2, &origin);
        let gateway = texts[1].start();
        let addr = gateway.listener("public");
        let loads = vec![load(addr, Some(400), 4.0), load(addr, None, 4.0)];
        let generation = reloads(&gateway, &texts, loads);
        let mut client = Client::connect(addr);
        super::ask(&mut client, "/ok").expect(200);
        assert_eq!(gateway.log_of(client.addr())["generation"], generation);
    });
}
