use super::*;
use crate::wire::http1::sample;

/// The length of a request with `fields`, HTTP/1.1 unless they begin with `1.0 `.
fn of_request(fields: &str) -> Result<Length, FramingFault> {
    let (version, fields) = fields.strip_prefix("1.0 ").map_or(("1.1", fields), |fields| ("1.0", fields));
    let bytes = format!("POST / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
    let lines = sample::request(bytes.as_bytes());
    request_length(Head::new(bytes.as_bytes(), &lines))
}

fn of_reply(method: Method, status: u16, fields: &str) -> Result<Length, FramingFault> {
    let bytes = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
    let lines = sample::reply(bytes.as_bytes());
    reply_length(Head::new(bytes.as_bytes(), &lines), method)
}

#[test]
fn a_request_without_framing_has_no_body() {
    assert_eq!(of_request(""), Ok(Length::None));
    assert_eq!(of_request("1.0 Content-Type: a/b\r\n"), Ok(Length::None));
}

#[test]
fn a_content_length_is_digits_and_one_number() {
    for (value, expected) in [
        ("0", Ok(0)),
        ("5", Ok(5)),
        ("0005", Ok(5)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("5, 5", Ok(5)),
        ("5,5,\t5", Ok(5)),
        ("5, 05", Ok(5)),
        ("18446744073709551616", Err(FramingFault::LengthOverflow)),
        ("99999999999999999999999999", Err(FramingFault::LengthOverflow)),
        ("5, 6", Err(FramingFault::LengthsDiffer)),
        ("5, 5, 6", Err(FramingFault::LengthsDiffer)),
        ("", Err(FramingFault::Length)),
        ("+5", Err(FramingFault::Length)),
        ("-5", Err(FramingFault::Length)),
        ("-0", Err(FramingFault::Length)),
        ("0x5", Err(FramingFault::Length)),
        ("5a", Err(FramingFault::Length)),
        ("a", Err(FramingFault::Length)),
        ("5 5", Err(FramingFault::Length)),
        ("5\t5", Err(FramingFault::Length)),
        ("5.0", Err(FramingFault::Length)),
        ("5e0", Err(FramingFault::Length)),
        ("5_0", Err(FramingFault::Length)),
        ("5,", Err(FramingFault::Length)),
        (",5", Err(FramingFault::Length)),
        (",", Err(FramingFault::Length)),
        ("5,,5", Err(FramingFault::Length)),
        ("5;5", Err(FramingFault::Length)),
        ("\"5\"", Err(FramingFault::Length)),
        ("\u{665}", Err(FramingFault::Length)),
    ] {
        let fields = format!("Content-Length: {value}\r\n");
        assert_eq!(of_request(&fields), expected.map(Length::Exact), "{value}");
        assert_eq!(of_request(&format!("1.0 {fields}")), expected.map(Length::Exact), "{value}");
        assert_eq!(of_reply(Method::Get, 200, &fields), expected.map(Length::Exact), "{value}");
        assert_eq!(of_reply(Method::Head, 200, &fields), expected.map(|_| Length::None), "{value}");
        assert_eq!(of_reply(Method::Get, 304, &fields), expected.map(|_| Length::None), "{value}");
    }
}

#[test]
fn repeated_content_lengths_have_to_agree() {
    assert_eq!(of_request("Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n"), Ok(Length::Exact(5)));
    assert_eq!(of_request("Content-Length: 5\r\nContent-Length: 05, 5\r\n"), Ok(Length::Exact(5)));
    assert_eq!(of_request("Content-Length: 5\r\nContent-Length: 6\r\n"), Err(FramingFault::LengthsDiffer));
    assert_eq!(of_request("Content-Length: 5\r\nContent-Length:\r\n"), Err(FramingFault::Length));
    assert_eq!(of_request("Content-Length: 6\r\nContent-Length: 5\r\n"), Err(FramingFault::LengthsDiffer));
}

#[test]
fn a_transfer_encoding_is_chunked_and_nothing_like_it() {
    for value in ["chunked", "Chunked", "CHUNKED", "  chunked  "] {
        assert_eq!(of_request(&format!("Transfer-Encoding:{value}\r\n")), Ok(Length::Chunked), "{value}");
        let fields = format!("transfer-encoding: {value}\r\n");
        assert_eq!(of_reply(Method::Get, 200, &fields), Ok(Length::Chunked), "{value}");
    }
    for value in [
        "",
        "identity",
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked, identity",
        "chunked,",
        ",chunked",
        ", chunked",
        "chunked;",
        "chunked;q=1",
        "chunked; foo",
        "\"chunked\"",
        "'chunked'",
        "xchunked",
        "chunkedx",
        "chunke",
        "c hunked",
        "chunked chunked",
        "\tchunked",
        "chunked\t",
        " \t chunked",
        "chun\u{212a}ed",
        "cow",
        "chunked\u{a0}",
        "Chunked\u{130}",
    ] {
        let fields = format!("Transfer-Encoding: {value}\r\n");
        assert_eq!(of_request(&fields), Err(FramingFault::Coding), "{value:?}");
        assert_eq!(of_reply(Method::Get, 200, &fields), Err(FramingFault::Coding), "{value:?}");
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(of_request(twice), Err(FramingFault::Coding));
    let split = "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(of_request(split), Err(FramingFault::Coding));
    let last = "Transfer-Encoding: chunked\r\nX: y\r\nTransfer-Encoding: identity\r\n";
    assert_eq!(of_request(last), Err(FramingFault::Coding));
    assert_eq!(of_reply(Method::Get, 200, last), Err(FramingFault::Coding));
}

#[test]
fn both_framings_or_one_too_new_are_refused() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nX: y\r\ncontent-length: 0\r\n",
        "Content-Length: x\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 5\r\nTransfer-Encoding:\r\n",
    ] {
        assert_eq!(of_request(fields), Err(FramingFault::LengthAndCoding), "{fields}");
        assert_eq!(of_reply(Method::Get, 200, fields), Err(FramingFault::LengthAndCoding), "{fields}");
    }
    let old = "1.0 Transfer-Encoding: chunked\r\n";
    assert_eq!(of_request(old), Err(FramingFault::CodingInHttp10));
    let both = "1.0 Transfer-Encoding: chunked\r\nContent-Length: 5\r\n";
    assert_eq!(of_request(both), Err(FramingFault::CodingInHttp10));
    let bytes = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let lines = sample::reply(bytes);
    assert_eq!(reply_length(Head::new(bytes, &lines), Method::Get), Err(FramingFault::CodingInHttp10));
}

#[test]
fn some_replies_have_no_body_whatever_their_fields_say() {
    for fields in ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
        for status in [100, 101, 103, 199, 204, 304] {
            assert_eq!(of_reply(Method::Get, status, fields), Ok(Length::None), "{status} {fields}");
        }
        for status in [200, 404, 500] {
            assert_eq!(of_reply(Method::Head, status, fields), Ok(Length::None), "{status} {fields}");
        }
        assert_eq!(of_reply(Method::Connect, 200, fields), Ok(Length::None), "{fields}");
    }
    assert_eq!(of_reply(Method::Get, 204, "Content-Length: x\r\n"), Ok(Length::None));
    assert_eq!(of_reply(Method::Connect, 407, "Content-Length: 5\r\n"), Ok(Length::Exact(5)));
}

#[test]
fn other_replies_last_until_their_length_or_the_close() {
    assert_eq!(of_reply(Method::Get, 200, ""), Ok(Length::UntilClose));
    assert_eq!(of_reply(Method::Options, 404, ""), Ok(Length::UntilClose));
    assert_eq!(of_reply(Method::Get, 200, "Content-Length: 0\r\n"), Ok(Length::Exact(0)));
    assert_eq!(of_reply(Method::Get, 206, "Content-Length: 7\r\n"), Ok(Length::Exact(7)));
}

#[test]
fn a_205_announces_no_content() {
    assert_eq!(of_reply(Method::Post, 205, ""), Ok(Length::None));
    assert_eq!(of_reply(Method::Post, 205, "Content-Length: 0\r\n"), Ok(Length::None));
    assert_eq!(of_reply(Method::Post, 205, "Transfer-Encoding: chunked\r\n"), Ok(Length::Chunked));
    assert_eq!(of_reply(Method::Post, 205, "Content-Length: 1\r\n"), Err(FramingFault::ResetContent));
}

#[test]
fn a_connection_lives_on_as_version_and_options_say() {
    for (version, fields, expected) in [
        ("1.1", "", true),
        ("1.1", "Connection: keep-alive\r\n", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: CLOSE\r\n", false),
        ("1.1", "Connection: x, Close ,y\r\n", false),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.1", "Connection: not-close\r\n", true),
        ("1.1", "Proxy-Connection: close\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: close, keep-alive\r\n", false),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Connection: x\r\nConnection: y,keep-alive\r\n", true),
        ("1.0", "Proxy-Connection: keep-alive\r\n", false),
        ("1.0", "Keep-Alive: timeout=5\r\n", false),
    ] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let lines = sample::request(bytes.as_bytes());
        assert_eq!(keep_alive(Head::new(bytes.as_bytes(), &lines)), expected, "{version} {fields}");
    }
}

#[test]
fn options_come_from_every_connection_line_trimmed() {
    let bytes =
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: a ,,\tb\r\nX: y\r\nConnection:\r\nconnection: c,\r\n\r\n";
    let lines = sample::request(bytes);
    let options: Vec<_> = connection_options(Head::new(bytes, &lines)).collect();
    assert_eq!(options, [b"a", b"b", b"c"]);
}

#[test]
fn the_only_expectation_is_100_continue() {
    for (version, fields, expected) in [
        ("1.1", "", Ok(false)),
        ("1.1", "Expect: 100-continue\r\n", Ok(true)),
        ("1.1", "Expect: 100-Continue\r\n", Ok(true)),
        ("1.1", "Expect: 100-continue\r\nExpect: 100-continue\r\n", Ok(true)),
        ("1.0", "Expect: 100-continue\r\n", Ok(false)),
        ("1.1", "Expect:\r\n", Err(FramingFault::Expectation)),
        ("1.1", "Expect: 100\r\n", Err(FramingFault::Expectation)),
        ("1.1", "Expect: 100-continue, x\r\n", Err(FramingFault::Expectation)),
        ("1.1", "Expect: 200-maybe\r\n", Err(FramingFault::Expectation)),
        ("1.1", "Expect: 100-continue\r\nExpect: x\r\n", Err(FramingFault::Expectation)),
        ("1.0", "Expect: x\r\n", Err(FramingFault::Expectation)),
    ] {
        let bytes = format!("PUT / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let lines = sample::request(bytes.as_bytes());
        assert_eq!(expects_continue(Head::new(bytes.as_bytes(), &lines)), expected, "{version} {fields}");
    }
    assert_eq!(FramingFault::Expectation.status(), 417);
}

#[test]
fn an_upgrade_is_offered_only_with_its_option_in_http_1_1() {
    for (version, fields, expected) in [
        ("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", vec!["websocket"]),
        (
            "1.1",
            "Connection: keep-alive, upgrade\r\nUpgrade: a/1 , b\r\nUpgrade: c\r\n",
            vec!["a/1", "b", "c"],
        ),
        ("1.1", "Upgrade: websocket\r\n", vec![]),
        ("1.1", "Connection: upgrade\r\n", vec![]),
        ("1.1", "Connection: keep-alive\r\nUpgrade: websocket\r\n", vec![]),
        ("1.1", "Connection: upgraded\r\nUpgrade: websocket\r\n", vec![]),
        ("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", vec![]),
    ] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let lines = sample::request(bytes.as_bytes());
        let tokens: Vec<_> = upgrade_tokens(Head::new(bytes.as_bytes(), &lines)).collect();
        assert_eq!(tokens, expected.iter().map(|token| token.as_bytes()).collect::<Vec<_>>(), "{fields}");
    }
}
