//! What testssl.sh finds: the versions, ciphers and known holes of a listener with TLS, as those see it who audit one.

use crate::support::{Driver, Gateway};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Findings that are faults; the others tell what there is.
const FAULTS: [&str; 5] = ["LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"];

fn is_installed() -> bool {
    let is_there = Path::new("/usr/bin/testssl").exists();
    let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(is_there || !required, "testssl is not installed: .ci/install");
    if !is_there {
        eprintln!("testssl is not installed: this test is passed by");
    }
    is_there
}

/// What asks takes half a minute of pauses, and does not depend on what a shard waits with: one driver does.
#[test]
fn an_audit_finds_nothing_vulnerable() {
    if !is_installed() {
        return;
    }
    let driver = match std::env::var("RINGGATE_TEST_DRIVER").as_deref() {
        Ok("epoll") => return,
        _ if ringgate::net::driver::probe_io_uring().is_err() => Driver::Epoll,
        _ => Driver::IoUring,
    };
    let file = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).display().to_string()
    };
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners:\n\
         - {{ name: secure, bind: 127.0.0.1:0, tls: {{ certs: [{{ cert: {}, key: {} }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, respond: {{ status: 200, body: ok }} }}]\n",
        driver.name(),
        file("tls-a.pem"),
        file("tls-a.key"),
    );
    let gateway = Gateway::with(&text, 1);
    let told: PathBuf = std::env::temp_dir().join(format!("ringgate-testssl-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&told);
    let mut testssl = Command::new("/usr/bin/testssl");
    // Nobody is asked where the name is.
    testssl.args([
        "--quiet",
        "--color",
        "0",
        "--warnings",
        "off",
        "--protocols",
        "--vulnerable",
        "--ip",
        "127.0.0.1",
    ]);
    testssl.arg("--jsonfile").arg(&told).arg(format!("https://a.test:{}", gateway.addr().port()));
    testssl.stdin(Stdio::null());
    let said = testssl.output().expect("testssl runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let findings = std::fs::read(&told).expect("testssl tells what it found");
    let _ = std::fs::remove_file(&told);
    let findings: Vec<Value> =
        serde_json::from_slice(&findings).unwrap_or_else(|error| panic!("{error}: {said}"));
    let of =
        |id: &str| findings.iter().find(|finding| finding["id"] == id).map(|finding| &finding["severity"]);
    for id in ["heartbleed", "ROBOT", "secure_renego", "CRIME_TLS", "LUCKY13", "RC4", "TLS1_3", "SSLv3"] {
        assert_eq!(of(id).and_then(Value::as_str), Some("OK"), "{id}: {said}");
    }
    let faults = |finding: &&Value| FAULTS.iter().any(|fault| finding["severity"] == *fault);
    let faults: Vec<&Value> = findings.iter().filter(faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}
