//! Listeners: addresses that can be bound, limits that fit the buffers.

use super::{
    Address, BULK_BYTES, Check, Kept, Limits, Listener, ListenerTimeouts, Means, Networks, Pointer,
    SocketAddr, Speaks, Table, address, config, networks, tls,
};
use crate::wire::uri::{DoubleSlash, PathRule};

/// What a request head may take of a bulk buffer: the rest is its headroom and the first bytes of a body.
const HEADER_BYTES_MAX: u64 = (BULK_BYTES - 4 * 1024) as u64;

/// Builds all listeners; notes what is wrong with them.
pub(super) fn build(
    check: &mut Check<'_>,
    (previous, means): (Option<&Table>, &mut Means<'_>),
    orders: &mut tls::acme::Orders<'_>,
) -> Vec<Listener> {
    let config = check.config;
    let all = Pointer::default().key("listeners");
    if config.listeners.is_empty() {
        let fix = "add 'listeners: [{ bind: 127.0.0.1:8080 }]'";
        check.error_at_key(&all, "there are no listeners".into(), Some(fix.into()));
    }
    let mut bound: Vec<(Address, String)> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let before = previous.into_iter().flat_map(|table| &table.listeners);
    let kept = Kept(before.clone().map(|known| (known.name.as_str(), &known.count)).collect());
    let tunnels = Kept(before.clone().map(|known| (known.name.as_str(), &known.tunnels)).collect());
    let handshakes = Kept(before.map(|known| (known.name.as_str(), &known.handshakes)).collect());
    let mut listeners = Vec::new();
    for (index, given) in config.listeners.iter().enumerate() {
        let at = all.item(index);
        let name = name(config, index);
        check.name(&at.key("name"), &name);
        if let Some(first) = names.iter().position(|known| *known == name) {
            let message = format!("two listeners are named '{name}'");
            check.named_twice(&at.key("name"), &all.item(first).key("name"), message);
        }
        names.push(name.clone());
        check.policies(&at.key("policies"), &given.policies);
        if given.protocols.as_ref().is_some_and(Vec::is_empty) {
            let fix = "write [http1], or remove the key";
            check.error(&at.key("protocols"), format!("listener '{name}' speaks nothing"), Some(fix.into()));
        }
        let (tls, certificates) =
            match tls::build(check, &at.key("tls"), (&name, given), (previous, means), orders) {
                Some((terms, certificates)) => (Some(terms), certificates),
                None => (None, Vec::new()),
            };
        listeners.push(Listener {
            bind: bind(check, &at.key("bind"), &name, given, &mut bound),
            proxy_protocol: proxy_protocol(check, &at.key("proxy_protocol"), &name, given),
            speaks: speaks(given),
            tls,
            certificates,
            to_https: tls::https::redirect(check, &at.key("redirect_https"), &name, given),
            hsts: tls::https::hsts(check, &at.key("hsts"), &name, given),
            paths: paths(&given.paths),
            limits: limits(check, &at.key("limits"), &given.limits),
            timeouts: timeouts(check, &at.key("timeouts"), &given.timeouts),
            count: kept.count(&name),
            tunnels: tunnels.count(&name),
            handshakes: handshakes.count(&name),
            meter: None,
            name,
        });
    }
    listeners
}

fn paths(given: &config::listener::Paths) -> PathRule {
    use config::listener::{DoubleSlash as Given, EscapedSlash};
    PathRule {
        double_slash: match given.double_slash {
            Given::Keep => DoubleSlash::Keep,
            Given::Merge => DoubleSlash::Merge,
            Given::Refuse => DoubleSlash::Refuse,
        },
        refuses_escaped_slash: given.escaped_slash == EscapedSlash::Refuse,
    }
}

/// The name of the listener at this place, given or by its number.
pub(super) fn name(config: &config::Config, index: usize) -> String {
    config.listeners[index].name.clone().unwrap_or_else(|| format!("listener-{}", index + 1))
}

/// The versions of HTTP that a listener speaks.
pub(super) fn speaks(given: &config::Listener) -> Speaks {
    use config::listener::Protocol::{Http1, Http2};
    match &given.protocols {
        Some(protocols) => Speaks { http1: protocols.contains(&Http1), http2: protocols.contains(&Http2) },
        None => Speaks { http1: true, http2: given.tls.is_some() },
    }
}

fn bind(
    check: &mut Check<'_>,
    at: &Pointer,
    name: &str,
    given: &config::Listener,
    bound: &mut Vec<(Address, String)>,
) -> Vec<Address> {
    let mut addresses = Vec::new();
    for (index, text) in given.bind.0.iter().enumerate() {
        let at = check.one_of(at, index);
        let address = match address::unix(check, &at, text) {
            Some(Some(address)) => address,
            Some(None) => continue,
            None => match text.parse() {
                Ok(address) => Address::Tcp(address),
                Err(_) => {
                    let message =
                        format!("'{text}' in 'bind' of listener '{name}' is not an address and a port");
                    check.error(&at, message, Some(bind_fix(text)));
                    continue;
                }
            },
        };
        if let Some((_, other)) = bound.iter().find(|(known, _)| clash(known, &address)) {
            let message = format!("'{text}' is bound by listener '{other}' already");
            let own = if matches!(address, Address::Tcp(_)) { "port" } else { "path" };
            check.error(&at, message, Some(format!("a listener needs a {own} of its own")));
        }
        bound.push((address.clone(), name.to_owned()));
        addresses.push(address);
    }
    addresses
}

fn proxy_protocol(
    check: &mut Check<'_>,
    at: &Pointer,
    name: &str,
    given: &config::Listener,
) -> Option<Networks> {
    let given = given.proxy_protocol.as_ref()?;
    if given.from.is_empty() {
        let message = format!("'proxy_protocol' of listener '{name}' names no proxy");
        let fix = "write the networks of the proxies, such as [10.0.0.0/8], or remove the key";
        check.error(&at.key("from"), message, Some(fix.into()));
    }
    Some(networks(&given.from))
}

/// Whether the kernel would share or refuse: the same path, or the same port on addresses of which one holds the
/// other. Port 0 is a fresh port each time.
pub(super) fn clash(left: &Address, right: &Address) -> bool {
    let (Address::Tcp(left), Address::Tcp(right)) = (left, right) else { return left == right };
    let (left, right) = (*left, *right);
    let any = |address: SocketAddr| address.ip().is_unspecified();
    // An IPv6 socket takes IPv6 only, so `0.0.0.0` and `[::]` can share a port.
    let covers = |wide: SocketAddr, other: SocketAddr| any(wide) && wide.is_ipv4() == other.is_ipv4();
    left.port() != 0
        && left.port() == right.port()
        && (left.ip() == right.ip() || covers(left, right) || covers(right, left))
}

pub(super) fn bind_fix(text: &str) -> String {
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return format!("did you mean '0.0.0.0:{port}'?");
    }
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return format!("did you mean '{}'?", SocketAddr::new(address, 8080));
    }
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok()) {
        return format!("did you mean '127.0.0.1:{port}'?");
    }
    "write an address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned()
}

fn limits(check: &mut Check<'_>, at: &Pointer, given: &config::listener::Limits) -> Limits {
    let mut bytes = |key: &str, bytes: u64, least: u64| {
        if bytes < least || bytes > HEADER_BYTES_MAX {
            let message = format!("'{key}' of {bytes} bytes is out of range");
            let fix = format!("write {least}B to {}KiB", HEADER_BYTES_MAX / 1024);
            check.error(&at.key(key), message, Some(fix));
        }
        u32::try_from(bytes).unwrap_or(u32::MAX)
    };
    // Below this, a browser's plain request would not pass.
    let header_bytes = bytes("header_bytes", given.header_bytes.0, 1024);
    let target_bytes = bytes("target_bytes", given.target_bytes.0, 64);
    Limits {
        connections: check.at_least_one(at, "connections", given.connections),
        tunnels: given.tunnels,
        handshakes: check.at_least_one(at, "handshakes", given.handshakes),
        header_bytes,
        headers: u16::try_from(check.at_least_one(at, "headers", given.headers.into())).unwrap_or(u16::MAX),
        target_bytes,
        body_bytes: given.body_bytes.0.map(|size| size.0),
        streams: check.at_least_one(at, "streams_per_connection", given.streams_per_connection),
    }
}

fn timeouts(check: &mut Check<'_>, at: &Pointer, given: &config::listener::Timeouts) -> ListenerTimeouts {
    ListenerTimeouts {
        head: check.period(at, "head", given.head),
        body: check.period(at, "body", given.body),
        idle: check.period(at, "idle", given.idle),
        tunnel_idle: check.period(at, "tunnel_idle", given.tunnel_idle),
        tunnel_age: given.tunnel_age.0.map(|age| check.period(at, "tunnel_age", age)),
        age: given.age.0.map(|age| check.period(at, "age", age)),
    }
}
