//! Issuers that are away, refuse, or put us off.

use super::pebble::{HMAC, KID, Manner, OWN, PLAIN, Pebble};
use super::{OBTAINED, Scene, obtained, told};
use crate::support::each_driver;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use tools::dns::Data;

#[test]
fn handshakes_are_refused_until_an_issuer_that_is_away_comes_back() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        let scene = Scene::new(driver, "tls-alpn-01");
        let gateway = scene.start();
        let line = told(&gateway, &[" certificate_not_obtained: ", "and none is good", "no connection to"]);
        assert!(line.contains("test") && line.contains("a.test, b.test"), "{line}");
        let own = format!("{OWN}.pem");
        let refused = scene.ask("a.test", Path::new(&own)).unwrap_err();
        assert!(refused.contains("alert"), "{refused}");
        let log = gateway.logs(1);
        assert_eq!(
            (&log[0]["reason"], &log[0]["detail"]),
            (&"tls_handshake".into(), &"no_certificate_yet".into())
        );
        let pebble = Pebble::start(scene.ports, PLAIN, &["a.test", "b.test"]);
        obtained(&gateway, 1);
        assert_eq!(scene.ask("a.test", &pebble.root()), Ok("200".to_owned()));
    });
}

#[test]
fn a_name_that_is_not_proved_is_told_with_its_reason_and_tried_again_at_the_next_reload() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        for (challenge, why) in [("http-01", "refused"), ("tls-alpn-01", "Failed to connect to 127.0.0.9")] {
            let scene = Scene::new(driver, challenge);
            let pebble = Pebble::start(scene.ports, PLAIN, &["a.test"]);
            // Nobody listens there.
            pebble.names.set("b.test", 0, &[Data::A(Ipv4Addr::new(127, 0, 0, 9))]);
            let gateway = scene.start();
            let line = told(&gateway, &[" certificate_not_obtained: ", "'b.test' is not proved: "]);
            assert!(line.contains(why) && !line.contains("'a.test'"), "{line}");
            let wait = line.split("again in ").nth(1).and_then(|rest| rest.split(['s', '.']).next());
            let wait: u64 = wait.and_then(|wait| wait.parse().ok()).unwrap_or_else(|| panic!("{line}"));
            assert!((48..=72).contains(&wait), "{line}");
            pebble.names.set("b.test", 0, &[Data::A(Ipv4Addr::LOCALHOST)]);
            gateway.hangup();
            obtained(&gateway, 1);
            assert_eq!(scene.ask("b.test", &pebble.root()), Ok("200".to_owned()));
        }
    });
}

#[test]
fn an_account_belongs_to_the_one_at_the_issuer_that_has_the_key() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        let mut scene = Scene::new(driver, "http-01");
        let external =
            |kid: &str| format!("challenge: http-01, external_account: {{ kid: {kid}, hmac: {HMAC} }}");
        let pebble = Pebble::start(scene.ports, Manner { external: true, ..PLAIN }, &["a.test", "b.test"]);
        let gateway = scene.start();
        told(&gateway, &[" certificate_not_obtained: ", "externalAccountRequired"]);
        scene.issuer = external("kid-9");
        gateway.replace(&scene.text());
        told(&gateway, &[" certificate_not_obtained: ", "(unauthorized)"]);
        scene.issuer = external(KID);
        gateway.replace(&scene.text());
        obtained(&gateway, 1);
        assert_eq!(scene.ask("a.test", &pebble.root()), Ok("200".to_owned()));
        let said = gateway.said().now().join("\n");
        assert!(!said.contains(HMAC), "the key is shown nowhere: {said}");
    });
}

#[test]
fn an_issuer_that_puts_us_off_is_not_asked_before_it_says() {
    each_driver(|driver| {
        let scene = Scene::new(driver, "http-01");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, scene.ports.issuer)).unwrap();
        let asked = std::thread::spawn(move || {
            let chain = CertificateDer::from_pem_file(format!("{OWN}.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(format!("{OWN}.key")).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config =
                ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            let config = config.with_no_client_auth().with_single_cert(vec![chain], key).unwrap();
            let (socket, _) = listener.accept().unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), socket);
            let mut head = [0; 2048];
            let len = stream.read(&mut head).unwrap();
            let reply = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7000\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(reply.as_bytes()).unwrap();
            stream.flush().unwrap();
            String::from_utf8_lossy(&head[..len]).into_owned()
        });
        let gateway = scene.start();
        let line = told(&gateway, &[" certificate_not_obtained: ", "the server answers 503"]);
        let wait = line.split("again in ").nth(1).and_then(|rest| rest.split(['s', '.']).next());
        let wait: u64 = wait.and_then(|wait| wait.parse().ok()).unwrap_or_else(|| panic!("{line}"));
        assert!((7000..=7060).contains(&wait), "{line}");
        let head = asked.join().unwrap();
        let host = format!("host: localhost:{}\r\n", scene.ports.issuer);
        assert!(head.starts_with("GET /dir HTTP/1.1\r\n") && head.to_lowercase().contains(&host), "{head}");
        // A reload does not hurry it.
        gateway.hangup();
        gateway.serves(2);
        // A try would be told of within this time: nobody listens there any more.
        std::thread::sleep(std::time::Duration::from_millis(500));
        let said = gateway.said().now();
        assert_eq!(said.iter().filter(|line| line.contains(" certificate_not_obtained: ")).count(), 1);
        assert!(!said.iter().any(|line| line.contains(OBTAINED)));
    });
}
