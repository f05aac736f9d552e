//! Certificates that the gateway obtains by itself, from Pebble, which proves each name by connecting back. Without pebble
//! these tests pass by, but not where `CI=true`.

mod ends;
mod issuer;
mod pebble;
mod renewal;

use crate::admin::{address, metrics::scrape, metrics::value};
use crate::support::{Driver, Gateway, each_driver};
use crate::tls::files::Folder;
use pebble::{OWN, PLAIN, Pebble, Ports};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use tools::upstream::Origin;

/// What tells that a certificate was obtained.
const OBTAINED: &str = " certificate_obtained: ";

/// A gateway's folder and ports, through its restarts.
struct Scene {
    origin: Origin,
    storage: Folder,
    ports: Ports,
    driver: Driver,
    /// More keys of the issuer.
    issuer: String,
    names: &'static str,
    plain: &'static str,
}

impl Scene {
    fn new(driver: Driver, challenge: &str) -> Scene {
        let (origin, storage, ports) = (Origin::start(), Folder::new(), Ports::free());
        let issuer = format!("challenge: {challenge}");
        Scene {
            origin,
            storage,
            ports,
            driver,
            issuer,
            names: "a.test, b.test",
            plain: "redirect_https: true",
        }
    }

    fn text(&self) -> String {
        let Scene { ports, issuer, names, plain, .. } = self;
        format!(
            "version: 1\ngateway: {{ shards: 2, driver: {} }}\nadmin: {{ bind: 127.0.0.1:0 }}\n\
             acme:\n  test: {{ directory: 'https://localhost:{}/dir', storage: '{}', roots: '{OWN}.pem', {issuer} }}\n\
             listeners:\n\
             - {{ name: secure, bind: 127.0.0.1:{}, tls: {{ acme: {{ names: [{names}] }} }} }}\n\
             - {{ name: plain, bind: 127.0.0.1:{}, {plain} }}\n\
             upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\n\
             routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
            self.driver.name(),
            ports.issuer,
            self.storage.path("").display(),
            ports.tls,
            ports.http,
            self.origin.addr()
        )
    }

    fn start(&self) -> Gateway {
        Gateway::with(&self.text(), 2)
    }

    /// Where the issuer's things are kept.
    fn kept(&self, name: &str) -> std::path::PathBuf {
        self.storage.path(&format!("localhost_{}+dir/{name}", self.ports.issuer))
    }

    /// What curl makes of a request for `name`, trusting `root`: the status, or its error.
    fn ask(&self, name: &str, root: &Path) -> Result<String, String> {
        let port = self.ports.tls;
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"]);
        command.arg(root).args(["--resolve", &format!("{name}:{port}:127.0.0.1")]);
        let out = command.arg(format!("https://{name}:{port}/ok")).output().expect("curl is installed");
        match out.status.success() {
            true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }
}

/// Waits until `count` certificates were obtained.
#[track_caller]
fn obtained(gateway: &Gateway, count: usize) {
    let is_told = |lines: &[String]| lines.iter().filter(|line| line.contains(OBTAINED)).count() >= count;
    gateway.said().wait(&format!("{count} certificates"), is_told);
}

/// Waits for a line with all of `marks`, and gives it.
#[track_caller]
fn told(gateway: &Gateway, marks: &[&str]) -> String {
    let find =
        |lines: &[String]| lines.iter().find(|line| marks.iter().all(|mark| line.contains(mark))).cloned();
    find(&gateway.said().wait(&format!("{marks:?}"), |lines| find(lines).is_some())).unwrap()
}

#[test]
fn both_challenges_obtain_a_certificate_that_clients_trust_and_a_restart_orders_none() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        for challenge in ["http-01", "tls-alpn-01"] {
            let scene = Scene::new(driver, challenge);
            let mut pebble = Pebble::start(scene.ports, PLAIN, &["a.test", "b.test"]);
            let gateway = scene.start();
            told(&gateway, &[" certificate_awaited: ", "a.test, b.test"]);
            obtained(&gateway, 1);
            told(&gateway, &[" acme_account: "]);
            if challenge == "http-01" {
                // What the issuer was answered is an exchange like others, though all else is sent to https there.
                let logged = gateway.logs(2);
                assert!(
                    logged.iter().all(|line| line["status"] == 200 && line["reason"] == "ok"),
                    "{logged:?}"
                );
                assert!(logged[0].to_string().contains("/.well-known/acme-challenge/"), "{logged:?}");
            }
            let root = pebble.root();
            for name in ["a.test", "b.test"] {
                assert_eq!(scene.ask(name, &root), Ok("200".to_owned()), "{challenge}");
            }
            let page = scrape(address(&gateway).parse().unwrap());
            let file = scene.kept("a.test.pem");
            let series = format!(
                "ringgate_certificate_not_after_seconds{{listener=\"secure\",certificate=\"{}\"}}",
                file.display()
            );
            let now = ringgate::net::clock::unix_ms() as f64 / 1000.0;
            let left = value(&page, &series) - now;
            assert!((80_000.0..87_000.0).contains(&left), "{left}");
            assert_eq!(value(&page, "ringgate_certificate_orders_total{outcome=\"issued\"}"), 1.0);
            let account = scene.kept("account.json");
            for file in [&file, &account] {
                assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600, "{}", file.display());
            }
            let before = [&file, &account].map(|file| fs::read(file).unwrap());
            drop(gateway);
            pebble.kill();
            // Nobody is there to ask, and nobody is asked.
            let gateway = scene.start();
            assert_eq!(scene.ask("b.test", &root), Ok("200".to_owned()));
            let said = gateway.said().now();
            let asks = ["certificate_", "acme_"];
            assert!(!said.iter().any(|line| asks.iter().any(|mark| line.contains(mark))), "{said:#?}");
            assert_eq!([&file, &account].map(|file| fs::read(file).unwrap()), before);
        }
    });
}
