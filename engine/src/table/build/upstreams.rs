//! Upstreams: endpoints with addresses, names resolved by whoever lends `resolved`.

use super::{
    Address, Check, Config, Endpoint, Kept, Pointer, Resolved, SocketAddr, Table, Upstream, UpstreamId,
    address, balance, config,
};
use crate::wire::proxy_protocol::Version;

/// The `host:port` of every endpoint that is a name, each once: what must be resolved before a build.
pub fn addresses(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = config
        .upstreams
        .0
        .iter()
        .flat_map(|(_, upstream)| &upstream.endpoints)
        .filter(|endpoint| {
            endpoint.address.parse::<SocketAddr>().is_err() && check_name(&endpoint.address).is_ok()
        })
        .map(|endpoint| endpoint.address.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Builds all upstreams; notes what is wrong with them.
pub(super) fn build(
    check: &mut Check<'_>,
    previous: Option<&Table>,
    resolved: Resolved<'_>,
) -> Vec<Upstream> {
    let config = check.config;
    let all = Pointer::default().key("upstreams");
    let before = previous.into_iter().flat_map(|table| &table.upstreams);
    let kept = Kept(before.map(|known| (known.name.as_str(), &known.count)).collect());
    let mut upstreams = Vec::new();
    for (index, (name, given)) in config.upstreams.0.iter().enumerate() {
        let at = all.key(name);
        check.name(&at, name);
        let endpoints = endpoints(check, &at.key("endpoints"), name, given, resolved);
        let balance = balance::build(check, &at.key("balance"), &given.balance);
        let pool = at.key("pool");
        upstreams.push(Upstream {
            id: UpstreamId(u32::try_from(index).expect("upstreams are fewer than 4 billion")),
            name: name.clone(),
            seats: balance.seats(&endpoints),
            endpoints,
            balance,
            proxy_protocol: given.proxy_protocol.map(|version| match version {
                config::upstream::ProxyVersion::V1 => Version::V1,
                config::upstream::ProxyVersion::V2 => Version::V2,
            }),
            connections: check.at_least_one(&pool, "connections", given.pool.connections),
            idle: check.period(&pool, "idle", given.pool.idle),
            count: kept.count(name),
        });
    }
    balance::cookies_of_two(check, &upstreams);
    upstreams
}

fn endpoints(
    check: &mut Check<'_>,
    at: &Pointer,
    name: &str,
    given: &config::Upstream,
    resolved: Resolved<'_>,
) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    if given.endpoints.is_empty() {
        let fix = "add 'endpoints: [{ address: HOST:PORT }]'";
        check.error_at_key(at, format!("upstream '{name}' has no endpoints"), Some(fix.into()));
    }
    for (index, endpoint) in given.endpoints.iter().enumerate() {
        let at = at.item(index);
        let weight = check.at_least_one(&at, "weight", endpoint.weight);
        let at = at.key("address");
        let found = match address::unix(check, &at, &endpoint.address) {
            Some(socket) => socket.into_iter().collect(),
            None => tcp(check, &at, &endpoint.address, resolved),
        };
        for addr in found {
            if endpoints.iter().any(|known| known.addr == addr) {
                let message = format!("'{}' stands twice in upstream '{name}'", endpoint.address);
                check.warn(&at, message, Some("give it a weight instead".into()));
            }
            endpoints.push(Endpoint {
                addr,
                name: endpoint.address.clone(),
                weight,
                priority: endpoint.priority,
            });
        }
    }
    endpoints
}

/// The addresses of a `host:port`.
fn tcp(check: &mut Check<'_>, at: &Pointer, address: &str, resolved: Resolved<'_>) -> Vec<Address> {
    let found = match address.parse::<SocketAddr>() {
        Ok(address) => vec![address],
        Err(_) => lookup(check, at, address, resolved),
    };
    if found.iter().any(|addr| addr.port() == 0 || addr.ip().is_unspecified()) {
        let fix = "write the server's own address and port, such as 10.0.0.7:8080";
        check.error(at, format!("'{address}' is not where a server listens"), Some(fix.into()));
    }
    found.into_iter().map(Address::Tcp).collect()
}

fn lookup(check: &mut Check<'_>, at: &Pointer, address: &str, resolved: Resolved<'_>) -> Vec<SocketAddr> {
    if let Err(fix) = check_name(address) {
        check.error(at, format!("'{address}' is not a host and a port"), Some(fix));
        return Vec::new();
    }
    let found = resolved(address).unwrap_or_default();
    if found.is_empty() {
        let fix = "check the name, or write an address";
        check.error(at, format!("'{address}' cannot be resolved"), Some(fix.into()));
    }
    found
}

/// Whether a text is `host:port`; gives the fix where it is not.
fn check_name(address: &str) -> Result<(), String> {
    if let Some((scheme, rest)) = address.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        let port = if scheme == "https" { 443 } else { 80 };
        let full = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        return Err(format!("write it without scheme and path: {full}"));
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(format!("a port is missing: {address}:80?"));
    };
    let label = |label: &str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(good)
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    match port.parse::<u16>() {
        Ok(1..) if host.split('.').all(label) => Ok(()),
        _ => Err("write host:port, such as orders.internal:8080, 10.0.0.7:8080 or [::1]:8080".to_owned()),
    }
}
