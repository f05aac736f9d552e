//! Bare CR, bare LF, NUL, control bytes, folding and what else breaks the grammar of an answer's head is a 502
//! (RFC 9112 §2.2, §5; RFC 9110 §5.5).

use super::Law::{Passed, Refused};
use super::{Case, Torn, check};

macro_rules! with {
    ($field:literal) => {
        concat!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", $field, "\r\n\r\nhello").as_bytes()
    };
}

#[test]
fn line_ends_are_crlf_and_nothing_else() {
    let (lf, cr) = (Refused("bare_lf"), Refused("bare_cr"));
    let cases: &[Case] = &[
        (b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello", lf),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", lf),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", lf),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", lf),
        (with!("X: a\nY: b"), lf),
        (with!("X: a\nSet-Cookie: forged=1"), lf),
        (with!("X: a\rb"), cr),
        (with!("X: a\r\rY: b"), cr),
    ];
    check(Torn::Nowhere, cases);
}

#[test]
fn control_bytes_are_a_502() {
    let cases: &[Case] = &[
        (with!("X: a\x00b"), Refused("nul")),
        (with!("X\x00: a"), Refused("nul")),
        (with!("X: a\x01b"), Refused("bad_value")),
        (with!("X: a\x7fb"), Refused("bad_value")),
        (with!("X: \x1b[2J"), Refused("bad_value")),
        (with!("X\x01: a"), Refused("bad_name")),
    ];
    check(Torn::Nowhere, cases);
}

#[test]
fn lines_that_are_no_fields_are_a_502() {
    let cases: &[Case] = &[
        (with!("X: a\r\n b"), Refused("obs_fold")),
        (with!("X: a\r\n\tContent-Length: 6"), Refused("obs_fold")),
        (b"HTTP/1.1 200 OK\r\n Content-Length: 5\r\n\r\nhello", Refused("leading_space")),
        (with!("X : a"), Refused("space_before_colon")),
        (with!("Transfer-Encoding : chunked"), Refused("space_before_colon")),
        (with!(": a"), Refused("empty_name")),
        (with!("X Y: a"), Refused("bad_name")),
        (with!("X(Y): a"), Refused("bad_name")),
        (with!("nocolon"), Refused("no_colon")),
    ];
    check(Torn::Nowhere, cases);
}

#[test]
fn broken_lines_are_a_502_wherever_they_are_torn() {
    let cases: &[Case] = &[
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", Refused("bare_lf")),
        (with!("X: a\nY: b"), Refused("bare_lf")),
        (with!("X: a\rb"), Refused("bare_cr")),
        (with!("X: a\x00b"), Refused("nul")),
        (with!("X: a\r\n b"), Refused("obs_fold")),
        (with!("X : a"), Refused("space_before_colon")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn what_is_only_unusual_is_passed() {
    let hello = Passed(200, "hello");
    let cases: &[Case] = &[
        (with!("X:"), hello),
        (with!("X:a\tb "), hello),
        (with!("X: \u{e9}"), hello),
        (with!("!#$%&'*+-.^_`|~09az: 1"), hello),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn a_head_without_end_is_a_502() {
    use crate::support::{Gateway, Setup, each_driver, three_fresh};
    use tools::upstream::Origin;
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for target in ["/big-head/100000", "/big-head/1000000", "/many-fields/300", "/many-fields/20000"] {
            let mut client = gateway.connect();
            super::ask(&mut client, target);
            assert_eq!(client.reply().expect(502).reason(), "upstream_malformed", "{target}");
            three_fresh(&gateway);
        }
        for target in ["/big-head/30000", "/many-fields/120"] {
            let mut client = gateway.connect();
            super::ask(&mut client, target);
            let reply = client.reply();
            assert_eq!(reply.status, 200, "{target}: {}", gateway.log_of(client.addr()));
        }
    });
}
