//! What may not pass in a head, sent behind a body: names that tell an origin who calls, and what policies remove.

use super::identity::tokens;
use super::start;
use crate::http2::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, Peer, asking, frame};
use crate::http2::hpack::plain;
use crate::requests::request;
use crate::support::{Driver, Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

const TOKEN: &str = "token: { jwt: { algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef', require_exp: false, \
     forward: { sub: X-User-Id } } }";
const ROUTES: [&str; 2] =
    ["match: { path: /token }, policies: [token], to: origin", "match: { path: /plain }, to: origin"];

fn gateway(driver: Driver, origin: &Origin) -> Gateway {
    let setup = Setup { listener: "protocols: [http1, http2]", ..Setup::of(origin) };
    start(driver, setup, TOKEN, &ROUTES)
}

#[test]
fn trailers_of_chunks_do_not_tell_who_calls() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let token = format!("Authorization: Bearer {}\r\n", tokens::of(r#"{"sub":"ann"}"#));
        let forged = "X-User-Id: root\r\nx_user_id: root\r\nX-User_Id: root\r\n";
        for (path, fields, sent, passed) in [
            (
                "/token",
                token.as_str(),
                format!("X-Sum: 1\r\n{forged}X-Last: 2\r\n"),
                "X-Sum: 1\r\nX-Last: 2\r\n",
            ),
            ("/plain", "", forged.to_owned(), ""),
            ("/plain", "", "X-User-I: 1\r\n".to_owned(), "X-User-I: 1\r\n"),
        ] {
            let id = Ids::next();
            let mut client = gateway.connect();
            client.send(format!(
                "POST {path}?{id} HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /ok\r\n{fields}Transfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n{sent}\r\n"
            ));
            client.reply().expect(200);
            let seen = request(&origin, &id);
            assert_eq!(seen.body, b"hello");
            assert_eq!(String::from_utf8_lossy(&seen.trailers), passed, "{path} {sent}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn trailers_of_frames_do_not_tell_who_calls() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = Peer::greeted(gateway.connect());
        let token = format!("Bearer {}", tokens::of(r#"{"sub":"ann"}"#));
        let sent = [("x-sum", "1"), ("x-user-id", "root"), ("x_user_id", "root"), ("x-last", "2")];
        for (stream, path) in [(1, "/token"), (3, "/plain")] {
            let id = Ids::next();
            let head = plain(&asking("POST", &format!("{path}?{id}")));
            let own = plain(&[("x-origin", "/ok"), ("authorization", token.as_str())]);
            peer.send(frame(HEADERS, END_HEADERS, stream, [head, own].concat()));
            peer.send(frame(DATA, 0, stream, b"hello"));
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, plain(&sent)));
            peer.answer(stream).expect(200);
            let seen = request(&origin, &id);
            assert_eq!(seen.body, b"hello");
            assert_eq!(String::from_utf8_lossy(&seen.trailers), "x-sum: 1\r\nx-last: 2\r\n", "{path}");
        }
        three_fresh(&gateway);
    });
}

const TAKERS: &str = "
hide: { sanitize: { remove: [X-Internal-*, X-Node] } }
edit: { headers: { request: { remove: [X-Gone], rename: { X-Old: X-New }, set: { X-Fixed: one }, append: { X-More: two } }, response: { remove: [X-Secret], rename: { X-Was: X-Is }, set: { X-Fixed: one }, append: { X-More: two } } } }
off: { headers: { request: { remove: [X-Sum] }, response: { remove: [X-Sum] } }, mode: shadow }
post: { headers: { response: { remove: [X-Sum] } }, when: 'request.path == \"/plain\"' }
";
const TAKING: [&str; 2] = [
    "match: { path: /taken }, policies: [hide, edit, off, post], to: origin",
    "match: { path: /plain }, to: origin",
];

const SENT: &str = "X-Sum: 1\r\nX-Gone: 1\r\nx-old: 1\r\nX-New: 1\r\nx-fixed: 1\r\nX-More: 1\r\nX-SECRET: 1\r\n\
    X-Was: 1\r\nX-Is: 1\r\nX-Internal-Node: 1\r\nX-Node: 1\r\nX-Last: 2\r\n";
const UP: [&str; 8] = ["X-Sum", "X-More", "X-SECRET", "X-Was", "X-Is", "X-Internal-Node", "X-Node", "X-Last"];
const DOWN: [&str; 6] = ["X-Sum", "X-Gone", "x-old", "X-New", "X-More", "X-Last"];

fn names<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<String> {
    let names = lines.filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.to_ascii_lowercase()).collect()
}

fn lower(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

fn taking(driver: Driver, origin: &Origin) -> Gateway {
    let reply = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{SENT}\r\n");
    origin.script("trailers", reply.into_bytes());
    let setup = Setup { listener: "protocols: [http1, http2]", ..Setup::of(origin) };
    start(driver, setup, TAKERS, &TAKING)
}

#[test]
fn what_policies_remove_of_heads_does_not_pass_behind_chunks() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = taking(driver, &origin);
        let every = names(SENT.lines());
        for (path, up, down) in [("/taken", lower(&UP), lower(&DOWN)), ("/plain", every.clone(), every)] {
            let id = Ids::next();
            let mut client = gateway.connect();
            client.send(format!(
                "POST {path}?{id} HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /ok\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n{SENT}\r\n"
            ));
            client.reply().expect(200);
            let seen = request(&origin, &id);
            assert_eq!(names(String::from_utf8_lossy(&seen.trailers).lines()), up, "{path}");
            let (reply, _) = super::ask(&gateway, &format!("GET {path}"), "X-Origin: /script/trailers\r\n");
            let reply = reply.expect(200);
            assert_eq!(reply.text(), "hello");
            assert_eq!(names(reply.trailers.iter().map(String::as_str)), down, "{path}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn what_policies_remove_of_heads_does_not_pass_behind_frames() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = taking(driver, &origin);
        let mut peer = Peer::greeted(gateway.connect());
        let every = names(SENT.lines());
        for (stream, path, up, down) in
            [(1, "/taken", lower(&UP), lower(&DOWN)), (5, "/plain", every.clone(), every)]
        {
            let id = Ids::next();
            let head = plain(&asking("POST", &format!("{path}?{id}")));
            let own = plain(&[("x-origin", "/script/trailers")]);
            let lines: Vec<(String, &str)> = SENT
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(n, v)| (n.to_ascii_lowercase(), v))
                .collect();
            let sent: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            peer.send(frame(HEADERS, END_HEADERS, stream, [head, own].concat()));
            peer.send(frame(DATA, 0, stream, b"hello"));
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, plain(&sent)));
            let answer = peer.answer(stream).expect(200);
            let seen = request(&origin, &id);
            assert_eq!(names(String::from_utf8_lossy(&seen.trailers).lines()), up, "{path}");
            let came: Vec<String> =
                answer.trailers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            assert_eq!(names(came.iter().map(String::as_str)), down, "{path}");
        }
        three_fresh(&gateway);
    });
}
