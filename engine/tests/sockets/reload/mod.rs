//! Reloads of a running gateway: what changes, what goes on, and what a refused one leaves as it was.

use crate::support::{Client, Driver, Gateway, PATIENCE, Reply};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

mod counts;
mod drain;
mod kept;
mod listeners;
mod load;
mod names;
mod ordered;
mod policy_files;
mod refused;
mod watched;

/// A configuration in parts.
#[derive(Debug, Clone)]
struct Text {
    driver: Driver,
    shards: u32,
    /// What stands in `gateway` beside shards and driver.
    gateway: String,
    /// Lines of `listeners`.
    listeners: Vec<String>,
    /// Upstreams by name, each with an endpoint.
    upstreams: Vec<(&'static str, SocketAddr)>,
    /// Lines of `routes`.
    routes: Vec<String>,
}

impl Text {
    /// One listener, one upstream, and a route to it for everything. Nothing is watched: signals order reloads.
    fn of(driver: Driver, shards: u32, origin: &Origin) -> Text {
        Text {
            driver,
            shards,
            gateway: "watch: false".to_owned(),
            listeners: vec!["{ name: public, bind: 127.0.0.1:0 }".to_owned()],
            upstreams: vec![("origin", origin.addr())],
            routes: vec!["{ name: all, match: { path: /* }, to: origin }".to_owned()],
        }
    }

    /// The same with a route before the others that answers `path` with `body`.
    fn answers(&self, path: &str, body: &str) -> Text {
        let mut text = self.clone();
        let name = path.trim_matches('/');
        text.routes
            .insert(0, format!("{{ name: {name}, match: {{ path: {path} }}, respond: {{ body: {body} }} }}"));
        text
    }

    fn yaml(&self) -> String {
        let Text { driver, shards, gateway, .. } = self;
        let mut text = format!(
            "version: 1\ngateway: {{ shards: {shards}, driver: {}, {gateway} }}\n\
             access_log: {{ path: stdout, format: json }}\nlisteners:\n",
            driver.name()
        );
        for listener in &self.listeners {
            let _ = writeln!(text, "- {listener}");
        }
        text += "upstreams:\n";
        for (name, addr) in &self.upstreams {
            let _ = writeln!(text, "  {name}: {{ endpoints: [{{ address: \"{addr}\" }}] }}");
        }
        text += "routes:\n";
        for route in &self.routes {
            let _ = writeln!(text, "- {route}");
        }
        text
    }

    fn start(&self) -> Gateway {
        Gateway::with(&self.yaml(), self.shards)
    }

    /// Has `gateway` reload it and waits until it serves it as `generation`.
    #[track_caller]
    fn reload(&self, gateway: &Gateway, generation: u64) {
        gateway.replace(&self.yaml());
        gateway.hangup();
        gateway.serves(generation);
    }
}

fn ask(client: &mut Client, target: &str) -> Reply {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client.reply()
}

/// Waits until `holds`; whatever it asks paces it.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
