use super::*;
use std::io::{Read, Write};

const LIMIT: Duration = Duration::from_secs(10);

fn connect(origin: &Origin) -> TcpStream {
    let stream = TcpStream::connect(origin.addr()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Sends `bytes`, closes the sending side and reads to the end. What came before a reset counts.
fn talk(origin: &Origin, bytes: &[u8]) -> (String, std::io::Result<()>) {
    let mut stream = connect(origin);
    stream.write_all(bytes).unwrap();
    // An origin that resets may have done so already.
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).map(|_| ());
    (String::from_utf8_lossy(&answer).into_owned(), end)
}

fn get(origin: &Origin, path: &str) -> String {
    talk(origin, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).0
}

fn text(bytes: usize) -> String {
    String::from_utf8(pattern(bytes)).unwrap()
}

#[test]
fn well_behaved_answers_are_well_framed() {
    let origin = Origin::start();
    let body = |path: &str| get(&origin, path).split_once("\r\n\r\n").map(|(_, body)| body.to_string());
    assert_eq!(body("/"), Some("ok\n".to_string()));
    assert_eq!(body("/bytes/30"), Some(text(30)));
    assert_eq!(body("/chunked/5?size=2"), Some("2\r\nab\r\n2\r\ncd\r\n1\r\ne\r\n0\r\n\r\n".to_string()));
    assert_eq!(body("/chunked/0"), Some("0\r\n\r\n".to_string()));
    assert_eq!(body("/trailers"), Some("5\r\nhello\r\n0\r\nX-Checksum: 7\r\n\r\n".to_string()));
    assert_eq!(body("/status/503"), Some("503\n".to_string()));
    assert_eq!(body("/status/204"), Some(String::new()));
    assert_eq!(body("/close-delimited/5"), Some("abcde".to_string()));
    assert_eq!(body("/slow-body/1/3"), Some("abc".to_string()));
    assert_eq!(body("/slow-head/1"), Some("slow\n".to_string()));
    assert!(get(&origin, "/nope").starts_with("HTTP/1.1 404 "));
    assert!(get(&origin, "/http10").starts_with("HTTP/1.0 200 "));
    assert!(get(&origin, "/304").ends_with("Content-Length: 1000\r\n\r\n"));
    assert!(get(&origin, "/big-head/5000").len() > 5000);
    assert_eq!(get(&origin, "/many-fields/300").lines().filter(|l| l.starts_with("X-Field")).count(), 300);
}

#[test]
fn answers_to_head_have_no_body() {
    let origin = Origin::start();
    for path in [
        "/",
        "/bytes/30",
        "/chunked/30",
        "/trailers",
        "/status/500",
        "/echo",
        "/slow-head/1",
        "/slow-body/1/5",
    ] {
        let (answer, _) = talk(&origin, format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert!(answer.ends_with("\r\n\r\n") && answer.matches("\r\n\r\n").count() == 1, "{path}: {answer}");
    }
}

#[test]
fn the_field_x_origin_wins_over_the_path() {
    let origin = Origin::start();
    let (answer, _) = talk(&origin, b"GET /a/../b HTTP/1.1\r\nHost: a\r\nX-Origin: /status/418\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 418 "));
}

#[test]
fn requests_are_recorded_exactly() {
    let origin = Origin::start();
    let first = b"POST /echo?x HTTP/1.1\r\nHost: a\r\nX-A:  1 \r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc";
    let second = b"PUT /echo HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n";
    let both = [&first[..], second].concat();
    assert!(talk(&origin, &both).1.is_ok());
    assert!(origin.wait(|seen| seen.len() == 1 && seen[0].end.is_some()));
    let seen = origin.seen();
    assert_eq!(seen[0].bytes, both);
    assert_eq!(seen[0].end, Some(ConnectionEnd::PeerClosed));
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        (requests[0].method(), requests[0].target(), requests[0].version()),
        ("POST", "/echo?x", "HTTP/1.1")
    );
    assert_eq!(requests[0].values("X-A"), ["1", "2"]);
    assert_eq!(requests[0].head, first[..first.len() - 3]);
    assert_eq!((&requests[0].body[..], requests[0].end), (&b"abc"[..], BodyEnd::Complete));
    assert_eq!((&requests[1].body[..], &requests[1].trailers[..]), (&b"abc"[..], &b"X-T: 1\r\n"[..]));
}

#[test]
fn a_body_that_is_cut_or_broken_is_recorded_so() {
    for (bytes, expected) in [
        (&b"POST /ok HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"[..], BodyEnd::Cut),
        (b"POST /ok HTTP/1.1\r\nContent-Length: x\r\n\r\n", BodyEnd::Broken("content-length")),
        (b"POST /ok HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab", BodyEnd::Cut),
        (
            b"POST /ok HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
            BodyEnd::Broken("chunk end"),
        ),
        (b"POST /ok HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", BodyEnd::Broken("chunk size")),
        (b"POST /ok HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", BodyEnd::Broken("transfer-encoding")),
        (b"POST /never HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", BodyEnd::Unread),
    ] {
        let origin = Origin::start();
        let (answer, _) = talk(&origin, bytes);
        assert_eq!(origin.requests()[0].end, expected, "{}", String::from_utf8_lossy(bytes));
        let is_refused = answer.starts_with("HTTP/1.1 400 ");
        assert_eq!(is_refused, matches!(expected, BodyEnd::Broken(_)), "{answer}");
    }
}

#[test]
fn echo_gives_back_head_and_body() {
    let origin = Origin::start();
    let request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    assert!(talk(&origin, request.as_bytes()).0.ends_with(request));
    let request = request.replace("/echo", "/echo-json");
    let (answer, _) = talk(&origin, request.as_bytes());
    let tree: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((tree["target"].as_str(), tree["body"].as_str()), (Some("/echo-json"), Some("hi")));
    assert_eq!(tree["fields"][0], serde_json::json!(["Host", "a"]));
}

#[test]
fn cut_bodies_look_cut() {
    let origin = Origin::start();
    let (answer, end) = talk(&origin, b"GET /cut-length?after=5 HTTP/1.1\r\n\r\n");
    assert!(end.is_ok() && answer.contains("Content-Length: 100000") && answer.ends_with("\r\n\r\nabcde"));
    let (answer, end) = talk(&origin, b"GET /cut-chunked?after=5 HTTP/1.1\r\n\r\n");
    assert!(end.is_ok() && answer.ends_with("\r\n\r\n5\r\nabcde\r\n"), "{answer}");
    let (answer, end) = talk(&origin, b"GET /reset-mid-body?after=5 HTTP/1.1\r\n\r\n");
    assert!(end.is_err() && answer.ends_with("\r\n\r\nabcde"), "{answer}");
    origin.script("part", b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec());
    let (answer, end) = talk(&origin, b"GET /script-reset/part HTTP/1.1\r\n\r\n");
    assert!(end.is_err() && answer.ends_with("\r\n\r\nabc"), "{answer}");
    let (answer, end) = talk(&origin, b"GET /close-before-head HTTP/1.1\r\n\r\n");
    assert!(end.is_ok() && answer.is_empty());
    let (answer, end) = talk(&origin, b"GET /reset-before-head HTTP/1.1\r\n\r\n");
    assert!(end.is_err() && answer.is_empty());
}

#[test]
fn an_early_answer_comes_before_the_body() {
    let origin = Origin::start();
    for path in ["/early-answer", "/early-answer-close"] {
        let mut stream = connect(&origin);
        stream.write_all(format!("POST {path} HTTP/1.1\r\nContent-Length: 10\r\n\r\n").as_bytes()).unwrap();
        let mut answer = [0u8; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200", "{path}");
    }
    assert!(origin.requests().iter().all(|request| request.end == BodyEnd::Unread));
}

#[test]
fn interim_answers_come_first() {
    let origin = Origin::start();
    assert_eq!(get(&origin, "/103").matches("HTTP/1.1 103 ").count(), 1);
    assert_eq!(get(&origin, "/many-1xx/20").matches("HTTP/1.1 103 ").count(), 20);
    let mut stream = connect(&origin);
    stream.write_all(b"POST /100-continue HTTP/1.1\r\nContent-Length: 2\r\n\r\n").unwrap();
    let mut interim = [0u8; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hi").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhi"));
}

#[test]
fn expect_is_met_where_the_body_is_read() {
    let origin = Origin::start();
    let request = b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi";
    let (answer, _) = talk(&origin, request);
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "));
}

#[test]
fn bytes_that_nobody_asked_for_are_sent() {
    let origin = Origin::start();
    assert!(get(&origin, "/extra-bytes").ends_with("poison\n"));
    assert!(get(&origin, "/204-with-body").ends_with("\r\n\r\nhello"));
    origin.script("odd", b"HTTP/1.1 2\0 0\r\n".to_vec());
    assert_eq!(get(&origin, "/script/odd"), "HTTP/1.1 2\0 0\r\n");
    assert!(get(&origin, "/script/none").starts_with("HTTP/1.1 404 "));
    let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(get(&origin, &raw_path(reply)).as_bytes(), reply);
    let torn = raw_path(reply).replace("/raw/", "/raw-torn-close/1/");
    assert_eq!(get(&origin, &torn).as_bytes(), reply);
}

#[test]
fn a_held_answer_goes_on_when_released() {
    let origin = Origin::start();
    origin.script("a", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec());
    let mut stream = connect(&origin);
    stream.write_all(b"GET /held-close/10/a HTTP/1.1\r\n\r\n").unwrap();
    assert!(origin.wait_held(1));
    let mut first = [0u8; 10];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 2");
    origin.release();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "00 OK\r\nContent-Length: 2\r\n\r\nhi");
}

#[test]
fn connections_end_when_a_behaviour_says_so() {
    let origin = Origin::start();
    let two = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(2);
    for (path, answers) in [("/ok", 2), ("/close-after", 1), ("/once", 1), ("/close-delimited/3", 1)] {
        assert_eq!(talk(&origin, two(path).as_bytes()).0.matches("HTTP/1.1 200").count(), answers, "{path}");
    }
    let (answer, end) = talk(&origin, b"GET /reset-after HTTP/1.1\r\n\r\n");
    assert!(end.is_err() && answer.ends_with("ok\n"));
    for request in ["GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
        let mut stream = connect(&origin);
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn an_upgraded_connection_echoes() {
    let origin = Origin::start();
    let asked = b"GET /upgrade HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping";
    let (answer, _) = talk(&origin, asked);
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("Upgrade: websocket\r\n\r\nping"));
    assert!(get(&origin, "/upgrade").starts_with("HTTP/1.1 426 "));
    assert!(get(&origin, "/upgrade-unasked").starts_with("HTTP/1.1 101 "));
}

#[test]
fn modes_hold_for_new_connections() {
    let origin = Origin::start();
    let mut kept = connect(&origin);
    kept.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    kept.read_exact(&mut [0u8; 12]).unwrap();
    origin.switch(Mode::RefuseAfterAccept);
    let mut refused = connect(&origin);
    assert!(!matches!(refused.read(&mut [0u8; 1]), Ok(1)));
    origin.switch(Mode::NeverRead);
    let mut deaf = connect(&origin);
    deaf.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let block = vec![0u8; 1 << 20];
    assert!((0..64).any(|_| deaf.write_all(&block).is_err()), "64 MiB were taken without a read");
    kept.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(origin.wait(|seen| seen[0].requests.len() == 2));
    assert_eq!((origin.connections(), origin.open()), (3, 2));
}

#[test]
fn dropping_an_origin_ends_everything_at_once() {
    let origin = Origin::start();
    let mut streams: Vec<TcpStream> = Vec::new();
    for path in [
        "/never",
        "/no-read",
        "/slow-head/60000",
        "/slow-body/60000/9",
        "/bytes/1000000000000",
        "/upgrade-unasked",
    ] {
        let mut stream = connect(&origin);
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        streams.push(stream);
    }
    assert!(origin.wait(|seen| seen.iter().filter(|c| c.requests.len() == 1).count() == 6));
    let (addr, started) = (origin.addr(), Instant::now());
    drop(origin);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn nobody_listens_at_a_closed_address() {
    assert!(TcpStream::connect(closed_addr()).is_err());
}

#[test]
fn an_origin_without_recording_keeps_nothing() {
    let origin = Origin::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Recording::Off).unwrap();
    assert!(get(&origin, "/ok").ends_with("ok\n"));
    assert!(origin.seen().is_empty());
    assert_eq!(origin.connections(), 1);
}
