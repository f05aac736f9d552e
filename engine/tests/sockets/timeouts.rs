//! Time: no peer keeps an exchange longer than the configuration says. Each timeout has its answer and its reason, or
//! a visible cut where the answer had begun.

use crate::replies::never_reused;
use crate::support::{Client, End, Gateway, Ids, Setup, Whole, each_driver, three_fresh};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tools::upstream::{Mode, Origin};

/// Less than any of the timeouts here, more than any of the rest may take on a busy machine.
const SOON: Duration = Duration::from_millis(150);
const LATE: Duration = Duration::from_secs(8);

/// What came of a request.
struct Came {
    request: String,
    status: u16,
    whole: Whole,
    took: Duration,
    line: Value,
}

/// Asks all of it at once, and gives what came of each in turn.
fn timed(gateway: &Gateway, requests: impl IntoIterator<Item = String>) -> Vec<Came> {
    let asked: Vec<(Client, String)> = requests
        .into_iter()
        .map(|request| {
            let mut client = gateway.connect();
            client.send(&request);
            (client, request)
        })
        .collect();
    let began = Instant::now();
    let answered: Vec<_> = asked
        .into_iter()
        .map(|(mut client, request)| {
            let reply = client.reply();
            (client.addr(), request, reply, began.elapsed())
        })
        .collect();
    let told = answered.into_iter().map(|(client, request, reply, took)| {
        let line = gateway.log_of(client);
        Came { request, status: reply.status, whole: reply.whole, took, line }
    });
    told.collect()
}

impl Came {
    /// Holds it to what its timeout has to bring about.
    #[track_caller]
    fn expect(&self, status: u16, whole: bool, reason: &str) {
        let Came { request, line, took, .. } = self;
        assert!(self.status == status && (self.whole == Whole::Yes) == whole, "{request:?}: {line}");
        assert!(*took > SOON && *took < LATE, "{request:?}: {took:?}");
        assert_eq!(line["reason"], reason, "{request:?}");
    }
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
        timed(&gateway, [get("/ok")])[0].expect(504, true, "upstream_connect_timeout");
    });
}

// Nothing of a request was sent to it, whatever the method.
#[test]
fn an_endpoint_that_does_not_answer_gives_way_to_another() {
    for balance in ["round_robin", "least_connections", "{ consistent_hash: path }"] {
        each_driver(|driver| {
            let (silent, _socket, _filled) = black_hole();
            let origin = Origin::start();
            let endpoints = [silent, origin.addr(), silent];
            let setup = Setup { route_timeouts: "connect: 200ms", balance, ..Setup::before(&endpoints[..2]) };
            let gateway = Gateway::start(driver, &setup);
            for turn in 0..8 {
                let mut client = gateway.connect();
                let method = if turn % 2 == 0 { "POST" } else { "GET" };
                client.send(format!("{method} /ok?{turn} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
                client.reply().expect(200);
                assert_eq!(gateway.log_of(client.addr())["endpoint"], origin.addr().to_string());
            }
        });
    }
}

#[test]
fn an_answer_that_does_not_begin_is_504() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { route_timeouts: "first_byte: 300ms", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        origin.script("hint", b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec());
        let post = |framing: &str| format!("POST /never HTTP/1.1\r\nHost: a\r\n{framing}");
        let requests = [
            get("/never"),
            get("/no-read"),
            get("/slow-head/60000"),
            get("/raw-torn/100/485454502f312e3120323030204f4b0d0a0d0a"),
            get("/script/hint"),
            post("Content-Length: 5\r\n\r\nhello"),
            post("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            // Whose client waits for a 100.
            post("Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
        ];
        for came in timed(&gateway, requests) {
            came.expect(504, true, "upstream_timeout");
            three_fresh(&gateway);
        }
        origin.switch(Mode::NeverRead);
        // Those parked by now are still served; this takes a connection of its own.
        let gateway = Gateway::start(driver, &setup);
        timed(&gateway, [get("/ok")])[0].expect(504, true, "upstream_timeout");
    });
}

#[test]
fn a_client_that_does_not_wait_for_its_100_has_its_time_to_send() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { route_timeouts: "first_byte: 300ms", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut client = gateway.connect();
        client.patience(Duration::from_millis(700));
        client.send("POST /never HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhe");
        assert!(!client.came(), "its body is on its way");
        let began = Instant::now();
        assert_eq!(client.send("llo").reply().expect(504).reason(), "upstream_timeout");
        assert!(began.elapsed() > SOON, "{:?}", began.elapsed());
        three_fresh(&gateway);
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
        let ids: Vec<String> = (0..8).map(|_| Ids::next()).collect();
        let paths = ["/script/chunks", "/script/length", "/script/close", "/slow-body/1000/5"];
        let requests = ids.iter().zip(paths.into_iter().cycle()).enumerate().map(|(number, (id, path))| {
            let version = if number < paths.len() { "1.1" } else { "1.0" };
            format!("GET {path}?{id} HTTP/{version}\r\nHost: a\r\n\r\n")
        });
        for came in timed(&gateway, requests) {
            came.expect(200, false, "upstream_body_timeout");
            three_fresh(&gateway);
        }
        assert!(ids.iter().all(|id| never_reused(&origin, id)));
        // Slow is not silent.
        timed(&gateway, [get("/slow-body/50/10")])[0].expect(200, true, "ok");
    });
}

#[test]
fn the_whole_exchange_has_its_time_whoever_is_slow() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { route_timeouts: "total: 500ms", ..Setup::of(&origin) });
        let came = timed(&gateway, [get("/never"), get("/slow-body/100/100")]);
        came[0].expect(504, true, "total_timeout");
        came[1].expect(200, false, "total_timeout");
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

#[test]
fn a_client_that_resets_is_not_worked_for_though_its_origin_is_silent() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { route_timeouts: "first_byte: 30s, between_bytes: 30s", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        origin.script("half", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec());
        let began = Instant::now();
        let mut never = gateway.connect();
        never.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut half = gateway.connect();
        half.send("GET /script/half HTTP/1.1\r\nHost: a\r\n\r\n").read_until(|come| come.ends_with(b"half"));
        // Who has only said all that he had to say waits for his answer.
        let mut waits = gateway.connect();
        waits.send("GET /slow-head/2500 HTTP/1.1\r\nHost: a\r\n\r\n").finish();
        // What was sent behind a request and is not read yet hides nothing.
        let mut ahead = gateway.connect();
        ahead.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\nG");
        // What was read of a request is told, whoever was waited for.
        let mut sends = gateway.connect();
        let body = "x".repeat(100);
        sends.send(format!("POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{body}"));
        assert!(origin.wait(|seen| seen.iter().flat_map(|c| &c.requests).any(|r| r.method() == "POST")));
        let told = [
            (never.addr(), 0, 0, 0),
            (half.addr(), 200, 4, 0),
            (ahead.addr(), 0, 0, 0),
            (sends.addr(), 0, 0, 100),
        ];
        sends.reset();
        never.reset();
        half.reset();
        ahead.reset();
        for (client, status, bytes, asked) in told {
            let line = gateway.log_of(client);
            assert_eq!(line["reason"], "client_gone", "{line}");
            assert_eq!((&line["status"], &line["bytes_out"]), (&status.into(), &bytes.into()), "{line}");
            assert_eq!(line["bytes_in"], asked, "{line}");
        }
        assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
        waits.reply().expect(200);
        three_fresh(&gateway);
    });
}

#[test]
fn who_reads_slowly_and_steadily_is_not_taken_for_one_that_reads_nothing() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { timeouts: "body: 600ms", ..Setup::of(&origin) });
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("is set");
        socket.connect(&gateway.addr().into()).expect("it listens");
        let mut stream = TcpStream::from(socket);
        stream.write_all(b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n").expect("is sent");
        let (mut read, mut piece) = (0, [0; 4096]);
        for _ in 0..120 {
            read += stream.read(&mut piece).expect("it is not cut");
            std::thread::sleep(Duration::from_millis(25));
        }
        assert!(read > 100_000, "{read} bytes in three seconds");
        let client = stream.local_addr().expect("is connected");
        drop(stream);
        // What is on its way is read for long after a cut: the log tells when there was one.
        let line = gateway.log_of(client);
        assert_eq!(line["reason"], "client_gone", "{line}");
        three_fresh(&gateway);
    });
}

/// An origin that begins to answer once it has a head, and says no more.
fn answers_half() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            held.push(stream);
        }
    });
    addr
}

// Whichever side of the exchange finds it, it is the client that has left.
#[test]
fn a_client_that_resets_within_both_bodies_is_gone() {
    each_driver(|driver| {
        let setup = Setup { route_timeouts: "between_bytes: 30s", ..Setup::before(&[answers_half()]) };
        let gateway = Gateway::start(driver, &setup);
        let (mut client, began) = (gateway.connect(), Instant::now());
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        client.read_until(|come| come.ends_with(b"half"));
        let addr = client.addr();
        client.reset();
        let line = gateway.log_of(addr);
        assert_eq!(line["reason"], "client_gone", "{line}");
        assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
    });
}

/// An origin that answers before the body has come, and then reads no more of it.
fn answers_at_once() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            }
            held.push(stream);
        }
    });
    addr
}

#[test]
fn a_body_that_turns_out_too_long_ends_a_reply_that_has_begun() {
    each_driver(|driver| {
        let gateway = Gateway::start(
            driver,
            &Setup { limits: "body_bytes: 10B", ..Setup::before(&[answers_at_once()]) },
        );
        let mut client = gateway.connect();
        client.send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        client.read_until(|come| come.ends_with(b"half"));
        client.send(format!("64\r\n{}\r\n", "x".repeat(100)));
        let line = gateway.log_of(client.addr());
        assert_eq!((&line["status"], &line["reason"]), (&200.into(), &"body_too_large".into()), "{line}");
        client.rest();
    });
}
