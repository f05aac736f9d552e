//! Tickets between gateways: keys from a file let a client come back to another one, and a key that is gone only costs a whole
//! handshake.

use super::file;
use super::files::Folder;
use super::peer::Peer;
use crate::support::{Driver, Gateway, each_driver};
use rustls::HandshakeKind::{Full, Resumed};
use rustls::version::{TLS12, TLS13};
use tools::upstream::Origin;

fn key(seed: u8) -> Vec<u8> {
    (0..80_u8).map(|at| at.wrapping_mul(7).wrapping_add(seed)).collect()
}

fn gateway(driver: Driver, origin: &Origin, tickets: &str) -> Gateway {
    let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners:\n\
         - {{ name: secure, bind: 127.0.0.1:0, tls: {{ certs: [{{ cert: {cert}, key: {key} }}]{tickets} }} }}\n\
         upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
        driver.name(),
        origin.addr()
    );
    Gateway::with(&text, 1)
}

#[test]
fn gateways_that_share_a_key_take_each_others_tickets_until_it_is_gone() {
    each_driver(|driver| {
        let origin = Origin::start();
        let folder = Folder::new();
        folder.put("tickets.key", &key(1));
        let shared = format!(", tickets: {}", folder.path("tickets.key").display());
        let [first, second] = [(); 2].map(|()| gateway(driver, &origin, &shared));
        let alone = gateway(driver, &origin, "");
        let peers = [&TLS12, &TLS13].map(|version| Peer::new(version, None));
        let come = |to: &Gateway, expected| {
            for peer in &peers {
                let (_, kind, status) = peer.connect(to.addr()).unwrap();
                assert_eq!((kind, status), (expected, 200));
            }
        };
        come(&first, Full);
        come(&second, Resumed);
        come(&first, Resumed);
        // A ticket of others is garbage to it, and theirs to them.
        come(&alone, Full);
        come(&alone, Resumed);
        come(&first, Full);
        // A new key in front: those of the old one are still good.
        folder.put("tickets.key", &[key(2), key(1)].concat());
        first.serves(2);
        second.serves(2);
        come(&second, Resumed);
        // What is no key holds up nothing: the last good ones go on.
        folder.put("tickets.key", &key(2)[1..]);
        first.serves(3);
        let said = first.said().now();
        let told = "tickets.key' is no key of tickets: it has 79 bytes, not 48 or a multiple of 80; the last good one stays";
        assert!(said.iter().any(|line| line.contains(told)), "{said:#?}");
        come(&first, Resumed);
        std::fs::remove_file(folder.path("tickets.key")).unwrap();
        first.serves(4);
        come(&first, Resumed);
        folder.put("tickets.key", &key(3));
        first.serves(5);
        come(&first, Full);
        come(&first, Resumed);
    });
}

#[test]
fn without_tickets_every_handshake_is_a_whole_one() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin, ", tickets: off");
        for version in [&TLS12, &TLS13] {
            let peer = Peer::new(version, None);
            for _ in 0..3 {
                let (_, kind, status) = peer.connect(gateway.addr()).unwrap();
                assert_eq!((kind, status), (Full, 200));
            }
        }
    });
}
