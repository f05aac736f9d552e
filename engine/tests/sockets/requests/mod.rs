//! Requests, a file a family: what has one reading is served as that, everything else is refused. Each case is a
//! row of bytes and the law for them; `{id}` in it is a number that no other request has, by which the origin's
//! record is searched.

mod chunks;
mod connection_fields;
mod content_length;
mod expect;
mod host;
mod limits;
mod lines;
mod max_forwards;
mod pipelining;
mod target;
mod transfer_encoding;
mod version;

use crate::support::{
    Client, Driver, End, Gateway, Ids, Setup, Whole, each_driver, three_fresh, torn_request,
};
use memchr::memmem;
use serde_json::Value;
use tools::upstream::{BodyEnd, Origin, Request};

/// What has to become of a request.
#[derive(Debug, Clone, Copy)]
pub enum Law {
    /// The gateway answers with this status and reason (the detail, where it gives one) and closes. The origin does not
    /// see the request, or sees it cut; what follows it on the connection is not read as a request.
    Refused(u16, &'static str),
    /// It is served, and so is the request that follows it.
    Served(Seen),
    /// It is served, and the connection is closed after it.
    ServedLast(Seen),
}

/// What the origin has to have seen of a request that is served.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Its body, without framing.
    pub body: &'static str,
    /// Lines of its head.
    pub has: &'static [&'static str],
    /// What its head may not contain, in lower case.
    pub lacks: &'static [&'static str],
}

/// One request and its law.
pub type Case = (&'static [u8], Law);

/// Whether a family's messages are also sent in two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// At each byte boundary.
    Everywhere,
    Nowhere,
}

/// Holds each case to its law, on each driver.
pub fn check(torn: Torn, cases: &[Case]) {
    each_driver(|driver| check_on(driver, torn, cases));
}

fn check_on(driver: Driver, torn: Torn, cases: &[Case]) {
    let origin = Origin::start();
    let gateway = Gateway::start(driver, &Setup::of(&origin));
    let mut logged = Vec::new();
    for (template, law) in cases {
        let shown = String::from_utf8_lossy(template);
        let mut ids = vec![Ids::next()];
        let mut client = gateway.connect();
        client.send(with_id(template, &ids[0]));
        judge(&mut client, &origin, &ids[0], *law, None, &shown);
        three_fresh(&gateway);
        logged.push((client.addr(), *law, shown.clone()));
        if torn == Torn::Everywhere {
            let with_id = |id: &str| with_id(template, id);
            torn_request(&gateway, with_id, |client, at, id| {
                judge(client, &origin, id, *law, Some(at), &shown);
                ids.push(id.to_owned());
            });
            assert!(ids.len() > template.len(), "{shown:?} was torn at each boundary");
        }
        if let Law::Refused(..) = law {
            assert!(never_whole(&origin, &ids), "{shown:?} reached the origin, or what follows it");
        }
    }
    for (client, law, shown) in logged {
        let (status, why) = match law {
            Law::Refused(status, why) => (status, why),
            Law::Served(_) | Law::ServedLast(_) => (200, "ok"),
        };
        let named = |line: &Value| line["detail"] == why || line["reason"] == why;
        gateway.log_where(client, &format!("{shown:?}"), |line| line["status"] == status && named(line));
    }
}

/// The request, with the one that follows it.
fn with_id(template: &[u8], id: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.windows(4).position(|four| four == b"{id}") {
        bytes.extend_from_slice(&rest[..at]);
        bytes.extend_from_slice(id.as_bytes());
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest);
    bytes.extend_from_slice(format!("GET /echo?next-{id} HTTP/1.1\r\nHost: next\r\n\r\n").as_bytes());
    bytes
}

/// Reads what became of a request and holds it to its law.
#[track_caller]
fn judge(client: &mut Client, origin: &Origin, id: &str, law: Law, torn: Option<usize>, shown: &str) {
    let shown = &torn.map_or(format!("{shown:?}"), |at| format!("{shown:?} torn at {at}"));
    let reply = client.reply();
    let told = format!("{shown}: {} {}", reply.head, reply.text());
    assert_eq!(reply.whole, Whole::Yes, "{told}");
    match law {
        Law::Refused(status, why) => {
            let (reason, detail) = (reply.reason(), reply.detail());
            let given = if detail.is_empty() { reason } else { detail };
            assert_eq!(reply.status, status, "{told}");
            // Torn, it may be refused at its first flaw, of which it may have two.
            assert!(given == why || torn.is_some() && !given.is_empty(), "{told}");
            assert!(reply.says_close(), "{told}");
            assert_eq!(client.end(), End::Fin, "{told}");
        }
        Law::Served(seen) | Law::ServedLast(seen) => {
            assert_eq!(reply.status, 200, "{told}");
            hold(&request(origin, id), seen, shown);
            if let Law::ServedLast(_) = law {
                assert!(reply.says_close(), "{told}");
                assert_eq!(client.end(), End::Fin, "{told}");
            } else {
                let next = client.reply().expect(200);
                let own = format!("GET /echo?next-{id} HTTP/1.1\r\n");
                assert!(next.text().starts_with(&own), "{shown}: the next got {}", next.text());
            }
        }
    }
}

/// Whether no request of `ids` reached the origin whole, nor one that follows them.
fn never_whole(origin: &Origin, ids: &[String]) -> bool {
    origin.wait(|seen| {
        Ids::found(seen, ids).all(|(connection, request)| {
            let is_next = memmem::find(&request.head, b"next-").is_some();
            request.end == BodyEnd::Cut && connection.end.is_some() && !is_next
        })
    })
}

/// The request of `id` as the origin saw it, with its body.
#[track_caller]
pub fn request(origin: &Origin, id: &str) -> Request {
    seen(origin, id, |request| request.end != BodyEnd::Unread)
}

/// The head of the request of `id` as the origin saw it.
#[track_caller]
pub fn head(origin: &Origin, id: &str) -> Request {
    seen(origin, id, |_| true)
}

#[track_caller]
fn seen(origin: &Origin, id: &str, holds: impl Fn(&Request) -> bool) -> Request {
    let found = std::cell::RefCell::new(None);
    let mark = format!("?{id}");
    let mark = memmem::Finder::new(&mark);
    let came = origin.wait(|seen| {
        // The latest first: it is most often among them.
        let mut all = seen.iter().rev().flat_map(|connection| connection.requests.iter().rev());
        *found.borrow_mut() = all.find(|request| mark.find(&request.head).is_some()).cloned();
        found.borrow().as_ref().is_some_and(&holds)
    });
    assert!(came, "the request {id} reached the origin: {:?}", found.borrow().as_ref().map(Request::text));
    found.take().unwrap()
}

/// Holds a request that reached the origin to what has to be seen of it.
#[track_caller]
pub fn hold(request: &Request, seen: Seen, shown: &str) {
    let head = request.text();
    assert_eq!(request.end, BodyEnd::Complete, "{shown}: {head}");
    assert_eq!(String::from_utf8_lossy(&request.body), seen.body, "{shown}: {head}");
    for line in seen.has {
        assert!(head.split("\r\n").any(|own| own == *line), "{shown}: no line {line:?} in {head}");
    }
    let lower = head.to_ascii_lowercase();
    for part in seen.lacks {
        assert!(!lower.contains(part), "{shown}: {part:?} in {head}");
    }
    let framing = request.values("content-length").len() + request.values("transfer-encoding").len();
    assert!(framing < 2, "{shown}: more than one framing in {head}");
    assert_eq!(request.values("host").len(), 1, "{shown}: one Host in {head}");
}
