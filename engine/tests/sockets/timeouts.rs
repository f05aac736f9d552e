//! Time: no peer keeps an exchange longer than the configuration says. Each timeout has its answer and its reason, or
//! a visible cut where the answer had begun.

use crate::replies::never_reused;
use crate::support::{Client, End, Gateway, Ids, Setup, Whole, each_driver, three_fresh};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tools::upstream::{Mode, Origin};

/// Less than any of the timeouts here, more than any of the rest may take on a busy machine.
const SOON: Duration = Duration::from_millis(150);
const LATE: Duration = Duration::from_secs(8);

/// Asks, and gives the answer's status, whether it was whole, how long it took, and its log line.
fn timed(gateway: &Gateway, request: &str) -> (u16, Whole, Duration, Value) {
    let mut client = gateway.connect();
    let began = Instant::now();
    client.send(request);
    let reply = client.reply();
    let took = began.elapsed();
    let line = gateway.log_of(client.addr());
    (reply.status, reply.whole, took, line)
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// A listener whose queue is full, so that no connect to it ends; and what fills it.
fn black_hole() -> (SocketAddr, Socket, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let fill = || TcpStream::connect_timeout(&addr, Duration::from_millis(100));
    let filled = std::iter::from_fn(|| fill().ok()).take(16).collect();
    (addr, socket, filled)
}

#[test]
fn a_connect_that_does_not_end_is_504() {
    each_driver(|driver| {
        let (addr, _socket, filled) = black_hole();
        assert!(filled.len() < 16, "the queue is full");
        let setup = Setup { route_timeouts: "connect: 300ms", ..Setup::before(&[addr]) };
        let gateway = Gateway::start(driver, &setup);
        let (status, _, took, line) = timed(&gateway, &get("/ok"));
        assert!(status == 504 && took > SOON && took < LATE, "{took:?} {line}");
        assert_eq!(line["reason"], "upstream_connect_timeout");
    });
}

#[test]
fn an_answer_that_does_not_begin_is_504() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { route_timeouts: "first_byte: 300ms", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        origin.script("hint", b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec());
        let post = |framing: &str| format!("POST /never?ID HTTP/1.1\r\nHost: a\r\n{framing}");
        for request in [
            get("/never?ID"),
            get("/no-read?ID"),
            get("/slow-head/60000?ID"),
            get("/raw-torn/100/485454502f312e3120323030204f4b0d0a0d0a?ID"),
            get("/script/hint?ID"),
            post("Content-Length: 5\r\n\r\nhello"),
            post("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ] {
            let id = Ids::next();
            let (status, whole, took, line) = timed(&gateway, &request.replace("ID", &id));
            assert!(status == 504 && whole == Whole::Yes, "{request:?}: {line}");
            assert!(took > SOON && took < LATE, "{request:?}: {took:?}");
            assert_eq!(line["reason"], "upstream_timeout", "{request:?}");
            three_fresh(&gateway);
        }
        origin.switch(Mode::NeverRead);
        // Those parked by now are still served; this takes a connection of its own.
        let gateway = Gateway::start(driver, &setup);
        assert_eq!(timed(&gateway, &get("/ok")).0, 504);
    });
}

#[test]
fn an_answer_that_falls_silent_is_cut() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { route_timeouts: "between_bytes: 300ms", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        origin.script(
            "chunks",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec(),
        );
        origin.script("length", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".to_vec());
        origin.script("close", b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec());
        for path in ["/script/chunks", "/script/length", "/script/close", "/slow-body/60000/5"] {
            for version in ["1.1", "1.0"] {
                let id = Ids::next();
                let request = format!("GET {path}?{id} HTTP/{version}\r\nHost: a\r\n\r\n");
                let (status, whole, took, line) = timed(&gateway, &request);
                assert!(status == 200 && whole != Whole::Yes, "{request:?}: {line}");
                assert!(took > SOON && took < LATE, "{request:?}: {took:?}");
                assert_eq!(line["reason"], "upstream_body_timeout", "{request:?}");
                assert!(path.starts_with("/slow-body") || never_reused(&origin, &id));
                three_fresh(&gateway);
            }
        }
        // Slow is not silent.
        assert_eq!(timed(&gateway, &get("/slow-body/50/10")).1, Whole::Yes);
    });
}

#[test]
fn the_whole_exchange_has_its_time_whoever_is_slow() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { route_timeouts: "total: 500ms", ..Setup::of(&origin) });
        let (status, _, took, line) = timed(&gateway, &get("/never"));
        assert!(status == 504 && took > SOON && took < LATE, "{took:?} {line}");
        assert_eq!(line["reason"], "total_timeout");
        let (status, whole, took, line) = timed(&gateway, &get("/slow-body/100/100"));
        assert!(status == 200 && whole != Whole::Yes && took > SOON && took < LATE, "{took:?} {line}");
        assert_eq!(line["reason"], "total_timeout");
        three_fresh(&gateway);

        // A client that sends its body byte by byte.
        let (id, mut client, began) = (Ids::next(), gateway.connect(), Instant::now());
        client.send(format!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"));
        client.patience(Duration::from_millis(50));
        while !client.came() && began.elapsed() < LATE {
            drop(client.try_send("b"));
        }
        let took = began.elapsed();
        assert!(took > SOON && took < LATE, "{took:?}");
        let reply = client.reply();
        assert!(matches!(reply.status, 408 | 504), "{}", reply.head);
        assert!(never_reused(&origin, &id));

        // A client that reads its answer so slowly that it takes for ever.
        let (id, mut client, began) = (Ids::next(), gateway.connect(), Instant::now());
        client.send(get(&format!("/bytes/100000000?{id}")));
        client.patience(Duration::from_millis(50));
        client.came();
        assert!(never_reused(&origin, &id), "the origin's side ends");
        assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
        assert_ne!(gateway.log_of(client.addr())["reason"], "ok");
        three_fresh(&gateway);
    });
}

#[test]
fn a_client_that_does_not_read_is_not_waited_for() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { timeouts: "body: 300ms", ..Setup::of(&origin) });
        for path in ["/bytes/100000000", "/close-delimited/100000000"] {
            let (id, mut client, began) = (Ids::next(), gateway.connect(), Instant::now());
            client.send(get(&format!("{path}?{id}")));
            assert!(never_reused(&origin, &id), "{path}: the origin's side ends");
            assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
            assert_ne!(gateway.log_of(client.addr())["reason"], "ok");
            three_fresh(&gateway);
        }
    });
}

#[test]
fn an_idle_client_is_closed_without_a_word() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { timeouts: "idle: 400ms", ..Setup::of(&origin) });
        let closes = |mut client: Client| {
            let began = Instant::now();
            assert_eq!(client.end(), End::Fin);
            let took = began.elapsed();
            assert!(took > SOON && took < LATE, "{took:?}");
        };
        closes(gateway.connect());
        let mut client = gateway.connect();
        for _ in 0..3 {
            client.send(get("/ok")).reply().expect(200);
        }
        closes(client);
        three_fresh(&gateway);
    });
}
