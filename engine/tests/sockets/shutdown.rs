//! The process: it ends in order when told to, and says by its exit code and in words why it did not start.

use crate::admin::address;
use crate::http2::frames::{PREFACE, get, settings};
use crate::support::{Client, Driver, End, Gateway, PATIENCE, Setup, each_driver, run_to_end, run_with};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tools::upstream::{Origin, closed_addr};

fn ask(gateway: &Gateway, target: &str) -> Client {
    let mut client = gateway.connect();
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client
}

/// Waits until no shard listens any more: the end has begun in all of them. One refusal does not say so: it may be a
/// handshake with the first shard to close.
fn ending(gateway: &Gateway) {
    let deadline = Instant::now() + PATIENCE;
    let mut refused = 0;
    while refused < 5 {
        let is_refused = TcpStream::connect(gateway.addr()).is_err();
        refused = if is_refused { refused + 1 } else { 0 };
        assert!(Instant::now() < deadline, "the listeners are closed");
    }
}

#[test]
fn running_exchanges_end_and_the_exit_code_is_0() {
    for shards in [1, 2] {
        each_driver(|driver| {
            let origin = Origin::start();
            let mut gateway = Gateway::start(driver, &Setup { shards, ..Setup::of(&origin) });
            let mut idle = gateway.connect();
            idle.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
            let mut fresh = gateway.connect();
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
            origin.script("one", format!("{head}ok"));
            let mut without_head = ask(&gateway, "/held/0/one");
            let mut without_body = ask(&gateway, &format!("/held/{}/one", head.len()));
            let mut upload = gateway.connect();
            upload.send("POST /echo?upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
            assert!(origin.wait_held(2));
            assert!(
                origin.wait(|seen| seen
                    .iter()
                    .any(|c| c.requests.iter().any(|r| r.target() == "/echo?upload")))
            );
            gateway.terminate();
            ending(&gateway);
            origin.release();
            upload.send("llo");
            let reply = without_head.reply().expect(200);
            assert!(reply.text() == "ok" && reply.says_close(), "{}", reply.head);
            assert_eq!(without_body.reply().expect(200).text(), "ok");
            let reply = upload.reply().expect(200);
            assert!(reply.text().ends_with("hello") && reply.says_close(), "{}", reply.head);
            // A client's own close is what an answer that says close waits for.
            drop((without_head, without_body, upload));
            assert_eq!(gateway.exit().code(), Some(0), "{:?}", gateway.said().now());
            assert_eq!(
                (idle.end(), fresh.end()),
                (End::Fin, End::Fin),
                "idle connections are closed in order"
            );
        });
    }
}

#[test]
fn who_asks_on_an_open_connection_meanwhile_is_answered_and_told_to_leave() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut gateway = Gateway::start(driver, &Setup::of(&origin));
        origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let mut idle = gateway.connect();
        idle.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        let mut running = ask(&gateway, "/held/0/one");
        assert!(origin.wait_held(1));
        gateway.terminate();
        ending(&gateway);
        let reply = idle.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        assert!(reply.says_close(), "{}", reply.head);
        assert_eq!(idle.end(), End::Fin);
        origin.release();
        running.reply().expect(200);
        drop((idle, running));
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

#[test]
fn a_second_signal_ends_at_once() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut gateway = Gateway::start(driver, &Setup::of(&origin));
        let _running = ask(&gateway, "/never");
        assert!(origin.wait(|seen| seen.iter().any(|c| c.requests.iter().any(|r| r.target() == "/never"))));
        gateway.terminate();
        ending(&gateway);
        let began = Instant::now();
        gateway.terminate();
        gateway.exit();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    });
}

#[test]
fn the_first_signal_behind_an_order_cuts_nothing() {
    each_driver(|driver| {
        let origin = Origin::start();
        let top = "admin: { bind: 127.0.0.1:0 }".to_owned();
        let mut gateway = Gateway::start(driver, &Setup { top, ..Setup::of(&origin) });
        origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let mut running = ask(&gateway, "/held/0/one");
        assert!(origin.wait_held(1));
        let admin: SocketAddr = address(&gateway).parse().unwrap();
        Client::connect(admin)
            .send(format!("POST /drain?timeout=30s HTTP/1.1\r\nHost: {admin}\r\nContent-Length: 0\r\n\r\n"))
            .reply()
            .expect(202);
        ending(&gateway);
        // What a service manager sends then.
        gateway.terminate();
        std::thread::sleep(Duration::from_millis(300));
        origin.release();
        running.reply().expect(200);
        drop(running);
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

/// A tunnel and a stream of events, each of which has begun, through a gateway that ends in this way.
fn lasting(driver: Driver, origin: &Origin, drain: &'static str) -> (Gateway, [Client; 2]) {
    let gateway = Gateway::start(driver, &Setup { gateway: drain, ..Setup::of(origin) });
    let mut tunnel = gateway.connect();
    let offer = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(tunnel.send(offer).reply().status, 101);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
    let begun = format!("{head}6\r\ndata: \r\n");
    origin.script("events", format!("{begun}3\r\nx\n\n\r\n0\r\n\r\n"));
    let mut events = ask(&gateway, &format!("/held/{}/events", begun.len()));
    events.read_until(|come| come.ends_with(b"data: \r\n"));
    assert!(origin.wait_held(1));
    (gateway, [tunnel, events])
}

#[test]
fn tunnels_and_streams_may_go_on_for_longer_than_exchanges() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (mut gateway, [mut tunnel, mut events]) =
            lasting(driver, &origin, "drain: { timeout: 200ms, streams: 30s }");
        gateway.terminate();
        ending(&gateway);
        std::thread::sleep(Duration::from_millis(700));
        tunnel.send("ping");
        tunnel.read_until(|come| come.ends_with(b"ping"));
        origin.release();
        events.read_until(|come| come.ends_with(b"0\r\n\r\n"));
        drop((tunnel, events));
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

#[test]
fn tunnels_and_streams_may_have_to_end_before_exchanges() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (mut gateway, [mut tunnel, mut events]) =
            lasting(driver, &origin, "drain: { timeout: 30s, streams: 200ms }");
        let addrs = [tunnel.addr(), events.addr()];
        gateway.terminate();
        assert_eq!(tunnel.end(), End::Fin);
        // Cut, and not as if it were whole.
        assert!(!events.rest().0.ends_with(b"0\r\n\r\n"));
        drop((tunnel, events));
        let began = Instant::now();
        assert_eq!(gateway.exit().code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let lines = gateway.logs(2);
        for addr in addrs {
            let line =
                lines.iter().find(|line| line["client"] == addr.to_string().as_str()).expect("has a line");
            assert_eq!(line["reason"], "draining", "{line}");
        }
    });
}

#[test]
fn what_is_cut_at_the_end_is_recorded() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup {
            gateway: "drain: { timeout: 500ms }",
            listener: "protocols: [http1, http2]",
            ..Setup::of(&origin)
        };
        let mut gateway = Gateway::start(driver, &setup);
        origin.script("half", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec());
        let mut never = ask(&gateway, "/never");
        let mut half = ask(&gateway, "/script/half");
        half.read_until(|come| come.ends_with(b"half"));
        let mut tunnel = gateway.connect();
        let offer = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(tunnel.send(offer).reply().status, 101);
        tunnel.send("ping");
        tunnel.read_until(|come| come.ends_with(b"ping"));
        let mut stream = gateway.connect();
        let addrs = [&never, &half, &tunnel, &stream].map(Client::addr);
        stream.send([PREFACE, &settings(&[]), &get(1, "/never?h2")].concat());
        assert!(origin.wait(|seen| {
            let all = || seen.iter().flat_map(|connection| &connection.requests);
            all().filter(|request| request.target().starts_with("/never")).count() == 2
        }));
        gateway.terminate();
        assert_eq!(never.reply().expect(503).reason(), "draining");
        let began = Instant::now();
        assert_eq!(gateway.exit().code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let lines = gateway.logs(4);
        let expected = [(503, 0), (200, 4), (101, 4), (503, 0)];
        for (addr, (status, bytes)) in addrs.into_iter().zip(expected) {
            let line =
                lines.iter().find(|line| line["client"] == addr.to_string().as_str()).expect("has a line");
            assert_eq!((&line["reason"], &line["status"]), (&"draining".into(), &status.into()), "{line}");
            assert!(bytes == 0 || line["bytes_out"] == bytes, "{line}");
        }
    });
}

#[test]
fn every_line_of_the_log_is_written_before_the_end() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut gateway = Gateway::start(driver, &Setup { shards: 2, ..Setup::of(&origin) });
        let clients: Vec<_> = (0..50)
            .map(|_| {
                let mut client = ask(&gateway, "/ok");
                client.reply().expect(200);
                client.addr()
            })
            .collect();
        gateway.terminate();
        assert_eq!(gateway.exit().code(), Some(0));
        for client in clients {
            gateway.log_of(client);
        }
    });
}

#[test]
fn a_bad_configuration_is_exit_code_1_with_each_problems_place() {
    let text = "version: 1\n\
                listeners:\n\
                - { bind: \"127.0.0.1:0\", limits: { header_byts: 1KiB } }\n\
                upstreams:\n  origin: { endpoints: [{ address: \"127.0.0.1:1\" }], blance: round_robin }\n\
                routes:\n\
                - { name: all, match: { path: /* }, to: origin }\n";
    for command in ["run", "check"] {
        let (output, file) = run_to_end(command, text);
        assert_eq!(output.status.code(), Some(1), "{command}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        for (place, meant) in [("3:36", "header_bytes"), ("5:54", "balance")] {
            let place = format!("{}:{place}", file.display());
            assert!(said.contains(&place), "{command}: no {place} in {said}");
            assert!(said.contains(meant), "{command}: no {meant} in {said}");
        }
    }
    let dangling = "version: 1\nlisteners: [{ bind: \"127.0.0.1:0\" }]\n\
                    upstreams: { origin: { endpoints: [{ address: \"127.0.0.1:1\" }] } }\n\
                    routes: [{ name: all, to: orgin }]\n";
    let (output, file) = run_to_end("run", dangling);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains(&format!("{}:4:27", file.display())), "{said}");
    let (output, _) = run_to_end("run", "version: 1\nlisteners: [\n");
    assert_eq!(output.status.code(), Some(1), "{:?}", output.stderr);
}

#[test]
fn a_folder_that_is_not_there_is_told_before_the_start() {
    let text = "version: 1\naccess_log: { path: none/a.log }\n\
                listeners: [{ bind: [\"127.0.0.1:0\", \"unix:gone/a.sock\"] }]\n\
                routes: [{ name: all, respond: { body: ok } }]\n";
    let (output, file) = run_to_end("check", text);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for (place, path) in [("2:21", "none/a.log"), ("3:37", "gone/a.sock")] {
        let path = file.with_file_name(path);
        let line =
            format!("{}:{place}: warning: the folder of '{}' is not there", file.display(), path.display());
        assert!(said.contains(&line), "no {line} in {said}");
    }
}

#[test]
fn a_file_is_named_with_and_without_its_flag() {
    let faulty = "version: 2\n";
    for words in
        [["check", "FILE"].as_slice(), &["check", "-f", "FILE"], &["run", "FILE"], &["run", "-f", "FILE"]]
    {
        let output = run_with(words, faulty, "");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("version 2"), "{words:?}: {said}");
    }
}

#[test]
fn a_port_that_cannot_be_bound_is_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let setup = Setup::before(&[closed_addr()]);
    let text = setup.text(Driver::Epoll).replace("127.0.0.1:0\"", &format!("{addr}\""));
    let (output, _) = run_to_end("run", &text);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&addr.to_string()) && said.contains("public"), "{said}");
}
