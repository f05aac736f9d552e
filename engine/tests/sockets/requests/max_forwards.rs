//! Max-Forwards: an OPTIONS or TRACE takes one hop less from here on, and at 0 goes no further (RFC 9110 §7.6.2).

use super::Law::Served;
use super::{Case, Seen, Torn, check};
use crate::support::{Gateway, Ids, Setup, each_driver};
use tools::upstream::Origin;

const fn seen(has: &'static [&'static str], lacks: &'static [&'static str]) -> Seen {
    Seen { body: "", has, lacks }
}

#[test]
fn a_hop_is_counted() {
    let cases: &[Case] = &[
        (
            b"OPTIONS /ok?{id} HTTP/1.1\r\nHost: a\r\nMax-Forwards: 2\r\n\r\n",
            Served(seen(&["Max-Forwards: 1"], &["max-forwards: 2"])),
        ),
        (
            b"GET /ok?{id} HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
            Served(seen(&["Max-Forwards: 0"], &[])),
        ),
        (b"OPTIONS /ok?{id} HTTP/1.1\r\nHost: a\r\n\r\n", Served(seen(&[], &["max-forwards"]))),
    ];
    check(Torn::Nowhere, cases);
}

#[test]
fn the_last_hop_answers_itself() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        for (method, status) in [("OPTIONS", 204), ("TRACE", 405), ("OPTIONS", 204)] {
            let id = Ids::next();
            client.send(format!("{method} /ok?{id} HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"));
            let _ = client.reply().expect(status);
            assert!(origin.requests().iter().all(|seen| !seen.target().contains(&id)), "{method} went on");
        }
    });
}
