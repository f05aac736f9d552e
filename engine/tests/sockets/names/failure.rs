//! Names that are gone and servers that fail: what was known is used for the stale time, then the upstream has no
//! endpoint; no request waits for any of it.

use super::*;
use crate::support::{each_driver, run_to_end};
use tools::dns::Manner;

/// Makes every lookup of `api.test` fail.
type Failure = fn(&NameServer);

const FAILURES: [(&str, Failure); 3] = [
    ("no such name", |dns| dns.remove("api.test")),
    ("SERVFAIL", |dns| dns.switch(Manner::Fail)),
    ("silence", |dns| dns.switch(Manner::Silent)),
];

#[test]
fn addresses_are_used_for_the_stale_time_and_then_there_is_no_endpoint() {
    for (what, fail) in FAILURES {
        each_driver(|driver| {
            let dns = NameServer::start();
            let (_origins, port) = origins(1);
            dns.set("api.test", 0, &hosts(&[0]));
            let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
            let gateway = start(driver, 2, &dns, HASTE, &[("named", &named)]);
            ask(&gateway, "named").expect(200);
            fail(&dns);
            let began = Instant::now();
            let mut reply = ask(&gateway, "named");
            while reply.status == 200 {
                assert!(began.elapsed() < PATIENCE, "{what}: still served");
                reply = ask(&gateway, "named");
            }
            assert!(began.elapsed() >= Duration::from_millis(900), "{what}: {:?}", began.elapsed());
            let reply = reply.expect(503);
            assert_eq!(reply.reason(), "no_endpoint", "{what}");
            assert_eq!(reply.value("retry-after"), Some("1"), "{what}");
            let said = gateway.said().wait("why", |lines| {
                lines.iter().any(|line| line.contains(&format!("api.test:{port} has no address any more")))
            });
            assert!(said.iter().any(|line| line.contains("its last addresses are used for 1s")), "{said:?}");
            dns.switch(Manner::Serve);
            dns.set("api.test", 0, &hosts(&[0]));
            until("it is back", || ask(&gateway, "named").status == 200);
        });
    }
}

#[test]
fn a_server_that_is_silent_at_start_keeps_nobody_from_starting() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let (origins, port) = origins(1);
        dns.set("api.test", 0, &hosts(&[0]));
        dns.switch(Manner::Silent);
        let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
        let literal = format!("endpoints: [{{ address: \"{}\" }}]", origins[0].addr());
        let gateway = start(driver, 1, &dns, "timeout: 10s", &[("named", &named), ("literal", &literal)]);
        assert_eq!(ask(&gateway, "named").expect(503).reason(), "no_endpoint");
        ask(&gateway, "literal").expect(200);
        dns.switch(Manner::Serve);
        until("it is found", || ask(&gateway, "named").status == 200);
    });
}

#[test]
fn no_lookup_keeps_a_request_waiting() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let (origins, port) = origins(1);
        dns.set("api.test", 0, &hosts(&[0]));
        let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
        let literal = format!("endpoints: [{{ address: \"{}\" }}]", origins[0].addr());
        let rules = "timeout: 3s, ttl_min: 100ms";
        let gateway = start(driver, 1, &dns, rules, &[("named", &named), ("literal", &literal)]);
        ask(&gateway, "named").expect(200);
        dns.switch(Manner::Silent);
        let asked = dns.asked("api.test").len();
        assert!(dns.wait_asked("api.test", asked + 2), "a lookup is under way");
        // It takes three seconds to fail. A request that waited for it would take most of that.
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            for upstream in ["named", "literal"] {
                let sent = Instant::now();
                ask(&gateway, upstream).expect(200);
                assert!(sent.elapsed() < Duration::from_secs(1), "{upstream}: {:?}", sent.elapsed());
            }
        }
    });
}

#[test]
fn check_looks_no_name_up() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let text = text(driver, 1, &dns, HASTE, &[("named", "endpoints: [{ address: \"api.test:80\" }]")]);
        let (output, _) = run_to_end("check", &text);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(dns.asked("api.test"), []);
    });
}
