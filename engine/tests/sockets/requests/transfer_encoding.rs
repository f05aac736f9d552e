//! Transfer-Encoding: exactly `chunked`, last, once; with Content-Length beside it, or in HTTP/1.0, never
//! (RFC 9112 §6.1, §6.3).

use super::Law::{Refused, Served};
use super::{Case, Seen, Torn, check};

macro_rules! post {
    ($fields:literal) => {
        concat!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\n", $fields, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            .as_bytes()
    };
}

const HELLO: Seen = Seen { body: "hello", has: &["Transfer-Encoding: chunked"], lacks: &["content-length"] };

#[test]
fn chunked_is_served_in_any_case() {
    let cases: &[Case] = &[
        (post!("Transfer-Encoding: chunked"), Served(HELLO)),
        (post!("transfer-encoding:CHUNKED"), Served(HELLO)),
        (post!("Transfer-Encoding:   Chunked  "), Served(HELLO)),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn codings_other_than_one_chunked_are_refused() {
    let bad = Refused(400, "bad_transfer_encoding");
    let cases: &[Case] = &[
        (post!("Transfer-Encoding: gzip"), bad),
        (post!("Transfer-Encoding: gzip, chunked"), bad),
        (post!("Transfer-Encoding: chunked, gzip"), bad),
        (post!("Transfer-Encoding: chunked, chunked"), bad),
        (post!("Transfer-Encoding: identity"), bad),
        (post!("Transfer-Encoding: chunked, identity"), bad),
        (post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), bad),
        (post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), bad),
        (post!("Transfer-Encoding: identity\r\nX-Y: z\r\nTransfer-Encoding: chunked"), bad),
        (post!("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), bad),
        (post!("Transfer-Encoding:"), bad),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn look_alikes_are_refused() {
    let bad = Refused(400, "bad_transfer_encoding");
    let cases: &[Case] = &[
        (post!("Transfer-Encoding: xchunked"), bad),
        (post!("Transfer-Encoding: chunkedx"), bad),
        (post!("Transfer-Encoding: chunke"), bad),
        (post!("Transfer-Encoding: chun ked"), bad),
        (post!("Transfer-Encoding: chunked;"), bad),
        (post!("Transfer-Encoding: chunked;q=1"), bad),
        (post!("Transfer-Encoding: \"chunked\""), bad),
        (post!("Transfer-Encoding: 'chunked'"), bad),
        (post!("Transfer-Encoding: chunked,"), bad),
        (post!("Transfer-Encoding: ,chunked"), bad),
        (post!("Transfer-Encoding: \tchunked"), bad),
        (post!("Transfer-Encoding: chunked\t"), bad),
        (post!("Transfer-Encoding: chunked\u{a0}"), bad),
        (post!("Transfer-Encoding: \u{130}chunked"), bad),
        (post!("Transfer-Encoding: chunk\u{117}d"), bad),
        (post!("Transfer-Encoding: \x0bchunked"), Refused(400, "bad_value")),
        (post!("Transfer-Encoding: chunked\x00"), Refused(400, "nul")),
        (post!("Transfer-Encoding : chunked"), Refused(400, "space_before_colon")),
        (post!("Transfer-Encoding\t: chunked"), Refused(400, "space_before_colon")),
        (post!("X-Y: z\r\n Transfer-Encoding: chunked"), Refused(400, "obs_fold")),
        (post!("Transfer-Encoding:\r\n chunked"), Refused(400, "obs_fold")),
        (post!("X-Y: z\nTransfer-Encoding: chunked"), Refused(400, "bare_lf")),
        (post!("X-Y: z\rTransfer-Encoding: chunked"), Refused(400, "bare_cr")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_length_beside_a_coding_is_refused_and_neither_is_picked() {
    let both = Refused(400, "length_and_coding");
    let cases: &[Case] = &[
        (post!("Content-Length: 15\r\nTransfer-Encoding: chunked"), both),
        (post!("Transfer-Encoding: chunked\r\nContent-Length: 5"), both),
        (post!("Transfer-Encoding: chunked\r\nContent-Length: 0"), both),
        (post!("Transfer-Encoding: identity\r\nContent-Length: 15"), both),
        (post!("Transfer-Encoding: chunked\r\nContent-Length: x"), both),
        (post!("Transfer-Encoding:\r\nContent-Length: 15"), both),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_coding_in_http_1_0_is_refused() {
    let old = Refused(400, "transfer_encoding_in_http10");
    let cases: &[Case] = &[
        (b"POST /echo?{id} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", old),
        (
            b"POST /echo?{id} HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            old,
        ),
        (b"GET /echo?{id} HTTP/1.0\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", old),
    ];
    check(Torn::Everywhere, cases);
}
