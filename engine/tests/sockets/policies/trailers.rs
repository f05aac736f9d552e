//! Names that tell an origin who calls, sent by a client behind its body.

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
