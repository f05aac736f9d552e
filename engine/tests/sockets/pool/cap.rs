//! Who waits at an upstream's cap: in the order in which they came, and on whichever shard.

use super::ask;
use crate::admin::{address, page};
use crate::support::{Client, Driver, Gateway, Ids, PATIENCE, Setup, each_driver, three_fresh};
use std::net::SocketAddr;
use std::time::Instant;
use tools::upstream::Origin;

const ADMIN: &str = "admin: { bind: 127.0.0.1:0 }";

/// Waits until so many exchanges wait for a slot.
fn wait_in_line(gateway: &Gateway, many: u64) {
    let admin: SocketAddr = address(gateway).parse().expect("is an address");
    let began = Instant::now();
    loop {
        let shown = page(admin, "/upstreams");
        let all = shown["upstreams"].as_array().expect("a list");
        let origin = all.iter().find(|upstream| upstream["name"] == "origin").expect("it is shown");
        match origin["waiting"].as_u64() {
            Some(waiting) if waiting == many => return,
            _ => assert!(began.elapsed() < PATIENCE, "{origin}"),
        }
    }
}

/// The queries of what reached the origin; on each connection, in order.
fn order(origin: &Origin) -> Vec<String> {
    let query = |target: &str| target.split_once('?').map_or(String::new(), |(_, query)| query.to_owned());
    origin.requests().iter().map(|request| query(request.target())).collect()
}

#[test]
fn those_who_wait_at_the_cap_are_served_in_the_order_in_which_they_came() {
    each_driver(|driver| {
        let origin = Origin::start();
        origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let setup = Setup { pool: "connections: 1", top: ADMIN.to_owned(), ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut clients: Vec<Client> = (0..8).map(|_| gateway.connect()).collect();
        // The first one sends another request at once: when the connection is parked, it is there before anybody else.
        ask(&mut clients[0], "GET", "/held/5/one?0", "");
        ask(&mut clients[0], "GET", "/ok?last", "");
        assert!(origin.wait_held(1));
        for (at, client) in clients.iter_mut().enumerate().skip(1) {
            ask(client, "GET", &format!("/ok?{at}"), "");
            wait_in_line(&gateway, at as u64);
        }
        origin.release();
        clients.iter_mut().for_each(|client| drop(client.reply().expect(200)));
        clients[0].reply().expect(200);
        assert_eq!(order(&origin), ["0", "1", "2", "3", "4", "5", "6", "7", "last"]);
        assert_eq!(origin.connections(), 1);
    });
}

#[test]
fn who_waits_alone_at_the_cap_is_not_overtaken_by_one_who_asks_without_a_pause() {
    const MANY: usize = 100;
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { pool: "connections: 1", ..Setup::of(&origin) });
        let (mut many, mut other) = (gateway.connect(), gateway.connect());
        for _ in 0..MANY {
            ask(&mut many, "GET", "/slow-head/5?many", "");
        }
        for _ in 0..5 {
            let id = Ids::next();
            ask(&mut other, "GET", &format!("/ok?{id}"), "");
            other.reply().expect(200);
            let order = order(&origin);
            assert!(order.len() < MANY, "{} had come before it", order.len());
        }
        for _ in 0..MANY {
            many.reply().expect(200);
        }
    });
}

/// Waits until so many requests have come to the origin.
fn came(origin: &Origin, many: usize) -> bool {
    origin.wait(|seen| seen.iter().map(|connection| connection.requests.len()).sum::<usize>() >= many)
}

/// Clients on either shard of a gateway, so many on each.
fn on_both_shards(gateway: &Gateway, many: usize) -> [Vec<Client>; 2] {
    let mut shards = [Vec::new(), Vec::new()];
    while shards.iter().any(|clients| clients.len() < many) {
        let mut client = gateway.connect();
        ask(&mut client, "GET", "/ok", "");
        client.reply().expect(200);
        let shard = gateway.log_of(client.addr())["shard"].as_u64().expect("a number") as usize;
        shards[shard].push(client);
    }
    shards.iter_mut().for_each(|clients| clients.truncate(many));
    shards
}

#[test]
fn who_waits_has_a_turn_however_long_the_line_on_another_shard_is() {
    const MANY: usize = 40;
    for (pool, busy) in [("connections: 1", 0), ("connections: 3", 1)] {
        each_driver(|driver| {
            let origin = Origin::start();
            let gateway = Gateway::start(driver, &Setup { shards: 2, pool, ..Setup::of(&origin) });
            let mut shards = on_both_shards(&gateway, 6);
            let before = origin.requests().len();
            for client in &mut shards[busy] {
                (0..MANY).for_each(|_| ask(client, "GET", "/slow-head/5?busy", ""));
            }
            assert!(came(&origin, before + 7), "they hold all that there are");
            let other = &mut shards[1 - busy][0];
            for _ in 0..3 {
                ask(other, "GET", "/ok?other", "");
                other.reply().expect(200);
            }
            let order = order(&origin).split_off(before);
            assert!(order.len() < 4 * MANY, "{pool}: {} of {} had come before it", order.len(), 6 * MANY);
            for client in &mut shards[busy] {
                (0..MANY).for_each(|_| drop(client.reply().expect(200)));
            }
            three_fresh(&gateway);
        });
    }
}

#[test]
fn two_shards_with_lines_both_go_on() {
    const MANY: usize = 40;
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { shards: 2, pool: "connections: 2", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut shards = on_both_shards(&gateway, 4);
        let before = origin.requests().len();
        for (shard, clients) in shards.iter_mut().enumerate() {
            for client in clients {
                (0..MANY).for_each(|_| ask(client, "GET", &format!("/slow-head/5?{shard}"), ""));
            }
        }
        assert!(came(&origin, before + 4 * MANY));
        // When half is done, neither has had nearly all of it.
        let half = order(&origin);
        let own = [0, 1].map(|shard| half.iter().filter(|query| **query == shard.to_string()).count());
        assert!(own.iter().all(|own| *own >= MANY / 2), "{own:?}");
        for client in shards.iter_mut().flatten() {
            (0..MANY).for_each(|_| drop(client.reply().expect(200)));
        }
        // Each keeps what it has: a connection is no dearer than the cap makes it.
        assert!(origin.connections() < 100, "{} connections", origin.connections());
    });
}

/// A gateway of two shards before an origin of HTTP/2 that takes one request at a time on each connection, and that origin.
fn before_http2(driver: Driver, origin: &Origin, pool: &str) -> (Gateway, Gateway) {
    let gateway = |shards, keys: &str, upstream: String| {
        let text = format!(
            "version: 1\ngateway: {{ shards: {shards}, driver: {} }}\n\
             listeners: [{{ name: a, bind: 127.0.0.1:0, {keys} }}]\nupstreams: {{ origin: {{ {upstream} }} }}\n\
             routes: [{{ name: all, match: {{ path: /* }}, to: origin, timeouts: {{ connect: 5s }} }}]\n",
            driver.name(),
        );
        Gateway::with(&text, shards)
    };
    let keys = "protocols: [http2], limits: { streams_per_connection: 1 }";
    let behind = gateway(1, keys, format!("endpoints: [{{ address: '{}' }}]", origin.addr()));
    let upstream =
        format!("protocol: http2, endpoints: [{{ address: '{}' }}], pool: {{ {pool} }}", behind.addr());
    (gateway(2, "protocols: [http1]", upstream), behind)
}

#[test]
fn a_shared_connection_that_is_idle_is_given_up_for_another_shard() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, _behind) = before_http2(driver, &origin, "connections: 1, idle: 10m");
        let mut shards = on_both_shards(&gateway, 1);
        for _ in 0..3 {
            for client in shards.iter_mut().flatten() {
                ask(client, "GET", "/ok", "");
                client.reply().expect(200);
            }
        }
    });
}

#[test]
fn of_shared_connections_that_are_busy_one_is_given_up_for_another_shard() {
    const MANY: usize = 40;
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, _behind) = before_http2(driver, &origin, "connections: 2, idle: 10m");
        let mut shards = on_both_shards(&gateway, 6);
        let before = origin.requests().len();
        for client in &mut shards[0] {
            (0..MANY).for_each(|_| ask(client, "GET", "/slow-head/5?busy", ""));
        }
        assert!(came(&origin, before + 7), "they hold both");
        let other = &mut shards[1][0];
        for _ in 0..3 {
            ask(other, "GET", "/ok?other", "");
            other.reply().expect(200);
        }
        let order = order(&origin).split_off(before);
        assert!(order.len() < 4 * MANY, "{} of {} had come before it", order.len(), 6 * MANY);
        for client in &mut shards[0] {
            (0..MANY).for_each(|_| drop(client.reply().expect(200)));
        }
    });
}
