//! Policies hold for requests that HTTP/2 brings, whose fields need not say how long their body is.

use super::both;
use super::frames::*;
use super::hpack::plain;
use crate::policies::start;
use crate::support::{Client, each_driver};
use tools::upstream::Origin;

const POLICIES: &str = r#"
order: { validate: { body: { schema: { type: object, properties: { id: { type: integer } }, additionalProperties: false } } } }
small: { validate: { body: { bytes: 10B } } }
none: { validate: { body: { forbidden: [POST] } } }
some: { validate: { body: { required: [POST] } } }
text: { validate: { body: { types: [text/plain] } } }
"#;

const ROUTES: [&str; 5] = [
    "match: { path: /order }, policies: [order], to: origin",
    "match: { path: /small }, policies: [small], to: origin",
    "match: { path: /none }, policies: [none], to: origin",
    "match: { path: /some }, policies: [some], to: origin",
    "match: { path: /text }, policies: [text], to: origin",
];

#[test]
fn a_body_of_unsaid_length_is_held_to_what_policies_ask_of_it() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = start(driver, both(&origin), POLICIES, &ROUTES);
        let mut peer = Peer::greeted(Client::connect(gateway.addr()));
        let cases = [
            ("/order", r#"{"id":1}"#, 200),
            ("/order", r#"{"evil":1}"#, 400),
            ("/small", "0123456789", 200),
            ("/small", "0123456789a", 413),
            ("/none", "x", 400),
            ("/some", "x", 200),
            ("/text", "x", 415),
            // Nothing in a frame of its own is no body.
            ("/order", "", 200),
            ("/none", "", 200),
            ("/some", "x", 200),
            ("/text", "", 200),
        ];
        for (at, (path, body, status)) in cases.into_iter().enumerate() {
            let stream = 1 + 2 * at as u32;
            let fields = [("x-origin", "/ok"), ("content-type", "application/json")];
            let head = [plain(&asking("POST", path)), plain(&fields)].concat();
            peer.send(frame(HEADERS, END_HEADERS, stream, head));
            peer.send(frame(DATA, END_STREAM, stream, body));
            let answer = peer.answer(stream);
            assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        }
        assert_eq!(origin.requests().len(), 7, "what is refused is not sent on");
    });
}
