//! Whole lines, in every format.

use super::*;
use crate::base::ClientAddr;
use crate::observe::Reason;
use crate::wire::head::Version;
use proptest::prelude::*;
use serde_json::{Value, json};

fn sample() -> Record<'static> {
    Record {
        at_unix_ms: 1_795_255_872_345,
        shard: 1,
        generation: 7,
        listener: "public",
        client: ClientAddr::Ip("192.0.2.7:50312".parse().unwrap()),
        client_ip: "203.0.113.9".parse().ok(),
        method: b"GET",
        host: b"api.example.com",
        path: b"/api/orders/7?full=1",
        version: Version::Http11,
        route: Some("orders"),
        upstream: Some("orders"),
        endpoint: Some("10.0.0.7:8081"),
        status: 200,
        reason: Reason::Ok,
        bytes_in: 0,
        bytes_out: 1024,
        request_id: b"01934f0e-7c1a-7b3e-8d5c-0123456789ab",
        user_agent: b"curl/8.5.0",
        referer: b"",
        tries: 1,
        reused: true,
        total_us: 812,
        first_byte_us: 640,
        upstream_us: 655,
        consumer: None,
        user: b"",
        policy: None,
        shadow: b"",
        replied: true,
        tunnel: false,
    }
}

fn refused() -> Record<'static> {
    Record {
        method: b"",
        host: b"",
        path: b"",
        route: None,
        upstream: None,
        endpoint: None,
        status: 0,
        reason: Reason::BadRequest("two hosts"),
        request_id: b"",
        user_agent: b"",
        tries: 0,
        reused: false,
        ..sample()
    }
}

fn line(format: &str, record: &Record<'_>) -> String {
    let mut out = Vec::new();
    Format::compile(format).unwrap().write(record, &mut LineState::default(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn json_shows_every_value_under_its_key() {
    let expected = json!({
        "time": "2026-11-21T10:11:12.345Z", "shard": 1, "generation": 7, "listener": "public",
        "client": "192.0.2.7:50312", "client_ip": "203.0.113.9", "method": "GET", "host": "api.example.com",
        "path": "/api/orders/7?full=1", "version": "1.1", "route": "orders", "upstream": "orders",
        "endpoint": "10.0.0.7:8081", "status": 200, "reason": "ok", "bytes_in": 0, "bytes_out": 1024,
        "request_id": "01934f0e-7c1a-7b3e-8d5c-0123456789ab", "user_agent": "curl/8.5.0", "tries": 1,
        "reused": true, "total_us": 812, "first_byte_us": 640, "upstream_us": 655,
    });
    let line = line("json", &sample());
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
    assert!(line.ends_with("}\n") && line.starts_with("{\"time\":"), "{line}");
}

#[test]
fn json_of_a_refused_request_says_what_was_wrong() {
    let read: Value = serde_json::from_str(&line("json", &refused())).unwrap();
    assert_eq!((&read["route"], &read["status"]), (&Value::Null, &json!(0)));
    assert_eq!((&read["reason"], &read["detail"]), (&json!("bad_request"), &json!("two hosts")));
    assert_eq!(read.get("user_agent"), None);
}

#[test]
fn json_of_a_tunnel_and_of_http_1_0_says_so() {
    let tunnel =
        Record { tunnel: true, version: Version::Http10, referer: b"https://a.example/", ..sample() };
    let read: Value = serde_json::from_str(&line("json", &tunnel)).unwrap();
    assert_eq!((&read["tunnel"], &read["version"]), (&json!(true), &json!("1.0")));
    assert_eq!(read["referer"], "https://a.example/");
}

#[test]
fn combined_is_the_line_that_log_readers_know() {
    assert_eq!(
        line("combined", &sample()),
        "203.0.113.9 - - [21/Nov/2026:10:11:12 +0000] \"GET /api/orders/7?full=1 HTTP/1.1\" 200 1024 \"-\" \
         \"curl/8.5.0\"\n"
    );
    assert_eq!(
        line("combined", &refused()),
        "203.0.113.9 - - [21/Nov/2026:10:11:12 +0000] \"-\" 000 1024 \"-\" \"-\"\n"
    );
}

#[test]
fn a_pattern_shows_any_value_that_json_shows() {
    let all = "%{time} %{time_unix_ms} %{shard} %{generation} %{listener} %{client} %{client_ip} %{method} %{host} \
               %{path} %{version} %{route} %{upstream} %{endpoint} %{status} %{reason} %{detail} %{bytes_in} \
               %{bytes_out} %{request_id} %{user_agent} %{referer} %{tries} %{reused} %{total_us} \
               %{first_byte_us} %{upstream_us} %{overhead_us} %{tunnel} 100%%";
    assert_eq!(
        line(all, &sample()),
        "2026-11-21T10:11:12.345Z 1795255872345 1 7 public 192.0.2.7:50312 203.0.113.9 GET api.example.com \
         /api/orders/7?full=1 HTTP/1.1 orders orders 10.0.0.7:8081 200 ok - 0 1024 \
         01934f0e-7c1a-7b3e-8d5c-0123456789ab curl/8.5.0 - 1 true 812 640 655 157 false 100%\n"
    );
}

#[test]
fn no_form_shows_by_what_somebody_signs_in() {
    let long = format!("/{}?key=secret", "x".repeat(VALUE_BYTES_MAX - 10));
    for form in ["json", "combined", "%{path} %{referer}", "%{request}"] {
        let mut format = Format::compile(form).unwrap();
        format.hide(Hidden::new([&b"key"[..]].into_iter()));
        let mut state = LineState::default();
        for path in ["/a?key=secret&b=1", "/a?b=1&k%65y=secret", "/a?b=1&key=%22secret%20", &long] {
            let record = Record { path: path.as_bytes(), referer: b"https://a.test/?key=secret", ..sample() };
            let mut out = Vec::new();
            format.write(&record, &mut state, &mut out);
            let line = String::from_utf8(out).unwrap();
            assert!(!line.contains("secret") && line.contains("=***"), "{form} {line}");
            assert!(path.len() > 100 || path.contains("b=1") == line.contains("b=1"), "{form} {line}");
        }
        // What has no secret is as it came.
        let mut out = Vec::new();
        format.write(&sample(), &mut state, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), line(form, &sample()));
    }
}

#[test]
fn outside_quotes_a_space_in_a_value_is_escaped() {
    let record = Record { user_agent: b"a b", ..sample() };
    assert_eq!(line("%{user_agent} \"%{user_agent}\" %{user_agent}", &record), "a\\x20b \"a b\" a\\x20b\n");
    assert_eq!(line("%{request}", &record), "GET\\x20/api/orders/7?full=1\\x20HTTP/1.1\n");
}

#[test]
fn a_wrong_format_is_refused_with_its_place_and_the_fix() {
    let check = |text: &str, at: usize, part: &str| {
        let (offset, message) = Format::compile(text).unwrap_err();
        assert_eq!(offset, at, "{text}: {message}");
        assert!(message.contains(part), "{text}: {message}");
    };
    check("%{method} %{pth}", 12, "did you mean `path`?");
    check("%{method} %{pth}", 12, "time_local");
    check("é %{}", 5, "unknown value ``");
    check("%{method} %{path", 10, "not closed");
    check("%{method} 100%", 13, "`%%` for a percent sign");
    check("%h %u", 0, "`%{name}` for a value");
    check("jsno", 0, "did you mean `json`?");
    check("", 0, "`combined`");
    check("%{method}\n%{path}", 9, "one line");
}

#[test]
fn a_long_value_is_cut_and_the_line_stays_whole() {
    let long = vec![1u8; VALUE_BYTES_MAX + 1];
    let record = Record { path: &long, user_agent: &long, ..sample() };
    let read: Value = serde_json::from_str(&line("json", &record)).unwrap();
    assert_eq!(read["user_agent"].as_str().unwrap().len(), VALUE_BYTES_MAX + "...".len());
    assert!(line("combined", &record).ends_with("\\x01...\"\n"));
}

fn unknown_bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'"'), Just(b'\\')], 0..64)
}

proptest! {
    #[test]
    fn no_value_forges_a_line_or_a_field(
        values in proptest::collection::vec(unknown_bytes(), 6),
        names in proptest::collection::vec("\\PC{0,12}", 2),
    ) {
        let record = Record {
            method: &values[0],
            host: &values[1],
            path: &values[2],
            request_id: &values[3],
            user_agent: &values[4],
            referer: &values[5],
            listener: &names[0],
            route: Some(&names[1]),
            ..sample()
        };
        let json = line("json", &record);
        prop_assert_eq!(json.matches('\n').count(), 1);
        let read: serde_json::Map<String, Value> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read["route"], &names[1]);

        let combined = line("combined", &record);
        prop_assert!(combined.strip_suffix('\n').unwrap().bytes().all(|b| (b' '..=b'~').contains(&b)));
        prop_assert_eq!(combined.matches('"').count(), 6);

        let spaced = line("%{method} %{host} %{path} %{request} %{user_agent} %{route}", &record);
        prop_assert_eq!(spaced.split(' ').count(), 6);
    }
}
