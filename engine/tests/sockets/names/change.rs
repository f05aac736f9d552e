//! Addresses that change: when a name is asked again, what becomes of the connections to an address that left.

use super::*;
use crate::support::{Client, each_driver};
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks without a pause until `done`; gives the statuses that were not 200.
fn asking(addr: SocketAddr, host: &str, done: &AtomicBool) -> Vec<u16> {
    let mut failed = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let mut client = Client::connect(addr);
        for _ in 0..20 {
            client.send(format!("GET /ok HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            failed.extend(Some(client.reply().status).filter(|status| *status != 200));
        }
    }
    failed
}

#[test]
fn connections_to_an_address_that_left_are_drained_and_no_request_fails() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let (origins, port) = origins(2);
        let [before, after] = &origins[..] else { panic!("two origins") };
        dns.set("api.test", 0, &hosts(&[0]));
        let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
        let gateway = start(driver, 2, &dns, HASTE, &[("named", &named)]);
        ask(&gateway, "named").expect(200);
        before.script("slow", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
        let mut held = gateway.connect();
        held.send("GET /held/45/slow HTTP/1.1\r\nHost: named\r\n\r\n");
        assert!(before.wait_held(1));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..2).map(|_| scope.spawn(|| asking(gateway.addr(), "named", &done))).collect();
            until("both are busy", || before.requests().len() > 50);
            dns.set("api.test", 0, &hosts(&[1]));
            until("the other takes over", || after.requests().len() > 50);
            // Idle ones are closed at once; that in use is not.
            until("the idle ones are closed", || before.open() == 1);
            done.store(true, Ordering::Relaxed);
            for client in clients {
                assert_eq!(client.join().unwrap(), [0; 0]);
            }
        });
        before.release();
        assert_eq!(held.reply().expect(200).text(), "0123456789");
        assert_eq!(gateway.log_of(held.addr())["endpoint"], format!("127.0.0.2:{port}"));
        until("its connection is not kept", || before.open() == 0);
    });
}

#[test]
fn an_address_that_stays_keeps_its_connections() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let (origins, port) = origins(2);
        dns.set("api.test", 0, &hosts(&[0]));
        let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
        let gateway = start(driver, 1, &dns, HASTE, &[("named", &named)]);
        ask(&gateway, "named").expect(200);
        dns.set("api.test", 0, &hosts(&[0, 1]));
        until("both are asked", || {
            ask(&gateway, "named").expect(200);
            origins[1].connections() > 0
        });
        endpoints(&gateway, "named", 20);
        assert_eq!(origins[0].connections(), 1, "the first connection served all of them");
    });
}

#[test]
fn a_name_is_asked_again_when_its_ttl_is_nearly_over_and_not_sooner() {
    for (ttl, rules) in [(1, "ttl_min: 100ms"), (0, "ttl_min: 1s"), (86_400, "ttl_min: 100ms, ttl_max: 1s")] {
        each_driver(|driver| {
            let dns = NameServer::start();
            let (_origins, port) = origins(1);
            dns.set("api.test", ttl, &hosts(&[0]));
            let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
            let began = Instant::now();
            let gateway = start(driver, 1, &dns, rules, &[("named", &named)]);
            // A and AAAA, each twice.
            assert!(dns.wait_asked("api.test", 4), "{ttl} {rules}");
            let after = began.elapsed();
            assert!(after >= Duration::from_millis(790), "{ttl} {rules}: after {after:?}");
            ask(&gateway, "named").expect(200);
        });
    }
}

#[test]
fn an_endpoint_that_cannot_be_reached_has_its_name_asked_again() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let (mut origins, port) = origins(2);
        dns.set("api.test", 86_400, &hosts(&[0]));
        let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
        let gateway = start(driver, 1, &dns, "ttl_max: 1h", &[("named", &named)]);
        ask(&gateway, "named").expect(200);
        let asked = dns.asked("api.test").len();
        drop(origins.remove(0));
        dns.set("api.test", 86_400, &hosts(&[1]));
        // It is a lookup of once a second at most, whatever the number of failures.
        let began = Instant::now();
        until("the new address is found", || ask(&gateway, "named").status == 200);
        let lookups = (dns.asked("api.test").len() - asked) as u64 / 2;
        assert!((1..=1 + began.elapsed().as_secs()).contains(&lookups), "{lookups} in {:?}", began.elapsed());
    });
}
