//! Upstreams: where their endpoints are found, and the set that needs no looking for.

use super::super::endpoints::assemble;
use super::{
    Check, Endpoints, Kept, Means, Pointer, Source, Table, Target, Upstream, UpstreamId, address, balance,
    config,
};
use crate::wire::proxy_protocol::Version;
use secured::Secured;

mod health;
mod secured;

/// Builds all upstreams; notes what is wrong with them.
pub(super) fn build(check: &mut Check<'_>, previous: Option<&Table>, means: &mut Means<'_>) -> Vec<Upstream> {
    let config = check.config;
    let all = Pointer::default().key("upstreams");
    let before = previous.into_iter().flat_map(|table| &table.upstreams);
    let kept = Kept(before.map(|known| (known.name.as_str(), &known.count)).collect());
    let mut secured = Secured::new(previous);
    let mut upstreams = Vec::new();
    for (index, (name, given)) in config.upstreams.0.iter().enumerate() {
        let at = all.key(name);
        check.name(&at, name);
        let sources = sources(check, &at, name, given);
        let balance = balance::build(check, &at.key("balance"), &given.balance);
        let pool = at.key("pool");
        let http2 = given.protocol == config::listener::Protocol::Http2;
        if http2 && given.proxy_protocol.is_some() {
            let message = format!("connections of upstream '{name}' carry many clients' requests at once");
            let fix = "remove 'proxy_protocol', which names one client, or 'protocol: http2'";
            check.error_at_key(&at.key("proxy_protocol"), message, Some(fix.into()));
        }
        if given.health.as_ref().is_some_and(|health| health.port.is_some())
            && given.endpoints.iter().any(|endpoint| endpoint.address.starts_with("unix:"))
        {
            let message =
                format!("upstream '{name}' has servers on Unix sockets, which have no port to check");
            let fix = "remove it, or give those servers an upstream of their own";
            check.warn(&at.key("health").key("port"), message, Some(fix.into()));
        }
        upstreams.push(Upstream {
            id: UpstreamId(u32::try_from(index).expect("upstreams are fewer than 4 billion")),
            name: name.clone(),
            endpoints: Endpoints::new(assemble(sources.iter(), |_| &[]), &balance),
            sources,
            file: given.endpoints_file.as_ref().map(|file| file.0.clone()),
            balance,
            proxy_protocol: given.proxy_protocol.map(|version| match version {
                config::upstream::ProxyVersion::V1 => Version::V1,
                config::upstream::ProxyVersion::V2 => Version::V2,
            }),
            tls: given
                .tls
                .as_ref()
                .and_then(|given| secured.terms(check, (&at.key("tls"), name), (given, http2), means)),
            http2,
            health: given
                .health
                .as_ref()
                .and_then(|given| health::build(check, (&at.key("health"), name), given, http2)),
            connections: check.at_least_one(&pool, "connections", given.pool.connections),
            idle: check.period(&pool, "idle", given.pool.idle),
            age: given.pool.age.0.map(|age| check.period(&pool, "age", age)),
            ping: given.pool.ping.0.map(|ping| check.period(&pool, "ping", ping)),
            count: kept.count(name),
            meter: None,
        });
    }
    balance::cookies_of_two(check, &upstreams);
    upstreams
}

fn sources(check: &mut Check<'_>, at: &Pointer, name: &str, given: &config::Upstream) -> Vec<Source> {
    let at = at.key("endpoints");
    if given.endpoints.is_empty() && given.endpoints_file.is_none() {
        let fix = "add 'endpoints: [{ address: HOST:PORT }]' or 'endpoints_file: FILE'";
        check.error_at_key(&at, format!("upstream '{name}' has no endpoints"), Some(fix.into()));
    }
    let mut sources: Vec<Source> = Vec::new();
    for (index, endpoint) in given.endpoints.iter().enumerate() {
        let at = at.item(index);
        let weight = check.at_least_one(&at, "weight", endpoint.weight);
        let at = at.key("address");
        let target = match address::unix(check, &at, &endpoint.address) {
            Some(Some(socket)) => Target::Address(socket),
            Some(None) => continue,
            None => match Target::parse(&endpoint.address) {
                Ok(target) => target,
                Err((what, fix)) => {
                    check.error(&at, format!("'{}' {what}", endpoint.address), Some(fix));
                    continue;
                }
            },
        };
        if sources.iter().any(|known| known.target == target) {
            let message = format!("'{}' stands twice in upstream '{name}'", endpoint.address);
            check.warn(&at, message, Some("give it a weight instead".into()));
            continue;
        }
        sources.push(Source { target, weight, priority: endpoint.priority });
    }
    sources
}
