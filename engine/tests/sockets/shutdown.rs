//! The process: it ends in order when told to, and says by its exit code and in words why it did not start.

use crate::support::{Client, Driver, End, Gateway, Setup, each_driver, run_to_end};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tools::upstream::{Origin, closed_addr};

fn ask(gateway: &Gateway, target: &str) -> Client {
    let mut client = gateway.connect();
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client
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
            origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
            let mut without_head = ask(&gateway, "/held/0/one");
            let mut without_body = ask(&gateway, "/held/38/one");
            let mut upload = gateway.connect();
            upload.send("POST /echo?upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
            assert!(origin.wait_held(2));
            assert!(
                origin.wait(|seen| seen
                    .iter()
                    .any(|c| c.requests.iter().any(|r| r.target() == "/echo?upload")))
            );
            gateway.terminate();
            assert_eq!(idle.end(), End::Fin, "idle connections are closed");
            assert_eq!(fresh.end(), End::Fin, "so are those without a request");
            origin.release();
            upload.send("llo");
            assert_eq!(without_head.reply().expect(200).text(), "ok");
            assert_eq!(without_body.reply().expect(200).text(), "ok");
            assert!(upload.reply().expect(200).text().ends_with("hello"));
            let addr = gateway.addr();
            drop((without_head, without_body, upload));
            assert_eq!(gateway.exit().code(), Some(0), "{:?}", gateway.said().now());
            assert!(TcpStream::connect(addr).is_err(), "nobody listens any more");
        });
    }
}

#[test]
fn nothing_new_is_taken_while_the_old_ends() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut gateway = Gateway::start(driver, &Setup::of(&origin));
        origin.script("one", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let mut running = ask(&gateway, "/held/0/one");
        assert!(origin.wait_held(1));
        let mut idle = gateway.connect();
        idle.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        gateway.terminate();
        // The drain has begun once idle connections are closed.
        assert_eq!(idle.end(), End::Fin);
        assert!(TcpStream::connect(gateway.addr()).is_err(), "the listener is closed");
        origin.release();
        let reply = running.reply().expect(200);
        assert!(reply.says_close(), "{}", reply.head);
        drop(running);
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

#[test]
fn a_second_signal_ends_at_once() {
    each_driver(|driver| {
        let origin = Origin::start();
        let mut gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut idle = gateway.connect();
        idle.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        let _running = ask(&gateway, "/never");
        assert!(origin.wait(|seen| seen.iter().any(|c| c.requests.iter().any(|r| r.target() == "/never"))));
        gateway.terminate();
        assert_eq!(idle.end(), End::Fin);
        let began = Instant::now();
        gateway.terminate();
        gateway.exit();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
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
                upstreams:\n  origin: { endpoints: [{ address: \"127.0.0.1:1\" }] }\n\
                routes:\n\
                - { name: all, match: { path: /* }, to: orgin }\n";
    for command in ["run", "check"] {
        let (output, file) = run_to_end(command, text);
        assert_eq!(output.status.code(), Some(1), "{command}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        for (place, meant) in [("3:36", "header_bytes"), ("7:39", "origin")] {
            let place = format!("{}:{place}", file.display());
            assert!(said.contains(&place), "{command}: no {place} in {said}");
            assert!(said.contains(meant), "{command}: no {meant} in {said}");
        }
    }
    let (output, _) = run_to_end("run", "version: 1\nlisteners: [\n");
    assert_eq!(output.status.code(), Some(1), "{:?}", output.stderr);
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
