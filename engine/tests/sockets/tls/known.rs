//! For how long a client is known by the certificate that its connection was made with.

use super::file;
use super::files::Folder;
use super::peer::Peer;
use crate::http2::frames::{self, GOAWAY, HEADERS, PREFACE};
use crate::support::{Driver, Gateway, PATIENCE, each_driver};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::AlertDescription as Alert;
use rustls::HandshakeKind::{Full, Resumed};
use rustls::version::{TLS12, TLS13};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// `/ok` answers whoever comes, `/known` those of whom a certificate is known, `/when` those of whom none is.
fn text(driver: Driver, tls: &str) -> String {
    let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
    format!(
        "version: 1\ngateway: {{ shards: 1, driver: {}, watch: false }}\nlisteners:\n\
         - {{ name: asks, bind: 127.0.0.1:0, tls: {{ certs: [{{ cert: {cert}, key: {key} }}], {tls} }} }}\n\
         policies:\n  who: {{ mtls: {{ forward: {{ subject: X-Subject }} }} }}\n  \
         nobody: {{ authorize: {{ roles: [none] }}, when: has(client.certificate.subject) }}\n\
         routes:\n\
         - {{ name: ok, match: {{ path: /ok }}, respond: {{ body: ok }} }}\n\
         - {{ name: known, match: {{ path: /known }}, policies: [who], respond: {{ body: ok }} }}\n\
         - {{ name: when, match: {{ path: /when }}, policies: [nobody], respond: {{ body: ok }} }}\n",
        driver.name()
    )
}

#[test]
fn nobody_is_known_by_a_certificate_where_none_is_asked_for_any_more() {
    each_driver(|driver| {
        let ca = file("clients/ca-a.pem").display().to_string();
        let asks = text(driver, &format!("client_auth: optional, client_ca: {ca}"));
        let gateway = Gateway::with(&asks, 1);
        let reload = |text: &str, generation| {
            gateway.replace(text);
            gateway.hangup();
            gateway.serves(generation);
        };
        let (mut talk, ..) = Peer::new(&TLS13, Some("ann")).connect(gateway.addr()).unwrap();
        let mut statuses = || ["/known", "/when", "/ok"].map(|target| talk.get(target).unwrap());
        assert_eq!(statuses(), [200, 403, 200]);
        reload(&text(driver, "client_auth: off"), 2);
        assert_eq!(statuses(), [401, 200, 200]);
        reload(&asks, 3);
        assert_eq!(statuses(), [200, 403, 200]);
    });
}

/// An authority whose certificate is at `path`, and what makes certificates of clients that are over in `seconds`.
fn authority(path: &Path) -> impl Fn(u64) -> [String; 2] + use<> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(path, authority.pem()).unwrap();
    move |seconds| {
        let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(seconds);
        let mut params = CertificateParams::default();
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + until;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        [params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem()]
    }
}

#[test]
fn a_certificate_that_is_over_is_good_neither_on_its_connection_nor_by_a_ticket() {
    each_driver(|driver| {
        let folder = Folder::new();
        let ca = folder.path("ca.pem");
        let client = authority(&ca);
        let ca = ca.display();
        let gateway = Gateway::with(&text(driver, &format!("client_auth: required, client_ca: {ca}")), 1);
        let at = gateway.addr();
        let peers = [&TLS12, &TLS13].map(|version| Peer::new(version, None));
        let short = client(4);
        let mut kept = peers.each_ref().map(|peer| {
            peer.shows_made(&short);
            assert_eq!(peer.connect(at).unwrap().1, Full);
            let (talk, kind, status) = peer.connect(at).unwrap();
            assert_eq!((kind, status), (Resumed, 200));
            talk
        });
        let deadline = Instant::now() + PATIENCE;
        for (peer, talk) in peers.iter().zip(&mut kept) {
            let status = loop {
                match talk.get("/known").unwrap() {
                    200 => std::thread::park_timeout(Duration::from_millis(50)),
                    other => break other,
                }
                assert!(Instant::now() < deadline, "it is over");
            };
            assert_eq!(status, 421);
            let line = gateway.log_where(talk.local_addr(), "a refusal", |line| line["status"] == 421);
            assert_eq!([&line["reason"], &line["detail"]], ["misdirected", "certificate_over"], "{line}");
            assert!(talk.get("/known").is_err(), "it is closed, so that the client makes another one");
            let (local, alert) = peer.refused(at);
            assert_eq!(alert, Alert::CertificateExpired);
            assert_eq!(gateway.log_of(local)["detail"], "bad_certificate");
            // The next one is shown in a whole handshake, though there are tickets of the last.
            peer.shows_made(&client(3600));
            let (_, kind, status) = peer.connect(at).unwrap();
            assert_eq!((kind, status), (Full, 200));
        }
    });
}

#[test]
fn a_connection_with_streams_ends_too_whose_client_would_not_be_let_in_any_more() {
    each_driver(|driver| {
        let ca = |name: &str| file(&format!("clients/{name}.pem")).display().to_string();
        let asks = |name| text(driver, &format!("client_auth: required, client_ca: {}", ca(name)));
        let gateway = Gateway::with(&asks("ca-a"), 1);
        let mut talk = Peer::new(&TLS13, Some("ann")).offering(&[b"h2"]).open(gateway.addr()).unwrap();
        talk.send(&[PREFACE, &frames::settings(&[]), &frames::get(1, "/ok")].concat());
        talk.frame_of(HEADERS);
        gateway.replace(&asks("ca-b"));
        gateway.hangup();
        gateway.serves(2);
        talk.send(&frames::get(3, "/ok"));
        let goaway = talk.frame_of(GOAWAY);
        assert_eq!(goaway[4..8], [0; 4], "no error");
        let line = gateway.log_where(talk.local_addr(), "a refusal", |line| line["status"] == 421);
        assert_eq!([&line["reason"], &line["detail"]], ["misdirected", "certificate_refused"], "{line}");
    });
}
