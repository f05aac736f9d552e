//! Listeners that stay, come, go and change their name, over TCP and Unix sockets.

use super::{Text, ask, until};
use crate::support::{Client, End, each_driver};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;
use tools::upstream::Origin;

const PUBLIC: &str = "{ name: public, bind: 127.0.0.1:0 }";

fn is_closed(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).is_err()
}

#[test]
fn a_new_listener_is_bound_and_one_that_left_ends_in_order() {
    each_driver(|driver| {
        for shards in [1, 2] {
            let origin = Origin::start();
            let mut text = Text::of(driver, shards, &origin);
            let gateway = text.start();
            text.listeners = vec![PUBLIC.to_owned(), "{ name: second, bind: 127.0.0.1:0 }".to_owned()];
            text.reload(&gateway, 2);
            let second = gateway.listener("second");
            let (mut silent, mut busy) = (Client::connect(second), Client::connect(second));
            let mut running = Client::connect(second);
            ask(&mut silent, "/ok").expect(200);
            ask(&mut busy, "/ok").expect(200);
            assert_eq!(gateway.log_of(busy.addr())["listener"], "second");
            origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
            running.send("GET /held/0/one HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(origin.wait_held(1));
            // Never read from: it asks nothing either.
            let mut fresh = Client::connect(second);
            text.listeners = vec![PUBLIC.to_owned()];
            text.reload(&gateway, 3);
            until("its sockets are closed", || is_closed(second));
            let last = ask(&mut busy, "/ok").expect(200);
            assert!(last.says_close(), "{}", last.head);
            assert_eq!(
                gateway.log_where(busy.addr(), "the last", |l| l["generation"] == 2)["listener"],
                "second"
            );
            origin.release();
            let reply = running.reply().expect(200);
            assert!(reply.says_close() && reply.text() == "ok", "{}", reply.head);
            for client in [&mut busy, &mut running, &mut silent, &mut fresh] {
                assert_eq!(client.end(), End::Fin);
            }
            ask(&mut gateway.connect(), "/ok").expect(200);
        }
    });
}

#[test]
fn connections_queued_at_a_listener_that_leaves_are_served() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 2, &origin);
        text.listeners = vec![PUBLIC.to_owned(), "{ name: second, bind: 127.0.0.1:0 }".to_owned()];
        let gateway = text.start();
        let second = gateway.listener("second");
        for round in 0..20 {
            text.listeners = vec![PUBLIC.to_owned()];
            gateway.replace(&text.yaml());
            // Connected and asked before the reload is ordered, taken whenever a shard comes to it.
            let mut clients: Vec<Client> = (0..20)
                .map(|_| {
                    let mut client = Client::connect(second);
                    client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
                    client
                })
                .collect();
            gateway.hangup();
            for client in &mut clients {
                client.reply().expect(200);
            }
            gateway.serves(2 + 2 * round);
            text.listeners = vec![PUBLIC.to_owned(), format!("{{ name: second, bind: \"{second}\" }}")];
            text.reload(&gateway, 3 + 2 * round);
        }
    });
}

#[test]
fn an_address_keeps_its_socket_under_another_name() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 1, &origin);
        text.listeners.push("{ name: fixed, bind: 127.0.0.1:0 }".to_owned());
        let gateway = text.start();
        let fixed = gateway.listener("fixed");
        let renamed = |name: &str| vec![PUBLIC.to_owned(), format!("{{ name: {name}, bind: \"{fixed}\" }}")];
        text.listeners = renamed("fixed");
        text.reload(&gateway, 2);
        // The socket that this address had before, on a port of the system's choice, has left with its generation.
        let mut kept = Client::connect(fixed);
        let first = ask(&mut kept, "/ok").expect(200);
        assert!(!first.says_close(), "{}", first.head);
        // Half a head: who says nothing at all is closed a moment after its listener is gone, however long this test takes.
        kept.send("GET /ok HTTP/1.1\r\n");
        text.listeners = renamed("other");
        text.reload(&gateway, 3);
        let said = gateway.said().now();
        assert!(
            !said.iter().any(|line| line.contains("listener other on")),
            "nothing was bound for it: {said:?}"
        );
        let mut client = Client::connect(fixed);
        ask(&mut client, "/ok").expect(200);
        assert_eq!(gateway.log_of(client.addr())["listener"], "other");
        // The listener of that name is gone for those it took.
        kept.send("Host: a\r\n\r\n");
        let last = kept.reply().expect(200);
        assert!(last.says_close(), "{}", last.head);
        assert_eq!(kept.end(), End::Fin);
    });
}

#[test]
fn a_port_moves_without_a_moment_in_which_nobody_listens() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 1, &origin);
        let gateway = text.start();
        let addr = gateway.addr();
        let began = Instant::now();
        // Each time the same address is bound as another listener's, beside a listener that comes and goes.
        for round in 0..10u64 {
            text.listeners = vec![format!("{{ name: name-{round}, bind: \"{addr}\" }}")];
            if round % 2 == 0 {
                text.listeners.insert(0, "{ name: more, bind: 127.0.0.1:0 }".to_owned());
            }
            gateway.replace(&text.yaml());
            gateway.hangup();
            loop {
                ask(&mut Client::connect(addr), "/ok").expect(200);
                let told = format!(" reloaded: generation {} is served", round + 2);
                if gateway.said().now().iter().any(|line| line.ends_with(&told)) {
                    break;
                }
                assert!(began.elapsed() < crate::support::PATIENCE);
            }
        }
    });
}

#[test]
fn unix_sockets_come_stay_and_go_with_their_files() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 2, &origin);
        let gateway = text.start();
        let folder = gateway.file().parent().unwrap().to_owned();
        let (one, two) = (folder.join("one.sock"), folder.join("two.sock"));
        let local = |path: &std::path::Path| format!("{{ name: local, bind: \"unix:{}\" }}", path.display());
        text.listeners = vec![PUBLIC.to_owned(), local(&one)];
        text.reload(&gateway, 2);
        let mut clients: Vec<Client> = (0..4).map(|_| Client::connect_at(&one)).collect();
        clients.iter_mut().for_each(|client| drop(ask(client, "/ok").expect(200)));
        text.answers("/new", "new").reload(&gateway, 3);
        for client in &mut clients {
            assert_eq!(ask(client, "/new").expect(200).text(), "new");
        }
        assert_eq!(ask(&mut Client::connect_at(&one), "/new").text(), "new");
        // The listener has another address beside it: its connections go on.
        text.listeners[1] =
            format!("{{ name: local, bind: [\"unix:{}\", \"unix:{}\"] }}", one.display(), two.display());
        text.reload(&gateway, 4);
        assert!(one.exists() && two.exists());
        for client in &mut clients {
            let reply = ask(client, "/ok").expect(200);
            assert!(!reply.says_close(), "{}", reply.head);
        }
        text.listeners.pop();
        text.reload(&gateway, 5);
        assert!(!one.exists() && !two.exists());
        for client in &mut clients {
            assert!(ask(client, "/ok").expect(200).says_close());
            assert_eq!(client.end(), End::Fin);
        }
    });
}

#[test]
fn connections_follow_no_default_name_to_another_address() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut text = Text::of(driver, 2, &origin);
        let gateway = text.start();
        let folder = gateway.file().parent().unwrap().to_owned();
        let (one, two) = (folder.join("one.sock"), folder.join("two.sock"));
        // Without names they are called after their places.
        let local = |path: &std::path::Path| format!("{{ bind: \"unix:{}\" }}", path.display());
        text.listeners = vec![PUBLIC.to_owned(), local(&one)];
        text.reload(&gateway, 2);
        let mut clients: Vec<Client> = (0..4).map(|_| Client::connect_at(&one)).collect();
        clients.iter_mut().for_each(|client| drop(ask(client, "/ok").expect(200)));
        let strict = format!("{{ bind: \"unix:{}\", limits: {{ target_bytes: 64B }} }}", two.display());
        text.listeners = vec![PUBLIC.to_owned(), strict, local(&one)];
        text.reload(&gateway, 3);
        let long = format!("/ok?{}", "a".repeat(100));
        for client in &mut clients {
            // By the bounds of the listener that took it, and for the last time.
            let reply = ask(client, &long).expect(200);
            assert!(reply.says_close(), "{}", reply.head);
            assert_eq!(client.end(), End::Fin);
        }
        let reply = ask(&mut Client::connect_at(&one), &long).expect(200);
        assert!(!reply.says_close(), "{}", reply.head);
        ask(&mut Client::connect_at(&two), &long).expect(414);
    });
}
