//! The configuration of a gateway under test.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use tools::upstream::Origin;

/// What a shard waits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    IoUring,
    Epoll,
}

impl Driver {
    /// As the configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Driver::IoUring => "io_uring",
            Driver::Epoll => "epoll",
        }
    }
}

/// Runs `test` on the driver that `RINGGATE_TEST_DRIVER` names, else on both.
pub fn each_driver(test: impl Fn(Driver)) {
    let asked = std::env::var("RINGGATE_TEST_DRIVER").ok();
    for driver in [Driver::IoUring, Driver::Epoll] {
        match asked.as_deref() {
            Some(name) if name != driver.name() => continue,
            Some(_) => {}
            None if driver == Driver::IoUring && ringgate::net::driver::probe_io_uring().is_err() => {
                eprintln!("io_uring does not work here: only epoll is tested");
                continue;
            }
            None => {}
        }
        // Shown with a failure.
        println!("driver: {}", driver.name());
        test(driver);
    }
}

/// A configuration with one listener, one upstream and a route for everything. The texts are what stands inside
/// the YAML map of that name, empty for the defaults.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Further sections, a line each.
    pub top: String,
    pub shards: u32,
    pub bind: &'static str,
    /// A Unix socket that the listener is bound to beside `bind`.
    pub socket: Option<PathBuf>,
    pub listener: &'static str,
    pub gateway: &'static str,
    pub limits: &'static str,
    pub timeouts: &'static str,
    pub endpoints: Vec<SocketAddr>,
    /// More keys of each endpoint, in order.
    pub endpoint_keys: &'static [&'static str],
    /// Endpoints on Unix sockets, behind the others.
    pub endpoint_sockets: Vec<PathBuf>,
    pub upstream: &'static str,
    pub balance: &'static str,
    pub pool: &'static str,
    pub route_timeouts: &'static str,
    pub upgrade: &'static str,
    /// Further upstreams, a line each, with two spaces before it.
    pub upstreams: String,
    /// Routes before those that are always there, a line each.
    pub routes: String,
    /// The host of the route for everything.
    pub host: &'static str,
    /// `stdout`, where [`super::Gateway::log`] reads it, or the path of a file.
    pub access_log: String,
}

impl Setup {
    /// One shard before `origin`, with patient timeouts.
    pub fn of(origin: &Origin) -> Setup {
        Setup::before(&[origin.addr()])
    }

    /// One shard before `endpoints`.
    pub fn before(endpoints: &[SocketAddr]) -> Setup {
        Setup {
            top: String::new(),
            shards: 1,
            bind: "127.0.0.1:0",
            socket: None,
            listener: "",
            gateway: "",
            limits: "",
            timeouts: "",
            endpoints: endpoints.to_vec(),
            endpoint_keys: &[],
            endpoint_sockets: Vec::new(),
            upstream: "",
            balance: "round_robin",
            pool: "",
            route_timeouts: "connect: 10s, first_byte: 20s",
            upgrade: "",
            upstreams: String::new(),
            routes: String::new(),
            host: "*",
            access_log: "stdout".to_owned(),
        }
    }

    /// The file's text. The route `barrier` answers from the gateway itself: nobody listens on port 1.
    pub fn text(&self, driver: Driver) -> String {
        let Setup { shards, gateway, listener, limits, timeouts, upstream, balance, pool, .. } = self;
        let Setup { route_timeouts, upgrade, .. } = self;
        let mut bind = format!("\"{}\"", self.bind);
        if let Some(path) = &self.socket {
            let _ = write!(bind, ", \"unix:{}\"", path.display());
        }
        let mut endpoints = String::new();
        for (index, addr) in self.endpoints.iter().enumerate() {
            let keys = self.endpoint_keys.get(index).unwrap_or(&"");
            let _ = write!(endpoints, "{{ address: \"{addr}\", {keys} }}, ");
        }
        for path in &self.endpoint_sockets {
            let _ = write!(endpoints, "{{ address: \"unix:{}\" }}, ", path.display());
        }
        let (driver, access_log) = (driver.name(), &self.access_log);
        let top = &self.top;
        let (upstreams, routes, host) = (&self.upstreams, &self.routes, self.host);
        format!(
            "version: 1\n{top}\n\
             gateway: {{ shards: {shards}, driver: {driver}, {gateway} }}\n\
             access_log: {{ path: \"{access_log}\", format: json }}\n\
             listeners:\n\
             - {{ name: public, bind: [{bind}], limits: {{ {limits} }}, timeouts: {{ {timeouts} }}, {listener} }}\n\
             upstreams:\n  \
               origin: {{ endpoints: [{endpoints}], balance: {balance}, pool: {{ {pool} }}, {upstream} }}\n  \
               nowhere: {{ endpoints: [{{ address: \"127.0.0.1:1\" }}] }}\n\
             {upstreams}\
             routes:\n\
             {routes}\
             - {{ name: barrier, match: {{ host: barrier.test, path: /* }}, to: nowhere }}\n\
             - {{ name: all, match: {{ host: \"{host}\", path: /* }}, to: origin, timeouts: {{ {route_timeouts} }}, upgrade: [{upgrade}] }}\n"
        )
    }
}
