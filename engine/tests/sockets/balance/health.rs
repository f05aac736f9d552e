//! Active health checks: who is taken out by them, who comes back, what a reload keeps, and that one process checks once.

use crate::support::{Driver, Gateway, Setup, each_driver};
use tools::upstream::{Mode, Origin};

const WELL: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const ILL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
const CHECKS: &str =
    "health: { path: /script/ready, interval: 20ms, timeout: 300ms, healthy: 2, unhealthy: 2 }";

fn well() -> Origin {
    let origin = Origin::start();
    origin.script("ready", WELL);
    origin.script("ready-2", WELL);
    origin
}

fn start(driver: Driver, origins: &[&Origin], upstream: &'static str, shards: u32) -> Gateway {
    Gateway::start(driver, &setup(origins, upstream, shards))
}

fn setup(origins: &[&Origin], upstream: &'static str, shards: u32) -> Setup {
    let endpoints: Vec<_> = origins.iter().map(|origin| origin.addr()).collect();
    Setup { upstream, shards, gateway: "watch: false", ..Setup::before(&endpoints) }
}

/// Waits until `event` was told `count` times; gives the last line of it.
#[track_caller]
fn told(gateway: &Gateway, event: &str, count: usize) -> String {
    let mark = format!(" {event}: ");
    let is = |line: &&String| line.contains(&mark);
    let lines = gateway.said().wait(event, |lines| lines.iter().filter(is).count() >= count);
    lines.iter().rfind(is).expect("was waited for").clone()
}

/// Sends ten requests; how many each origin was asked for.
fn shares<const N: usize>(gateway: &Gateway, origins: [&Origin; N]) -> [usize; N] {
    let asked =
        |origin: &Origin| origin.requests().iter().filter(|request| request.target() == "/ok").count();
    let before = origins.map(asked);
    let mut client = gateway.connect();
    for _ in 0..10 {
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        client.reply().expect(200);
    }
    std::array::from_fn(|at| asked(origins[at]) - before[at])
}

#[test]
fn an_endpoint_is_out_while_its_checks_fail() {
    each_driver(|driver| {
        let (one, other) = (well(), well());
        let gateway = start(driver, &[&one, &other], CHECKS, 2);
        assert_eq!(shares(&gateway, [&one, &other]), [5, 5]);
        one.script("ready", ILL);
        let line = told(&gateway, "endpoint_out", 1);
        assert!(line.contains(&one.addr().to_string()) && line.contains("503"), "{line}");
        assert_eq!(shares(&gateway, [&one, &other]), [0, 10]);
        one.script("ready", WELL);
        told(&gateway, "endpoint_back", 1);
        assert_eq!(shares(&gateway, [&one, &other]), [5, 5]);
    });
}

#[test]
fn where_all_are_out_all_are_asked() {
    each_driver(|driver| {
        let (one, other) = (well(), well());
        [&one, &other].into_iter().for_each(|origin| origin.script("ready", ILL));
        let gateway = start(driver, &[&one, &other], CHECKS, 1);
        told(&gateway, "endpoint_out", 2);
        assert_eq!(shares(&gateway, [&one, &other]), [5, 5], "checks that err end no service");
    });
}

#[test]
fn whoever_does_not_answer_a_check_is_out() {
    each_driver(|driver| {
        for (mode, why) in [
            (Mode::RefuseAfterAccept, "connection"),
            (Mode::NeverRead, "no answer within 300ms"),
            (Mode::Serve, "404"),
        ] {
            let (one, other) = (Origin::start(), well());
            one.switch(mode);
            let gateway = start(driver, &[&one, &other], CHECKS, 1);
            let line = told(&gateway, "endpoint_out", 1);
            assert!(line.contains(&one.addr().to_string()) && line.contains(why), "{line}");
            assert_eq!(shares(&gateway, [&one, &other]), [0, 10], "{mode:?}");
        }
    });
}

#[test]
fn what_is_known_survives_a_reload_by_name() {
    each_driver(|driver| {
        let (one, other) = (well(), well());
        one.script("ready", ILL);
        let gateway = start(driver, &[&one, &other], CHECKS, 2);
        told(&gateway, "endpoint_out", 1);
        // Another set of endpoints, with checks that ask elsewhere and would take a day to say so.
        let slow = "health: { path: /script/ready-2, interval: 1d, timeout: 1s, healthy: 2 }";
        let weights = &["weight: 4", "weight: 4"];
        let next = Setup { endpoint_keys: weights, ..setup(&[&one, &other], slow, 2) };
        gateway.replace(&next.text(driver));
        gateway.hangup();
        gateway.serves(2);
        assert_eq!(shares(&gateway, [&one, &other]), [0, 10]);
        // Nobody checks it any more: it is in.
        gateway.replace(&Setup { endpoint_keys: weights, ..setup(&[&one, &other], "", 2) }.text(driver));
        gateway.hangup();
        gateway.serves(3);
        assert_eq!(shares(&gateway, [&one, &other]), [5, 5]);
    });
}

#[test]
fn a_process_checks_once_whatever_its_number_of_shards() {
    each_driver(|driver| {
        let origin = well();
        let upstream = "health: { path: /script/ready, host: health.example, interval: 100ms, timeout: 1s }";
        let _gateway = start(driver, &[&origin], upstream, 4);
        std::thread::park_timeout(std::time::Duration::from_secs(2));
        let asked = origin.requests();
        // The first comes within 100 ms; a slow machine may be late with some.
        assert!((5..=21).contains(&asked.len()), "{} checks in two seconds", asked.len());
        assert!(asked.iter().all(|request| request.value("host").as_deref() == Some("health.example")));
    });
}

#[test]
fn an_endpoint_is_asked_by_the_name_that_it_has_now() {
    each_driver(|driver| {
        let origin = well();
        let port = origin.addr().port();
        let text = |name: &str| {
            format!(
                "version: 1\ngateway: {{ shards: 1, driver: {}, watch: false }}\nlisteners: [{{ bind: 127.0.0.1:0 }}]\n\
                 upstreams: {{ a: {{ endpoints: [{{ address: \"{name}:{port}\" }}], {CHECKS} }} }}\n\
                 routes: [{{ name: a, match: {{ path: /* }}, to: a }}]\n",
                driver.name()
            )
        };
        let gateway = Gateway::with(&text("127.0.0.1"), 1);
        let asked_for = |host: &str| {
            let host = format!("{host}:{port}");
            origin.wait(|seen| {
                let mut all = seen.iter().flat_map(|connection| &connection.requests);
                all.any(|request| request.value("host").as_deref() == Some(&*host))
            })
        };
        assert!(asked_for("127.0.0.1"));
        gateway.replace(&text("localhost"));
        gateway.hangup();
        gateway.serves(2);
        assert!(asked_for("localhost"), "the address is the same, and the name another one");
    });
}

#[test]
fn a_unix_socket_is_asked_for_localhost() {
    each_driver(|driver| {
        let mut origin = well();
        let folder = std::env::temp_dir().join(format!("ringgate-health-{}-{driver:?}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("origin.sock");
        let _ = std::fs::remove_file(&path);
        origin.listen_at(&path).unwrap();
        let setup = Setup { endpoint_sockets: vec![path], upstream: CHECKS, ..Setup::before(&[]) };
        let gateway = Gateway::start(driver, &setup);
        let is_asked = origin.wait(|seen| {
            let mut all = seen.iter().flat_map(|connection| &connection.requests);
            all.any(|request| request.value("host").as_deref() == Some("localhost"))
        });
        assert!(is_asked);
        drop(gateway);
        // It ends by a connection to its socket.
        drop(origin);
        std::fs::remove_dir_all(&folder).unwrap();
    });
}
