//! Fresh requests: after each hostile exchange new connections must get their own answers over the same pool of
//! upstream connections. And the barrier, by which a test knows that a shard has read what was sent before.

use super::{Client, Gateway};
use memchr::memmem;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use tools::upstream::{Connection, Request};

/// Numbers that no other request of this process has.
#[derive(Debug)]
pub struct Ids;

impl Ids {
    /// The next one. Of fixed width, so that none is the beginning of another.
    pub fn next() -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        format!("id{:07}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The requests among `seen` whose target has one of `ids`, each with its connection.
    pub fn found<'s>(
        seen: &'s [Connection],
        ids: &[String],
    ) -> impl Iterator<Item = (&'s Connection, &'s Request)> {
        let ids: HashSet<&[u8]> = ids.iter().map(|id| id.as_bytes()).collect();
        let is_of = move |request: &Request| {
            let line = request.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            memmem::find_iter(line, b"id").any(|at| line.get(at..at + 9).is_some_and(|id| ids.contains(id)))
        };
        let all =
            seen.iter().flat_map(|connection| connection.requests.iter().map(move |own| (connection, own)));
        all.filter(move |(_, request)| is_of(request))
    }
}

/// Three requests on new connections get their own answers.
#[track_caller]
pub fn three_fresh(gateway: &Gateway) {
    fresh(gateway, 3);
}

/// `count` requests on new connections at once get their own answers. As many at once as there were hostile
/// exchanges, so that each parked upstream connection is used.
#[track_caller]
pub fn fresh(gateway: &Gateway, count: usize) {
    let mut asked: Vec<(Client, String)> = (0..count)
        .map(|_| {
            let (mut client, id) = (gateway.connect(), Ids::next());
            client.send(format!(
                "GET /echo?fresh={id} HTTP/1.1\r\nHost: fresh.test\r\nConnection: close\r\n\r\n"
            ));
            (client, id)
        })
        .collect();
    for (client, id) in &mut asked {
        let reply = client.reply();
        let text = reply.text();
        assert_eq!(reply.status, 200, "a fresh request is served: {} {text}", reply.head);
        assert!(
            text.starts_with(&format!("GET /echo?fresh={id} HTTP/1.1\r\n")),
            "{id} got another's answer: {text}"
        );
        assert!(!client.has_more(), "nothing follows the answer");
    }
}

/// Waits until the gateway's one shard has looked at everything sent before this call: it serves sockets in the
/// order in which they became readable, and `on` is the last of them. Twice, since a connection just accepted
/// is looked at a turn later.
pub fn barrier(on: &mut Client) {
    for _ in 0..2 {
        on.send("GET / HTTP/1.1\r\nHost: barrier.test\r\n\r\n");
        on.reply().expect(502);
    }
}
