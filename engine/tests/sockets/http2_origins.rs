//! Origins that speak HTTP/2: here another gateway, whose own origin sees what arrives. Many exchanges share a connection.

use crate::support::{Client, Driver, End, Gateway, each_driver, three_fresh};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

fn second(driver: Driver, origin: SocketAddr, more: &str) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: b, bind: 127.0.0.1:0, protocols: [http2]{more} }}]\n\
         upstreams: {{ origin: {{ endpoints: [{{ address: '{origin}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

fn first(driver: Driver, second: SocketAddr, more: &str) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0 }}]\n\
         upstreams: {{ origin: {{ protocol: http2, endpoints: [{{ address: '{second}' }}]{more} }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin, timeouts: {{ first_byte: 1s }} }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

#[test]
fn what_is_asked_and_answered_arrives_as_it_does_over_http1() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), "");
        let mut client: Client = gateway.connect();
        let body = "x".repeat(200_000);
        client.send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nX-One: 1\r\nConnection: x-two\r\nX-Two: 2\r\n\r\n{body}",
            body.len()
        ));
        let reply = client.reply().expect(200);
        let told = reply.text();
        assert!(told.ends_with(&body), "{} bytes", told.len());
        let head = told.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        for line in
            ["x-one: 1", "host: a", "via: 1.1 ringgate", "via: 2.0 ringgate", "content-length: 200000"]
        {
            assert!(head.contains(line), "{line}: {head}");
        }
        for name in ["x-two:", "connection: x-two", "transfer-encoding"] {
            assert!(!head.contains(name), "{name}: {head}");
        }
        // Chunked, with trailers, and the connection is used on.
        client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        );
        assert!(client.reply().expect(200).text().ends_with("hello"));
        client.send("HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        client.reply_to("HEAD").expect(200);
        three_fresh(&gateway);
        let log = gateway.log_of(client.addr());
        assert_eq!(log["tries"], 1);
    });
}

// RFC 9113 §8.3.1: an authority is needed there, and holds no escapes.
#[test]
fn a_host_that_cannot_be_said_over_http2_is_the_clients_fault() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), "");
        for (head, detail) in [
            ("GET /ok HTTP/1.0\r\n\r\n", "host_missing"),
            ("GET /ok HTTP/1.1\r\nHost: a%41\r\n\r\n", "host_invalid"),
        ] {
            let mut client = gateway.connect();
            client.send(head);
            let reply = client.reply().expect(400);
            assert_eq!((reply.reason(), reply.detail()), ("bad_request".into(), detail.into()));
            let line = gateway.log_of(client.addr());
            assert!(line["tries"] == 0 && line["detail"] == detail, "{line}");
        }
        assert_eq!(origin.requests().len(), 0);
        three_fresh(&gateway);
    });
}

// RFC 9113 §8.2.1: an origin may end the connection for it, and with it what others have under way there.
#[test]
fn space_around_a_value_of_a_client_is_left_behind() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), "");
        let mut client = gateway.connect();
        client.send("GET /echo-json HTTP/1.1\r\nHost: a\r\nX-Two:  v \t\r\nX-None:  \r\n\r\n");
        let seen: serde_json::Value = serde_json::from_slice(&client.reply().expect(200).body).expect("JSON");
        let fields = seen["fields"].to_string().to_lowercase();
        assert!(fields.contains(r#"["x-two","v"]"#) && fields.contains(r#"["x-none",""]"#), "{fields}");
    });
}

#[test]
fn an_origin_that_says_no_100_is_waited_for_as_for_a_reply() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), "");
        let post = "POST /never HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
        let (mut waits, mut sends, began) = (gateway.connect(), gateway.connect(), Instant::now());
        waits.send(post);
        sends.send(format!("{post}he"));
        assert_eq!(waits.reply().expect(504).reason(), "upstream_timeout");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        // Whoever sends all the same has its time to send.
        sends.patience(Duration::from_millis(500));
        assert!(!sends.came());
        assert_eq!(sends.send("llo").reply().expect(504).reason(), "upstream_timeout");
        three_fresh(&gateway);
    });
}

#[test]
fn a_hint_is_no_100_and_who_waits_for_one_is_not_blamed() {
    each_driver(|driver| {
        let hints = TcpListener::bind("127.0.0.1:0").unwrap();
        let behind = second(driver, hints.local_addr().unwrap(), "");
        thread::spawn(move || {
            let (mut stream, _) = hints.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").unwrap();
            // Nothing more, until it is left.
            let _ = stream.read(&mut [0; 4096]);
        });
        let gateway = first(driver, behind.addr(), "");
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(client.reply().expect(504).reason(), "upstream_timeout");
    });
}

#[test]
fn many_exchanges_share_one_connection() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), ", pool: { connections: 1 }");
        let mut clients: Vec<Client> = (0..40).map(|_| gateway.connect()).collect();
        for client in &mut clients {
            client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        for client in &mut clients {
            client.reply().expect(200);
        }
        let seen: HashSet<String> = behind.logs(40).iter().map(|line| line["client"].to_string()).collect();
        assert_eq!(seen.len(), 1, "{seen:?}");
    });
}

#[test]
fn whoever_waits_for_a_connection_takes_a_stream_that_comes_free() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), ", limits: { streams_per_connection: 2 }");
        let gateway = first(driver, behind.addr(), ", pool: { connections: 1 }");
        // It is known now how many streams there may be.
        three_fresh(&gateway);
        let mut clients: Vec<Client> = (0..12).map(|_| gateway.connect()).collect();
        for client in &mut clients {
            client.send("GET /slow-head/40 HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        // Who leaves has its turn go to another.
        clients.swap_remove(3);
        clients.swap_remove(5);
        for client in &mut clients {
            client.reply().expect(200);
        }
        let seen: HashSet<String> = behind.logs(13).iter().map(|line| line["client"].to_string()).collect();
        assert_eq!(seen.len(), 1, "{seen:?}");
    });
}

#[test]
fn an_origin_that_leaves_fails_no_request() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), "");
        three_fresh(&gateway);
        // It says GOAWAY and ends; nobody answers in its place.
        drop(behind);
        let mut client: Client = gateway.connect();
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.reply().expect(502).reason(), "upstream_connect");
    });
}

#[test]
fn a_connection_that_is_old_gives_way_to_another_and_no_request_is_lost() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), ", pool: { age: 400ms }");
        let mut slow: Client = gateway.connect();
        slow.send("GET /slow-head/900 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut client: Client = gateway.connect();
        let began = Instant::now();
        let mut asked = 1;
        while began.elapsed() < Duration::from_millis(1500) {
            client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
            asked += 1;
        }
        slow.reply().expect(200);
        let seen: HashSet<String> =
            behind.logs(asked).iter().map(|line| line["client"].to_string()).collect();
        assert!((2..=4).contains(&seen.len()), "{} connections", seen.len());
    });
}

fn frame(kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    [&[len[1], len[2], len[3], kind, flags], &stream[..], payload].concat()
}

/// An origin that tells `settings` after a while, answers each request with this status, and sends back what follows a 200.
fn origin_of_frames(settings: &'static [u8], status: &'static [u8; 3]) -> SocketAddr {
    origin_that_says(settings, status, b"")
}

/// The same, with further fields.
fn origin_that_says(settings: &'static [u8], status: &'static [u8; 3], more: &'static [u8]) -> SocketAddr {
    const SETTINGS: u8 = 4;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            // Whoever connected may only have looked whether it is there.
            if stream.read_exact(&mut [0; b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len()]).is_err() {
                continue;
            }
            thread::sleep(Duration::from_millis(200));
            // In two pieces: half of the settings are none.
            let told = frame(SETTINGS, 0, [0; 4], settings);
            for piece in [&told[..told.len() - 1], &told[told.len() - 1..]] {
                stream.write_all(piece).expect("is sent");
                thread::sleep(Duration::from_millis(50));
            }
            let mut header = [0; 9];
            while stream.read_exact(&mut header).is_ok() {
                let [a, b, c, kind, flags, id @ ..] = header;
                let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
                stream.read_exact(&mut payload).expect("a frame is whole");
                let ends = u8::from(status != b"200");
                let answer = match kind {
                    0 => frame(0, flags & 1, id, &payload),
                    // Its status, as a literal with an indexed name (RFC 7541 §6.2.1).
                    1 => frame(1, 4 | ends, id, &[&[0x48, 3], &status[..], more].concat()),
                    SETTINGS if flags & 1 == 0 => frame(SETTINGS, 1, [0; 4], b""),
                    _ => continue,
                };
                stream.write_all(&answer).expect("is sent");
            }
        }
    });
    addr
}

const OFFER: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn a_websocket_is_opened_on_a_stream_once_the_origin_has_said_that_it_may() {
    each_driver(|driver| {
        // SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3).
        let gateway = first(driver, origin_of_frames(&[0, 8, 0, 0, 0, 1], b"200"), "");
        let mut client = gateway.connect();
        // What is sent behind the request is of the tunnel.
        client.send(format!("{OFFER}early"));
        let reply = client.reply();
        assert_eq!(reply.status, 101, "{}", reply.head);
        assert_eq!(reply.value("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(reply.value("upgrade"), Some("websocket"));
        client.read_until(|come| come.len() >= 5);
        assert_eq!(client.take(5), b"early");
        let long = vec![0x82; 50_000];
        client.send(&long);
        client.read_until(|come| come.len() >= long.len());
        assert!(client.take(long.len()) == long);
        client.finish();
        assert_eq!(client.end(), End::Fin);
        let line = gateway.log_of(client.addr());
        assert!(line["status"] == 101 && line["tunnel"] == true && line["reason"] == "ok", "{line}");
        assert!(line["bytes_in"] == 50_005 && line["bytes_out"] == 50_005, "{line}");
    });
}

// RFC 9110 §9.3.6 has it ignored, which the library does not: it would cut the tunnel in its middle.
#[test]
fn a_websocket_whose_length_is_told_is_not_opened() {
    each_driver(|driver| {
        // Content-Length, by its number, as a literal (RFC 7541 Appendix A).
        let more = &[0x0f, 28 - 15, 1, b'5'];
        let gateway = first(driver, origin_that_says(&[0, 8, 0, 0, 0, 1], b"200", more), "");
        let mut client = gateway.connect();
        let reply = client.send(OFFER).reply().expect(502);
        assert_eq!(reply.reason(), "upstream_malformed");
        assert_eq!(gateway.log_of(client.addr())["detail"], "tunnel_with_length");
    });
}

#[test]
fn an_origin_that_opens_no_websocket_answers_for_itself() {
    each_driver(|driver| {
        for (settings, status) in
            [(&[][..], b"426"), (&[0, 8, 0, 0, 0, 0], b"400"), (&[0, 8, 0, 0, 0, 1], b"403")]
        {
            let gateway = first(driver, origin_of_frames(settings, status), "");
            let mut client = gateway.connect();
            // The answer is whole, and the connection serves on.
            for _ in 0..2 {
                let reply = client.send(OFFER).reply();
                assert_eq!(reply.status.to_string().as_bytes(), status, "{}", reply.head);
            }
        }
    });
}
