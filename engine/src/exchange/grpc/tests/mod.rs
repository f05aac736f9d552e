//! What callers are told.

mod bodies;

use super::*;
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, request};

pub fn with_head<R>(fields: &str, with: impl FnOnce(Head<'_>) -> R) -> R {
    let text = format!("POST /a.B/C HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut lines = Lines::new();
    let limits = HeadLimits { head_bytes: 4096, fields: 100, target_bytes: 1024 };
    request::parse(text.as_bytes(), &mut lines, &limits).expect("is a request");
    lines.came_by_http2();
    with(Head::new(text.as_bytes(), &lines))
}

#[test]
fn a_call_is_known_by_its_content_type() {
    for (kind, is) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc;x=y", true),
        ("application/grpc-web", false),
        ("application/grpc-web+proto", false),
        ("application/json", false),
    ] {
        assert_eq!(with_head(&format!("content-type: {kind}\r\n"), is_call), is, "{kind}");
    }
    assert!(!with_head("", is_call));
}

#[test]
fn a_timeout_has_one_spelling() {
    for (text, expected) in [
        ("1H", Some(Duration::from_secs(3600))),
        ("2M", Some(Duration::from_secs(120))),
        ("3S", Some(Duration::from_secs(3))),
        ("99999999m", Some(Duration::from_millis(99_999_999))),
        ("5u", Some(Duration::from_micros(5))),
        ("6n", Some(Duration::from_nanos(6))),
        ("100000000m", None),
        ("m", None),
        ("-1S", None),
        ("1.5S", None),
        ("1s", None),
        ("1", None),
        ("", None),
    ] {
        assert_eq!(with_head(&format!("grpc-timeout: {text}\r\n"), timeout), expected, "{text:?}");
    }
}

#[test]
fn an_answer_is_told_as_a_status_of_grpc() {
    for (reason, code, message) in [
        (Reason::NoRoute, "12", "no_route"),
        (Reason::Unauthenticated("expired"), "16", "unauthenticated: expired"),
        (Reason::Forbidden("scope"), "7", "forbidden: scope"),
        (Reason::RateLimited("free"), "8", "rate_limited: free"),
        (Reason::UpstreamConnect("refused"), "14", "upstream_connect"),
        (Reason::NoSocket("memory"), "14", "no_socket"),
        (Reason::UpstreamMalformed("http2"), "14", "upstream_malformed"),
        (Reason::TotalTimeout, "4", "total_timeout"),
        (Reason::UpstreamTimeout, "4", "upstream_timeout"),
        (Reason::BadRequest("hosts_differ"), "13", "bad_request: hosts_differ"),
        (Reason::BodyTooLarge, "8", "body_too_large"),
    ] {
        let (mut edits, mut value) = (Edits::new(), Vec::new());
        tell(Caller::Grpc, &Answer::of(reason).expect("is answered"), &mut edits, &mut value);
        assert_eq!(edits.value(Field::GRPC_STATUS), Some(code.as_bytes()), "{reason:?}");
        assert_eq!(edits.value(Field::GRPC_MESSAGE), Some(message.as_bytes()));
    }
}
