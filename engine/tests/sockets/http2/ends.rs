//! How a connection ends that the gateway wants to end: the client is told by GOAWAY, what runs is finished, what comes
//! after is refused so that the client may ask elsewhere (RFC 9113 §6.8).

use super::frames::*;
use super::{both, peer};
use crate::support::{Client, Gateway, Setup, each_driver, three_fresh};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

const SCRIPT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A connection with a stream whose answer the origin holds, and one with half a body.
fn running(gateway: &Gateway, origin: &Origin) -> Peer {
    origin.script("one", SCRIPT);
    let mut peer = peer(gateway);
    peer.send([get(1, "/held/0/one"), post(3, "/echo"), frame(DATA, 0, 3, b"he")].concat());
    assert!(origin.wait_held(1));
    assert!(origin.wait(|seen| seen.iter().any(|c| c.requests.iter().any(|r| r.target() == "/echo"))));
    peer
}

/// The client was told to leave, and what ran is finished.
fn finishes(peer: &mut Peer, origin: &Origin) {
    // The last stream is told once the client has heard of the end.
    peer.until("a GOAWAY with the last stream", |peer| peer.goaway.is_some_and(|(last, _)| last <= 3));
    assert_eq!(peer.goaway, Some((3, NO_ERROR)));
    peer.send(get(5, "/ok?late"));
    origin.release();
    peer.send(frame(DATA, END_STREAM, 3, b"llo"));
    assert_eq!(peer.answer(1).expect(200).text(), "ok");
    assert!(peer.answer(3).expect(200).text().ends_with("hello"));
    peer.rest();
    let late = peer.answers.get(&5);
    assert!(late.is_none_or(|late| late.reset == Some(REFUSED_STREAM)), "{late:?}");
    assert!(!origin.requests().iter().any(|request| request.target() == "/ok?late"));
}

#[test]
fn a_process_that_ends_finishes_running_streams() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut gateway = Gateway::start(driver, &both(&origin));
        let mut idle = peer(&gateway);
        idle.ask(1, "/ok").expect(200);
        let mut peer = running(&gateway, &origin);
        gateway.terminate();
        finishes(&mut peer, &origin);
        idle.rest();
        assert_eq!(idle.goaway.map(|(_, code)| code), Some(NO_ERROR));
        drop((peer, idle));
        assert_eq!(gateway.exit().code(), Some(0), "{:?}", gateway.said().now());
    });
}

#[test]
fn a_listener_that_leaves_finishes_running_streams() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { gateway: "watch: false", ..both(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut peer = running(&gateway, &origin);
        let text = setup.text(driver);
        // Another name is another listener, on another port.
        gateway.replace(&text.replace("name: public", "name: other"));
        gateway.hangup();
        gateway.serves(2);
        finishes(&mut peer, &origin);
        let deadline = Instant::now() + crate::support::PATIENCE;
        while TcpStream::connect(gateway.addr()).is_ok() {
            assert!(Instant::now() < deadline, "its sockets are closed");
        }
        let other = gateway.listener("other");
        Peer::greeted(Client::connect(other)).ask(1, "/ok").expect(200);
    });
}

/// Whoever asks on meanwhile is told in time to ask elsewhere: not when the last one has left.
#[test]
fn a_client_is_told_at_once_that_its_connection_ends() {
    // A silent connection of HTTP/1.1 is listened to for a second.
    const AT_ONCE: Duration = Duration::from_millis(800);
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { gateway: "watch: false", ..both(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut peer = running(&gateway, &origin);
        let text = setup.text(driver);
        gateway.replace(&text.replace("name: public", "name: other"));
        gateway.hangup();
        gateway.serves(2);
        let removed = Instant::now();
        peer.until("a GOAWAY", |peer| peer.goaway.is_some());
        assert!(removed.elapsed() < AT_ONCE, "{:?} after its listener was gone", removed.elapsed());
        let mut other = Peer::greeted(Client::connect(gateway.listener("other")));
        other.ask(1, "/ok").expect(200);
        let ended = Instant::now();
        gateway.terminate();
        other.until("a GOAWAY", |peer| peer.goaway.is_some());
        assert!(ended.elapsed() < AT_ONCE, "{:?} after the end began", ended.elapsed());
        origin.release();
    });
}

/// What has been answered is on its way for as long as it is read, however late.
#[test]
fn a_reply_that_is_still_being_read_leaves_whole_before_the_connection_does() {
    each_driver(|driver| {
        let size = 12_000_000;
        let origin = Origin::start();
        let mut gateway = Gateway::start(driver, &both(&origin));
        // SETTINGS_INITIAL_WINDOW_SIZE: more than all of it.
        let mut peer = Peer::greeted_with(Client::connect(gateway.addr()), &[(4, 20_000_000)]);
        peer.grant(0, 20_000_000);
        peer.send(get(1, &format!("/bytes/{size}")));
        peer.until("its head", |peer| peer.answers.get(&1).is_some_and(|answer| answer.status == 200));
        gateway.terminate();
        let mut read = 0;
        while !peer.answers[&1].is_over() {
            assert_eq!(peer.look(), Look::Frame, "{read} of {size} bytes");
            let now = peer.answers[&1].body.len();
            if now / 1_000_000 > read / 1_000_000 {
                std::thread::sleep(std::time::Duration::from_millis(100));
                // What comes from us meanwhile must not have the rest thrown away.
                peer.send(window_update(0, 1000));
            }
            read = now;
        }
        assert_eq!(peer.answer(1).body.len(), size);
        peer.rest();
        drop(peer);
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

/// A reload that keeps the listener is not noticed: streams of both generations share the connection.
#[test]
fn a_reload_is_not_noticed_by_a_connection_that_stays() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { gateway: "watch: false", ..both(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut peer = running(&gateway, &origin);
        let new = "- { name: new, match: { path: /new }, respond: { body: new } }\n".to_owned();
        // What listens keeps its port by keeping its name and address.
        gateway.replace(&Setup { routes: new, ..setup }.text(driver));
        gateway.hangup();
        gateway.serves(2);
        assert_eq!(peer.ask(5, "/new").expect(200).text(), "new");
        origin.release();
        peer.send(frame(DATA, END_STREAM, 3, b"llo"));
        assert_eq!(peer.answer(1).expect(200).text(), "ok");
        assert!(peer.answer(3).expect(200).text().ends_with("hello"));
        assert_eq!(peer.goaway, None);
        three_fresh(&gateway);
    });
}

#[test]
fn an_idle_connection_is_told_that_it_ends() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { timeouts: "idle: 150ms", ..both(&origin) });
        let mut peer = peer(&gateway);
        peer.ask(1, "/ok").expect(200);
        peer.until("a GOAWAY", |peer| peer.goaway.is_some_and(|(last, _)| last == 1));
        assert_eq!(peer.goaway, Some((1, NO_ERROR)));
        // It leaves by itself, as it was told.
        peer.client().finish();
        peer.rest();
        three_fresh(&gateway);
    });
}
