use super::*;
use crate::mem::{Class, Pool};
use crate::wire::http1::sample;

const AS_GIVEN: Onward<'_> =
    Onward { target: b"/", host: b"h", length: Length::None, upgrade: None, expect_continue: false };

const NOTHING: Backward<'_> = Backward {
    length: Length::Exact(2),
    keep_alive: KeepAlive::Nothing,
    upgrade: None,
    version10: false,
    unix_seconds: 784_111_777,
};

/// The head written for the request `GET / HTTP/1.1`, `Host: h` and `fields`.
fn onward(fields: &str, edits: &Edits, onward: &Onward<'_>) -> String {
    onward_from(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"), edits, onward)
}

fn onward_from(text: &str, edits: &Edits, onward: &Onward<'_>) -> String {
    let lines = sample::request(text.as_bytes());
    let mut out = Pool::new().take(Class::Small);
    assert!(out.put(b"before "));
    request(&mut out, Head::new(text.as_bytes(), &lines), edits, onward).unwrap();
    let written = String::from_utf8_lossy(out.filled()).into_owned();
    written.strip_prefix("before ").expect("what stood in the buffer stays").to_owned()
}

/// `fields` that follow request line and Host when a request with the fields `from` is forwarded as it is.
fn forwards(from: &str, fields: &str) {
    let expected = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    assert_eq!(onward(from, &Edits::new(), &AS_GIVEN), expected, "{from}");
}

fn backward(text: &str, edits: &Edits, backward: &Backward<'_>) -> String {
    let lines = sample::reply(text.as_bytes());
    let mut out = Pool::new().take(Class::Small);
    reply(&mut out, Head::new(text.as_bytes(), &lines), edits, backward).unwrap();
    String::from_utf8_lossy(out.filled()).into_owned()
}

/// `fields` and those of `added` follow the status line when a reply with the fields `from` is passed back.
fn passes(from: &str, how: &Backward<'_>, fields: &str) {
    let text = format!("HTTP/1.1 200 OK\r\nDate: then\r\n{from}\r\n");
    let expected = format!("HTTP/1.1 200 OK\r\nDate: then\r\n{fields}\r\n");
    assert_eq!(backward(&text, &Edits::new(), how), expected, "{from}");
}

#[test]
fn a_request_that_needs_no_change_is_copied_as_it_is() {
    forwards("X-A:  b \r\nx-a: \t\r\nAccept: */*\r\n", "X-A:  b \r\nx-a: \t\r\nAccept: */*\r\n");
    forwards("", "");
}

#[test]
fn fields_between_neighbours_are_never_forwarded() {
    for name in [
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Transfer-Encoding",
        "Upgrade",
        "HTTP2-Settings",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "Proxy-Authentication-Info",
        "Expect",
    ] {
        for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            forwards(&format!("A: 1\r\n{name}: x\r\nB: 2\r\n"), "A: 1\r\nB: 2\r\n");
            forwards(&format!("{name}: x\r\n{name}: y\r\nB: 2\r\n{name}: z\r\n"), "B: 2\r\n");
            if !name.eq_ignore_ascii_case("Expect") {
                passes(&format!("{name}: x\r\nContent-Length: 2\r\n"), &NOTHING, "Content-Length: 2\r\n");
            }
        }
    }
    forwards("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", "");
    forwards("Trailer: X-A\r\n", "Trailer: X-A\r\n");
}

#[test]
fn what_connection_names_is_removed() {
    forwards("Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\n", "X-B: 2\r\n");
    forwards("x-a: 1\r\nX-B: 2\r\nX-A: 3\r\nConnection: close,\tX-A ,\r\n", "X-B: 2\r\n");
    forwards("Connection: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nConnection: c\r\n", "B: 2\r\n");
    forwards("Connection: referer\r\nReferer: a\r\nX-Referer: b\r\n", "X-Referer: b\r\n");
    forwards("Connection: close, keep-alive\r\nclose: 1\r\nX: 2\r\n", "close: 1\r\nX: 2\r\n");
    passes(
        "Connection: X-A, etag\r\nX-A: 1\r\nETag: 2\r\nContent-Length: 2\r\n",
        &NOTHING,
        "Content-Length: 2\r\n",
    );
}

#[test]
fn naming_what_tells_the_origin_who_asks_and_for_what_removes_nothing() {
    for name in [
        "Authorization",
        "X-API-Key",
        "cookie",
        "Content-Type",
        "x-request-id",
        "Via",
        "X-Forwarded-Proto",
        "Traceparent",
    ] {
        forwards(&format!("Connection: {name}, X-A\r\n{name}: 1\r\nX-A: 2\r\n"), &format!("{name}: 1\r\n"));
    }
}

#[test]
fn naming_a_field_in_connection_never_removes_what_we_write() {
    let mut edits = Edits::new();
    let names = [
        "Authorization",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "X-Request-Id",
        "Via",
        "Cookie",
        "X-User",
    ];
    for name in names {
        assert!(edits.set(name, b"ours"));
    }
    for name in names.into_iter().chain(["Host", "Content-Length", "Transfer-Encoding", "Connection"]) {
        let theirs = match name {
            "Host" | "Content-Length" | "Transfer-Encoding" | "Connection" => String::new(),
            _ => format!("{name}: theirs\r\n"),
        };
        let how = Onward { length: Length::Exact(7), ..AS_GIVEN };
        let written = onward(&format!("Connection: {name}\r\n{theirs}Content-Length: 7\r\n"), &edits, &how);
        assert!(!written.contains("theirs"), "{written}");
        assert_eq!(written.matches("ours").count(), names.len(), "{written}");
        assert_eq!(written.matches("Host: h\r\n").count(), 1, "{written}");
        assert_eq!(written.matches("Content-Length: 7\r\n").count(), 1, "{written}");
    }
    let how = Onward { length: Length::Chunked, ..AS_GIVEN };
    let chunked =
        onward("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", &Edits::new(), &how);
    assert!(chunked.ends_with("Host: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

#[test]
fn the_request_line_and_host_are_the_ones_given() {
    let how = Onward { target: b"/new?q", host: b"other:1", ..AS_GIVEN };
    let expected = "GET /new?q HTTP/1.1\r\nHost: other:1\r\nA: b\r\n\r\n";
    assert_eq!(onward("A: b\r\n", &Edits::new(), &how), expected);
    let text = "\r\n\r\nPURGE / HTTP/1.1\r\nA: b\r\nHost: h\r\nC: d\r\n\r\n";
    assert_eq!(onward_from(text, &Edits::new(), &AS_GIVEN), &text[4..]);
    let how = Onward { host: b"H", ..AS_GIVEN };
    let moved = "PURGE / HTTP/1.1\r\nHost: H\r\nA: b\r\nC: d\r\n\r\n";
    assert_eq!(onward_from(text, &Edits::new(), &how), moved);
    let text = "GET http://h/p HTTP/1.1\r\nHost: decoy\r\nA: b\r\n\r\n";
    let how = Onward { target: b"/p", host: b"h", ..AS_GIVEN };
    let expected = "GET /p HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    assert_eq!(onward_from(text, &Edits::new(), &how), expected);
}

#[test]
fn http_1_0_is_forwarded_as_http_1_1() {
    let expected = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    assert_eq!(onward_from("GET / HTTP/1.0\r\nA: b\r\n\r\n", &Edits::new(), &AS_GIVEN), expected);
    assert_eq!(
        onward_from("GET / HTTP/1.0\r\n\r\n", &Edits::new(), &AS_GIVEN),
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    );
    let host = "GET / HTTP/1.0\r\nHost: h\r\nA: b\r\n\r\n";
    assert_eq!(onward_from(host, &Edits::new(), &AS_GIVEN), expected);
    let text = "HTTP/1.0 404 Not Found\r\nDate: then\r\nContent-Length: 2\r\n\r\n";
    let expected = "HTTP/1.1 404 Not Found\r\nDate: then\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(backward(text, &Edits::new(), &NOTHING), expected);
}

#[test]
fn the_framing_is_the_one_given_and_stands_once() {
    let exact = Onward { length: Length::Exact(5), ..AS_GIVEN };
    for (fields, expected) in [
        ("Content-Length: 5\r\nA: b\r\n", "Content-Length: 5\r\nA: b\r\n"),
        ("Content-Length: 05\r\nA: b\r\n", "A: b\r\nContent-Length: 5\r\n"),
        ("Content-Length: 5, 5\r\nA: b\r\n", "A: b\r\nContent-Length: 5\r\n"),
        ("Content-Length: 5\r\nA: b\r\ncontent-length: 5\r\n", "A: b\r\nContent-Length: 5\r\n"),
        ("A: b\r\n", "A: b\r\nContent-Length: 5\r\n"),
        ("A: b\r\nTransfer-Encoding: chunked\r\n", "A: b\r\nContent-Length: 5\r\n"),
    ] {
        let expected = format!("GET / HTTP/1.1\r\nHost: h\r\n{expected}\r\n");
        assert_eq!(onward(fields, &Edits::new(), &exact), expected, "{fields}");
    }
    let chunked = Onward { length: Length::Chunked, ..AS_GIVEN };
    for fields in ["Content-Length: 5\r\nA: b\r\n", "A: b\r\nTransfer-Encoding: Chunked\r\n"] {
        let expected = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(onward(fields, &Edits::new(), &chunked), expected, "{fields}");
    }
    forwards("Content-Length: 5\r\nA: b\r\n", "A: b\r\n");
}

#[test]
fn edits_remove_then_add() {
    let mut edits = Edits::new();
    edits.remove(Field::COOKIE);
    edits.remove("X-Secret");
    edits.set("X-User", b"ann");
    edits.append(Field::VIA, b"1.1 us");
    let written =
        onward("Cookie: a\r\nx-secret: b\r\nVia: 1.0 x\r\nX-USER: eve\r\nX-Users: c\r\n", &edits, &AS_GIVEN);
    let expected =
        "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 x\r\nX-Users: c\r\nX-User: ann\r\nVia: 1.1 us\r\n\r\n";
    assert_eq!(written, expected);
}

#[test]
fn edits_decide_nothing_about_framing_connection_or_host() {
    let mut edits = Edits::new();
    for name in
        ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE", "Expect", "Keep-Alive"]
    {
        edits.set(name, b"x");
    }
    edits.set("X-A", b"y");
    let exact = Onward { length: Length::Exact(5), ..AS_GIVEN };
    let expected = "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-A: y\r\n\r\n";
    assert_eq!(onward("Content-Length: 5\r\n", &edits, &exact), expected);
    let text = "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 2\r\n\r\n";
    let expected = "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 2\r\nX-A: y\r\n\r\n";
    assert_eq!(backward(text, &edits, &NOTHING), expected);
}

#[test]
fn an_upgrade_and_an_expectation_are_written_only_when_asked_for() {
    let fields =
        "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\nExpect: 100-continue\r\nSec-WebSocket-Key: k\r\n";
    forwards(fields, "Sec-WebSocket-Key: k\r\n");
    let how = Onward { upgrade: Some(b"websocket"), expect_continue: true, ..AS_GIVEN };
    let expected = "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                    Expect: 100-continue\r\n\r\n";
    assert_eq!(onward(fields, &Edits::new(), &how), expected);

    let text = "HTTP/1.1 101 Switching Protocols\r\nDate: then\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Accept: k\r\nContent-Length: 3\r\n\r\n";
    let how = Backward { length: Length::None, upgrade: Some(b"websocket"), ..NOTHING };
    let expected = "HTTP/1.1 101 Switching Protocols\r\nDate: then\r\nSec-WebSocket-Accept: k\r\n\
                    Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(backward(text, &Edits::new(), &how), expected);
}

#[test]
fn a_reply_says_how_long_it_is_and_whether_the_connection_lives() {
    let with = |length, keep_alive| Backward { length, keep_alive, ..NOTHING };
    passes("Content-Length: 2\r\nA: b\r\n", &NOTHING, "Content-Length: 2\r\nA: b\r\n");
    passes("Content-Length: 2, 2\r\nA: b\r\n", &NOTHING, "A: b\r\nContent-Length: 2\r\n");
    let close = with(Length::Chunked, KeepAlive::Close);
    passes("Transfer-Encoding: chunked\r\n", &close, "Transfer-Encoding: chunked\r\nConnection: close\r\n");
    passes("Content-Length: 2\r\n", &close, "Transfer-Encoding: chunked\r\nConnection: close\r\n");
    let stays = with(Length::Exact(2), KeepAlive::KeepAlive);
    passes("Content-Length: 2\r\n", &stays, "Content-Length: 2\r\nConnection: keep-alive\r\n");
    let until_close = with(Length::UntilClose, KeepAlive::Close);
    passes("Connection: close\r\nContent-Length: 2\r\n", &until_close, "Connection: close\r\n");
    let forgotten = with(Length::UntilClose, KeepAlive::Nothing);
    passes("", &forgotten, "Connection: close\r\n");
}

#[test]
fn an_http_1_0_client_is_never_told_of_chunks_or_a_life_after_the_close() {
    let how =
        Backward { length: Length::Chunked, keep_alive: KeepAlive::KeepAlive, version10: true, ..NOTHING };
    passes("Transfer-Encoding: chunked\r\n", &how, "");
}

#[test]
fn a_length_without_a_body_is_information_only_where_it_may_be() {
    let how = Backward { length: Length::None, ..NOTHING };
    let check = |status: &str, fields: &str, expected: &str| {
        let text = format!("HTTP/1.1 {status}\r\nDate: then\r\n{fields}\r\n");
        let expected = format!("HTTP/1.1 {status}\r\nDate: then\r\n{expected}\r\n");
        assert_eq!(backward(&text, &Edits::new(), &how), expected, "{status} {fields}");
    };
    check("200 OK", "Content-Length: 5\r\n", "Content-Length: 5\r\n");
    check("304 Not Modified", "Content-Length: 5\r\n", "Content-Length: 5\r\n");
    check("200 OK", "Content-Length: 5, 5\r\n", "");
    check("200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "");
    check("204 No Content", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "");
    check("205 Reset Content", "", "Content-Length: 0\r\n");
}

#[test]
fn a_date_is_added_only_when_the_origin_sent_none() {
    let ours = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let check = |fields: &str, edits: &Edits, expected: &str| {
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\n");
        let expected = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{expected}\r\n");
        assert_eq!(backward(&text, edits, &NOTHING), expected, "{fields}");
    };
    check("", &Edits::new(), ours);
    check("Date: then\r\n", &Edits::new(), "Date: then\r\n");
    check("Date: then\r\nConnection: date\r\n", &Edits::new(), ours);
    let mut edits = Edits::new();
    edits.remove(Field::DATE);
    check("Date: then\r\n", &edits, ours);
    edits.set(Field::DATE, b"now");
    check("Date: then\r\n", &edits, "Date: now\r\n");
}

#[test]
fn a_status_line_is_written_whole() {
    for (line, expected) in [
        ("HTTP/1.1 200", "HTTP/1.1 200 "),
        ("HTTP/1.1 200 ", "HTTP/1.1 200 "),
        ("HTTP/1.0 200", "HTTP/1.1 200 "),
        ("HTTP/1.1 299 Odd  reason ", "HTTP/1.1 299 Odd  reason "),
    ] {
        let text = format!("{line}\r\nDate: then\r\nContent-Length: 2\r\n\r\n");
        let expected = format!("{expected}\r\nDate: then\r\nContent-Length: 2\r\n\r\n");
        assert_eq!(backward(&text, &Edits::new(), &NOTHING), expected, "{line}");
    }
    let bare = backward("HTTP/1.1 200\r\n\r\n", &Edits::new(), &NOTHING);
    assert!(bare.starts_with("HTTP/1.1 200 \r\nDate: "), "{bare}");
}

#[test]
fn an_interim_reply_has_no_framing_and_no_date() {
    let text = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: y\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
    let lines = sample::reply(text);
    let mut out = Pool::new().take(Class::Small);
    interim(&mut out, Head::new(text, &lines), &Edits::new()).unwrap();
    assert_eq!(out.filled(), b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

#[test]
fn an_answer_of_our_own_is_a_whole_head() {
    let mut edits = Edits::new();
    edits.set("Content-Type", b"application/json");
    edits.set("Content-Length", b"99");
    let mut out = Pool::new().take(Class::Small);
    let bad_gateway =
        Answer { status: 502, body_bytes: 17, keep_alive: KeepAlive::Close, unix_seconds: 784_111_777 };
    answer(&mut out, &edits, &bad_gateway).unwrap();
    let expected = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\n\
                    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 17\r\nConnection: close\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(out.filled()), expected);
    out.clear();
    let empty = Answer { status: 204, body_bytes: 0, keep_alive: KeepAlive::Nothing, unix_seconds: 0 };
    answer(&mut out, &Edits::new(), &empty).unwrap();
    let expected = "HTTP/1.1 204 No Content\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(out.filled()), expected);
}

#[test]
fn what_does_not_fit_leaves_the_buffer_as_it_was() {
    let text = b"GET / HTTP/1.1\r\nHost: h\r\nTE: x\r\nX-A: b\r\n\r\n";
    let lines = sample::request(text);
    let head = Head::new(text, &lines);
    let mut edits = Edits::new();
    edits.set(Field::VIA, b"1.1 us");
    let written = onward_from(&String::from_utf8_lossy(text), &edits, &AS_GIVEN).len();
    let pool = Pool::new();
    for room in 0..=written {
        let mut out = pool.take(Class::Small);
        let filled = out.room() - room;
        out.advance(filled);
        let fits = request(&mut out, head, &edits, &AS_GIVEN);
        assert_eq!(fits, if room == written { Ok(()) } else { Err(NoRoom) }, "{room}");
        assert_eq!(out.len(), if room == written { filled + written } else { filled });
    }
}

#[test]
fn chunk_heads_are_hexadecimal() {
    for len in [0, 1, 15, 16, 0xff, 0x100, 0x1a2b, usize::MAX >> 4, usize::MAX] {
        let mut out = [0; 18];
        let written = chunk_head(len, &mut out);
        assert_eq!(out[..written], *format!("{len:x}\r\n").as_bytes());
    }
}
