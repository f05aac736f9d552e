//! Listeners that begin to speak TLS, or cease to: on the connections that were made otherwise nothing more is served.

use super::peer::Peer;
use super::{curl, file};
use crate::http2::frames::{self, NO_ERROR};
use crate::support::{Client, Driver, End, Gateway, Setup, each_driver};
use rustls::version::{TLS12, TLS13};
use tools::upstream::Origin;

const BOTH: &str = "protocols: [http1, http2]";

/// A listener in plain text, and the same with TLS, by these words more.
fn texts(driver: Driver, origin: &Origin, more: &str) -> [String; 2] {
    let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
    let plain = Setup { gateway: "watch: false", listener: BOTH, ..Setup::of(origin) }.text(driver);
    let secure =
        plain.replace(BOTH, &format!("{BOTH}, tls: {{ certs: [{{ cert: {cert}, key: {key} }}]{more} }}"));
    assert_ne!(plain, secure);
    [plain, secure]
}

fn reload(gateway: &Gateway, text: &str, generation: u64) {
    gateway.replace(text);
    gateway.hangup();
    gateway.serves(generation);
}

#[test]
fn a_plain_connection_is_served_no_longer_once_its_listener_speaks_tls() {
    each_driver(|driver| {
        let ca = file("clients/ca-a.pem").display().to_string();
        for more in [String::new(), format!(", client_auth: required, client_ca: {ca}")] {
            let origin = Origin::start();
            let [plain, secure] = texts(driver, &origin, &more);
            let gateway = Gateway::with(&plain, 1);
            let (mut kept, mut silent) = (gateway.connect(), gateway.connect());
            for client in [&mut kept, &mut silent] {
                client.send("GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n").reply().expect(200);
            }
            let mut streams = frames::Peer::greeted(gateway.connect());
            streams.ask(1, "/ok").expect(200);
            let asked = origin.requests().len();
            reload(&gateway, &secure, 2);
            let reply = kept.send("GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n").reply().expect(421);
            assert!(reply.says_close(), "{}", reply.head);
            streams.ask(3, "/ok").expect(421);
            streams.rest();
            assert_eq!(streams.goaway.map(|(_, code)| code), Some(NO_ERROR));
            assert_eq!((kept.end(), silent.end()), (End::Fin, End::Fin));
            assert_eq!(origin.requests().len(), asked, "nothing more reaches the origin");
            if more.is_empty() {
                let url = format!("https://a.test:{}/ok", gateway.addr().port());
                let words = ["-o", "/dev/null", "-w", "%{http_code}", &url];
                assert_eq!(curl(gateway.addr(), "tls-a.pem", &words, &["a.test"]), "200");
            }
        }
    });
}

#[test]
fn a_connection_with_tls_is_served_no_longer_once_its_listener_speaks_plain_text() {
    each_driver(|driver| {
        let origin = Origin::start();
        let [plain, secure] = texts(driver, &origin, "");
        let gateway = Gateway::with(&secure, 1);
        let mut kept = [&TLS12, &TLS13].map(|version| {
            let (talk, _, status) = Peer::new(version, None).connect(gateway.addr()).unwrap();
            assert_eq!(status, 200);
            talk
        });
        reload(&gateway, &plain, 2);
        for talk in &mut kept {
            assert_eq!(talk.get("/ok").unwrap(), 421);
            assert!(talk.get("/ok").is_err(), "it is closed");
        }
        Client::connect(gateway.addr()).send("GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n").reply().expect(200);
        // Back again, after those of the first time have left.
        reload(&gateway, &secure, 3);
        let (_, _, status) = Peer::new(&TLS13, None).connect(gateway.addr()).unwrap();
        assert_eq!(status, 200);
    });
}
