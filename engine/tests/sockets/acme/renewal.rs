//! A certificate takes the place of another while clients come and go.

use super::pebble::{Manner, Pebble};
use super::{Scene, obtained, told};
use crate::support::each_driver;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A connection to a.test.
pub struct Talk(StreamOwned<ClientConnection, TcpStream>);

impl Talk {
    pub fn config(root: &Path) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        // Each handshake is a whole one.
        config.resumption = rustls::client::Resumption::disabled();
        config
    }

    pub fn with(port: u16, config: ClientConfig) -> Talk {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let name = ServerName::try_from("a.test").unwrap();
        Talk(StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket))
    }

    /// Shakes hands.
    pub fn shake(&mut self) -> Result<(), String> {
        let StreamOwned { conn, sock } = &mut self.0;
        while conn.is_handshaking() {
            conn.complete_io(sock).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Asks once; gives the status line.
    pub fn get(&mut self) -> String {
        self.0.write_all(b"GET /bytes/10 HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
        let mut came = Vec::new();
        let head = loop {
            let mut byte = [0; 1];
            self.0.read_exact(&mut byte).unwrap();
            came.push(byte[0]);
            if came.ends_with(b"\r\n\r\n") {
                break String::from_utf8_lossy(&came).into_owned();
            }
        };
        self.0.read_exact(&mut [0; 10]).unwrap();
        head.lines().next().unwrap_or_default().to_owned()
    }

    /// What was agreed to speak.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.0.conn.alpn_protocol()
    }

    /// The certificate that was shown.
    pub fn shown(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }

    /// Whether the other side has closed, in order and before long; tickets may come before that.
    pub fn is_over(&mut self) -> bool {
        self.0.sock.read_to_end(&mut Vec::new()).is_ok()
    }
}

#[test]
fn a_renewal_fails_no_request_and_closes_no_connection() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        let mut scene = Scene::new(driver, "tls-alpn-01");
        // A tenth of their time after each other: every two seconds.
        scene.issuer += ", renew_before: 20s";
        let pebble =
            Pebble::start(scene.ports, Manner { seconds: 20, external: false }, &["a.test", "b.test"]);
        let gateway = scene.start();
        obtained(&gateway, 1);
        let (root, port) = (pebble.root(), scene.ports.tls);
        let mut kept = Talk::with(port, Talk::config(&root));
        kept.shake().unwrap();
        let first = kept.shown();
        let ended = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut seen = vec![first.clone()];
                        while !ended.load(Ordering::Relaxed) {
                            let mut fresh = Talk::with(port, Talk::config(&root));
                            fresh.shake().expect("each handshake is by a good certificate");
                            assert_eq!(fresh.get(), "HTTP/1.1 200 OK");
                            if seen.last() != Some(&fresh.shown()) {
                                seen.push(fresh.shown());
                            }
                        }
                        seen
                    })
                })
                .collect();
            obtained(&gateway, 4);
            ended.store(true, Ordering::Relaxed);
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(kept.get(), "HTTP/1.1 200 OK", "the connection from before goes on");
        for seen in seen {
            assert!(seen.len() >= 3, "{} certificates were shown", seen.len());
        }
        let said = gateway.said().now();
        assert!(!said.iter().any(|line| line.contains(" reloaded: ")), "no table was made anew: {said:#?}");
    });
}

#[test]
fn an_issuer_that_is_gone_leaves_the_last_certificate_and_one_that_forgot_us_has_us_anew() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        let mut scene = Scene::new(driver, "http-01");
        scene.issuer += ", renew_before: 30s";
        let manner = Manner { seconds: 30, external: false };
        let mut pebble = Pebble::start(scene.ports, manner, &["a.test", "b.test"]);
        let gateway = scene.start();
        obtained(&gateway, 1);
        let root = pebble.root();
        pebble.kill();
        let line = told(&gateway, &[" certificate_not_renewed: ", "the last one stays", "no connection to"]);
        assert!(line.contains("again in "), "{line}");
        assert_eq!(scene.ask("a.test", &root), Ok("200".to_owned()));
        pebble.restart();
        obtained(&gateway, 2);
        told(&gateway, &[" acme_storage: ", "is of an account that the issuer does not know"]);
        assert_eq!(scene.ask("a.test", &pebble.root()), Ok("200".to_owned()));
    });
}
