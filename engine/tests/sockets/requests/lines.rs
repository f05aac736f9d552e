//! Lines: bare LF, bare CR, NUL, control bytes, obs-fold, space before the colon, empty names, whitespace before the
//! first field are 400; a few empty lines before a request line are allowed (RFC 9112 §2.2, §5; RFC 9110 §5.5).

use super::Law::{Refused, Served};
use super::{Case, Seen, Torn, check};

macro_rules! with {
    ($field:literal) => {
        concat!("GET /echo?{id} HTTP/1.1\r\nHost: a\r\n", $field, "\r\n\r\n").as_bytes()
    };
}

const PLAIN: Seen = Seen { body: "", has: &["Host: a"], lacks: &[] };

#[test]
fn line_ends_are_crlf_and_nothing_else() {
    let (lf, cr) = (Refused(400, "bare_lf"), Refused(400, "bare_cr"));
    let cases: &[Case] = &[
        (b"GET /echo?{id} HTTP/1.1\nHost: a\r\n\r\n", lf),
        (b"GET /echo?{id} HTTP/1.1\r\nHost: a\n\r\n", lf),
        (b"GET /echo?{id} HTTP/1.1\r\nHost: a\r\n\n", lf),
        (b"GET /echo?{id} HTTP/1.1\nHost: a\n\n", lf),
        (b"\nGET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n", lf),
        (with!("X: a\nY: b"), lf),
        (with!("X: a\rb"), cr),
        (with!("X: a\r\rY: b"), cr),
        (with!("X: a\r\r\nY: b"), cr),
        (with!("X\r: a"), cr),
        (b"GET /echo?{id}\r HTTP/1.1\r\nHost: a\r\n\r\n", cr),
        (b"\rGET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n", cr),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn control_bytes_are_refused() {
    let (nul, value, name) = (Refused(400, "nul"), Refused(400, "bad_value"), Refused(400, "bad_name"));
    let cases: &[Case] = &[
        (with!("X: a\x00b"), nul),
        (with!("X\x00: a"), nul),
        (b"GET /echo?{id}\x00 HTTP/1.1\r\nHost: a\r\n\r\n", nul),
        (with!("X: a\x01b"), value),
        (with!("X: a\x08"), value),
        (with!("X: \x0b"), value),
        (with!("X: \x0c"), value),
        (with!("X: \x1b[0m"), value),
        (with!("X: a\x7f"), value),
        (with!("X\x01: a"), name),
        (with!("X\x7f: a"), name),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn names_are_tokens_right_before_their_colon() {
    let (name, space) = (Refused(400, "bad_name"), Refused(400, "space_before_colon"));
    let cases: &[Case] = &[
        (with!("X : a"), space),
        (with!("X\t: a"), space),
        (with!("Content-Length : 5"), space),
        (with!("Host : b"), space),
        (with!(": a"), Refused(400, "empty_name")),
        (with!("X Y: a"), name),
        (with!("X(Y): a"), name),
        (with!("X@Y: a"), name),
        (with!("X\"Y: a"), name),
        (with!("X/Y: a"), name),
        (with!("X\u{e9}: a"), name),
        (with!("no colon at all"), Refused(400, "no_colon")),
        (with!("nocolon"), Refused(400, "no_colon")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn lines_are_not_folded_and_do_not_begin_with_space() {
    let cases: &[Case] = &[
        (with!("X: a\r\n b"), Refused(400, "obs_fold")),
        (with!("X: a\r\n\tb"), Refused(400, "obs_fold")),
        (with!("X: a\r\n Content-Length: 5"), Refused(400, "obs_fold")),
        (with!("X: a\r\n "), Refused(400, "obs_fold")),
        (b"GET /echo?{id} HTTP/1.1\r\n Host: a\r\n\r\n", Refused(400, "leading_space")),
        (b"GET /echo?{id} HTTP/1.1\r\n\tX: y\r\nHost: a\r\n\r\n", Refused(400, "leading_space")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_few_empty_lines_may_come_before_a_request() {
    let cases: &[Case] = &[
        (b"\r\nGET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n", Served(PLAIN)),
        (b"\r\n\r\n\r\n\r\nGET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n", Served(PLAIN)),
        (b"GET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n", Served(PLAIN)),
        (b"\r\n\r\n\r\n\r\n\r\nGET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n", Refused(400, "empty_lines")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn what_is_only_unusual_is_passed_as_it_is() {
    let has = |line: &'static [&'static str]| Served(Seen { has: line, ..PLAIN });
    let cases: &[Case] = &[
        (with!("X:"), has(&["X:"])),
        (with!("X: \t "), Served(PLAIN)),
        (with!("X:a"), has(&["X:a"])),
        (with!("X: a\tb"), has(&["X: a\tb"])),
        (with!("X: \u{e9}"), has(&["X: \u{e9}"])),
        (with!("X: \"quoted: value\", (comment)"), has(&["X: \"quoted: value\", (comment)"])),
        (with!("!#$%&'*+-.^_`|~09az: 1"), has(&["!#$%&'*+-.^_`|~09az: 1"])),
        (with!("X: 1\r\nX: 2\r\nx: 3"), has(&["X: 1", "X: 2", "x: 3"])),
    ];
    check(Torn::Everywhere, cases);
}
