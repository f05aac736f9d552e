//! Connections to origins: kept, found stale before they are used, replayed once where that is safe, capped for the
//! whole process; endpoints that refuse give way to others.

mod cap;

use crate::requests::head;
use crate::support::{Client, Gateway, Ids, Setup, each_driver, three_fresh};
use std::time::{Duration, Instant};
use tools::upstream::{Connection, Down, Mode, Origin, closed_addr};

fn ask(client: &mut Client, method: &str, target: &str, body: &str) {
    client.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
}

/// Requests whose target ends with `id` that reached the origin.
fn seen(origin: &Origin, id: &str) -> usize {
    origin.requests().iter().filter(|request| request.target().ends_with(id)).count()
}

#[test]
fn a_connection_that_the_origin_closed_is_not_used() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for path in ["/close-after", "/reset-after"] {
            for round in 0..5 {
                let (id, mut client) = (Ids::next(), gateway.connect());
                ask(&mut client, "POST", &format!("{path}?{id}"), "x");
                client.reply().expect(200);
                // The origin has closed once it says so; a POST could not be replayed.
                assert!(origin.wait(|seen| {
                    let own = seen.iter().find(|c| c.requests.iter().any(|r| r.target().ends_with(&id)));
                    own.is_some_and(|connection| connection.end.is_some())
                }));
                ask(&mut client, "POST", "/ok", "y");
                client.reply().expect(200);
                assert_eq!(seen(&origin, &id), 1, "{path} {round}");
            }
        }
    });
}

/// A client whose first request parks a connection on which the origin then closes instead of answering.
fn parked_once(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    ask(&mut client, "GET", "/once", "");
    client.reply().expect(200);
    client
}

#[test]
fn what_fails_on_a_used_connection_is_sent_once_more_if_it_is_safe() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (method, body, status) in [
            ("GET", "", 200),
            ("HEAD", "", 200),
            ("PUT", "body", 200),
            ("DELETE", "", 200),
            ("OPTIONS", "", 200),
            ("POST", "body", 502),
            ("PATCH", "body", 502),
            ("POST", "", 502),
            ("brew", "", 502),
        ] {
            let (id, mut client) = (Ids::next(), parked_once(&gateway));
            ask(&mut client, method, &format!("/once?{id}"), body);
            let reply = client.reply_to(method);
            assert_eq!(reply.status, status, "{method} {body:?}: {}", reply.head);
            let tries = if status == 200 { 2 } else { 1 };
            assert_eq!(seen(&origin, &id), tries, "{method} {body:?}");
            let own =
                |line: &serde_json::Value| line["path"].as_str().is_some_and(|path| path.ends_with(&id));
            let line = gateway.log_where(client.addr(), method, own);
            assert!(line["tries"] == tries && line["status"] == status, "{line}");
            // Whatever is parked now answers only once.
            ask(&mut client, "GET", "/ok", "");
            client.reply().expect(200);
        }
    });
}

#[test]
fn a_chunked_body_that_came_with_its_head_is_sent_once_more() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let (id, mut client) = (Ids::next(), parked_once(&gateway));
        client.send(format!(
            "PUT /once?{id} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n"
        ));
        client.reply().expect(200);
        let seen = origin.requests();
        let tries: Vec<_> = seen.iter().filter(|request| request.target().ends_with(&id)).collect();
        assert_eq!(tries.len(), 2);
        assert_eq!(tries[1].body, b"hello world");
        ask(&mut client, "GET", "/ok", "");
        client.reply().expect(200);
    });
}

#[test]
fn a_body_that_has_flowed_on_is_not_sent_twice() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let (id, mut client) = (Ids::next(), parked_once(&gateway));
        ask(&mut client, "PUT", &format!("/once?{id}"), &"b".repeat(300_000));
        let reply = client.reply();
        assert_eq!(reply.status, 502, "{}", reply.head);
        assert_eq!(seen(&origin, &id), 1);
        three_fresh(&gateway);
    });
}

#[test]
fn a_cap_holds_for_all_shards_together_and_who_waits_gets_a_turn() {
    const CAP: usize = 4;
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { shards: 2, pool: "connections: 4", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let mut clients: Vec<Client> = (0..8 * CAP).map(|_| gateway.connect()).collect();
        for client in &mut clients {
            ask(client, "GET", "/held/5/one", "");
        }
        for round in 1..=8 {
            assert!(origin.wait_held(CAP), "round {round}: as many as the cap allows are served");
            assert_eq!(origin.requests().len(), CAP * round, "round {round}: no more than the cap allows");
            origin.release();
        }
        for client in &mut clients {
            assert_eq!(client.reply().expect(200).text(), "ok");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn whoever_waits_at_the_cap_is_served_on_the_connections_that_there_are() {
    const CAP: usize = 4;
    for balance in ["round_robin", "least_connections", "peak_ewma"] {
        each_driver(|driver| {
            let origins = [Origin::start(), Origin::start()];
            let endpoints = origins.each_ref().map(Origin::addr);
            let setup = Setup {
                pool: "connections: 4",
                route_timeouts: "connect: 5s",
                balance,
                ..Setup::before(&endpoints)
            };
            let gateway = Gateway::start(driver, &setup);
            let mut clients: Vec<Client> = (0..8 * CAP).map(|_| gateway.connect()).collect();
            let began = Instant::now();
            for _ in 0..3 {
                for client in &mut clients {
                    ask(client, "GET", "/slow-head/5", "");
                }
                for client in &mut clients {
                    client.reply().expect(200);
                }
            }
            let made = origins.each_ref().map(|origin| origin.connections());
            // And one each 100 ms, and a few at the beginning of each round, to the endpoint that was picked.
            let most = CAP + 7 + began.elapsed().as_millis() as usize / 100;
            assert!(made.iter().sum::<usize>() <= most, "{balance}: {made:?} in {:?}", began.elapsed());
            let served = origins.each_ref().map(|origin| origin.requests().len());
            assert!(served.iter().all(|served| *served >= 8 * CAP), "{balance}: {served:?}");
        });
    }
}

#[test]
fn at_the_cap_the_endpoint_that_was_picked_is_asked_and_one_that_is_back_gets_its_share() {
    for balance in ["round_robin", "least_connections"] {
        each_driver(|driver| {
            let (up, down) = (Origin::start(), Down::new().unwrap());
            let setup = Setup {
                pool: "connections: 4",
                route_timeouts: "connect: 5s",
                balance,
                ..Setup::before(&[up.addr(), down.addr().unwrap()])
            };
            let gateway = Gateway::start(driver, &setup);
            let mut clients: Vec<Client> = (0..12).map(|_| gateway.connect()).collect();
            let bursts = |clients: &mut [Client], rounds: u32| {
                for _ in 0..rounds {
                    for client in &mut *clients {
                        ask(client, "GET", "/slow-head/10", "");
                    }
                    for client in &mut *clients {
                        client.reply().expect(200);
                    }
                }
            };
            bursts(&mut clients[..4], 2);
            assert_eq!(up.open(), 4, "all of them");
            let back = down.start().unwrap();
            // It is left alone for a while, and then asked in its turn, whether one asks or more than the cap has room for.
            let began = Instant::now();
            while back.requests().is_empty() {
                bursts(&mut clients[..1], 2);
                assert!(began.elapsed() < crate::support::PATIENCE, "{balance}");
            }
            let served = |origin: &Origin| origin.requests().len();
            let backs = served(&back);
            bursts(&mut clients[..1], 20);
            if balance == "round_robin" {
                assert!(served(&back) - backs >= 9, "{} of 20", served(&back) - backs);
            }
            let (ups, backs) = (served(&up), served(&back));
            bursts(&mut clients, 20);
            let (ups, backs) = (served(&up) - ups, served(&back) - backs);
            assert!(ups >= 60 && backs >= 20, "{balance}: {ups} and {backs}");
        });
    }
}

#[test]
fn the_turn_of_a_client_that_has_gone_is_the_next_ones() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { pool: "connections: 1", route_timeouts: "connect: 5s", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let (mut first, mut dead, mut last) = (gateway.connect(), gateway.connect(), gateway.connect());
        ask(&mut first, "GET", "/held/5/one", "");
        assert!(origin.wait_held(1));
        ask(&mut dead, "POST", "/echo?dead", "body");
        // Read before the next one is.
        gateway.connect().send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n").reply().expect(400);
        ask(&mut last, "GET", "/ok?last", "");
        let gone = dead.addr();
        dead.reset();
        gateway.connect().send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n").reply().expect(400);
        origin.release();
        first.reply().expect(200);
        last.reply().expect(200);
        assert_eq!(gateway.log_of(gone)["reason"], "client_gone");
        assert_eq!((seen(&origin, "dead"), seen(&origin, "last")), (0, 1));
    });
}

#[test]
fn who_is_sent_once_more_comes_before_those_that_wait() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { pool: "connections: 1", route_timeouts: "connect: 5s", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut clients: Vec<Client> = (0..4).map(|_| gateway.connect()).collect();
        ask(&mut clients[0], "GET", "/once", "");
        clients[0].reply().expect(200);
        // Each is answered on a connection of its own, which is then of no more use: the next one finds that out in its turn.
        for (at, client) in clients.iter_mut().enumerate() {
            ask(client, "GET", &format!("/once?{at}"), "");
        }
        for client in &mut clients {
            client.reply().expect(200);
        }
        let targets: Vec<String> = origin.requests().iter().map(|one| one.target().to_owned()).collect();
        let runs = targets.chunk_by(|one, next| one == next).count();
        assert!(targets.len() > 5 && runs == 5, "nobody comes between the two tries of another: {targets:?}");
    });
}

#[test]
fn who_waits_for_the_endpoint_of_its_key_is_served_by_no_other() {
    each_driver(|driver| {
        let origins = [Origin::start(), Origin::start()];
        let endpoints = origins.each_ref().map(Origin::addr);
        let balance = "{ consistent_hash: path }";
        let setup = Setup {
            pool: "connections: 1",
            route_timeouts: "connect: 5s",
            balance,
            ..Setup::before(&endpoints)
        };
        let gateway = Gateway::start(driver, &setup);
        let mut clients: Vec<Client> = (0..16).map(|_| gateway.connect()).collect();
        for (at, client) in clients.iter_mut().enumerate() {
            ask(client, "GET", &format!("/slow-head/5?{at}"), "");
            ask(client, "GET", &format!("/slow-head/{}", 6 + at % 8), "");
        }
        for client in &mut clients {
            client.reply().expect(200);
            client.reply().expect(200);
        }
        let targets = origins.each_ref().map(|origin| {
            let requests = origin.requests();
            let paths =
                requests.iter().map(|one| one.target().split('?').next().unwrap_or_default().to_owned());
            paths.collect::<std::collections::BTreeSet<_>>()
        });
        assert!(targets[0].is_disjoint(&targets[1]), "{targets:?}");
        assert!(targets.iter().all(|paths| !paths.is_empty()), "{targets:?}");
    });
}

#[test]
fn who_waits_too_long_for_a_connection_is_told_503() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { pool: "connections: 1", route_timeouts: "connect: 300ms", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let (mut first, mut second) = (gateway.connect(), gateway.connect());
        ask(&mut first, "GET", "/held/5/one", "");
        assert!(origin.wait_held(1));
        let began = Instant::now();
        ask(&mut second, "GET", "/ok", "");
        let reply = second.reply().expect(503);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!((reply.reason().as_str(), reply.value("retry-after")), ("pool_full", Some("1")));
        assert_eq!(gateway.log_of(second.addr())["reason"], "pool_full");
        origin.release();
        first.reply().expect(200);
        ask(&mut second, "GET", "/ok", "");
        second.reply().expect(200);
    });
}

#[test]
fn an_origin_that_is_down_is_told_at_once() {
    each_driver(|driver| {
        let gateway = Gateway::start(driver, &Setup::before(&[closed_addr(), closed_addr()]));
        for method in ["GET", "POST"] {
            let (mut client, began) = (gateway.connect(), Instant::now());
            ask(&mut client, method, "/ok", "body");
            let reply = client.reply().expect(502);
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
            assert_eq!(reply.reason(), "upstream_connect");
            assert!(reply.value("proxy-status").is_some_and(|status| status.contains("connection_refused")));
        }
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        origin.switch(Mode::RefuseAfterAccept);
        for method in ["GET", "POST"] {
            let mut client = gateway.connect();
            ask(&mut client, method, "/ok", "");
            // The reset may come before the connect is seen to have ended, or behind it.
            let reason = client.reply().expect(502).reason();
            assert!(reason == "upstream_reset" || reason == "upstream_connect", "{method}: {reason}");
        }
        origin.switch(Mode::Serve);
        three_fresh(&gateway);
    });
}

// What the gateway itself lacks is not held against the endpoint, and the operator is told.
#[test]
fn without_descriptors_requests_are_answered_503_and_endpoints_stay_good() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { pool: "idle: 100ms", ..Setup::of(&origin) });
        let mut clients = [gateway.connect(), gateway.connect()];
        for client in &mut clients {
            ask(client, "GET", "/ok", "");
            client.reply().expect(200);
        }
        assert!(origin.wait(|seen| seen.iter().all(|one| one.end.is_some())), "nothing is parked");
        gateway.descriptors(3);
        for client in &mut clients {
            ask(client, "GET", "/ok", "");
            let reply = client.reply().expect(503);
            assert_eq!((reply.reason().as_str(), reply.value("retry-after")), ("no_socket", Some("1")));
            let line = gateway.log_where(client.addr(), "a 503", |line| line["status"] == 503);
            assert_eq!(line["detail"], "process_descriptors", "{line}");
        }
        gateway
            .said()
            .wait("a word of it", |lines| lines.iter().any(|line| line.contains("sockets_exhausted")));
        gateway.descriptors(4096);
        for client in &mut clients {
            ask(client, "GET", "/ok", "");
            client.reply().expect(200);
        }
    });
}

// Connections that wait for the next request are worth less than one that a request waits for.
#[test]
fn where_descriptors_lack_an_idle_connection_gives_way() {
    each_driver(|driver| {
        let origins = [Origin::start(), Origin::start()];
        let endpoints = [origins[0].addr(), origins[1].addr()];
        let gateway = Gateway::start(driver, &Setup { balance: "round_robin", ..Setup::before(&endpoints) });
        let mut client = gateway.connect();
        ask(&mut client, "GET", "/ok", "");
        client.reply().expect(200);
        let first = origins.iter().find(|origin| origin.connections() > 0).expect("it has the connection");
        gateway.descriptors(gateway.lowest_free_descriptor());
        // To the other endpoint, over the descriptor of the first one's connection.
        ask(&mut client, "GET", "/ok", "");
        client.reply().expect(200);
        assert!(origins.iter().all(|origin| origin.seen().len() == 1));
        assert!(first.wait(|seen| seen[0].end.is_some()), "its connection was given up");
        // Nor is a client left waiting for one that is parked.
        let mut another = gateway.connect();
        ask(&mut another, "POST", "/ok", "body");
        assert_eq!(another.reply().expect(503).reason(), "no_socket", "none is left for the origin");
    });
}

#[test]
fn an_endpoint_that_refuses_gives_way_to_another() {
    for balance in ["round_robin", "least_connections"] {
        each_driver(|driver| {
            let origin = Origin::start();
            let endpoints = [closed_addr(), origin.addr(), closed_addr()];
            let gateway = Gateway::start(driver, &Setup { balance, ..Setup::before(&endpoints) });
            for _ in 0..6 {
                three_fresh(&gateway);
            }
            let mut client = gateway.connect();
            ask(&mut client, "POST", "/echo", "a POST too: nothing of it was sent");
            client.reply().expect(200);
            assert_eq!(gateway.log_of(client.addr())["endpoint"], origin.addr().to_string());
        });
    }
}

#[test]
fn requests_are_shared_out_to_all_endpoints() {
    for balance in ["round_robin", "least_connections"] {
        each_driver(|driver| {
            let origins = [Origin::start(), Origin::start(), Origin::start()];
            let endpoints = origins.each_ref().map(Origin::addr);
            let gateway = Gateway::start(driver, &Setup { balance, ..Setup::before(&endpoints) });
            let mut client = gateway.connect();
            for _ in 0..30 {
                ask(&mut client, "GET", "/ok", "");
                client.reply().expect(200);
            }
            assert_eq!(origins.each_ref().map(|origin| origin.requests().len()), [10; 3], "{balance}");
        });
    }
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { pool: "idle: 200ms", ..Setup::of(&origin) });
        let (id, mut client) = (Ids::next(), gateway.connect());
        ask(&mut client, "GET", &format!("/echo?{id}"), "");
        client.reply().expect(200);
        head(&origin, &id);
        assert!(origin.wait(|seen| seen[0].end.is_some()), "the origin sees the close");
        three_fresh(&gateway);
    });
}

#[test]
fn a_connection_is_not_kept_past_the_time_that_its_origin_announces() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { pool: "idle: 10m", ..Setup::of(&origin) });
        let mut client = gateway.connect();
        for announced in [1, 2] {
            let head =
                format!("HTTP/1.1 200 OK\r\nKeep-Alive: timeout={announced}\r\nContent-Length: 0\r\n\r\n");
            origin.script("short", head);
            ask(&mut client, "GET", "/script/short", "");
            client.reply().expect(200);
            let ended = |seen: &[Connection]| seen.iter().all(|one| one.end.is_some());
            assert!(origin.wait(ended), "the origin sees the close");
        }
        three_fresh(&gateway);
    });
}
