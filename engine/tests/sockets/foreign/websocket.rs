//! WebSocket by other people's clients and servers, over HTTP/1.1 and over streams of HTTP/2 (RFC 8441).

use super::scripts::{Server, client, python};
use crate::support::{Gateway, each_driver};
use std::net::SocketAddr;

fn text(driver: &str, addr: SocketAddr, protocol: &str) -> String {
    format!(
        "version: 1\ngateway: {{ shards: 1, driver: {driver} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [http1, http2] }}]\n\
         upstreams: {{ sockets: {{ protocol: {protocol}, endpoints: [{{ address: '{addr}' }}] }} }}\n\
         routes:\n- {{ name: sockets, match: {{ path: /ws }}, to: sockets }}\n\
         - {{ name: plain, match: {{ path: /plain }}, respond: {{ body: ok }} }}\n"
    )
}

#[test]
fn messages_pings_and_closes_pass_both_ways_whichever_version_carries_them() {
    let Some(python) = python("websockets, h2") else { return };
    each_driver(|driver| {
        for by_http2 in [false, true] {
            let server = Server::start(python, "websocket/server.py");
            // An origin that speaks HTTP/2: another gateway.
            let behind = by_http2.then(|| Gateway::with(&text(driver.name(), server.addr, "http1"), 1));
            let gateway = match &behind {
                Some(behind) => Gateway::with(&text(driver.name(), behind.addr(), "http2"), 1),
                None => Gateway::with(&text(driver.name(), server.addr, "http1"), 1),
            };
            client(python, "websocket/http1.py", gateway.addr().port());
            client(python, "websocket/http2.py", gateway.addr().port());
            drop((gateway, behind));
            // 4001 by the first client, 4002 by the second, whose other tunnel was reset.
            let closed = server.end();
            for way in ["(4001, 'as agreed')", "(4002, 'over')", "(1006, '')"] {
                assert!(closed.contains(way), "{way}: {closed}");
            }
        }
    });
}
