use super::*;
use crate::upstream::{Mode, Origin};

fn plan(origin: &Origin, path: &str) -> Plan {
    let url = format!("http://{}{path}", origin.addr()).parse().unwrap();
    Plan { connections: 4, seconds: 0.5, warmup: 0.1, ..Plan::new(url) }
}

#[test]
fn a_closed_loop_is_answered_without_errors() {
    let origin = Origin::start();
    for path in ["/bytes/1024", "/chunked/5000?size=700", "/status/204", "/bytes/200000", "/103"] {
        let report = run(&plan(&origin, path)).unwrap();
        assert!(report.latency.total() > 20, "{path}: {report}");
        assert_eq!((report.errors, report.unanswered), (Errors::default(), 0), "{path}");
    }
    assert!(origin.connections() <= 20, "connections are kept");
}

#[test]
fn bodies_are_sent_whole() {
    let origin = Origin::start();
    let plan = Plan { method: "POST".to_string(), body_bytes: 1 << 20, ..plan(&origin, "/ok") };
    let report = run(&plan).unwrap();
    assert!(report.latency.total() > 0 && report.errors.total() == 0, "{report}");
    assert_eq!(origin.requests()[0].body.len(), 1 << 20);
}

#[test]
fn connection_per_request_connects_for_each() {
    let origin = Origin::start();
    let report = run(&Plan { close: true, warmup: 0.0, ..plan(&origin, "/ok") }).unwrap();
    assert_eq!(report.errors, Errors::default());
    assert!(origin.connections() as u64 >= report.latency.total());
    let report = run(&plan(&origin, "/close-after")).unwrap();
    assert!(report.latency.total() > 10, "a server that closes is no error: {report}");
}

#[test]
fn a_fixed_rate_is_kept() {
    let origin = Origin::start();
    let report = run(&Plan { rate: Some(1000), seconds: 0.5, ..plan(&origin, "/bytes/100") }).unwrap();
    assert_eq!((report.latency.total(), report.unanswered), (500, 0), "{report}");
}

#[test]
fn a_stall_is_seen_by_every_request_that_had_to_wait() {
    let origin = Origin::start();
    // One connection, 20 ms an answer, a request due each 5 ms: the queue grows and every latency with it.
    let slow =
        Plan { rate: Some(200), connections: 1, seconds: 0.4, warmup: 0.0, ..plan(&origin, "/slow-head/20") };
    let report = run(&slow).unwrap();
    assert_eq!(report.latency.total() + report.unanswered, 80, "{report}");
    assert!(report.latency.quantile(0.5) > Duration::from_millis(200), "{report}");
}

#[test]
fn failures_are_counted_by_kind() {
    let origin = Origin::start();
    let errors = |path: &str| run(&plan(&origin, path)).unwrap().errors;
    assert!(errors("/status/500").status > 0);
    assert!(errors("/cut-length").cut > 4, "each connection goes on after a failure");
    assert!(errors("/extra-bytes").malformed > 4);
    origin.switch(Mode::RefuseAfterAccept);
    let report = run(&plan(&origin, "/ok")).unwrap();
    assert!(report.latency.total() == 0 && report.errors.total() > 0);
}

#[test]
fn a_url_is_an_address_on_loopback() {
    let url = |text: &str| text.parse::<Url>();
    assert_eq!(url("http://127.0.0.1:80").unwrap().path, "/");
    assert_eq!(url("http://[::1]:80/a/b?c").unwrap().path, "/a/b?c");
    for bad in [
        "https://127.0.0.1:80/",
        "127.0.0.1:80",
        "http://127.0.0.1/",
        "http://localhost:80/",
        "http://1.1.1.1:80/",
    ] {
        assert!(url(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_report_is_one_line_of_json() {
    let origin = Origin::start();
    let report = run(&Plan { pid: vec![std::process::id()], ..plan(&origin, "/ok") }).unwrap();
    let tree: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(tree["requests"].as_u64(), Some(report.latency.total()));
    assert!(tree["cpu_us"].as_f64() > Some(0.0) && tree["p50_us"].as_f64() > Some(0.0));
}
