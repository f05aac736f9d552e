//! Key sets by address: fetched by one task for all shards, anew for keys that are not known, kept when their server is
//! gone, and nobody let in while there are none.

use super::identity::tokens::base64url;
use super::{ask, start};
use crate::support::{Driver, Gateway, Reply, Setup, each_driver, three_fresh};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tools::upstream::{Down, Origin};

/// A key that signs, by its name.
pub(super) struct Signer(&'static str, Ed25519KeyPair);

impl Signer {
    pub(super) fn new(name: &'static str) -> Signer {
        let mut seed = [7; 32];
        seed[..name.len()].copy_from_slice(name.as_bytes());
        Signer(name, Ed25519KeyPair::from_seed_unchecked(&seed).expect("any seed is one"))
    }

    pub(super) fn token(&self, subject: &str) -> String {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, self.0);
        let claims = format!(r#"{{"sub":"{subject}","exp":4102444800}}"#);
        let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let signature = base64url(self.1.sign(signed.as_bytes()).as_ref());
        format!("Authorization: Bearer {signed}.{signature}\r\nX-Origin: /ok\r\n")
    }

    fn jwk(&self) -> String {
        let point = base64url(self.1.public_key().as_ref());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"{}","x":"{point}"}}"#, self.0)
    }
}

/// A reply with these keys.
pub(super) fn set(signers: &[&Signer]) -> String {
    reply_with(&signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>())
}

fn reply_with(keys: &[String]) -> String {
    let body = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nCache-Control: max-age=3600\r\n\r\n{body}", body.len())
}

fn gateway(driver: Driver, origin: &Origin, address: &str, shards: u32) -> Gateway {
    let policy = format!("token: {{ jwt: {{ algorithms: [EdDSA], jwks: \"{address}\" }} }}");
    let routes = ["match: { path: /token }, policies: [token], to: origin"];
    start(driver, Setup { shards, ..Setup::of(origin) }, &policy, &routes)
}

fn get(gateway: &Gateway, fields: &str) -> Reply {
    ask(gateway, "GET /token", fields).0
}

fn fetches(keys: &Origin) -> usize {
    keys.requests().len()
}

/// Asks until the status is this one.
fn until(gateway: &Gateway, fields: &str, status: u16) -> Reply {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let reply = get(gateway, fields);
        if reply.status == status {
            return reply;
        }
        assert!(Instant::now() < deadline, "{} in place of {status}: {}", reply.status, reply.text());
        std::thread::yield_now();
    }
}

#[test]
fn many_with_an_unknown_key_have_the_set_fetched_once() {
    each_driver(|driver| {
        let (origin, keys) = (Origin::start(), Origin::start());
        let (old, new) = (Signer::new("old"), Signer::new("new"));
        keys.script("keys", set(&[&old]));
        let gateway = gateway(driver, &origin, &format!("http://{}/script/keys", keys.addr()), 2);
        // The first request may be here before the first fetch is over: it waits for it.
        get(&gateway, &old.token("ann")).expect(200);
        assert_eq!(fetches(&keys), 1);
        // The server has another key now, and many come with it at once, on both shards.
        keys.script("keys", set(&[&new]));
        let request = format!("GET /token HTTP/1.1\r\nHost: gw.test\r\n{}\r\n", new.token("ann"));
        let mut clients: Vec<_> = (0..32).map(|_| gateway.connect()).collect();
        let asked = Instant::now();
        for client in &mut clients {
            client.send(&request);
        }
        for client in &mut clients {
            let reply = client.reply();
            // A machine that is held up may let the 200 ms pass for which a request waits.
            let is_late = reply.status == 401 && asked.elapsed() >= Duration::from_millis(200);
            assert!(reply.status == 200 || is_late, "{} {}", reply.head, reply.text());
        }
        get(&gateway, &new.token("ann")).expect(200);
        assert_eq!(fetches(&keys), 2);
        // What is gone from the set lets nobody in, and made-up keys have nothing fetched within ten seconds.
        let began = Instant::now();
        for _ in 0..20 {
            let reply = get(&gateway, &old.token("ann")).expect(401);
            assert!(
                reply.value("www-authenticate").expect("asks").contains("the key of the token is not known")
            );
        }
        if began.elapsed() < Duration::from_secs(5) {
            assert_eq!(fetches(&keys), 2);
        }
        three_fresh(&gateway);
    });
}

#[test]
fn a_key_without_an_id_does_not_keep_a_new_one_from_being_fetched() {
    each_driver(|driver| {
        let (origin, keys) = (Origin::start(), Origin::start());
        let (old, new, nameless) = (Signer::new("old"), Signer::new("new"), Signer::new("nameless"));
        let nameless = nameless.jwk().replace(r#""kid":"nameless","#, "");
        keys.script("keys", reply_with(&[nameless.clone(), old.jwk()]));
        let gateway = gateway(driver, &origin, &format!("http://{}/script/keys", keys.addr()), 1);
        get(&gateway, &old.token("ann")).expect(200);
        assert_eq!(fetches(&keys), 1);
        keys.script("keys", reply_with(&[nameless, new.jwk()]));
        until(&gateway, &new.token("ann"), 200);
        assert_eq!(fetches(&keys), 2);
        // What is made up has nothing fetched within ten seconds.
        let began = Instant::now();
        for _ in 0..20 {
            get(&gateway, &old.token("ann")).expect(401);
        }
        if began.elapsed() < Duration::from_secs(5) {
            assert_eq!(fetches(&keys), 2);
        }
        three_fresh(&gateway);
    });
}

/// The value of the series of this family, if there is one.
fn measured(gateway: &Gateway, family: &str, address: &str) -> Option<f64> {
    let admin = crate::admin::address(gateway).parse().expect("is bound to an address");
    let page = crate::admin::metrics::scrape(admin);
    if let Some((passes, said)) = crate::admin::metrics::promtool(&page) {
        assert!(passes && said.is_empty(), "{said}");
    }
    let series = format!("{family}{{policy=\"token\",address=\"{address}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&series)).map(|value| value.parse().expect("is a number"))
}

#[test]
fn what_is_secret_in_an_address_is_shown_nowhere() {
    each_driver(|driver| {
        let (origin, down) = (Origin::start(), Down::new().expect("a free port"));
        let place =
            std::env::temp_dir().join(format!("ringgate-address-{}-{}", std::process::id(), driver.name()));
        std::fs::write(&place, "drawn-secret").expect("is written");
        let at = down.addr().expect("is bound");
        let policies = format!(
            "drawn: {{ jwt: {{ algorithms: [EdDSA], jwks: \"http://{at}/${{file:{}}}/keys\" }} }}\n\
             query: {{ jwt: {{ algorithms: [EdDSA], jwks: \"http://{at}/keys?key=written-secret\" }} }}\n",
            place.display()
        );
        let routes = [
            "match: { path: /drawn }, policies: [drawn], to: origin",
            "match: { path: /query }, policies: [query], to: origin",
        ];
        let top = "admin: { bind: 127.0.0.1:0 }".to_owned();
        let gateway = start(driver, Setup { top, ..Setup::of(&origin) }, &policies, &routes);
        let token = Signer::new("any").token("ann");
        for path in ["/drawn", "/query"] {
            ask(&gateway, &format!("GET {path}"), &token).0.expect(503);
        }
        std::fs::remove_file(&place).expect("is there");
        let admin = crate::admin::address(&gateway).parse().expect("is an address");
        let shown = format!("http://{at}/keys?...");
        let page = crate::admin::metrics::scrape_until(admin, "a failed fetch", |page| page.contains(&shown));
        let said = gateway.said().now().join("\n");
        assert!(said.contains(&shown) && said.contains("(not shown)"), "{said}");
        for text in [&page, &said] {
            assert!(!text.contains("drawn-secret") && !text.contains("written-secret"), "{text}");
        }
    });
}

#[test]
fn a_set_has_an_age_and_another_address_is_another_set() {
    each_driver(|driver| {
        let (origin, keys) = (Origin::start(), Origin::start());
        let (old, new) = (Signer::new("old"), Signer::new("new"));
        keys.script("old", set(&[&old]));
        keys.script("new", set(&[&new]));
        let address = |name: &str| format!("http://{}/script/{name}", keys.addr());
        let policy = format!("token: {{ jwt: {{ algorithms: [EdDSA], jwks: \"{}\" }} }}", address("old"));
        let routes = ["match: { path: /token }, policies: [token], to: origin"];
        let top = "admin: { bind: 127.0.0.1:0 }".to_owned();
        let gateway = start(driver, Setup { top, shards: 2, ..Setup::of(&origin) }, &policy, &routes);
        until(&gateway, &old.token("ann"), 200);
        let age = measured(&gateway, "ringgate_jwks_age_seconds", &address("old")).expect("was fetched");
        assert!((0.0..30.0).contains(&age), "{age}");
        assert_eq!(measured(&gateway, "ringgate_jwks_keys", &address("old")), Some(1.0));
        assert_eq!(measured(&gateway, "ringgate_jwks_failures", &address("old")), Some(0.0));

        let text = std::fs::read_to_string(gateway.file()).expect("is there");
        gateway.replace(&text.replace("/script/old", "/script/new"));
        gateway.hangup();
        gateway.serves(2);
        until(&gateway, &new.token("ann"), 200);
        // The old set went with its address.
        until(&gateway, &old.token("ann"), 401);
        assert_eq!(measured(&gateway, "ringgate_jwks_keys", &address("old")), None);
        assert_eq!(measured(&gateway, "ringgate_jwks_keys", &address("new")), Some(1.0));
        three_fresh(&gateway);
    });
}

#[test]
fn without_a_server_nobody_is_let_in_until_it_comes() {
    each_driver(|driver| {
        let (origin, down) = (Origin::start(), Down::new().expect("a free port"));
        let signer = Signer::new("one");
        let address = format!("http://{}/script/keys", down.addr().expect("is bound"));
        let gateway = gateway(driver, &origin, &address, 1);
        let (reply, client) = ask(&gateway, "GET /token", &signer.token("ann"));
        assert_eq!(reply.expect(503).reason(), "policy_undecided");
        assert_eq!(gateway.log_of(client.addr())["detail"], "token_no_keys");
        get(&gateway, "").expect(401);
        gateway
            .said()
            .wait("the fault is told", |lines| lines.iter().any(|line| line.contains("key_set_lost")));
        let keys = down.start().expect("listens");
        keys.script("keys", set(&[&signer]));
        until(&gateway, &signer.token("ann"), 200);
        // It goes away again, and what it said last holds.
        drop(keys);
        get(&gateway, &Signer::new("two").token("ann")).expect(401);
        get(&gateway, &signer.token("bob")).expect(200);
        assert_eq!(origin.requests().len(), 2);
    });
}

#[test]
fn a_request_does_not_wait_for_a_slow_server() {
    each_driver(|driver| {
        let (origin, keys) = (Origin::start(), Origin::start());
        let signer = Signer::new("one");
        keys.script("keys", set(&[&signer]));
        let gateway = gateway(driver, &origin, &format!("http://{}/held/30/keys", keys.addr()), 1);
        let began = Instant::now();
        get(&gateway, &signer.token("ann")).expect(503);
        let took = began.elapsed();
        // 200 ms, and what a loaded machine adds; the server itself would take for ever.
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(keys.wait_held(1));
        keys.release();
        until(&gateway, &signer.token("ann"), 200);
    });
}

#[test]
fn what_is_no_key_set_changes_nothing() {
    each_driver(|driver| {
        let (origin, keys) = (Origin::start(), Origin::start());
        let (signer, other) = (Signer::new("one"), Signer::new("two"));
        let good = set(&[&signer]);
        let reply = |head: &str, body: &str| {
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        let bad = [
            reply("200 OK", "{\"keys\":[]}"),
            reply("200 OK", "<html>"),
            reply("200 OK", &"x".repeat(1 << 21)),
            reply("302 Found\r\nLocation: /script/good", ""),
            reply("500 Oops", ""),
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}".to_owned(),
        ];
        for bad in bad {
            keys.script("keys", good.clone());
            let address = format!("http://localhost:{}/script-close/keys", keys.addr().port());
            let gateway = gateway(driver, &origin, &address, 1);
            until(&gateway, &signer.token("ann"), 200);
            keys.script("keys", bad);
            get(&gateway, &other.token("ann")).expect(401);
            gateway
                .said()
                .wait("it is told", |lines| lines.iter().any(|line| line.contains("key_set_stale")));
            get(&gateway, &signer.token("ann")).expect(200);
        }
    });
}

/// A server with TLS and this reply, for as long as the test runs.
fn tls_server(ip: &str, reply: String) -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::{ServerConfig, crypto::ring::default_provider};
    let cert = CertificateDer::from_pem_slice(include_bytes!("pem/localhost.pem")).expect("is one");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("pem/localhost.key")).expect("is one");
    let config = ServerConfig::builder_with_provider(default_provider().into());
    let config = config.with_safe_default_protocol_versions().expect("ring has them").with_no_client_auth();
    let config = config.with_single_cert(vec![cert], key).expect("they fit");
    let listener = std::net::TcpListener::bind((ip, 0)).expect("a free port");
    let addr = listener.local_addr().expect("is bound");
    listener.set_nonblocking(true).expect("is a socket");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("is a listener");
            let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
            // A client that does not trust us ends its handshake; the next one may.
            while let Ok((tcp, _)) = listener.accept().await {
                let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && tls.read_buf(&mut request).await.is_ok_and(|n| n > 0)
                {
                }
                let _ = tls.write_all(reply.as_bytes()).await;
                let _ = tls.shutdown().await;
            }
        });
    });
    addr
}

#[test]
fn over_tls_the_server_must_prove_who_it_is() {
    let (origin, signer) = (Origin::start(), Signer::new("one"));
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sockets/policies/pem/localhost.pem");
    let nobody = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (roots, host, status, error) in [
        (own, "localhost", 200, ""),
        (own, "127.0.0.1", 200, ""),
        // It is trusted, but not by this name.
        (own, "127.0.0.2", 503, "no TLS"),
        (nobody, "localhost", 503, "no root certificates"),
    ] {
        let ip = if host == "localhost" { "127.0.0.1" } else { host };
        let port = tls_server(ip, set(&[&signer])).port();
        let bind = Down::new().expect("a free port").addr().expect("is bound");
        let text = format!(
            "version: 1\ngateway: {{ shards: 1 }}\nlisteners: [{{ name: l, bind: \"{bind}\" }}]\n\
             policies: {{ token: {{ jwt: {{ algorithms: [EdDSA], jwks: \"https://{host}:{port}/keys\" }} }} }}\n\
             upstreams: {{ origin: {{ endpoints: [{{ address: \"{}\" }}] }} }}\n\
             routes: [{{ name: r, match: {{ path: /token }}, policies: [token], to: origin }}]\n",
            origin.addr()
        );
        let gateway = Gateway::told(&text, bind, &[("SSL_CERT_FILE", roots), ("SSL_CERT_DIR", "/nowhere")]);
        until(&gateway, &signer.token("ann"), status);
        if !error.is_empty() {
            gateway.said().wait(error, |lines| {
                lines.iter().any(|line| line.contains("key_set_lost") && line.contains(error))
            });
        }
    }
}
