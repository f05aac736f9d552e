//! Endpoints that change while requests run: names, behind a real name server on loopback, and files. Each upstream is
//! reached by its name as the host.

use crate::support::{Driver, Gateway, PATIENCE, Reply};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tools::dns::{Data, NameServer};
use tools::upstream::{Origin, Recording};

mod change;
mod failure;
mod kinds;
mod lists;

/// The rules of a resolver that makes haste: with a TTL of 0 a name is asked again each 80 to 90 ms.
const HASTE: &str = "timeout: 400ms, ttl_min: 100ms, stale: 1s";

/// A gateway whose resolver asks `dns` by `rules`, before upstreams of these names and contents.
fn start(driver: Driver, shards: u32, dns: &NameServer, rules: &str, upstreams: &[(&str, &str)]) -> Gateway {
    Gateway::with(&text(driver, shards, dns, rules, upstreams), shards)
}

fn text(driver: Driver, shards: u32, dns: &NameServer, rules: &str, upstreams: &[(&str, &str)]) -> String {
    let (driver, server) = (driver.name(), dns.addr());
    let mut text = format!(
        "version: 1\n\
         gateway: {{ shards: {shards}, driver: {driver}, resolver: {{ servers: [\"{server}\"], {rules} }} }}\n\
         listeners: [{{ name: public, bind: 127.0.0.1:0 }}]\n\
         upstreams:\n"
    );
    for (name, inside) in upstreams {
        let _ = writeln!(text, "  {name}: {{ {inside} }}");
    }
    text += "routes:\n";
    for (name, _) in upstreams {
        let _ = writeln!(text, "- {{ name: {name}, match: {{ host: {name} }}, to: {name} }}");
    }
    text
}

/// Asks the upstream over a new connection.
fn ask(gateway: &Gateway, upstream: &str) -> Reply {
    let mut client = gateway.connect();
    client.send(format!("GET /ok HTTP/1.1\r\nHost: {upstream}\r\nConnection: close\r\n\r\n"));
    client.reply()
}

/// Asks the upstream `count` times over one connection; gives the endpoint of each, as the log names it.
fn endpoints(gateway: &Gateway, upstream: &str, count: usize) -> Vec<String> {
    let mut client = gateway.connect();
    for _ in 0..count {
        client.send(format!("GET /ok HTTP/1.1\r\nHost: {upstream}\r\n\r\n"));
        client.reply().expect(200);
    }
    let lines = gateway.logs_of(client.addr(), count);
    lines.iter().map(|line| line["endpoint"].as_str().expect("an endpoint").to_owned()).collect()
}

/// Waits until `holds`; whatever it asks paces it.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Origins at 127.0.0.2, 127.0.0.3 and so on, all on one port.
fn origins(count: u8) -> (Vec<Origin>, u16) {
    for _ in 0..20 {
        let first = Origin::bind(SocketAddr::from((host(0), 0)), Recording::On).expect("a free port");
        let port = first.addr().port();
        let others = (1..count).map(|n| Origin::bind(SocketAddr::from((host(n), port)), Recording::On));
        // The port may be taken at another address.
        if let Ok(others) = others.collect::<Result<Vec<_>, _>>() {
            return (std::iter::once(first).chain(others).collect(), port);
        }
    }
    panic!("no port is free at {count} addresses");
}

fn host(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 2 + n)
}

/// The records of these origins.
fn hosts(numbers: &[u8]) -> Vec<Data> {
    numbers.iter().map(|n| Data::A(host(*n))).collect()
}
