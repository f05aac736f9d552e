//! TLS to origins, over real sockets and a real rustls before the test origin: who is believed, what is kept from one
//! connection to the next, and which ends look cut.

mod ends;
mod front;
mod http2;
mod kept;
mod proofs;

use crate::support::{Client, Driver, Gateway};
use front::{Front, Manner, OLD, Rules, file};
use std::fmt::Display;

/// An upstream called `name` with these endpoints and keys of its `tls`; a route of the same name leads to it.
type Side<'s> = (&'s str, &'s [&'s dyn Display], &'s str);

/// A configuration; nothing is watched.
fn text(driver: Driver, sides: &[Side<'_>]) -> String {
    let (mut upstreams, mut routes) = (String::new(), String::new());
    for (name, endpoints, tls) in sides {
        let endpoints: Vec<String> = endpoints.iter().map(|at| format!("{{ address: \"{at}\" }}")).collect();
        let endpoints = endpoints.join(", ");
        upstreams += &format!("  {name}: {{ endpoints: [{endpoints}], {tls} }}\n");
        // Long enough for any handshake here, and short for one that is waited for in vain.
        let connect = if *name == "stalls" { "200ms" } else { "10s" };
        routes += &format!(
            "- {{ name: {name}, match: {{ path: /{name}/* }}, rewrite: {{ strip_prefix: /{name} }}, to: {name}, \
             timeouts: {{ connect: {connect} }}, upgrade: [websocket] }}\n"
        );
    }
    format!(
        "version: 1\ngateway: {{ shards: 1, driver: {}, watch: false }}\nlisteners:\n- {{ bind: 127.0.0.1:0 }}\n\
         upstreams:\n{upstreams}routes:\n{routes}",
        driver.name()
    )
}

fn start(driver: Driver, sides: &[Side<'_>]) -> Gateway {
    Gateway::with(&text(driver, sides), 1)
}

/// `tls` with the tests' roots, and these keys.
fn tls(more: &str) -> String {
    format!("tls: {{ roots: {}{more} }}", file("ca.pem").display())
}

fn get(client: &mut Client, target: &str) -> crate::support::Reply {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: gw.test\r\n\r\n")).reply()
}
