//! Certificates of clients: who is let in, as whom, what an origin is told of them, and what becomes of those who are
//! connected or come back when authorities and lists change.

use super::files::Folder;
use super::peer::Peer;
use super::{curl, file};
use crate::support::{Driver, Gateway, each_driver};
use rustls::AlertDescription as Alert;
use rustls::HandshakeKind::{Full, Resumed};
use rustls::version::{TLS12, TLS13};
use std::fs;
use std::net::SocketAddr;
use tools::upstream::Origin;

/// The subject of ann.pem, as `openssl x509 -subject -nameopt RFC2253,utf8,-esc_msb` prints it.
const SUBJECT: &str = "CN=ann,OU=Größe #1+UID=a1,O=Acme\\, Inc.,C=DE";

fn client(name: &str) -> String {
    file(&format!("clients/{name}")).display().to_string()
}

/// `asked` and `wanted`: clients may show a certificate of `ca-a`, and must.
fn gateway(driver: Driver, origin: &Origin) -> Gateway {
    let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
    let [ca, crl] = ["ca-a.pem", "bob.crl"].map(client);
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners:\n\
         - name: asked\n  bind: 127.0.0.1:0\n  \
         tls: {{ certs: [{{ cert: {cert}, key: {key} }}], client_auth: optional, client_ca: {ca} }}\n\
         - name: wanted\n  bind: 127.0.0.1:0\n  \
         tls: {{ certs: [{{ cert: {cert}, key: {key} }}], client_auth: required, client_ca: {ca}, crl: {crl} }}\n\
         consumers:\n\
         - {{ name: ann, certificates: ['dns:ann.test'], tier: gold, scopes: [orders.read] }}\n\
         policies:\n  \
         who: {{ mtls: {{ user: common_name, forward: {{ subject: X-Subject, spiffe: X-Spiffe, fingerprint: X-Print, \
         certificate: Client-Cert }} }} }}\n  \
         known: {{ mtls: {{ consumers_only: true }} }}\n  \
         service: {{ mtls: {{ user: spiffe }} }}\n  \
         reads: {{ authorize: {{ scopes: [orders.read] }} }}\n  \
         shop: {{ authorize: {{ roles: [nobody] }}, \
         when: '!has(client.certificate.spiffe) || !client.certificate.spiffe.startsWith(\"spiffe://example.test/\")' }}\n\
         upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\nroutes:\n\
         - {{ name: who, match: {{ path: /ok }}, policies: [who], to: origin }}\n\
         - {{ name: open, match: {{ path: /bytes/* }}, to: origin }}\n\
         - {{ name: known, match: {{ path: /known }}, policies: [known], respond: {{ body: ok }} }}\n\
         - {{ name: service, match: {{ path: /service }}, policies: [service], respond: {{ body: ok }} }}\n\
         - {{ name: reads, match: {{ path: /reads }}, policies: [who, reads], respond: {{ body: ok }} }}\n\
         - {{ name: shop, match: {{ path: /shop }}, policies: [shop], respond: {{ body: ok }} }}\n",
        driver.name(),
        origin.addr()
    );
    Gateway::with(&text, 1)
}

/// The status that a client with this certificate gets, by these words of curl.
fn status(at: SocketAddr, shows: Option<&str>, target: &str, words: &[&str]) -> String {
    let url = format!("https://a.test:{}{target}", at.port());
    let shown = shows.map(|name| [client(&format!("{name}.pem")), client(&format!("{name}.key"))]);
    let mut all = vec!["-o", "/dev/null", "-w", "%{http_code}", &url];
    if let Some([cert, key]) = &shown {
        all.extend(["--cert", cert, "--key", key]);
    }
    all.extend(words);
    curl(at, "tls-a.pem", &all, &["a.test"])
}

#[test]
fn a_client_is_let_in_by_its_certificate_and_refused_within_the_handshake_without_a_good_one() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let [asked, wanted] = ["asked", "wanted"].map(|name| gateway.listener(name));
        for version in [&TLS12, &TLS13] {
            for (at, shows, expected) in [
                (wanted, Some("ann"), 200),
                (asked, Some("ann"), 200),
                (asked, None, 401),
                // No list is asked there.
                (asked, Some("bob"), 200),
            ] {
                let (_, _, status) = Peer::new(version, shows).connect(at).unwrap();
                assert_eq!(status, expected, "{shows:?} {version:?}");
            }
            for (at, shows, alert, detail) in [
                (wanted, None, Alert::CertificateRequired, "no_certificate"),
                (wanted, Some("eve"), Alert::UnknownCA, "bad_certificate"),
                (asked, Some("eve"), Alert::UnknownCA, "bad_certificate"),
                (wanted, Some("bob"), Alert::CertificateRevoked, "bad_certificate"),
                (asked, Some("old"), Alert::CertificateExpired, "bad_certificate"),
            ] {
                let (local, got) = Peer::new(version, shows).refused(at);
                assert_eq!(got, alert, "{shows:?} {version:?}");
                let line = gateway.log_of(local);
                let told = [&line["reason"], &line["detail"]].map(|word| word.as_str().unwrap_or_default());
                assert_eq!((told, &line["status"]), (["tls_handshake", detail], &0.into()), "{line}");
            }
        }
    });
}

#[test]
fn a_certificate_is_a_caller_for_policies_and_told_to_the_origin_in_fields_that_nobody_else_can_set() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let [asked, wanted] = ["asked", "wanted"].map(|name| gateway.listener(name));
        for version in ["--http1.1", "--http2"] {
            for (shows, target, expected) in [
                (Some("ann"), "/ok", "200"),
                (None, "/ok", "401"),
                (Some("ann"), "/known", "200"),
                (Some("bob"), "/known", "403"),
                (Some("ann"), "/service", "200"),
                (Some("bob"), "/service", "401"),
                (Some("ann"), "/reads", "200"),
                (Some("bob"), "/reads", "403"),
                (None, "/reads", "401"),
                (Some("ann"), "/shop", "200"),
                (Some("bob"), "/shop", "403"),
                (None, "/shop", "403"),
            ] {
                assert_eq!(
                    status(asked, shows, target, &[version]),
                    expected,
                    "{shows:?} {target} {version}"
                );
            }
        }
        let url = format!("https://a.test:{}/ok", asked.port());
        let words = ["--http1.1", "-o", "/dev/null", "-D", "-", &url];
        let head = curl(asked, "tls-a.pem", &words, &["a.test"]);
        assert!(head.contains("WWW-Authenticate: ClientCertificate realm=\"api\"\r\n"), "{head}");
        let before = origin.requests().len();
        let spoof = ["-H", "X-Subject: CN=root", "-H", "x_spiffe: a", "-H", "Client-Cert: :AA==:"];
        assert_eq!(status(wanted, Some("ann"), "/ok", &spoof), "200");
        assert_eq!(status(wanted, Some("ann"), "/bytes/9", &spoof), "200");
        let requests = origin.requests();
        let head = |at: usize| String::from_utf8_lossy(&requests[before + at].head).into_owned();
        let fields = |name: &str| -> Vec<String> {
            let begins =
                |line: &&str| line.to_ascii_lowercase().replace('_', "-").starts_with(&format!("{name}: "));
            head(0).lines().filter(begins).map(|line| line[name.len() + 2..].to_owned()).collect()
        };
        assert_eq!(fields("x-subject"), [SUBJECT]);
        assert_eq!(fields("x-spiffe"), ["spiffe://example.test/ns/shop/sa/ann"]);
        assert_eq!(fields("x-print"), ["615a91ddb97c61d90a2e8df7650c0d230797599b8f15c472a0de4136a80152f3"]);
        let pem = fs::read_to_string(file("clients/ann.pem")).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(fields("client-cert"), [format!(":{body}:")]);
        // A route without the policy tells nothing, and lets nothing pass that a client says.
        let plain = head(1).to_ascii_lowercase();
        assert!(
            !plain.contains("x-subject") && !plain.contains("spiffe") && !plain.contains("client-cert"),
            "{plain}"
        );
    });
}

#[test]
fn a_change_of_authorities_or_lists_holds_for_who_is_connected_and_for_who_comes_back() {
    each_driver(|driver| {
        let origin = Origin::start();
        let folder = Folder::new();
        let read = |name: &str| fs::read(file(&format!("clients/{name}"))).unwrap();
        folder.put("ca.pem", &read("ca-a.pem"));
        folder.put("list.crl", &read("none.crl"));
        let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
        let [ca, crl] = ["ca.pem", "list.crl"].map(|name| folder.path(name).display().to_string());
        let gateway = Gateway::with(
            &format!(
                "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners:\n\
                 - name: wanted\n  bind: 127.0.0.1:0\n  tls: {{ certs: [{{ cert: {cert}, key: {key} }}], \
                 client_auth: required, client_ca: {ca}, crl: [{crl}] }}\n\
                 upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\n\
                 routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
                driver.name(),
                origin.addr()
            ),
            1,
        );
        let at = gateway.addr();
        let peers = |name| [&TLS12, &TLS13].map(|version| Peer::new(version, Some(name)));
        let (anns, bobs) = (peers("ann"), peers("bob"));
        let mut kept = Vec::new();
        for peer in anns.iter().chain(&bobs) {
            let (_, kind, status) = peer.connect(at).unwrap();
            assert_eq!((kind, status), (Full, 200));
            let (talk, kind, status) = peer.connect(at).unwrap();
            assert_eq!((kind, status), (Resumed, 200));
            kept.push(talk);
        }
        let mut bobs_kept = kept.split_off(2);
        folder.put("list.crl", &read("bob.crl"));
        gateway.serves(2);
        for (peer, talk) in bobs.iter().zip(&mut bobs_kept) {
            assert_eq!(talk.get("/ok").unwrap(), 421, "he was let in before he was revoked");
            let (local, alert) = peer.refused(at);
            assert_eq!(alert, Alert::CertificateRevoked, "his ticket is of no use");
            assert_eq!(gateway.log_of(local)["detail"], "bad_certificate");
            // With a certificate that is good he is let in, whatever his ticket says.
            peer.shows("ann");
            let (_, kind, status) = peer.connect(at).unwrap();
            assert_eq!((kind, status), (Full, 200));
            let (_, kind, status) = peer.connect(at).unwrap();
            assert_eq!((kind, status), (Resumed, 200));
        }
        for (peer, talk) in anns.iter().zip(&mut kept) {
            assert_eq!(talk.get("/ok").unwrap(), 200);
            let (_, kind, status) = peer.connect(at).unwrap();
            assert_eq!((kind, status), (Resumed, 200));
        }
        folder.put("list.crl", b"garbage");
        fs::remove_file(&ca).unwrap();
        gateway.serves(3);
        let said = gateway.said().now();
        for told in [
            format!("'{crl}' holds no list of revoked certificates; the last good one stays"),
            format!("'{ca}' cannot be read: no such file; the last good one stays"),
        ] {
            assert!(said.iter().any(|line| line.contains(&told)), "{told}: {said:#?}");
        }
        assert_eq!(kept[0].get("/ok").unwrap(), 200, "the last good ones hold");
        assert!(Peer::new(&TLS13, Some("bob")).connect(at).is_err(), "for who is revoked, too");
        folder.put("list.crl", &read("bob.crl"));
        folder.put("ca.pem", &read("ca-b.pem"));
        gateway.serves(4);
        for (peer, talk) in anns.iter().zip(&mut kept) {
            assert_eq!(talk.get("/ok").unwrap(), 421);
            assert!(peer.connect(at).is_err(), "nobody vouches for her any more");
        }
    });
}
