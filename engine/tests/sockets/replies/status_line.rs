//! A broken status line is a 502 and never taken as HTTP/0.9 (RFC 9112 §4).

use super::Law::{Passed, Refused};
use super::{Case, Torn, check};

macro_rules! line {
    ($line:literal) => {
        concat!($line, "\r\nContent-Length: 5\r\n\r\nhello").as_bytes()
    };
}

#[test]
fn what_is_no_status_line_is_a_502() {
    let bad = Refused("bad_status_line");
    let cases: &[Case] = &[
        (line!("HTTP/1.1 20 OK"), bad),
        (line!("HTTP/1.1 2000 OK"), bad),
        (line!("HTTP/1.1 2x0 OK"), bad),
        (line!("HTTP/1.1 -20 OK"), bad),
        (line!("HTTP/1.1  200 OK"), bad),
        (line!("HTTP/1.1\t200 OK"), bad),
        (line!("HTTP/1.1"), bad),
        (line!("HTTP/1.1 "), bad),
        (line!("HTTP/1.1 OK"), bad),
        (line!("http/1.1 200 OK"), bad),
        (line!("HTTPS/1.1 200 OK"), bad),
        (line!("ICY 200 OK"), bad),
        (line!("200 OK"), bad),
        (line!(" HTTP/1.1 200 OK"), bad),
        (line!("\r\nHTTP/1.1 200 OK"), bad),
        (line!("<html>an answer of HTTP/0.9</html>"), bad),
        (line!("HTTP/11.1 200 OK"), bad),
        (line!("HTTP/1.10 200 OK"), bad),
        (line!("HTTP/2.0 200 OK"), Refused("bad_version")),
        (line!("HTTP/1.2 200 OK"), Refused("bad_version")),
        (line!("HTTP/0.9 200 OK"), Refused("bad_version")),
        (line!("HTTP/1.1 099 Low"), Refused("bad_status")),
        (line!("HTTP/1.1 000 Zero"), Refused("bad_status")),
    ];
    check(Torn::Nowhere, cases);
}

#[test]
fn a_broken_status_line_is_a_502_wherever_it_is_torn() {
    let bad = Refused("bad_status_line");
    let cases: &[Case] = &[
        (line!("HTTP/1.1 20 OK"), bad),
        (line!("HTTP/1.1 2000 OK"), bad),
        (line!("HTTP/1.1  200 OK"), bad),
        (line!("HTTP/2.0 200 OK"), Refused("bad_version")),
        (line!("\r\nHTTP/1.1 200 OK"), bad),
        (line!("hello, HTTP/0.9"), bad),
        (line!("HTTP/1.1 099 Low"), Refused("bad_status")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn the_reason_may_be_anything_or_missing() {
    let cases: &[Case] = &[
        (line!("HTTP/1.1 200 "), Passed(200, "hello")),
        (line!("HTTP/1.1 200"), Passed(200, "hello")),
        (line!("HTTP/1.1 200 A  Long: Reason, (indeed)"), Passed(200, "hello")),
        (line!("HTTP/1.1 299 Odd"), Passed(299, "hello")),
        (line!("HTTP/1.1 404 Not Found"), Passed(404, "hello")),
        (line!("HTTP/1.1 503 Busy"), Passed(503, "hello")),
        (line!("HTTP/1.0 200 OK"), Passed(200, "hello")),
    ];
    check(Torn::Everywhere, cases);
}
