//! The process: it ends in order when told to, and says by its exit code and in words why it did not start.

use crate::admin::address;
use crate::http2::frames::{PREFACE, Peer, get, settings};
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

// Whoever comes from another gateway sends what that one takes: SIGUSR1 from logrotate, SIGQUIT for an end in peace.
#[test]
fn the_signals_of_others_cut_nothing() {
    each_driver(|driver| {
        let origin = Origin::start();
        let folder = std::env::temp_dir().join(format!("ringgate-signals-{}-{driver:?}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a writable folder");
        let (log, moved) = (folder.join("access.log"), folder.join("access.log.1"));
        let access_log = log.display().to_string();
        let mut gateway = Gateway::start(driver, &Setup { access_log, ..Setup::of(&origin) });
        origin.script("one", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let mut held = ask(&gateway, "/held/5/one");
        assert!(origin.wait_held(1));
        std::fs::rename(&log, &moved).expect("is there");
        gateway.signal("USR2");
        gateway.signal("USR1");
        let deadline = Instant::now() + PATIENCE;
        while !log.exists() {
            assert!(Instant::now() < deadline, "the log is opened anew");
            std::thread::sleep(Duration::from_millis(5));
        }
        gateway.signal("QUIT");
        ending(&gateway);
        origin.release();
        assert_eq!(held.reply().expect(200).text(), "ok");
        drop(held);
        assert_eq!(gateway.exit().code(), Some(0), "{:?}", gateway.said().now());
        assert!(std::fs::read_to_string(&log).expect("is there").contains("/held/5/one"));
        drop(std::fs::remove_dir_all(folder));
    });
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
        // Half a head: who says nothing at all is closed a second later, however long this test takes.
        idle.send("GET /ok HTTP/1.1\r\n");
        gateway.terminate();
        ending(&gateway);
        let reply = idle.send("Host: a\r\n\r\n").reply().expect(200);
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

/// A tunnel and a stream of events, each of which has begun, through a gateway of this setup.
fn lasting(driver: Driver, origin: &Origin, setup: Setup) -> (Gateway, [Client; 2]) {
    let gateway = Gateway::start(driver, &setup);
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
        let gateway = "drain: { timeout: 200ms, streams: 30s }";
        let setup = Setup { gateway, ..Setup::of(&origin) };
        let (mut gateway, [mut tunnel, mut events]) = lasting(driver, &origin, setup);
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
fn what_does_not_last_is_cut_in_time_beside_what_goes_on() {
    each_driver(|driver| {
        let origin = Origin::start();
        let drain = "drain: { timeout: 500ms, streams: 30s }";
        let setup = Setup { gateway: drain, listener: "protocols: [http1, http2]", ..Setup::of(&origin) };
        let (mut gateway, [mut tunnel, mut events]) = lasting(driver, &origin, setup);
        let begun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
        origin.script("more", format!("{begun}1\r\ny\r\n0\r\n\r\n"));
        let mut streams = Peer::greeted(gateway.connect());
        streams.send([get(1, &format!("/held/{}/more", begun.len())), get(3, "/never?h2")].concat());
        streams.until("its first event", |peer| peer.answers.get(&1).is_some_and(|come| come.body == b"x"));
        let mut never = ask(&gateway, "/never");
        origin.script("half", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec());
        let mut half = ask(&gateway, "/script/half");
        half.read_until(|come| come.ends_with(b"half"));
        let unread = gateway.connect();
        let addrs = [&never, &half].map(Client::addr);
        gateway.terminate();
        let began = Instant::now();
        assert_eq!(never.reply().expect(503).reason(), "draining");
        assert!(half.rest().0.ends_with(b"half"), "no more of it comes");
        assert_eq!(
            streams.answer(3).expect(503).value("proxy-status").map(|said| said.contains("draining")),
            Some(true)
        );
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        drop((never, half, unread));
        for addr in addrs {
            assert_eq!(gateway.log_of(addr)["reason"], "draining");
        }
        // Longer than what is cut has to say so: the others were not touched.
        std::thread::sleep(Duration::from_millis(1200));
        tunnel.send("ping");
        tunnel.read_until(|come| come.ends_with(b"ping"));
        origin.release();
        events.read_until(|come| come.ends_with(b"0\r\n\r\n"));
        assert_eq!(streams.answer(1).expect(200).body, b"xy");
        drop((tunnel, events, streams));
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

#[test]
fn tunnels_and_streams_may_have_to_end_before_exchanges() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = "drain: { timeout: 30s, streams: 200ms }";
        let setup = Setup { gateway, ..Setup::of(&origin) };
        let (mut gateway, [mut tunnel, mut events]) = lasting(driver, &origin, setup);
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
fn a_command_whose_reader_leaves_ends_in_peace_and_one_that_cannot_write_says_so() {
    use std::process::{Command, Stdio};
    let command = |words: &[&str], out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringgate"));
        command.args(words).stdout(out).stderr(Stdio::piped()).spawn().expect("the built binary starts")
    };
    let token = ["token", "--secret", "0123456789abcdef0123456789abcdef", "--sub", "ann"];
    for words in [&["schema"][..], &["schema", "--markdown"], &["check", "/nowhere"], &token] {
        let mut child = command(words, Stdio::piped());
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = i32::from(words[0] == "check");
        assert_eq!((output.status.code(), said.as_str()), (Some(code), ""), "{words:?}");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("is there");
        let output = command(words, full.into()).wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?} {said}");
        assert!(said.contains("stdout cannot be written"), "{words:?} {said}");
    }
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
