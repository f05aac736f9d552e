//! Files of certificates while the gateway runs: a change is a reload by itself, of those that cannot serve the last good
//! ones stay, and until when each is valid stands among the metrics.

use super::{curl, file};
use crate::admin::{address, metrics::scrape};
use crate::support::{Gateway, each_driver};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tools::upstream::Origin;

/// The last second of tls-a.pem, as `openssl x509 -enddate` tells it.
const VALID_UNTIL: u64 = 4949529435;

/// Folders of this process.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A folder of its own, gone when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        let name = format!("tls-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Puts `bytes` in the place of a file at once.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let next = self.path(&format!("{name}.next"));
        fs::write(&next, bytes).unwrap();
        fs::rename(next, self.path(name)).unwrap();
    }

    /// Puts files in the place of those of the last number at once, as Kubernetes does: through a link that turns.
    fn turn(&self, number: u32, files: [(&str, &[u8]); 2]) {
        let data = self.path(&format!("..data-{number}"));
        fs::create_dir(&data).unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(data.join(name), bytes).unwrap());
        symlink(data.file_name().unwrap(), self.path("..next")).unwrap();
        fs::rename(self.path("..next"), self.path("..data")).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_change_of_a_certificate_is_taken_by_itself_and_one_that_cannot_serve_is_not() {
    each_driver(|driver| {
        let origin = Origin::start();
        let folder = Folder::new();
        let read = |name: &str| fs::read(file(name)).unwrap();
        folder.turn(1, [("tls.crt", &read("tls-a.pem")), ("tls.key", &read("tls-a.key"))]);
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), folder.path(name)).unwrap();
        }
        let [cert, key] = ["tls.crt", "tls.key"].map(|name| folder.path(name).display().to_string());
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\nadmin: {{ bind: 127.0.0.1:0 }}\nlisteners:\n\
             - {{ name: secure, bind: 127.0.0.1:0, tls: {{ certs: [{{ cert: {cert}, key: {key} }}] }} }}\n\
             upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\n\
             routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
            driver.name(),
            origin.addr()
        );
        let gateway = Gateway::with(&text, 1);
        let at = gateway.addr();
        let serves = |host: &str, ca: &str| {
            let url = format!("https://{host}:{}/ok", at.port());
            curl(at, ca, &["-o", "/dev/null", "-w", "%{http_code}", &url], &[host]) == "200"
        };
        let valid_until = || {
            let page = scrape(address(&gateway).parse().unwrap());
            let series = format!(
                "ringgate_certificate_not_after_seconds{{listener=\"secure\",certificate=\"{cert}\"}} "
            );
            let line = page.lines().find_map(|line| line.strip_prefix(&series));
            line.unwrap_or_else(|| panic!("{series} is not there")).parse::<u64>().unwrap()
        };
        assert!(serves("a.test", "tls-a.pem"));
        assert_eq!(valid_until(), VALID_UNTIL);
        let warns = |generation: u64, told: String| {
            gateway.serves(generation);
            let said = gateway.said().now();
            let warning = |line: &String| line.contains(" config_warning: ") && line.contains(&told);
            assert!(said.iter().any(warning), "{told}: {said:#?}");
        };
        folder.turn(2, [("tls.crt", b"garbage"), ("tls.key", &read("tls-a.key"))]);
        warns(2, format!("'{cert}' holds no certificate; the last good one stays"));
        assert!(serves("a.test", "tls-a.pem"), "the last good pair is shown");
        assert_eq!(valid_until(), VALID_UNTIL);
        // A new certificate whose key has not come yet.
        folder.turn(3, [("tls.crt", &read("tls-c.pem")), ("tls.key", &read("tls-a.key"))]);
        warns(3, format!("'{key}' is not the key of the certificate; the last good one stays"));
        assert!(serves("a.test", "tls-a.pem"));
        folder.turn(4, [("tls.crt", &read("tls-c.pem")), ("tls.key", &read("tls-c.key"))]);
        gateway.serves(4);
        assert!(serves("c.test", "tls-c.pem"));
    });
}

#[test]
fn one_pair_that_cannot_be_used_holds_up_nothing_else() {
    each_driver(|driver| {
        let origin = Origin::start();
        let folder = Folder::new();
        let read = |name: &str| fs::read(file(name)).unwrap();
        for (name, from) in [("x.pem", "tls-a.pem"), ("x.key", "tls-a.key"), ("y.pem", "tls-a.pem")] {
            folder.put(name, &read(from));
        }
        folder.put("y.key", &read("tls-a.key"));
        let path = |name: &str| folder.path(name).display().to_string();
        let text = |first: &str, body: &str| {
            format!(
                "version: 1\ngateway: {{ shards: 1, driver: {}, watch: false }}\nlisteners:\n\
                 - {{ name: secure, bind: 127.0.0.1:0, tls: {{ certs: [{{ cert: {first}, key: {} }}, \
                 {{ cert: {}, key: {} }}] }} }}\nupstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}], \
                 tls: {{ verify: false, cert: {first}, key: {} }} }} }}\n\
                 routes: [{{ name: ok, match: {{ path: /ok }}, respond: {{ body: {body} }} }}, \
                 {{ name: all, to: origin }}]\n",
                driver.name(),
                path("x.key"),
                path("y.pem"),
                path("y.key"),
                origin.addr(),
                path("x.key"),
            )
        };
        let gateway = Gateway::with(&text(&path("x.pem"), "one"), 1);
        let at = gateway.addr();
        let body = |host: &str, ca: &str| {
            curl(at, ca, &[&format!("https://{host}:{}/ok", at.port())], &[host]).trim().to_owned()
        };
        assert_eq!(body("a.test", "tls-a.pem"), "one");
        // One is gone, the other renewed, and something else is changed.
        fs::remove_file(folder.path("x.pem")).unwrap();
        folder.put("y.pem", &read("tls-c.pem"));
        folder.put("y.key", &read("tls-c.key"));
        gateway.replace(&text(&path("x.pem"), "two"));
        gateway.hangup();
        gateway.serves(2);
        assert_eq!([body("a.test", "tls-a.pem"), body("c.test", "tls-c.pem")], ["two", "two"]);
        // It stays through further reloads, but is nothing that another path could be taken by.
        gateway.replace(&text(&path("x.pem"), "three"));
        gateway.hangup();
        gateway.serves(3);
        assert_eq!(body("a.test", "tls-a.pem"), "three");
        gateway.replace(&text(&path("z.pem"), "four"));
        gateway.hangup();
        gateway.refused(1);
        assert_eq!(body("a.test", "tls-a.pem"), "three");
    });
}
