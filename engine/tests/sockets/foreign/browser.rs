//! A browser, headless Chromium: a page over TLS and HTTP/2 that fetches, hears events and talks over a WebSocket, all at
//! once.

use super::scripts::{Server, python};
use crate::support::{Driver, Gateway};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A browser that runs until it is dropped.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn browser() -> Option<&'static str> {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .find(|path| fs::metadata(path).is_ok());
    let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(found.is_some() || !required, "chromium is not installed: .ci/install");
    if found.is_none() {
        eprintln!("chromium is not installed: this test is passed by");
    }
    found
}

#[test]
fn a_page_fetches_hears_events_and_talks_at_once() {
    let (Some(python), Some(program)) = (python("websockets"), browser()) else { return };
    let mut pages = Server::start(python, "browser/server.py");
    let sockets = Server::start(python, "websocket/server.py");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0, tls: {{ certs: [{{ cert: {}, key: {} }}] }} }}]\n\
         upstreams:\n  pages: {{ endpoints: [{{ address: '{}' }}] }}\n  sockets: {{ endpoints: [{{ address: '{}' }}] }}\n\
         routes:\n- {{ name: sockets, match: {{ path: /ws }}, to: sockets }}\n- {{ name: pages, match: {{ path: /* }}, to: pages }}\n",
        Driver::IoUring.name(),
        data.join("tls-a.pem").display(),
        data.join("tls-a.key").display(),
        pages.addr,
        sockets.addr,
    );
    let gateway = Gateway::with(&text, 1);
    let home = gateway.file().with_file_name("browser");
    let mut command = Command::new(program);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args([
            "--ignore-certificate-errors",
            "--host-resolver-rules=MAP a.test 127.0.0.1",
            "--remote-debugging-port=0",
        ])
        .arg(format!("--user-data-dir={}", home.display()))
        .arg(format!("https://a.test:{}/", gateway.addr().port()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let browser = Browser(command.spawn().expect("Chromium runs"));
    let told: serde_json::Value = serde_json::from_str(&pages.line()).expect("is a result");
    drop(browser);
    assert_eq!(told["json"]["fetched"], true, "{told}");
    assert_eq!(told["protocol"], "h2", "{told}");
    let seen: Vec<(&str, i64)> = told["seen"]
        .as_array()
        .expect("events came")
        .iter()
        .map(|event| (event[0].as_str().expect("has data"), event[1].as_i64().expect("has a time")))
        .collect();
    assert_eq!(seen.iter().map(|(data, _)| *data).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert!(seen[2].1 - seen[0].1 >= 250, "events come as they are sent: {told}");
    assert_eq!(told["heard"], serde_json::json!([["hello", "again"], "chat", 4000]), "{told}");
    // Whether a socket has a connection of its own is the browser's choice.
    for line in gateway.logs(4).iter().filter(|line| line["status"] != 0) {
        assert!(line["version"] == "2.0" || line["path"] == "/ws", "{line}");
    }
}
