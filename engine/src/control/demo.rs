//! What `ringgate demo` serves: three small origins on free loopback ports, spoken to over real sockets as any
//! origin is, the configuration that routes to them, and three lines to paste. The origins run on the control
//! thread's tokio runtime and end with it; their state is bounded.

mod service;

use service::{Collection, Service};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// One running origin service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOrigin {
    /// The upstream it is an endpoint of: `users`, `orders` or `products`.
    pub upstream: &'static str,
    /// Its own name, which its answers show as `served_by`.
    pub name: &'static str,
    /// Where it listens.
    pub addr: SocketAddr,
}

/// Users has two instances, so that balancing shows.
const INSTANCES: [(Collection, &str); 4] = [
    (Collection::Users, "users-1"),
    (Collection::Users, "users-2"),
    (Collection::Orders, "orders-1"),
    (Collection::Products, "products-1"),
];

/// Starts the origins on the tokio runtime that this is called in; when it returns, they take connections.
/// *Errors*: no loopback port is free.
pub async fn origins() -> io::Result<Vec<DemoOrigin>> {
    let mut origins = Vec::with_capacity(INSTANCES.len());
    for (collection, name) in INSTANCES {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        tokio::spawn(Service::new(collection, name).serve(listener));
        origins.push(DemoOrigin { upstream: collection.name(), name, addr });
    }
    Ok(origins)
}

/// The text of a configuration that listens on `bind` and routes to `origins`. Endpoints of one upstream need not
/// follow each other.
pub fn configuration(origins: &[DemoOrigin], bind: SocketAddr) -> String {
    let mut upstreams = Vec::new();
    for origin in origins {
        if !upstreams.contains(&origin.upstream) {
            upstreams.push(origin.upstream);
        }
    }
    let mut text = format!(
        "version: 1\n\
         gateway: {{ shards: auto, driver: auto }}\n\
         access_log: off\n\
         listeners:\n  - name: demo\n    bind: \"{bind}\"\n\
         upstreams:\n"
    );
    for upstream in &upstreams {
        text += &format!("  {upstream}:\n    endpoints:\n");
        for origin in origins.iter().filter(|origin| origin.upstream == *upstream) {
            text += &format!("      - address: \"{}\"  # {}\n", origin.addr, origin.name);
        }
    }
    text += "routes:\n";
    for upstream in &upstreams {
        text += &format!(
            "  - name: {upstream}\n    match: {{ path: /api/{upstream}/* }}\n    \
             rewrite: {{ strip_prefix: /api }}\n    to: [{{ upstream: {upstream} }}]\n"
        );
    }
    text
}

/// Three commands that work when pasted into a shell, one a line: each service once, and one that writes.
pub fn lines(bind: SocketAddr) -> String {
    let at = reachable(bind);
    format!(
        "curl http://{at}/api/users/1\n\
         curl http://{at}/api/products\n\
         curl http://{at}/api/orders -H 'Content-Type: application/json' -d '{{\"user\": 1, \"product\": 2}}'\n"
    )
}

/// An address to connect to: a listener on every address is reached by loopback.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

#[cfg(test)]
mod tests;
