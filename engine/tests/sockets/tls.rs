//! TLS in, by curl: both versions, names, bodies either way, and clients that are no clients. The certificates under
//! tests/data are the tests' own and sign nothing else.

mod chains;
mod clients;
pub(crate) mod files;
mod https;
mod known;
mod peer;
mod tickets;
mod turned;

use crate::support::{Driver, Gateway, PATIENCE, each_driver};
use peer::Peer;
use rustls::version::{TLS12, TLS13};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tools::upstream::Origin;

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// One that waits for `head` for a handshake.
pub(crate) fn gateway(driver: Driver, origin: &Origin, head: &str) -> Gateway {
    bounded(driver, origin, head, "")
}

/// The same with these limits.
fn bounded(driver: Driver, origin: &Origin, head: &str, limits: &str) -> Gateway {
    let [a, a_key, c, c_key] =
        ["tls-a.pem", "tls-a.key", "tls-c.pem", "tls-c.key"].map(|name| file(name).display().to_string());
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners:\n  - name: secure\n    bind: 127.0.0.1:0\n    \
         timeouts: {{ head: {head} }}\n    limits: {{ {limits} }}\n    tls: {{ certs: [{{ cert: {a}, key: {a_key} }}, {{ cert: {c}, key: {c_key} }}] }}\n\
         upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
        driver.name(),
        origin.addr()
    );
    Gateway::with(&text, 1)
}

/// What curl prints, trusting the certificate `ca`.
pub(crate) fn curl(at: SocketAddr, ca: &str, words: &[&str], hosts: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "20", "--cacert"]).arg(file(ca));
    for host in hosts {
        command.args(["--resolve", &format!("{host}:{}:127.0.0.1", at.port())]);
    }
    let out = command.args(words).output().expect("curl is installed");
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn a_client_is_served_over_both_versions_by_the_certificate_of_the_name_it_asks_for() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin, "10s");
        let at = gateway.addr();
        let (ask, told) = ("%{http_code} %{num_connects} ", "-w");
        for (host, ca) in [("a.test", "tls-a.pem"), ("x.b.test", "tls-a.pem"), ("c.test", "tls-c.pem")] {
            for most in ["1.2", "1.3"] {
                let url = format!("https://{host}:{}/ok", at.port());
                // The second request goes over the same connection.
                let words = ["--tls-max", most, "-o", "/dev/null", "-o", "/dev/null", told, ask, &url, &url];
                assert_eq!(curl(at, ca, &words, &[host]), "200 1 200 0 ", "{host} {most}");
            }
        }
        let url = format!("https://a.test:{}/ok", at.port());
        let words = ["-H", "Host: c.test", "-o", "/dev/null", "-w", "%{http_code}", &url];
        assert_eq!(curl(at, "tls-a.pem", &words, &["a.test"]), "421");
    });
}

#[test]
fn large_bodies_pass_whole_in_both_directions() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin, "10s");
        let at = gateway.addr();
        let down = format!("https://a.test:{}/bytes/3000000", at.port());
        let words = ["-o", "/dev/null", "-w", "%{http_code} %{size_download}", &down];
        assert_eq!(curl(at, "tls-a.pem", &words, &["a.test"]), "200 3000000");
        // Read slower than it is sent: the socket is full most of the time.
        let words = ["--limit-rate", "2M", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", &down];
        assert_eq!(curl(at, "tls-a.pem", &words, &["a.test"]), "200 3000000");
    });
}

#[test]
fn who_does_not_shake_hands_is_closed_and_recorded() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin, "300ms");
        let mut plain = TcpStream::connect(gateway.addr()).unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
        // An alert at the most, and the end.
        let _ = plain.read_to_end(&mut Vec::new());
        let line = gateway.log_of(plain.local_addr().unwrap());
        assert_eq!((&line["reason"], &line["status"]), (&"tls_handshake".into(), &0.into()), "{line}");
        let mut slow = TcpStream::connect(gateway.addr()).unwrap();
        slow.write_all(&[22, 3, 1, 0, 100]).unwrap();
        let _ = slow.read_to_end(&mut Vec::new());
        let line = gateway.log_of(slow.local_addr().unwrap());
        assert_eq!(line["reason"], "tls_handshake", "{line}");
        assert!(origin.requests().is_empty());
    });
}

#[test]
fn handshakes_past_the_cap_are_not_begun() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = bounded(driver, &origin, "10s", "handshakes: 2");
        let at = gateway.addr();
        let client = Peer::new(&TLS13, None);
        // What is done is no handshake any more.
        let (mut open, ..) = client.connect(at).unwrap();
        let stalled: Vec<TcpStream> = (0..2)
            .map(|_| {
                let mut stream = TcpStream::connect(at).unwrap();
                stream.write_all(&[22, 3, 1, 0, 100]).unwrap();
                stream
            })
            .collect();
        // Taken in their turn.
        let mut refused = TcpStream::connect(at).unwrap();
        assert_eq!(refused.read(&mut [0; 16]).unwrap(), 0, "it is closed");
        let line = gateway.log_of(refused.local_addr().unwrap());
        assert_eq!(
            (&line["reason"], &line["detail"]),
            (&"tls_handshake".into(), &"too_many".into()),
            "{line}"
        );
        assert_eq!(open.get("/ok").unwrap(), 200);
        drop(stalled);
        let deadline = Instant::now() + PATIENCE;
        while client.connect(at).is_err() {
            assert!(Instant::now() < deadline, "a place is given back");
        }
    });
}

#[test]
fn who_was_refused_keeps_no_place_among_handshakes_while_it_goes_on_to_send() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = bounded(driver, &origin, "10s", "handshakes: 1");
        let mut refused = TcpStream::connect(gateway.addr()).unwrap();
        refused.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
        gateway.log_of(refused.local_addr().unwrap());
        // It is read from for a while all the same.
        refused.write_all(b"more").unwrap();
        Peer::new(&TLS13, None).connect(gateway.addr()).expect("the place is free");
    });
}

#[test]
fn a_client_of_http10_need_not_name_its_host_again() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin, "10s");
        for version in [&TLS12, &TLS13] {
            let (mut talk, ..) = Peer::new(version, None).connect(gateway.addr()).unwrap();
            assert_eq!(talk.ask("GET /ok HTTP/1.0\r\n\r\n").unwrap(), 200);
            let (mut talk, ..) = Peer::new(version, None).connect(gateway.addr()).unwrap();
            assert_eq!(talk.ask("GET /ok HTTP/1.0\r\nHost: c.test\r\n\r\n").unwrap(), 421);
        }
    });
}

#[test]
fn who_is_no_issuer_and_speaks_nothing_else_than_one_is_recorded() {
    each_driver(|driver| {
        let folder = files::Folder::new();
        let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
        // Nobody issues there: no order has come to a proof.
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
             acme: {{ test: {{ directory: 'https://127.0.0.1:1/dir', storage: '{}', roots: '{cert}', \
             challenge: tls-alpn-01 }} }}\nlisteners:\n\
             - {{ name: secure, bind: 127.0.0.1:0, \
             tls: {{ certs: [{{ cert: {cert}, key: {key} }}], acme: {{ names: [z.test] }} }} }}\n\
             routes: [{{ name: all, respond: {{ body: ok }} }}]\n",
            driver.name(),
            folder.path("").display()
        );
        let gateway = Gateway::with(&text, 1);
        for version in [&TLS12, &TLS13] {
            let local = Peer::new(version, None).offering(&[b"acme-tls/1", b"odd"]).closed(gateway.addr());
            let line = gateway.log_of(local);
            let told = [&line["reason"], &line["detail"]].map(|word| word.as_str().unwrap_or_default());
            assert_eq!(told, ["tls_handshake", "no_common_protocol"], "{line}");
        }
    });
}

// RFC 9113 §3.2, RFC 7301 §3.2.
#[test]
fn http2_is_spoken_over_tls_where_it_was_agreed_on_and_nowhere_else() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin, "10s");
        for version in [&TLS12, &TLS13] {
            for peer in [Peer::new(version, None), Peer::new(version, None).offering(&[b"http/1.1"])] {
                let status = peer.says(gateway.addr(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
                assert_eq!(status, 505);
            }
        }
    });
}
