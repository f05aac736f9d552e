//! Target: origin-, absolute-, authority- (CONNECT only) and asterisk-form (OPTIONS only); no fragment, no control
//! byte, no space; one canonical path serves matching and forwarding alike (RFC 9112 §3.2, RFC 3986 §6.2.2).

use super::Law::{Refused, Served};
use super::{Case, Seen, Torn, check};

macro_rules! line {
    ($line:literal) => {
        concat!($line, "\r\nHost: a\r\nX-Id: ?{id}\r\nX-Origin: /echo\r\n\r\n").as_bytes()
    };
}

const fn sent(line: &'static [&'static str]) -> super::Law {
    Served(Seen { body: "", has: line, lacks: &[] })
}

#[test]
fn each_form_has_its_methods() {
    let bad = Refused(400, "bad_target");
    let cases: &[Case] = &[
        (line!("GET / HTTP/1.1"), sent(&["GET / HTTP/1.1"])),
        (line!("GET /a?b=c?/d HTTP/1.1"), sent(&["GET /a?b=c?/d HTTP/1.1"])),
        (line!("GET http://a/b?c HTTP/1.1"), sent(&["GET /b?c HTTP/1.1"])),
        (line!("GET http://a?c HTTP/1.1"), sent(&["GET /?c HTTP/1.1"])),
        (line!("GET http://a HTTP/1.1"), sent(&["GET / HTTP/1.1"])),
        (line!("OPTIONS * HTTP/1.1"), sent(&["OPTIONS * HTTP/1.1"])),
        // RFC 9112 §3.2.4: the last proxy asks of the server as a whole.
        (line!("OPTIONS http://a HTTP/1.1"), sent(&["OPTIONS * HTTP/1.1", "Host: a"])),
        (line!("OPTIONS http://b HTTP/1.1"), sent(&["OPTIONS * HTTP/1.1", "Host: b"])),
        (line!("OPTIONS http://a/ HTTP/1.1"), sent(&["OPTIONS / HTTP/1.1"])),
        (line!("OPTIONS http://a?b HTTP/1.1"), sent(&["OPTIONS /?b HTTP/1.1"])),
        (line!("GET * HTTP/1.1"), bad),
        (line!("OPTIONS *? HTTP/1.1"), bad),
        (line!("GET a HTTP/1.1"), bad),
        (line!("GET a:80 HTTP/1.1"), bad),
        (line!("GET ftp://a/ HTTP/1.1"), bad),
        (line!("GET file:///etc/passwd HTTP/1.1"), bad),
        (line!("GET ?a HTTP/1.1"), bad),
        (line!("CONNECT / HTTP/1.1"), bad),
        (line!("CONNECT a HTTP/1.1"), bad),
        (line!("CONNECT http://a:80/ HTTP/1.1"), bad),
        (line!("CONNECT a:80 HTTP/1.1"), Refused(405, "connect_refused")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn bytes_that_no_target_has_are_refused() {
    let bad = Refused(400, "bad_target");
    let cases: &[Case] = &[
        (line!("GET /#f HTTP/1.1"), bad),
        (line!("GET http://a/#f HTTP/1.1"), bad),
        (line!("GET /\x01 HTTP/1.1"), bad),
        (line!("GET /\x7f HTTP/1.1"), bad),
        (line!("GET /\u{e9} HTTP/1.1"), bad),
        (line!("GET /a\\b HTTP/1.1"), bad),
        (line!("GET /<a> HTTP/1.1"), bad),
        (line!("GET /\"a\" HTTP/1.1"), bad),
        (line!("GET /\t HTTP/1.1"), bad),
        (line!("GET /\x00 HTTP/1.1"), Refused(400, "nul")),
        (line!("GET  / HTTP/1.1"), bad),
        (line!("GET /a b HTTP/1.1"), Refused(400, "not_http")),
        (line!("GET /  HTTP/1.1"), Refused(400, "not_http")),
        (line!("GET\t/ HTTP/1.1"), Refused(400, "bad_method")),
        (line!(" GET / HTTP/1.1"), Refused(400, "bad_method")),
        (line!("G(T / HTTP/1.1"), Refused(400, "bad_method")),
        (line!("GET"), Refused(400, "bad_method")),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn the_origin_sees_the_canonical_path() {
    let cases: &[Case] = &[
        (line!("GET /a/./b/../c HTTP/1.1"), sent(&["GET /a/c HTTP/1.1"])),
        (line!("GET /a/%2e%2E/c?../d HTTP/1.1"), sent(&["GET /c?../d HTTP/1.1"])),
        (line!("GET /%61%2fb HTTP/1.1"), sent(&["GET /a%2Fb HTTP/1.1"])),
        (line!("GET //a//b HTTP/1.1"), sent(&["GET //a//b HTTP/1.1"])),
        (line!("GET http://a/x/../y HTTP/1.1"), sent(&["GET /y HTTP/1.1"])),
        (line!("GET /../a HTTP/1.1"), Refused(400, "path_above_root")),
        (line!("GET /a/../../b HTTP/1.1"), Refused(400, "path_above_root")),
        (line!("GET /%2e%2e/a HTTP/1.1"), Refused(400, "path_above_root")),
        (line!("GET /%zz HTTP/1.1"), Refused(400, "path_escape")),
        (line!("GET /%4 HTTP/1.1"), Refused(400, "path_escape")),
        (line!("GET /%00 HTTP/1.1"), Refused(400, "path_nul")),
    ];
    check(Torn::Nowhere, cases);
}
