//! gRPC-Web by clients of exact bytes and by curl, before a server of gRPC that others wrote: what a browser's library sends
//! and reads, over HTTP/1.1 and HTTP/2, in both forms.

use super::scripts::{Server, python};
use crate::support::{Client, Driver, Gateway, Reply, Whole, each_driver, three_fresh};
use ringgate::wire::grpc::text::Encoder;
use std::io::Write;
use std::process::{Command, Stdio};
use tools::upstream::Origin;

#[path = "../../../src/wire/grpc/reference.rs"]
mod reference;

fn gateway(driver: Driver, server: &Server) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [http1, http2] }}]\n\
         upstreams:\n  calls: {{ protocol: http2, endpoints: [{{ address: '{}' }}] }}\n  \
         down: {{ protocol: http2, endpoints: [{{ address: '127.0.0.1:1' }}] }}\n\
         policies:\n  pages: {{ cors: {{ origins: 'https://app.test', expose: [grpc-status, grpc-message] }} }}\n  \
         inside: {{ ip: {{ allow: [10.0.0.0/8] }} }}\n\
         routes:\n- {{ name: calls, match: {{ path: /test.Echo/* }}, policies: [pages], grpc_web: true, to: calls }}\n\
         - {{ name: down, match: {{ path: /test.Down/* }}, grpc_web: true, to: down }}\n\
         - {{ name: inside, match: {{ path: /test.Inside/* }}, policies: [inside], grpc_web: true, to: calls }}\n",
        driver.name(),
        server.addr
    );
    Gateway::with(&text, 1)
}

fn frame(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

fn text(bytes: &[u8]) -> Vec<u8> {
    let (mut encoder, mut text) = (Encoder::default(), Vec::new());
    encoder.encode(bytes, &mut text);
    encoder.pad(&mut text);
    text
}

const BINARY: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text";

/// A call with one message.
fn call(method: &str, kind: &str, more: &str, message: &[u8]) -> Vec<u8> {
    let body = if kind.contains("-text") { text(&frame(message)) } else { frame(message) };
    let head = format!(
        "POST /test.Echo/{method} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nX-Grpc-Web: 1\r\n\
         X-User-Agent: grpc-web-javascript/0.1\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// What a call came to.
#[derive(Debug)]
struct Told {
    messages: Vec<Vec<u8>>,
    /// What follows the messages, or the head of a reply that is a status alone.
    trailers: Vec<(String, Vec<u8>)>,
}

impl Told {
    fn of(kind: &str, reply: &Reply) -> Told {
        assert_eq!((reply.status, reply.whole), (200, Whole::Yes), "{}", reply.head);
        assert_eq!(reply.value("content-type"), Some(kind), "{}", reply.head);
        assert!(reply.trailers.is_empty() && reply.value("trailer").is_none(), "{}", reply.head);
        if let Some(status) = reply.value("grpc-status") {
            assert!(reply.body.is_empty(), "a status alone");
            let message = reply.value("grpc-message").unwrap_or_default();
            let trailers = [("grpc-status", status), ("grpc-message", message)];
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
            return Told { messages: Vec::new(), trailers: trailers.map(owned).to_vec() };
        }
        Told::apart(kind, &reply.body)
    }

    fn apart(kind: &str, body: &[u8]) -> Told {
        let body = match kind.contains("-text") {
            true => reference::bytes(body).expect("the body is base64"),
            false => body.to_vec(),
        };
        let (messages, rest) = reference::messages(&body);
        let trailers = reference::trailers(rest).expect("trailers follow the messages");
        Told { messages: messages.into_iter().map(<[u8]>::to_vec).collect(), trailers }
    }

    fn value(&self, name: &str) -> &str {
        let found = self.trailers.iter().find(|(one, _)| one == name);
        found.map_or("", |(_, value)| std::str::from_utf8(value).expect("is text"))
    }

    #[track_caller]
    fn is(&self, messages: &[&[u8]]) {
        assert_eq!(self.value("grpc-status"), "0", "{self:?}");
        assert_eq!(self.messages, messages, "{self:?}");
    }
}

fn ask(client: &mut Client, method: &str, kind: &str, message: &[u8]) -> Told {
    client.send(call(method, kind, "", message));
    Told::of(kind, &client.reply())
}

#[test]
fn calls_in_both_forms_are_those_of_grpc_to_the_server() {
    let Some(python) = python("grpc") else { return };
    let server = Server::start(python, "grpc/server.py");
    each_driver(|driver| {
        let gateway = gateway(driver, &server);
        // All on one connection: each reply ends where it should.
        let mut client = gateway.connect();
        for kind in ["application/grpc-web", BINARY, TEXT, "application/grpc-web-text+proto"] {
            client.send(call("Unary", kind, "X-Asks: me\r\n", b"abc"));
            let told = Told::of(kind, &client.reply());
            told.is(&[b"cba"]);
            assert_eq!((told.value("x-trailing"), told.value("x-raw-bin")), ("of me", "AP8"));
            ask(&mut client, "Unary", kind, b"").is(&[b""]);
            let told = ask(&mut client, "Unary", kind, b"told");
            let [said] = &told.messages[..] else { panic!("{told:?}") };
            let said = String::from_utf8_lossy(said).into_owned();
            assert!(
                said.contains("x-grpc-web=1") && said.contains("x-user-agent=grpc-web-javascript/0.1"),
                "{said}"
            );
            // A stream of many messages, and a message of many pieces.
            let numbers: Vec<String> = (0..300).map(|number| number.to_string()).collect();
            let numbers: Vec<&[u8]> = numbers.iter().map(String::as_bytes).collect();
            ask(&mut client, "Spread", kind, b"300").is(&numbers);
            let large: Vec<u8> = (0..=255).cycle().take(100_000).collect();
            let reversed: Vec<u8> = large.iter().rev().copied().collect();
            ask(&mut client, "Unary", kind, &large).is(&[&reversed]);
            let told = ask(&mut client, "Unary", kind, b"fail");
            assert_eq!(
                (told.value("grpc-status"), told.value("grpc-message")),
                ("9", "as asked: %C3%BC"),
                "{told:?}"
            );
            client.send(call("Unary", kind, "Grpc-Timeout: 7S\r\n", b"deadline"));
            let told = Told::of(kind, &client.reply());
            let left: u32 = String::from_utf8_lossy(&told.messages[0]).parse().expect("is a number");
            assert!((4000..=7000).contains(&left), "{left} ms");
        }
        let log = gateway.logs_of(client.addr(), 28);
        assert!(log.iter().all(|line| line["reason"] == "ok" && line["status"] == 200), "{log:?}");
        let bytes = |line: &serde_json::Value| line["bytes_in"].as_u64();
        assert_eq!((bytes(&log[0]), bytes(&log[14])), (Some(8), Some(12)), "as they came from the client");
    });
}

#[test]
fn text_comes_in_padded_pieces_however_it_is_torn_and_leaves_in_the_form_that_is_asked_for() {
    let Some(python) = python("grpc") else { return };
    let server = Server::start(python, "grpc/server.py");
    each_driver(|driver| {
        let gateway = gateway(driver, &server);
        let mut client = gateway.connect();
        let head = format!("POST /test.Echo/Gather HTTP/1.1\r\nHost: a\r\nContent-Type: {TEXT}\r\n");
        // Two messages in four pieces, a character a chunk.
        let body = [&frame(b"ab")[..5], b"ab", &frame(b"cde")[..6], b"de"].map(text).concat();
        client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
        for character in body {
            client.send([b"1\r\n", &[character][..], b"\r\n"].concat());
        }
        client.send("0\r\n\r\n");
        Told::of(TEXT, &client.reply()).is(&[b"abcde"]);
        client.send(call("Unary", TEXT, "Accept: application/grpc-web+proto\r\n", b"abc"));
        Told::of("application/grpc-web", &client.reply()).is(&[b"cba"]);
        client.send(call("Unary", BINARY, "Accept: application/grpc-web-text\r\n", b"abc"));
        Told::of("application/grpc-web-text+proto", &client.reply()).is(&[b"cba"]);
        for body in ["AAAAAAM=YW*j", "AAAAAAM=YWJ", "AAAAAAM", "=AAA"] {
            let mut client = gateway.connect();
            client.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
            let reply = client.reply();
            let told = Told::of(TEXT, &reply);
            let detail = "bad_request: body_framing";
            assert_eq!((told.value("grpc-status"), told.value("grpc-message")), ("13", detail), "{body}");
            assert!(reply.says_close());
            assert_eq!(gateway.log_of(client.addr())["reason"], "bad_request");
        }
    });
}

#[test]
fn a_stream_leaves_as_it_comes_and_ends_with_its_client() {
    let Some(python) = python("grpc") else { return };
    let server = Server::start(python, "grpc/server.py");
    each_driver(|driver| {
        let gateway = gateway(driver, &server);
        for kind in [BINARY, TEXT] {
            let mark = format!("{kind} {}", driver.name());
            let mut client = gateway.connect();
            client.send(call("Forever", kind, "", mark.as_bytes()));
            // More than one message is there while the server goes on: "tick" in its frame, whatever the chunks.
            let ticks = |came: &[u8]| match kind {
                BINARY => came.windows(4).filter(|four| four == b"tick").count(),
                _ => came.windows(12).filter(|group| group == b"AAAAAAR0aWNr").count(),
            };
            client.read_until(|came| ticks(came) >= 3);
            drop(client);
            ask(&mut gateway.connect(), "Cancelled", kind, mark.as_bytes()).is(&[b"yes"]);
        }
    });
}

#[test]
fn what_the_gateway_answers_itself_is_a_status_in_the_head() {
    let Some(python) = python("grpc") else { return };
    let server = Server::start(python, "grpc/server.py");
    each_driver(|driver| {
        let gateway = gateway(driver, &server);
        for kind in [BINARY, TEXT] {
            let mut client = gateway.connect();
            client.send(call("Unary", kind, "Grpc-Timeout: 300m\r\n", b"slow"));
            assert_eq!(Told::of(kind, &client.reply()).value("grpc-status"), "4");
            for (path, status, message) in
                [("/test.Down/", "14", "upstream_connect"), ("/test.Inside/", "7", "address_denied")]
            {
                let mut client = gateway.connect();
                let asked = call("Unary", kind, "", b"");
                let (front, rest) = asked.split_at("POST /test.Echo/".len());
                assert_eq!(front, b"POST /test.Echo/");
                client.send([b"POST ", path.as_bytes(), rest].concat());
                let told = Told::of(kind, &client.reply());
                assert_eq!((told.value("grpc-status"), told.value("grpc-message")), (status, message));
            }
        }
        // Which calls a route takes is not known of one that is not there.
        let mut client = gateway.connect();
        client.send(
            call("Unary", BINARY, "", b"")
                .strip_prefix(b"POST /test.Echo")
                .map(|rest| [b"POST /x", rest].concat())
                .unwrap(),
        );
        assert_eq!(client.reply().expect(404).reason(), "no_route");
        // A browser asks before and is let read the status.
        let mut client = gateway.connect();
        client.send(
            "OPTIONS /test.Echo/Unary HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type,x-grpc-web\r\n\r\n",
        );
        let reply = client.reply().expect(204);
        assert_eq!(
            reply.value("access-control-allow-headers"),
            Some("content-type,x-grpc-web"),
            "{}",
            reply.head
        );
        client.send(call("Unary", TEXT, "Origin: https://app.test\r\n", b"abc"));
        let reply = client.reply();
        Told::of(TEXT, &reply).is(&[b"cba"]);
        assert_eq!(
            reply.value("access-control-expose-headers"),
            Some("grpc-status, grpc-message"),
            "{}",
            reply.head
        );
    });
}

#[test]
fn a_browser_calls_over_http2_too() {
    let Some(python) = python("grpc") else { return };
    let server = Server::start(python, "grpc/server.py");
    each_driver(|driver| {
        let gateway = gateway(driver, &server);
        for kind in [BINARY, TEXT] {
            for (method, message, expected) in
                [("Unary", &b"abc"[..], &[&b"cba"[..]][..]), ("Spread", b"3", &[b"0", b"1", b"2"])]
            {
                let body = if kind == TEXT { text(&frame(message)) } else { frame(message) };
                let url = format!("http://{}/test.Echo/{method}", gateway.addr());
                let mut curl = Command::new("curl");
                curl.args(["-sS", "--max-time", "20", "--http2-prior-knowledge", "-H", "Expect:"]);
                curl.args(["-H", &format!("Content-Type: {kind}"), "--data-binary", "@-"]);
                curl.args(["-w", "%{stderr}%{http_version} %{content_type}", &url]);
                let piped = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = piped.spawn().expect("curl is installed");
                child.stdin.take().unwrap().write_all(&body).unwrap();
                let out = child.wait_with_output().unwrap();
                assert_eq!(String::from_utf8_lossy(&out.stderr), format!("2 {kind}"));
                Told::apart(kind, &out.stdout).is(expected);
            }
        }
    });
}

#[test]
fn what_is_no_call_of_such_a_route_passes_as_it_is() {
    each_driver(|driver| {
        let origin = Origin::start();
        // Behind the gateway another one, whose own origin shows what arrives.
        let text_of = |protocols: &str, upstream: &str, web: &str| {
            format!(
                "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
                 listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [{protocols}] }}]\n\
                 upstreams: {{ origin: {{ {upstream} }} }}\n\
                 routes: [{{ name: web, match: {{ path: /*, headers: {{ X-Web: '*' }} }}, {web}to: origin }}, \
                 {{ name: all, match: {{ path: /* }}, to: origin }}]\n",
                driver.name()
            )
        };
        let behind = Gateway::with(
            &text_of("http2", &format!("endpoints: [{{ address: '{}' }}]", origin.addr()), ""),
            1,
        );
        let upstream = format!("protocol: http2, endpoints: [{{ address: '{}' }}]", behind.addr());
        let gateway = Gateway::with(&text_of("http1", &upstream, "grpc_web: true, "), 1);
        let mut client = gateway.connect();
        let mut arrives = |fields: &str, body: &str| {
            let length = body.len();
            client.send(format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
            ));
            let reply = client.reply().expect(200);
            // It is no reply of gRPC.
            assert_eq!(reply.value("grpc-status"), None, "{}", reply.head);
            reply.text().to_ascii_lowercase()
        };
        let text = "content-type: application/grpc-web-text+proto\r\naccept: application/grpc-web-text\r\n";
        let seen = arrives(text, "AAAAAAM=YWJj");
        assert!(
            seen.contains(text.lines().next().unwrap()) && seen.contains("content-length: 12\r\n"),
            "{seen}"
        );
        assert!(seen.ends_with("aaaaaam=ywjj"), "{seen}");
        let seen = arrives(&format!("X-Web: 1\r\n{text}"), "AAAAAAM=YWJj");
        assert!(seen.contains("content-type: application/grpc+proto\r\n"), "{seen}");
        assert!(!seen.contains("content-length") && !seen.contains("accept:"), "{seen}");
        assert!(seen.contains("\0\0\0\0\u{3}abc"), "{seen}");
        let seen = arrives("X-Web: 1\r\ncontent-type: text/plain\r\n", "abc");
        assert!(seen.contains("content-type: text/plain\r\n") && seen.ends_with("abc"), "{seen}");
        three_fresh(&gateway);
    });
}
