//! Keys that are written where they can do nothing, since another key decides it: bounds of what a listener does not speak,
//! of connections that are not kept, of a time that is over before; protocols that no upstream is asked for.

use crate::config::listener::Protocol;
use crate::config::target::To;
use crate::config::{Listener, Route, Upstream};
use crate::table::build::{Check, Pointer, listeners};

/// Warns of them.
pub(super) fn warn(check: &mut Check<'_>) {
    let config = check.config;
    let of = |section: &str| Pointer::default().key(section);
    for (index, given) in config.listeners.iter().enumerate() {
        let name = listeners::name(config, index);
        listener(check, &of("listeners").item(index), &name, given);
    }
    for (name, given) in &config.upstreams.0 {
        upstream(check, &of("upstreams").key(name), name, given);
    }
    for (index, given) in config.routes.iter().enumerate() {
        route(check, &of("routes").item(index), given);
    }
}

fn listener(check: &mut Check<'_>, at: &Pointer, name: &str, given: &Listener) {
    let limits = at.key("limits");
    if given.tls.is_none() {
        let message = format!("'handshakes' of listener '{name}' bounds nothing: it speaks no TLS");
        written(check, &limits.key("handshakes"), message, "remove it, or add 'tls'");
    }
    if !listeners::speaks(given).http2 {
        let message =
            format!("'streams_per_connection' of listener '{name}' bounds nothing: it speaks no http2");
        written(
            check,
            &limits.key("streams_per_connection"),
            message,
            "remove it, or add http2 to 'protocols'",
        );
    }
}

fn upstream(check: &mut Check<'_>, at: &Pointer, name: &str, given: &Upstream) {
    let pool = at.key("pool");
    if given.protocol != Protocol::Http2 {
        let message = format!("'ping' of upstream '{name}' asks nobody: its servers speak http1");
        written(check, &pool.key("ping"), message, "remove it, or add 'protocol: http2'");
    }
    if given.proxy_protocol.is_some() {
        let message = format!(
            "'idle' of upstream '{name}' bounds nothing: with 'proxy_protocol' no connection is kept"
        );
        written(check, &pool.key("idle"), message, "remove it");
    }
    for (index, endpoint) in given.endpoints.iter().enumerate() {
        if given.tls.is_none() && endpoint.address.ends_with(":443") {
            let message = format!("'{}' of upstream '{name}' is called without TLS", endpoint.address);
            let fix = "add 'tls: {}' to the upstream, or write the port of plain http";
            check.warn(&at.key("endpoints").item(index).key("address"), message, Some(fix.into()));
        }
    }
}

fn route(check: &mut Check<'_>, at: &Pointer, given: &Route) {
    upgrade(check, &at.key("upgrade"), given);
    let methods = &given.r#match.methods;
    if given.grpc_web && !methods.is_empty() && !methods.iter().any(|method| method == "POST") {
        let message = format!("'grpc_web' of route '{}' meets no call: each is a POST", given.name);
        let fix = "add POST to 'methods', or remove 'grpc_web'";
        written(check, &at.key("grpc_web"), message, fix);
    }
    let (at, times) = (at.key("timeouts"), &given.timeouts);
    if let Some(total) = times.total.0
        && total < times.first_byte
    {
        let message =
            format!("'first_byte' of route '{}' is never reached: 'total' is over before", given.name);
        written(check, &at.key("first_byte"), message, "remove it, or give 'total' more than 'first_byte'");
    }
}

/// Over HTTP/2 an upstream is asked for a WebSocket (RFC 8441) and for no other protocol.
fn upgrade(check: &mut Check<'_>, at: &Pointer, given: &Route) {
    let config = check.config;
    let upstreams: Vec<&str> = match &given.to {
        None => Vec::new(),
        Some(To::One(upstream)) => vec![upstream.as_str()],
        Some(To::Several(list)) => list.iter().map(|target| target.upstream.as_str()).collect(),
    };
    let upstream = |name: &str| config.upstreams.0.iter().find(|(known, _)| known == name);
    let speaks = |name: &&str| upstream(name).is_some_and(|(_, of)| of.protocol == Protocol::Http2);
    if upstreams.is_empty() || !upstreams.iter().all(speaks) {
        return;
    }
    for (index, token) in given.upgrade.iter().enumerate() {
        if !token.eq_ignore_ascii_case("websocket") {
            let message = format!(
                "'{token}' of route '{}' is passed to nobody: its upstreams speak HTTP/2",
                given.name
            );
            let fix = "remove it, or write 'protocol: http1' for the upstream";
            check.warn(&at.item(index), message, Some(fix.into()));
        }
    }
}

/// Warns at a key, if it is written.
fn written(check: &mut Check<'_>, at: &Pointer, message: String, fix: &str) {
    if check.config.origin.is_written(at) {
        check.warn_at_key(at, message, Some(fix.into()));
    }
}
