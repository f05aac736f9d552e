//! The PROXY protocol, in and out. In these gateways 127.0.0.2 is a proxy that must send the header and 127.0.0.1
//! is anybody else.

use crate::support::{Client, End, Gateway, Ids, Setup, each_driver, three_fresh, torn_over};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};
use tools::upstream::{Origin, Request};

const PROXIED: &str = "proxy_protocol: { from: [127.0.0.2] }";
const LINE: &str = "PROXY TCP4 203.0.113.7 192.0.2.1 50312 443\r\n";
const CLIENT: &str = "203.0.113.7:50312";

/// A version 2 header with these bytes behind its length.
fn bytes(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let len = (rest.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, rest].concat()
}

/// What [`LINE`] says, in version 2, with an addition.
fn same_in_bytes() -> Vec<u8> {
    let ends = [203, 0, 113, 7, 192, 0, 2, 1, 0xC4, 0x88, 0x01, 0xBB];
    bytes(0x21, 0x11, &[&ends[..], &[0x04, 0, 3, b'a', b'b', b'c']].concat())
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn proxy(gateway: &Gateway) -> Client {
    Client::connect_from([127, 0, 0, 2], gateway.addr())
}

fn request(origin: &Origin, id: &str) -> Request {
    let seen = origin.seen();
    let found = Ids::found(&seen, &[id.to_owned()]).map(|(_, request)| request.clone()).next();
    found.unwrap_or_else(|| panic!("{id} reached the origin"))
}

/// Holds a connection to be closed without an answer, and recorded.
#[track_caller]
fn refused(gateway: &Gateway, mut client: Client, detail: &str) {
    let (said, _) = client.rest();
    assert!(said.is_empty(), "{detail}: {:?}", String::from_utf8_lossy(&said));
    let line = gateway.log_of(client.addr());
    assert!(line["reason"] == "proxy_protocol" && line["detail"] == detail, "{detail}: {line}");
    assert_eq!(line["status"], 0);
}

#[test]
fn the_client_that_a_header_names_takes_the_proxys_place() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { listener: PROXIED, ..Setup::of(&origin) });
        for (number, header) in [LINE.as_bytes().to_vec(), same_in_bytes()].into_iter().enumerate() {
            let (id, mut client) = (Ids::next(), proxy(&gateway));
            let said = get(&format!("/echo?{id}"), "X-Forwarded-For: 1.1.1.1\r\n");
            // In one segment with the first request, and a second one behind it.
            client.send([&header[..], said.as_bytes(), said.as_bytes()].concat());
            client.reply().expect(200);
            client.reply().expect(200);
            // The name stays when the connection has slept.
            thread::sleep(ringgate::conn::GRACE + Duration::from_millis(50));
            client.send(&said).reply().expect(200);
            assert_eq!(request(&origin, &id).value("x-forwarded-for").as_deref(), Some("203.0.113.7"));
            for line in gateway.logs_of(CLIENT, 3 * (number + 1)) {
                assert_eq!(line["client_ip"], "203.0.113.7");
            }
        }
        three_fresh(&gateway);
    });
}

#[test]
fn whether_forwarding_fields_are_believed_goes_by_the_client_named() {
    each_driver(|driver| {
        let origin = Origin::start();
        for (trusted, ip) in [
            ("trusted_proxies: [203.0.113.0/24]", "9.9.9.9"),
            ("trusted_proxies: [127.0.0.2]", "203.0.113.7"),
        ] {
            let setup = Setup { gateway: trusted, listener: PROXIED, ..Setup::of(&origin) };
            let gateway = Gateway::start(driver, &setup);
            let mut client = proxy(&gateway);
            client.send(LINE).send(get("/ok", "X-Forwarded-For: 9.9.9.9\r\n")).reply().expect(200);
            assert_eq!(gateway.log_of(CLIENT)["client_ip"], ip);
        }
    });
}

#[test]
fn a_header_that_names_nobody_leaves_the_proxys_own_address() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { listener: PROXIED, ..Setup::of(&origin) });
        for header in [
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ff::1 ff::2 1 2\r\n".to_vec(),
            bytes(0x20, 0, b""),
            bytes(0x20, 0x11, &[1; 12]),
            bytes(0x21, 0, b""),
        ] {
            let mut client = proxy(&gateway);
            client.send(&header).send(get("/ok", "")).reply().expect(200);
            assert_eq!(gateway.log_of(client.addr())["client_ip"], "127.0.0.2");
        }
        let mut client = proxy(&gateway);
        client.send(bytes(0x21, 0x31, &[0; 216])).send(get("/ok", "")).reply().expect(200);
        assert_eq!(gateway.log_of("unix:")["client_ip"], "unix:");
    });
}

#[test]
fn from_anybody_else_the_same_bytes_are_http() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { listener: PROXIED, ..Setup::of(&origin) });
        for header in [LINE.as_bytes().to_vec(), same_in_bytes()] {
            let mut client = gateway.connect();
            client.send(&header).send(get("/ok", ""));
            client.reply().expect(400);
            let line = gateway.log_of(client.addr());
            assert!(line["reason"] == "bad_request" && line["client_ip"] == "127.0.0.1", "{line}");
        }
        let mut client = gateway.connect();
        client.send(get("/ok", "")).reply().expect(200);
        three_fresh(&gateway);
    });
}

#[test]
fn a_connection_without_the_header_is_closed_without_an_answer() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { listener: PROXIED, ..Setup::of(&origin) });
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        for (sent, detail) in [
            (get("/ok", "").into_bytes(), "missing"),
            (b"\x16\x03\x01\x02\x00\x01".to_vec(), "missing"),
            (b"PROXY TCP4 203.0.113.7 192.0.2.1 50312\r\n".to_vec(), "bad_line"),
            (long.into_bytes(), "too_long"),
            (bytes(0x31, 0x11, &[0; 12]), "unknown_kind"),
            (bytes(0x21, 0x11, &[0; 11]), "too_short"),
            (bytes(0x21, 0x11, &[0; 5000])[..16].to_vec(), "too_long"),
        ] {
            let mut client = proxy(&gateway);
            client.send(&sent);
            refused(&gateway, client, detail);
            three_fresh(&gateway);
        }
        assert!(origin.requests().iter().all(|request| request.target().contains("fresh")));
    });
}

#[test]
fn a_header_torn_at_any_byte_is_read_all_the_same() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { listener: PROXIED, ..Setup::of(&origin) });
        for header in [LINE.as_bytes().to_vec(), same_in_bytes()] {
            let with_id = |id: &str| [&header[..], get(&format!("/echo?{id}"), "").as_bytes()].concat();
            torn_over(
                &gateway,
                || proxy(&gateway),
                with_id,
                |client, at, id| {
                    client.reply().expect(200);
                    let told = request(&origin, id).value("x-forwarded-for");
                    assert_eq!(told.as_deref(), Some("203.0.113.7"), "torn at {at}");
                },
            );
        }
    });
}

#[test]
fn an_end_behind_the_header_is_an_end_like_any_other() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { listener: PROXIED, ..Setup::of(&origin) });
        // Behind a request: its answer comes.
        let mut client = proxy(&gateway);
        client.send(LINE).send(get("/ok", "")).finish();
        client.reply().expect(200);
        assert_eq!(client.end(), End::Fin);
        // Behind the header, or before any byte, as of a load balancer's check: nothing is to be told.
        let mut silent = Vec::new();
        for sent in [LINE, ""] {
            let mut client = proxy(&gateway);
            client.send(sent).finish();
            assert_eq!(client.end(), End::Fin);
            silent.push(client.addr().to_string());
        }
        // Within it.
        let mut client = proxy(&gateway);
        client.send(&LINE[..20]).finish();
        refused(&gateway, client, "cut");
        assert_eq!(gateway.logs_of(CLIENT, 1).len(), 1);
        three_fresh(&gateway);
    });
}

#[test]
fn a_slow_header_is_cut_off_and_a_silent_proxy_is_not() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { listener: PROXIED, timeouts: "head: 300ms, idle: 20s", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut silent = proxy(&gateway);
        for dribble in [false, true] {
            let (mut client, began) = (proxy(&gateway), Instant::now());
            client.send(&LINE[..5]);
            client.patience(Duration::from_millis(20));
            let mut rest = LINE.bytes().skip(5).cycle();
            while !client.came() && began.elapsed() < Duration::from_secs(8) {
                // Byte by byte, and then no more: what has come is never the whole line.
                let byte = rest.next().filter(|_| dribble && began.elapsed() < Duration::from_millis(150));
                drop(byte.map(|byte| client.try_send([byte])));
            }
            let took = began.elapsed();
            assert!(took > Duration::from_millis(250) && took < Duration::from_secs(8), "{took:?}");
            refused(&gateway, client, "timeout");
        }
        silent.send(LINE).send(get("/ok", "")).reply().expect(200);
        three_fresh(&gateway);
    });
}

#[test]
fn peers_on_a_unix_socket_may_be_proxies() {
    each_driver(|driver| {
        let origin = Origin::start();
        let path = std::env::temp_dir().join(format!("rg-{}-proxied-{driver:?}.sock", std::process::id()));
        let listener = "proxy_protocol: { from: [unix] }";
        let setup = Setup { listener, socket: Some(path.clone()), ..Setup::of(&origin) };
        let mut gateway = Gateway::start(driver, &setup);
        Client::connect_at(&path).send(LINE).send(get("/ok", "")).reply().expect(200);
        assert_eq!(gateway.log_of(CLIENT)["client_ip"], "203.0.113.7");
        three_fresh(&gateway);
        gateway.terminate();
        gateway.exit();
    });
}

/// An origin that gives what each of its connections brought in its first read, and answers it.
fn listening() -> (SocketAddr, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), sender) = (stream, sender.clone()) else { return };
            thread::spawn(move || {
                let mut first = [0; 4096];
                let len = stream.read(&mut first).unwrap_or(0);
                let _ = sender.send(first[..len].to_vec());
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                // Open for as long as the gateway likes.
                let _ = stream.read(&mut first);
            });
        }
    });
    (addr, receiver)
}

#[test]
fn an_upstream_is_told_of_each_client_first_and_in_one_send_with_the_request() {
    each_driver(|driver| {
        for upstream in ["proxy_protocol: v1", "proxy_protocol: v2"] {
            let (addr, told) = listening();
            let setup = Setup { upstream, listener: PROXIED, ..Setup::before(&[addr]) };
            let gateway = Gateway::start(driver, &setup);
            let first = || told.recv_timeout(Duration::from_secs(10)).expect("a connection");
            let expect = |client: SocketAddr, local: SocketAddr| {
                let said = first();
                let header = match upstream.ends_with("v1") {
                    true => format!(
                        "PROXY TCP4 {} {} {} {}\r\n",
                        client.ip(),
                        local.ip(),
                        client.port(),
                        local.port()
                    )
                    .into_bytes(),
                    false => {
                        let SocketAddr::V4(client) = client else { panic!("{client}") };
                        let SocketAddr::V4(local) = local else { panic!("{local}") };
                        let (from, to) = (client.port().to_be_bytes(), local.port().to_be_bytes());
                        let ends = [&client.ip().octets()[..], &local.ip().octets(), &from, &to].concat();
                        bytes(0x21, 0x11, &ends)
                    }
                };
                let rest =
                    said.strip_prefix(&header[..]).unwrap_or_else(|| panic!("{}", said.escape_ascii()));
                assert!(rest.starts_with(b"GET /x HTTP/1.1\r\n"), "{}", rest.escape_ascii());
                assert!(rest.ends_with(b"\r\n\r\n"), "{}", rest.escape_ascii());
            };
            // A connection for each request, whoever the client is: nobody is taken for another.
            let (mut one, mut two) = (gateway.connect(), gateway.connect());
            for client in [&mut one, &mut two] {
                for _ in 0..2 {
                    client.send(get("/x", "")).reply().expect(200);
                    expect(client.addr(), gateway.addr());
                }
            }
            // Whom a proxy before us named is passed on.
            let mut client = proxy(&gateway);
            client.send(LINE).send(get("/x", "")).reply().expect(200);
            expect(CLIENT.parse().unwrap(), gateway.addr());
            assert!(told.try_recv().is_err(), "no other connection was made");
        }
    });
}
