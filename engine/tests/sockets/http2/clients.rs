//! Clients that other people wrote: curl by ALPN and by prior knowledge, h2load with many streams; and what else a
//! listener hears first: a PROXY header, another version, a preface where none is spoken.

use super::frames::{PREFACE, Peer};
use super::{both, gateway};
use crate::support::{Client, End, Setup, each_driver, three_fresh};
use crate::tls;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::{env, fs};
use tools::upstream::{Origin, pattern};

/// What curl prints of requests without TLS.
fn curl(words: &[&str]) -> String {
    let out = Command::new("curl")
        .args(["-sS", "--max-time", "20"])
        .args(words)
        .output()
        .expect("curl is installed");
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A folder for a test's files; dropping it removes it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = env::temp_dir().join(format!("ringgate-http2-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// 5 MB down and 5 MB up, byte for byte; `curl` is given the words behind its own.
fn bodies(folder: &Folder, base: &str, curl: impl Fn(&[&str]) -> String) {
    let (down, up, back) = (folder.file("down"), folder.file("up"), folder.file("back"));
    let body = pattern(5_000_000);
    assert_eq!(
        curl(&["-o", &down, "-w", "%{http_version} %{http_code}", &format!("{base}/bytes/5000000")]),
        "2 200"
    );
    assert!(fs::read(&down).unwrap() == body, "the download is what the origin sent");
    fs::write(&up, &body).unwrap();
    let words = [
        "-o",
        &back,
        "-w",
        "%{http_version} %{http_code}",
        "--data-binary",
        &format!("@{up}"),
        &format!("{base}/echo"),
    ];
    assert_eq!(curl(&words), "2 200");
    assert!(fs::read(&back).unwrap().ends_with(&body), "the upload is what the origin got");
}

#[test]
fn curl_speaks_http2_by_alpn_over_both_versions_of_tls() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = tls::gateway(driver, &origin, "10s");
        let (at, folder) = (gateway.addr(), Folder::new(&format!("alpn-{driver:?}")));
        let base = format!("https://a.test:{}", at.port());
        let ok = format!("{base}/ok");
        for most in ["1.2", "1.3"] {
            let words = ["--tls-max", most, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", &ok];
            assert_eq!(tls::curl(at, "tls-a.pem", &words, &["a.test"]), "2 200", "TLS {most}");
        }
        let words = ["--http1.1", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", &ok];
        assert_eq!(tls::curl(at, "tls-a.pem", &words, &["a.test"]), "1.1 200");
        bodies(&folder, &base, |words| tls::curl(at, "tls-a.pem", words, &["a.test"]));
    });
}

#[test]
fn curl_speaks_http2_by_prior_knowledge() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let folder = Folder::new(&format!("prior-{driver:?}"));
        let base = format!("http://{}", gateway.addr());
        let prior = |words: &[&str]| curl(&[&["--http2-prior-knowledge"], words].concat());
        bodies(&folder, &base, prior);
        // Trailers, early hints and the rest of an exchange, as curl reads them.
        let said = prior(&["-i", &format!("{base}/103")]);
        assert!(said.starts_with("HTTP/2 103") && said.contains("HTTP/2 200"), "{said}");
        // An upgrade is not what this listener offers: it goes on in HTTP/1.1.
        let words =
            ["--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", &format!("{base}/ok")];
        assert_eq!(curl(&words), "1.1 200");
        three_fresh(&gateway);
    });
}

/// Whether `h2load` is there; it has to be where `CI=true`.
fn has_h2load() -> bool {
    let is_there =
        ["/usr/bin/h2load", "/usr/local/bin/h2load"].into_iter().any(|path| Path::new(path).exists());
    let required = env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(is_there || !required, "h2load is not installed: apt-get install nghttp2-client");
    if !is_there {
        eprintln!("h2load is not installed: its part is left out");
    }
    is_there
}

fn h2load(url: &str, requests: &str) -> String {
    let words = ["-n", requests, "-c", "8", "-m", "16", "-t", "1", "--connection-active-timeout=20s", url];
    let out = Command::new("h2load").args(words).output().expect("h2load is there");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn two_thousand_requests_of_h2load_all_succeed() {
    if !has_h2load() {
        return;
    }
    each_driver(|driver| {
        let origin = Origin::start();
        let plain = gateway(driver, &origin);
        let over_tls = tls::gateway(driver, &origin, "10s");
        let urls = [format!("http://{}/ok", plain.addr()), format!("https://{}/bytes/1024", over_tls.addr())];
        for (url, requests) in urls.iter().zip(["2000", "500"]) {
            let said = h2load(url, requests);
            let succeeded = format!("{requests} done, {requests} succeeded, 0 failed, 0 errored, 0 timeout");
            assert!(said.contains(&succeeded) && said.contains(&format!("{requests} 2xx")), "{url}: {said}");
        }
        three_fresh(&plain);
    });
}

#[test]
fn a_listener_without_http2_refuses_its_preface() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = crate::support::Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        client.send(PREFACE);
        let reply = client.reply();
        assert!(reply.status == 505 && reply.says_close(), "{}", reply.head);
        client.rest();
        assert_eq!(gateway.log_of(client.addr())["status"], 505);
        three_fresh(&gateway);
    });
}

#[test]
fn a_listener_of_http2_alone_speaks_nothing_else() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { listener: "protocols: [http2]", ..Setup::of(&origin) };
        let gateway = crate::support::Gateway::start(driver, &setup);
        Peer::greeted(gateway.connect()).ask(1, "/ok").expect(200);
        // What is no preface is refused (RFC 9113 §3.4), and the origin hears nothing of it.
        for said in ["GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"] {
            let mut client = gateway.connect();
            client.send(said);
            let (came, _) = client.rest();
            assert!(!came.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&came));
            let line = gateway.log_of(client.addr());
            let told = (&line["reason"], &line["detail"], &line["status"], &line["version"]);
            assert_eq!(told, (&"bad_request".into(), &"http2".into(), &0.into(), &"2.0".into()), "{line}");
        }
        assert_eq!(origin.requests().len(), 1);
    });
}

#[test]
fn both_versions_are_heard_by_their_first_bytes() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut first = gateway.connect();
        first.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        let addr = first.addr();
        let mut second = Peer::greeted(gateway.connect());
        second.ask(1, "/ok").expect(200);
        // A method that begins like the preface is a method.
        first.send("PRIOR /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply();
        let log = gateway.logs_of(addr, 2);
        assert!(log.iter().all(|line| line["version"] == "1.1"), "{log:?}");
        // Once HTTP/1.1 was spoken, the preface is no request.
        first.send(PREFACE);
        let (came, _) = first.rest();
        assert!(
            came.starts_with(b"HTTP/1.1 505") || came.starts_with(b"HTTP/1.1 400"),
            "{}",
            String::from_utf8_lossy(&came)
        );
        three_fresh(&gateway);
    });
}

#[test]
fn a_proxy_header_goes_before_the_preface() {
    each_driver(|driver| {
        let origin = Origin::start();
        let listener = "protocols: [http1, http2], proxy_protocol: { from: [127.0.0.2] }";
        let gateway = crate::support::Gateway::start(driver, &Setup { listener, ..both(&origin) });
        let at: SocketAddr = gateway.addr();
        for header in [
            "PROXY TCP4 203.0.113.7 192.0.2.1 50312 443\r\n",
            "PROXY TCP4 203.0.113.8 192.0.2.1 50313 443\r\n",
        ] {
            let mut client = Client::connect_from([127, 0, 0, 2], at);
            client.send(header);
            let mut peer = Peer::greeted(client);
            let seen = peer.ask(1, "/echo").expect(200).text();
            let ip = header.split(' ').nth(2).unwrap();
            assert!(seen.to_ascii_lowercase().contains(&format!("x-forwarded-for: {ip}")), "{seen}");
        }
        // Who has to send it and does not is not served.
        let mut client = Client::connect_from([127, 0, 0, 2], at);
        client.send(PREFACE);
        assert!(client.rest().0.is_empty());
        assert_eq!(gateway.log_of(client.addr())["reason"], "proxy_protocol");
    });
}

/// A client that ends in order while it is idle is closed in order.
#[test]
fn a_client_that_leaves_is_let_go() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = Peer::greeted(gateway.connect());
        peer.ask(1, "/ok").expect(200);
        peer.client().finish();
        assert_eq!(peer.rest(), End::Fin);
    });
}
