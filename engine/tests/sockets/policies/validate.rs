//! `validate`: what fits goes on as it came, byte for byte; what does not is answered with its place and its rule, however
//! its bytes are framed and torn.

use super::{ask, with};
use crate::requests::request;
use crate::support::{Client, Gateway, Ids, Reply, Setup, three_fresh, torn_request};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tools::upstream::Origin;

const POLICIES: &str = "
order: { validate: { path: { id: { type: integer } }, query: { parameters: { page: { type: integer } } }, body: { required: [POST], bytes: 300KiB, schema: { type: object, required: [name], properties: { name: { type: string }, items: { type: array, items: { type: object, required: [price] } } } } } } }
watch: { validate: { body: { bytes: 16B, schema: { required: [name] } } }, mode: shadow }
";

const ROUTES: [&str; 2] = [
    "match: { path: \"/orders/{id}\" }, policies: [order], to: origin",
    "match: { path: /watched }, policies: [watch], to: origin",
];

fn checked(test: impl Fn(&Gateway, &Origin)) {
    with(POLICIES, &ROUTES, |setup| setup, test);
}

/// The errors of an answer: place, rule.
fn errors(reply: &Reply) -> Vec<(String, String)> {
    let problem: Value = serde_json::from_slice(&reply.body).expect("a problem in JSON");
    assert_eq!(problem["status"], reply.status, "{problem}");
    assert_eq!(reply.value("content-type"), Some("application/problem+json"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let errors = problem["errors"].as_array().expect("errors").iter();
    errors.map(|error| (text(&error["at"]), text(&error["rule"]))).collect()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, expected: &[(&str, &str)]) {
    assert_eq!(reply.status, status, "{} {}", reply.head, reply.text());
    let found = errors(reply);
    let found: Vec<(&str, &str)> = found.iter().map(|(at, rule)| (&**at, &**rule)).collect();
    assert_eq!(found, expected);
}

const VALID: &str = "{ \"name\" : \"\\u00e9\", \"items\":[ {\"price\": 1.50 } ] }";
const INVALID: &str = r#"{"name":1,"items":[{"price":1},{}]}"#;
const WRONG: [(&str, &str); 2] = [
    ("body#/name", "body.schema#/properties/name/type"),
    ("body#/items/1", "body.schema#/properties/items/items/required"),
];

/// A body in one framing or the other.
fn framed(chunked: bool, body: &str) -> (String, String) {
    if !chunked {
        return (format!("Content-Length: {}\r\n", body.len()), body.to_owned());
    }
    let mut chunks = String::new();
    for piece in body.as_bytes().chunks(7) {
        chunks.push_str(&format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece)));
    }
    ("Transfer-Encoding: chunked\r\n".to_owned(), chunks + "0\r\n\r\n")
}

fn post(id: &str, chunked: bool, body: &str) -> String {
    let (framing, body) = framed(chunked, body);
    format!(
        "POST /orders/17?{id} HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /echo\r\nContent-Type: application/json\r\n{framing}\r\n{body}"
    )
}

/// Sends the next request on the same connection, which must be served.
fn next(client: &mut Client) {
    client.send("GET /orders/1 HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /ok\r\n\r\n");
    client.reply().expect(200);
}

#[test]
fn what_fits_goes_on_byte_for_byte_and_what_does_not_is_told_where_torn_anywhere() {
    checked(|gateway, origin| {
        for chunked in [false, true] {
            let judge = |client: &mut Client, valid: bool, id: &str| {
                let reply = client.reply();
                if valid {
                    reply.expect(200);
                    let seen = request(origin, id);
                    assert_eq!(String::from_utf8_lossy(&seen.body), VALID);
                    assert_eq!(seen.values("content-length").len(), usize::from(!chunked), "{}", seen.text());
                } else {
                    refused(&reply, 400, &WRONG);
                    assert!(!reply.says_close(), "the body was read to its end: {}", reply.head);
                }
                next(client);
            };
            for (valid, body) in [(true, VALID), (false, INVALID)] {
                let (id, mut client) = (Ids::next(), gateway.connect());
                client.send(post(&id, chunked, body));
                judge(&mut client, valid, &id);
                torn_request(
                    gateway,
                    |id| post(id, chunked, body).into_bytes(),
                    |client, _, id| {
                        judge(client, valid, id);
                    },
                );
            }
        }
        three_fresh(gateway);
    });
}

#[test]
fn a_body_of_many_reads_is_held_and_goes_on_whole() {
    checked(|gateway, origin| {
        let items = vec!["{\"price\":1}"; 20_000].join(",");
        let body = format!("{{\"name\":\"x\",\"items\":[{items}]}}");
        for chunked in [false, true] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(post(&id, chunked, &body));
            client.reply().expect(200);
            assert!(request(origin, &id).body == body.as_bytes(), "all {} bytes came", body.len());
            next(&mut client);
        }
    });
}

#[test]
fn a_body_past_the_bound_is_413_and_reaches_nobody() {
    checked(|gateway, origin| {
        for chunked in [false, true] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            // What the gateway does not want to read it may stop reading.
            let _ = client.try_send(post(&id, chunked, &format!("[{}]", "1,".repeat(160 * 1024))));
            let reply = client.reply();
            refused(&reply, 413, &[("body#", "body.bytes")]);
            assert!(reply.says_close());
            let line = gateway.log_of(client.addr());
            assert_eq!(line["policy"], "order", "{line}");
        }
        assert!(origin.requests().iter().all(|request| !request.text().starts_with("POST")));
        three_fresh(gateway);
    });
}

#[test]
fn types_paths_queries_and_absent_bodies_are_refused_before_a_body_is_read() {
    checked(|gateway, origin| {
        let json = "Content-Type: application/json\r\nContent-Length: 9\r\n";
        for (line, fields, status, at, rule) in [
            ("POST /orders/x", json, 400, "path#/id", "path.id#/type"),
            ("POST /orders/1?page=%zz", json, 400, "query#", "query"),
            ("POST /orders/1?page=a", json, 400, "query#/page", "query.parameters.page#/type"),
            ("POST /orders/1", "", 400, "body#", "body.required"),
            ("POST /orders/1", "Content-Length: 9\r\n", 400, "headers#/content-type", "body.types"),
            (
                "POST /orders/1",
                "Content-Type: text/xml\r\nContent-Length: 9\r\n",
                415,
                "headers#/content-type",
                "body.types",
            ),
            (
                "POST /orders/1",
                "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n",
                415,
                "headers#/content-encoding",
                "body.schema",
            ),
        ] {
            let (reply, _) = ask(gateway, line, fields);
            let accepted = fields.contains("gzip").then_some("identity");
            assert_eq!(reply.value("accept-encoding"), accepted, "{line}: what it takes instead");
            refused(&reply, status, &[(at, rule)]);
            assert!(!reply.says_close(), "{line}: a small body that was not read may come behind its answer");
        }
        assert_eq!(origin.requests().len(), 0);
    });
}

#[test]
fn a_client_that_waits_for_100_gets_it_from_the_gateway_only_when_its_body_is_wanted() {
    checked(|gateway, origin| {
        for chunked in [false, true] {
            for (body, status) in [(VALID, 200), (INVALID, 400)] {
                let (id, mut client) = (Ids::next(), gateway.connect());
                let whole = post(&id, chunked, body);
                let (head, body) = whole.split_once("\r\n\r\n").expect("a head");
                client.send(format!("{head}\r\nExpect: 100-continue\r\n\r\n"));
                let interim = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
                assert_eq!(String::from_utf8_lossy(interim), "HTTP/1.1 100 Continue\r\n\r\n");
                client.send(body);
                let reply = client.reply().expect(status);
                assert_eq!(reply.interim.len(), 1, "one 100, and none of the origin's");
                if status == 200 {
                    assert_eq!(request(origin, &id).values("expect"), [""; 0], "nobody is left to wait");
                }
                next(&mut client);
            }
        }
        let fields = "Content-Type: text/xml\r\nContent-Length: 9\r\nExpect: 100-continue\r\n";
        let (reply, _) = ask(gateway, "POST /orders/1", fields);
        assert_eq!((reply.status, reply.interim.len()), (415, 0));
    });
}

#[test]
fn what_is_behind_a_body_in_one_send_gets_its_own_answer() {
    checked(|gateway, origin| {
        for chunked in [false, true] {
            for (body, status) in [(VALID, 200), (INVALID, 400)] {
                let (id, behind) = (Ids::next(), Ids::next());
                let mut client = gateway.connect();
                let next =
                    format!("GET /orders/1?{behind} HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /ok\r\n\r\n");
                client.send(post(&id, chunked, body) + &next + &next);
                for status in [status, 200, 200] {
                    client.reply().expect(status);
                }
                assert_eq!(request(origin, &behind).body, b"");
                assert!(!client.has_more(), "three answers, no more");
            }
        }
    });
}

#[test]
fn a_body_that_stops_is_408_and_reaches_nobody() {
    let slow = |setup| Setup { timeouts: "body: 150ms", ..setup };
    with(POLICIES, &ROUTES, slow, |gateway, origin| {
        for chunked in [false, true] {
            let mut client = gateway.connect();
            let whole = post("slow", chunked, VALID);
            client.send(&whole[..whole.len() - 9]);
            let reply = client.reply().expect(408);
            assert_eq!(reply.reason(), "body_timeout");
            assert!(reply.says_close());
        }
        assert_eq!(origin.requests().len(), 0);
        three_fresh(gateway);
    });
}

#[test]
fn a_body_that_dribbles_is_over_with_its_exchange() {
    let routes =
        ["match: { path: \"/orders/{id}\" }, policies: [order], to: origin, timeouts: { total: 300ms }"];
    with(
        POLICIES,
        &routes,
        |setup| setup,
        |gateway, origin| {
            let mut client = gateway.connect();
            let whole = post("dribble", false, VALID);
            let (head, body) = whole.split_at(whole.len() - VALID.len());
            client.send(head);
            client.patience(Duration::from_millis(20));
            // Never silent for long, and never whole: the last byte is not sent.
            let mut sent = body.bytes().cycle();
            let began = Instant::now();
            let mut left = VALID.len() - 1;
            while !client.came() {
                assert!(began.elapsed() < Duration::from_secs(20), "the exchange ends");
                if left > 0 {
                    let _ = client.try_send([sent.next().unwrap_or(b' ')]);
                    left -= 1;
                }
            }
            assert_eq!(client.reply().expect(504).reason(), "total_timeout");
            assert_eq!(origin.requests().len(), 0);
        },
    );
}

#[test]
fn a_body_that_breaks_off_or_is_framed_wrongly_is_no_request() {
    checked(|gateway, origin| {
        let mut client = gateway.connect();
        client.send(post("cut", false, VALID).strip_suffix('}').expect("a brace"));
        client.finish();
        assert_eq!(client.rest().0, b"");
        let mut client = gateway.connect();
        let head = post("chunks", true, "");
        client.send(head.strip_suffix("0\r\n\r\n").expect("a last chunk"));
        client.send("5\r\n{\"na\r\nX\r\n");
        assert_eq!(client.reply().expect(400).detail(), "body_framing");
        assert_eq!(origin.requests().len(), 0);
        three_fresh(gateway);
    });
}

#[test]
fn in_shadow_mode_even_a_body_past_the_bound_goes_on_whole() {
    checked(|gateway, origin| {
        for chunked in [false, true] {
            for (body, shadow) in [
                (r#"{"name": 1}"#.to_owned(), json!(null)),
                ("{}".to_owned(), json!(["watch"])),
                (format!("{{\"name\":\"{}\"}}", "x".repeat(200_000)), json!(["watch"])),
            ] {
                let (id, mut client) = (Ids::next(), gateway.connect());
                client.send(post(&id, chunked, &body).replace("/orders/17", "/watched"));
                client.reply().expect(200);
                assert!(request(origin, &id).body == body.as_bytes(), "{} bytes", body.len());
                let line = gateway.log_of(client.addr());
                assert_eq!(line.get("shadow").cloned().unwrap_or_default(), shadow, "{line}");
            }
        }
    });
}

// A call that goes both ways ends its body when it has the reply.
#[test]
fn in_shadow_mode_a_body_that_waits_for_the_reply_is_not_waited_for() {
    checked(|gateway, origin| {
        let (id, mut client) = (Ids::next(), gateway.connect());
        let whole = post(&id, true, "{}").replace("/orders/17", "/watched");
        client.send(whole.strip_suffix("0\r\n\r\n").expect("a last chunk"));
        assert!(origin.wait(|seen| seen.iter().any(|one| !one.requests.is_empty())), "it goes on");
        client.send("3\r\nend\r\n0\r\n\r\n");
        client.reply().expect(200);
        assert_eq!(request(origin, &id).body, b"{}end", "and whole");
        assert_eq!(gateway.log_of(client.addr()).get("shadow"), None, "what was not seen is not judged");
    });
}
