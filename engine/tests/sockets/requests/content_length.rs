//! Content-Length: digits only, one value; lists and repeats only if equal (RFC 9110 §8.6, RFC 9112 §6.3).

use super::Law::{Refused, Served};
use super::{Case, Seen, Torn, check};

macro_rules! post {
    ($fields:literal) => {
        concat!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\n", $fields, "\r\n\r\nhello").as_bytes()
    };
}

const FIVE: Seen = Seen { body: "hello", has: &["Content-Length: 5"], lacks: &["transfer-encoding"] };

#[test]
fn one_number_is_served_however_it_is_spelt() {
    let cases: &[Case] = &[
        (post!("Content-Length: 5"), Served(FIVE)),
        (post!("content-length:5"), Served(Seen { has: &[], ..FIVE })),
        (post!("Content-Length:  \t5 \t"), Served(Seen { has: &[], ..FIVE })),
        (post!("Content-Length: 5, 5"), Served(FIVE)),
        (post!("Content-Length: 5\r\nContent-Length: 5"), Served(FIVE)),
        (post!("Content-Length: 5\r\nX-Y: z\r\nCONTENT-LENGTH: 5 , 5"), Served(FIVE)),
        (post!("Content-Length: 0005"), Served(FIVE)),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_length_without_need_is_kept() {
    let none = Seen { body: "", has: &["Content-Length: 0"], lacks: &["transfer-encoding"] };
    let cases: &[Case] = &[
        (b"GET /echo?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", Served(none)),
        (b"GET /echo?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", Served(FIVE)),
        (b"DELETE /echo?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", Served(FIVE)),
    ];
    check(Torn::Nowhere, cases);
}

#[test]
fn what_is_no_number_is_refused() {
    let bad = Refused(400, "bad_content_length");
    let cases: &[Case] = &[
        (post!("Content-Length: +5"), bad),
        (post!("Content-Length: -5"), bad),
        (post!("Content-Length: 0x5"), bad),
        (post!("Content-Length: 5 5"), bad),
        (post!("Content-Length: 5h"), bad),
        (post!("Content-Length: five"), bad),
        (post!("Content-Length: 5.0"), bad),
        (post!("Content-Length: 1e1"), bad),
        (post!("Content-Length: \"5\""), bad),
        (post!("Content-Length:"), bad),
        (post!("Content-Length: 5,"), bad),
        (post!("Content-Length: ,5"), bad),
        (post!("Content-Length: 5;"), bad),
        (post!("Content-Length: \u{ff15}"), bad),
        (post!("Content-Length: 5\r\nContent-Length:"), bad),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn numbers_that_differ_or_overflow_are_refused() {
    let differ = Refused(400, "content_lengths_differ");
    let overflow = Refused(400, "content_length_overflow");
    let cases: &[Case] = &[
        (post!("Content-Length: 5, 6"), differ),
        (post!("Content-Length: 5\r\nContent-Length: 6"), differ),
        (post!("Content-Length: 0\r\nContent-Length: 5"), differ),
        (post!("Content-Length: 5\r\nX-Y: z\r\ncontent-length: 5, 50"), differ),
        (post!("Content-Length: 18446744073709551616"), overflow),
        (post!("Content-Length: 18446744073709551621"), overflow),
        (post!("Content-Length: 99999999999999999999999999999999"), overflow),
    ];
    check(Torn::Everywhere, cases);
}
