//! Bad framing of an answer is a 502: an invalid or differing Content-Length, a Transfer-Encoding other than chunked,
//! both at once (RFC 9112 §6.3 (5), RFC 9110 §8.6).

use super::Law::{Passed, Refused};
use super::{Case, Torn, check};

macro_rules! reply {
    ($fields:literal, $body:literal) => {
        concat!("HTTP/1.1 200 OK\r\n", $fields, "\r\n\r\n", $body).as_bytes()
    };
}

#[test]
fn lengths_that_agree_are_passed() {
    let hello = Passed(200, "hello");
    let cases: &[Case] = &[
        (reply!("Content-Length: 5", "hello"), hello),
        (reply!("content-length:5", "hello"), hello),
        (reply!("Content-Length: 5, 5", "hello"), hello),
        (reply!("Content-Length: 5\r\nX: y\r\nContent-Length: 5", "hello"), hello),
        (reply!("Content-Length: 0005", "hello"), hello),
        (reply!("Content-Length: 0", ""), Passed(200, "")),
        (reply!("Transfer-Encoding: Chunked ", "5\r\nhello\r\n0\r\n\r\n"), hello),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn an_invalid_length_is_a_502() {
    let bad = Refused("bad_content_length");
    let cases: &[Case] = &[
        (reply!("Content-Length: +5", "hello"), bad),
        (reply!("Content-Length: -5", "hello"), bad),
        (reply!("Content-Length: 0x5", "hello"), bad),
        (reply!("Content-Length: 5 5", "hello"), bad),
        (reply!("Content-Length: 5h", "hello"), bad),
        (reply!("Content-Length:", "hello"), bad),
        (reply!("Content-Length: 5,", "hello"), bad),
        (reply!("Content-Length: \"5\"", "hello"), bad),
        (reply!("Content-Length: 5\r\nContent-Length: x", "hello"), bad),
        (reply!("Content-Length: 5, 6", "hello"), Refused("content_lengths_differ")),
        (reply!("Content-Length: 5\r\nContent-Length: 50", "hello"), Refused("content_lengths_differ")),
        (reply!("Content-Length: 0\r\nContent-Length: 5", "hello"), Refused("content_lengths_differ")),
        (reply!("Content-Length: 18446744073709551621", "hello"), Refused("content_length_overflow")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_coding_other_than_chunked_is_a_502() {
    let bad = Refused("bad_transfer_encoding");
    let cases: &[Case] = &[
        (reply!("Transfer-Encoding: gzip", "hello"), bad),
        (reply!("Transfer-Encoding: identity", "hello"), bad),
        (reply!("Transfer-Encoding:", "hello"), bad),
        (reply!("Transfer-Encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n"), bad),
        (reply!("Transfer-Encoding: chunked, gzip", "5\r\nhello\r\n0\r\n\r\n"), bad),
        (reply!("Transfer-Encoding: chunked, chunked", "5\r\nhello\r\n0\r\n\r\n"), bad),
        (reply!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), bad),
        (reply!("Transfer-Encoding: xchunked", "5\r\nhello\r\n0\r\n\r\n"), bad),
        (reply!("Transfer-Encoding: chunked;q=1", "5\r\nhello\r\n0\r\n\r\n"), bad),
        (reply!("Transfer-Encoding: \tchunked", "5\r\nhello\r\n0\r\n\r\n"), bad),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn two_framings_are_a_502() {
    let both = Refused("length_and_coding");
    let cases: &[Case] = &[
        (reply!("Transfer-Encoding: chunked\r\nContent-Length: 15", "5\r\nhello\r\n0\r\n\r\n"), both),
        (reply!("Content-Length: 5\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), both),
        (
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            Refused("transfer_encoding_in_http10"),
        ),
        (reply!("Content-Length: 5\r\nX: y\r\ntransfer-encoding:chunked", "hello"), both),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_reset_content_with_content_is_a_502() {
    let cases: &[Case] = &[
        (b"HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello", Refused("reset_content_with_body")),
        (b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", Passed(205, "")),
    ];
    check(Torn::Everywhere, cases);
}
