//! A chain of certificates is sent on whole, and a client may show a long one: a head that grows too large by it is the
//! client's matter.

use super::file;
use super::peer::Peer;
use crate::admin::{address, metrics::scrape};
use crate::support::{Gateway, each_driver};
use rustls::version::TLS13;
use std::fs;
use tools::upstream::Origin;

#[test]
fn a_head_that_a_chain_makes_too_large_costs_no_endpoint_anything() {
    each_driver(|driver| {
        let origin = Origin::start();
        let read = |name: &str| fs::read_to_string(file(name)).unwrap();
        let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
        let ca = file("clients/ca-a.pem").display().to_string();
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\nadmin: {{ bind: 127.0.0.1:0 }}\nlisteners:\n\
             - {{ name: asks, bind: 127.0.0.1:0, tls: {{ certs: [{{ cert: {cert}, key: {key} }}], \
             client_auth: required, client_ca: {ca} }} }}\n\
             policies: {{ who: {{ mtls: {{ forward: {{ chain: Client-Cert-Chain }} }} }} }}\n\
             upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\n\
             routes: [{{ name: all, match: {{ path: /* }}, policies: [who], to: origin }}]\n",
            driver.name(),
            origin.addr()
        );
        let gateway = Gateway::with(&text, 1);
        let peer = Peer::new(&TLS13, None);
        // 60 more of 454 bytes: 36 KiB in the field.
        let chain = [read("clients/ann.pem"), read("clients/ca-b.pem").repeat(60)].concat();
        peer.shows_made(&[chain, read("clients/ann.key")]);
        let (mut talk, _, status) = peer.connect(gateway.addr()).unwrap();
        assert_eq!(status, 200);
        let head = |field: &str| format!("GET /ok HTTP/1.1\r\nHost: a.test\r\n{field}\r\n");
        let status = talk.ask(&head(&format!("X-Long: {}\r\n", "x".repeat(30_000)))).unwrap();
        assert_eq!(status, 431);
        let line = gateway.log_where(talk.local_addr(), "the refusal", |line| line["status"] == 431);
        assert_eq!((&line["reason"], &line["tries"]), (&"head_too_large".into(), &0.into()), "{line}");
        let (_, _, status) = peer.connect(gateway.addr()).unwrap();
        assert_eq!(status, 200);
        assert!(origin.wait(|seen| seen.len() == 1), "its connection was kept");
        let page = scrape(address(&gateway).parse().unwrap());
        let failures: Vec<_> =
            page.lines().filter(|line| line.starts_with("ringgate_endpoint_failures_total{")).collect();
        assert!(failures.iter().all(|line| line.ends_with(" 0")) && !failures.is_empty(), "{failures:?}");
    });
}
