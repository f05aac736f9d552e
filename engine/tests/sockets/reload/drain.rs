//! The end under load, with another instance on the same port, and reloads that meet it.

use super::{Text, ask, until};
use crate::support::{Client, End, Gateway, each_driver};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

#[test]
fn connections_are_still_taken_during_the_delay_and_a_reload_is_refused() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text {
            gateway: "watch: false, drain: { delay: 800ms, timeout: 5s }".to_owned(),
            ..Text::of(driver, 2, &origin)
        };
        let mut gateway = text.start();
        let mut kept = gateway.connect();
        ask(&mut kept, "/ok").expect(200);
        gateway.terminate();
        let told = Instant::now();
        while told.elapsed() < Duration::from_millis(500) {
            let reply = ask(&mut gateway.connect(), "/ok").expect(200);
            assert!(!reply.says_close(), "the delay is over too soon: {}", reply.head);
        }
        gateway.replace(&text.answers("/new", "new").yaml());
        gateway.hangup();
        until("the listeners are closed", || TcpStream::connect(gateway.addr()).is_err());
        let reply = ask(&mut kept, "/new").expect(404);
        assert!(reply.says_close(), "{}", reply.head);
        assert_eq!(kept.end(), End::Fin);
        assert_eq!(gateway.exit().code(), Some(0), "{:?}", gateway.said().now());
    });
}

#[test]
fn what_is_still_open_at_the_deadline_is_closed() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text {
            gateway: "watch: false, drain: { timeout: 700ms }".to_owned(),
            ..Text::of(driver, 1, &origin)
        };
        let mut gateway = text.start();
        let mut never = gateway.connect();
        never.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(origin.wait(|seen| seen.iter().flat_map(|c| &c.requests).any(|r| r.target() == "/never")));
        gateway.terminate();
        let told = Instant::now();
        assert_eq!(gateway.exit().code(), Some(0));
        assert!(told.elapsed() >= Duration::from_millis(600), "{:?}", told.elapsed());
        assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    });
}

#[test]
fn who_waits_for_a_turn_is_told_of_the_end_and_recorded() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text {
            gateway: "watch: false, drain: { timeout: 500ms }".to_owned(),
            ..Text::of(driver, 1, &origin)
        };
        let limit = "policies: { turns: { limit: { algorithm: leaky_bucket, rate: 1/20s, burst: 5, max_wait: 60s, key: client.ip } } }\nroutes:\n- { name: turns, match: { path: /ok }, policies: [turns], to: origin }\n";
        let mut gateway = Gateway::with(&text.yaml().replace("routes:\n", limit), 1);
        let get = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
        gateway.connect().send(get).reply().expect(200);
        let mut waiting = [gateway.connect(), gateway.connect()];
        for client in &mut waiting {
            client.send(get);
        }
        // Who waits has its head read: one more is answered behind it.
        gateway.connect().send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        gateway.terminate();
        for mut client in waiting {
            let reply = client.reply().expect(503);
            assert!(reply.reason() == "draining" && reply.says_close(), "{}", reply.head);
            assert_eq!(gateway.log_of(client.addr())["reason"], "draining");
        }
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

#[test]
fn silent_connections_are_listened_to_once_more_and_then_closed() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut gateway = Text::of(driver, 1, &origin).start();
        let (mut silent, mut late) = (gateway.connect(), gateway.connect());
        ask(&mut silent, "/ok").expect(200);
        ask(&mut late, "/ok").expect(200);
        gateway.terminate();
        until("the listeners are closed", || TcpStream::connect(gateway.addr()).is_err());
        // Its request was on the way when the end began.
        let reply = ask(&mut late, "/ok").expect(200);
        assert!(reply.says_close(), "{}", reply.head);
        let told = Instant::now();
        assert_eq!((silent.end(), late.end()), (End::Fin, End::Fin));
        assert_eq!(gateway.exit().code(), Some(0));
        assert!(told.elapsed() < Duration::from_secs(8), "long before the deadline: {:?}", told.elapsed());
    });
}

/// Asks for as long as the connection may be used, and then over another one. Whatever goes wrong is a failure.
fn asks(addr: SocketAddr, until: impl Fn() -> bool) -> (u32, u32) {
    let (mut asked, mut connections) = (0, 0);
    while !until() {
        // A handshake that ends just as a listener closes is nobody's yet: the system resets it.
        let Ok(mut client) = Client::try_connect(addr) else { continue };
        connections += 1;
        // Not for ever over one: a process that ends may be held up by the system, which closes its watches.
        for _ in 0..500 {
            let reply = ask(&mut client, "/ok").expect(200);
            asked += 1;
            if reply.says_close() || until() {
                break;
            }
        }
    }
    (asked, connections)
}

#[test]
fn no_request_on_a_connection_that_was_taken_fails_while_another_instance_takes_over() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text::of(driver, 1, &origin);
        let mut first = text.start();
        let addr = first.addr();
        let next = Text { listeners: vec![format!("{{ name: public, bind: \"{addr}\" }}")], ..text };
        let _second = next.start();
        let over = AtomicBool::new(false);
        let is_over = || over.load(Relaxed);
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| asks(addr, is_over))).collect();
            let began = Instant::now();
            until("the load runs", || began.elapsed() > Duration::from_millis(300));
            first.terminate();
            assert_eq!(first.exit().code(), Some(0));
            over.store(true, Relaxed);
            for client in clients {
                let (asked, connections) = client.join().expect("no request failed");
                assert!(asked > 10 && connections > 0, "{asked} over {connections}");
            }
        });
        ask(&mut Client::connect(addr), "/ok").expect(200);
    });
}
