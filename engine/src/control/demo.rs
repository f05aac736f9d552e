//! What `ringgate demo` serves: three small origins on free loopback ports, spoken to over real sockets as any
//! origin is, the configuration that routes to them, open under `/api/` and guarded under `/partner/`, and lines to
//! paste. The origins run on the control thread's tokio runtime and end with it; their state is bounded.

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
    text += GUARD;
    text += "routes:\n";
    for upstream in &upstreams {
        text += &format!(
            "  - name: {upstream}\n    match: {{ path: /api/{upstream}/* }}\n    \
             rewrite: {{ strip_prefix: /api }}\n    to: [{{ upstream: {upstream} }}]\n"
        );
    }
    if upstreams.contains(&Collection::Orders.name()) {
        text += GUARDED;
    }
    text
}

/// With what tokens are signed. It guards nothing but the demo.
const SECRET: &str = "the-secret-of-the-demo-and-of-nothing-else";
/// The partner's key.
const KEY: &str = "the-key-of-the-demo-partner";

/// Who may call `/partner/`, and how often: a partner's plan is stricter than that of people who have signed in.
const GUARD: &str = "\
consumers:
  - { name: acme, api_keys: [the-key-of-the-demo-partner], tier: partner, scopes: [orders.read] }
policies:
  token: { jwt: { algorithms: [HS256], secret: the-secret-of-the-demo-and-of-nothing-else, forward: { sub: X-User-Id } } }
  key: { api_key: { header: X-API-Key } }
  may-order: { authorize: { scopes: [orders.read], methods: { POST: { scopes: [orders.write] } } } }
  plan: { limit: { rate: 100/min, burst: 20, key: [jwt.sub, consumer], plans: { partner: { rate: 3/min, burst: 3 } } } }
";

const GUARDED: &str = "  \
  - name: partner
    match: { path: /partner/orders/* }
    policies: [token, key, may-order, plan]
    rewrite: { strip_prefix: /partner }
    to: [{ upstream: orders }]
";

/// Commands that work when pasted into a shell, one a line, each behind a line that says what it shows. `program` is
/// what starts Ringgate.
pub fn lines(bind: SocketAddr, program: &str) -> String {
    let at = reachable(bind);
    let status = "curl -s -o /dev/null -w '%{http_code}\\n'";
    let orders = format!("http://{at}/partner/orders");
    format!(
        "# three services, the first of them balanced over two instances
curl http://{at}/api/users/1
curl http://{at}/api/products
curl http://{at}/api/orders -H 'Content-Type: application/json' -d '{{\"user\": 1, \"product\": 2}}'
# 401: who calls is not known
curl -i {orders}
# a token lets its bearer read, with the limits told in RateLimit; 403: it does not let them write
TOKEN=$({program} token --secret {SECRET} --sub alice --claim scope=orders.read)
curl -i {orders} -H \"Authorization: Bearer $TOKEN\"
curl -i {orders} -H \"Authorization: Bearer $TOKEN\" -d '{{\"user\": 1, \"product\": 2}}'
# a partner's key and stricter plan: three a minute, then 429
for i in 1 2 3 4; do {status} {orders} -H 'X-API-Key: {KEY}'; done
"
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
