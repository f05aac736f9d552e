//! Answers of origins, a file a family: what has one reading is passed on as that, everything else is a 502 or visibly
//! cut, and the upstream connection is never used again. Each case is a row of bytes that the origin sends.

mod bodyless;
mod chunks;
mod close_delimited;
mod connection_fields;
mod cut;
mod early;
mod framing;
mod http10;
mod interim;
mod leftover;
mod lines;
mod status_line;
mod upgrade;

use crate::support::{Client, Gateway, Ids, Setup, Whole, each_driver, three_fresh, torn_reply};
use std::net::SocketAddr;
use tools::upstream::Origin;

pub use crate::requests::Torn;

/// What has to become of an answer.
#[derive(Debug, Clone, Copy)]
pub enum Law {
    /// 502, logged with this detail; the client's connection lives on, the upstream's is closed.
    Refused(&'static str),
    /// 502, or a reply that is visibly cut after a beginning of this body; the upstream's connection is closed.
    Broken(&'static str),
    /// This status and body, whole; the client's connection lives on.
    Passed(u16, &'static str),
}

/// What the origin sends, and the law for it.
pub type Case = (&'static [u8], Law);

/// Holds each case to its law, on each driver. The origin keeps its connection open after each.
pub fn check(torn: Torn, cases: &[Case]) {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut logs = Vec::new();
        for (bytes, law) in cases {
            let shown = &format!("{:?}", String::from_utf8_lossy(bytes));
            let (name, mut ids, mut client) = (Ids::next(), vec![Ids::next()], gateway.connect());
            origin.script(&name, *bytes);
            ask(&mut client, &format!("/script/{name}?{}", ids[0]));
            judge(&mut client, *law, shown);
            logs.push((client.addr(), *law, shown.clone()));
            three_fresh(&gateway);
            if torn == Torn::Everywhere {
                torn_reply(&gateway, &origin, bytes, false, ask, |client, at, id| {
                    judge(client, *law, &format!("{shown} torn at {at}"));
                    ids.push(id.to_owned());
                });
            }
            if !matches!(law, Law::Passed(..)) {
                assert!(all_never_reused(&origin, &ids), "{shown}: its connection was used again");
            }
        }
        for (client, law, shown) in logs {
            logged(&gateway, client, law, &shown);
        }
    });
}

/// A plain request.
pub fn ask(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
}

#[track_caller]
fn judge(client: &mut Client, law: Law, shown: &str) {
    let reply = client.reply();
    let told = format!("{shown}: {} {}", reply.head, reply.text());
    match law {
        Law::Refused(_) => {
            assert_eq!((reply.status, reply.whole), (502, Whole::Yes), "{told}");
            assert_eq!(reply.reason(), "upstream_malformed", "{told}");
            assert!(reply.value("proxy-status").is_some(), "{told}");
        }
        Law::Broken(body) => {
            let is_beginning = body.starts_with(&reply.text());
            let is_cut = reply.status == 200 && reply.whole != Whole::Yes && is_beginning;
            assert!(is_cut || reply.status == 502 && reply.whole == Whole::Yes, "{told}");
            if is_cut {
                return;
            }
        }
        Law::Passed(status, body) => {
            assert_eq!(
                (reply.status, reply.whole, reply.text().as_str()),
                (status, Whole::Yes, body),
                "{told}"
            );
        }
    }
    assert!(!reply.says_close(), "{told}");
    ask(client, "/ok");
    assert_eq!(client.reply().expect(200).text(), "ok\n", "{told}: the next on this connection");
}

fn logged(gateway: &Gateway, client: SocketAddr, law: Law, shown: &str) {
    gateway.log_where(client, shown, |line| match law {
        Law::Refused(detail) => {
            line["status"] == 502 && line["reason"] == "upstream_malformed" && line["detail"] == detail
        }
        Law::Broken(_) => {
            let status = line["status"] == 502 || line["status"] == 200;
            status && line["reason"] == "upstream_malformed"
        }
        Law::Passed(status, _) => line["status"] == status && line["reason"] == "ok",
    });
}

/// Whether the upstream connection on which `id` was answered has ended, and nothing was asked on it after `id`.
pub fn never_reused(origin: &Origin, id: &str) -> bool {
    all_never_reused(origin, &[id.to_owned()])
}

fn all_never_reused(origin: &Origin, ids: &[String]) -> bool {
    origin.wait(|seen| {
        Ids::found(seen, ids).all(|(connection, request)| {
            let is_last = connection.requests.last().is_some_and(|last| std::ptr::eq(last, request));
            is_last && connection.end.is_some()
        })
    })
}
