//! What goes on through a reload: connections asleep and awake, exchanges, uploads, tunnels, pools and counts.

use super::{Text, ask};
use crate::support::{Driver, End, each_driver};
use std::time::{Duration, Instant};
use tools::upstream::Origin;

#[test]
fn open_connections_are_served_by_the_new_table_and_the_log_says_so() {
    each_driver(|driver| {
        for shards in [1, 2] {
            let origin = Origin::start();
            let text = Text::of(driver, shards, &origin);
            let gateway = text.start();
            let mut awake = gateway.connect();
            let mut asleep = gateway.connect();
            ask(&mut asleep, "/ok").expect(200);
            // Past the grace a connection sleeps; the other one keeps the shards busy meanwhile.
            let sleeps = Instant::now() + Duration::from_millis(400);
            while Instant::now() < sleeps {
                ask(&mut awake, "/ok").expect(200);
            }
            text.answers("/new", "fresh").reload(&gateway, 2);
            assert_eq!(ask(&mut awake, "/new").expect(200).text(), "fresh");
            assert_eq!(ask(&mut asleep, "/new").expect(200).text(), "fresh");
            let generation = |client: &crate::support::Client| {
                gateway.log_where(client.addr(), "generation 2", |line| line["generation"] == 2)
            };
            assert_eq!(generation(&asleep)["listener"], "public");
            assert_eq!(generation(&awake)["route"], "new");
            // And the route goes as it came.
            text.reload(&gateway, 3);
            assert_ne!(ask(&mut asleep, "/new").text(), "fresh");
        }
    });
}

#[test]
fn a_connection_keeps_its_listener_when_that_moves_in_the_file() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 1, &origin);
        let gateway = text.start();
        let mut client = gateway.connect();
        ask(&mut client, "/ok").expect(200);
        text.listeners
            .insert(0, "{ name: other, bind: 127.0.0.1:0, limits: { header_bytes: 1KiB } }".to_owned());
        text.reload(&gateway, 2);
        // The bounds are those of its own listener, not of the one that stands where it stood.
        let field = "x".repeat(3000);
        client.send(format!("GET /ok HTTP/1.1\r\nHost: a\r\nX-Long: {field}\r\n\r\n")).reply().expect(200);
        let line = gateway.log_where(client.addr(), "generation 2", |line| line["generation"] == 2);
        assert_eq!(line["listener"], "public");
        text.listeners[1] = "{ name: public, bind: 127.0.0.1:0, limits: { header_bytes: 1KiB } }".to_owned();
        text.reload(&gateway, 3);
        client.send(format!("GET /ok HTTP/1.1\r\nHost: a\r\nX-Long: {field}\r\n\r\n")).reply().expect(431);
    });
}

#[test]
fn exchanges_uploads_and_tunnels_run_on_what_they_began_with() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 1, &origin);
        let gateway = text.start();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        origin.script("one", format!("{head}ok"));
        let mut held = gateway.connect();
        held.send("GET /held/0/one HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upload = gateway.connect();
        upload.send("POST /echo?up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
        let mut tunnel = gateway.connect();
        tunnel.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        assert_eq!(tunnel.reply().status, 101);
        assert!(origin.wait_held(1));
        assert!(origin.wait(|seen| seen.iter().flat_map(|c| &c.requests).any(|r| r.target() == "/echo?up")));
        // The upstream that all three use leaves, and another one takes its number.
        let other = Origin::start();
        text.upstreams = vec![("aaa", other.addr()), ("bbb", other.addr())];
        text.routes = vec!["{ name: all, match: { path: /* }, to: bbb }".to_owned()];
        text.reload(&gateway, 2);
        let mut fresh = gateway.connect();
        ask(&mut fresh, "/ok").expect(200);
        assert_eq!(other.connections(), 1);
        origin.release();
        assert_eq!(held.reply().expect(200).text(), "ok");
        assert!(upload.send("llo").reply().expect(200).text().ends_with("hello"));
        tunnel.send("through");
        assert!(tunnel.read_until(|came| came.ends_with(b"through")).ends_with(b"through"));
        let line = gateway.log_of(held.addr());
        assert!(line["generation"] == 1 && line["upstream"] == "origin", "{line}");
        // Its connections are not parked: nobody would ever take them.
        tunnel.finish();
        drop(tunnel.rest());
        super::until("connections to an upstream that left are closed", || origin.open() == 0);
        // The same connections go on with what is served now.
        ask(&mut held, "/ok").expect(200);
        assert_eq!(
            gateway.log_where(held.addr(), "generation 2", |l| l["generation"] == 2)["upstream"],
            "bbb"
        );
    });
}

#[test]
fn a_pool_goes_on_by_name_and_follows_its_endpoints() {
    each_driver(|driver: Driver| {
        let (origin, other) = (Origin::start(), Origin::start());
        let mut text = Text::of(driver, 1, &origin);
        let gateway = text.start();
        let mut client = gateway.connect();
        ask(&mut client, "/ok").expect(200);
        assert_eq!(origin.connections(), 1);
        // Another upstream before it: its number is another one now.
        text.upstreams.insert(0, ("first", other.addr()));
        text.reload(&gateway, 2);
        ask(&mut client, "/ok").expect(200);
        assert_eq!((origin.connections(), other.connections()), (1, 0), "the parked connection serves on");
        text.upstreams[1].1 = other.addr();
        text.reload(&gateway, 3);
        super::until("the parked connection to an endpoint that left is closed", || origin.open() == 0);
        ask(&mut client, "/ok").expect(200);
        assert_eq!(other.connections(), 1);
    });
}

#[test]
fn the_connections_of_a_listener_are_counted_through_a_reload() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 1, &origin);
        text.listeners = vec!["{ name: public, bind: 127.0.0.1:0, limits: { connections: 2 } }".to_owned()];
        let gateway = text.start();
        let (mut one, mut two) = (gateway.connect(), gateway.connect());
        ask(&mut one, "/ok").expect(200);
        ask(&mut two, "/ok").expect(200);
        text.answers("/new", "new").reload(&gateway, 2);
        let mut three = gateway.connect();
        three.reply().expect(503);
        assert_eq!(three.end(), End::Fin);
        // A new cap holds from the next connection on.
        text.listeners = vec!["{ name: public, bind: 127.0.0.1:0, limits: { connections: 3 } }".to_owned()];
        text.reload(&gateway, 3);
        let mut three = gateway.connect();
        ask(&mut three, "/ok").expect(200);
        gateway.connect().reply().expect(503);
        ask(&mut one, "/ok").expect(200);
    });
}

#[test]
fn reloads_ordered_at_once_all_end_in_what_the_file_says_last() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text::of(driver, 2, &origin);
        let gateway = text.start();
        for round in 0..20 {
            gateway.replace(&text.answers("/new", &format!("round-{round}")).yaml());
            gateway.hangup();
            gateway.hangup();
        }
        let mut client = gateway.connect();
        super::until("the last file is served", || ask(&mut client, "/new").text() == "round-19");
    });
}
