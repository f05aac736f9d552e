//! What HTTP/2 and its compression demand of whoever receives (RFC 9113, RFC 7541): a case for each MUST that a client
//! can see. All of them are run against Ringgate, which has to pass, and against nginx and HAProxy, whose verdicts are
//! printed beside: where those two differ from us, a rule may have been misread.

mod compression;
mod fields;
mod framing;
mod kinds;
mod others;
mod streams;

use super::frames::{
    END_HEADERS, END_STREAM, HEADERS, INTERNAL_ERROR, Look, PING, PROTOCOL_ERROR, Peer, asking, frame, get,
};
use super::gateway;
use super::hpack::plain;
use crate::support::{Client, each_driver, three_fresh};
use others::Other;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tools::upstream::Origin;

/// How a rule may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// A connection error of this code. A generic code may stand for a specific one (RFC 9113 §5.4).
    Connection(u32),
    /// A stream error of this code, or the connection's (RFC 9113 §5.4.1).
    Stream(u32),
    /// The request is malformed: a stream error, an answer of 4xx, or a connection error; the origin sees nothing of it
    /// (RFC 9113 §8.1.1).
    Refused,
    /// The same, but the origin may have been asked when it shows.
    Broken,
    /// The request is answered by 200, and the connection goes on.
    Served,
    /// Nothing comes of it, or an error of the stream or the connection with this code; no second answer.
    Either(u32),
    /// The connection goes on, and nothing was answered.
    Ignored,
}

/// One rule.
struct Case {
    /// Section and rule.
    name: &'static str,
    /// What breaks or uses it, with the path that a request of it has.
    does: fn(&mut Peer, &str),
    kept: Kept,
    /// Whether the connection's prefaces go before.
    greets: bool,
    /// Whether a PING may follow: not within a field block.
    pings: bool,
}

fn case(name: &'static str, kept: Kept, does: fn(&mut Peer, &str)) -> Case {
    Case { name, does, kept, greets: true, pings: true }
}

/// As [`case`], from the first byte of the connection on.
fn first(name: &'static str, kept: Kept, does: fn(&mut Peer, &str)) -> Case {
    Case { greets: false, ..case(name, kept, does) }
}

/// As [`case`], and no PING may follow.
fn within(name: &'static str, kept: Kept, does: fn(&mut Peer, &str)) -> Case {
    Case { pings: false, ..case(name, kept, does) }
}

/// A request on stream 1 with these fields behind its own.
fn ask(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let block = [plain(&asking("GET", path)), plain(more)].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, 1, block)
}

/// A request on stream 1 with these fields alone.
fn only(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(fields))
}

/// The same request, of which the origin never has enough.
fn held(path: &str) -> String {
    path.replace("/ok", "/never")
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The connection is over, with this code if one was told.
    over: Option<Option<u32>>,
    /// Stream 1 was reset.
    reset: Option<u32>,
    /// Stream 1 was answered.
    status: Option<u16>,
    /// A request after it was answered by 200.
    goes_on: bool,
}

impl Seen {
    fn keeps(&self, kept: Kept) -> bool {
        let by = |code: u32, own: u32| [own, PROTOCOL_ERROR, INTERNAL_ERROR].contains(&code);
        let over = |own: u32| self.over.is_some_and(|code| code.is_none_or(|code| by(code, own)));
        let reset = |own: u32| self.goes_on && self.reset.is_some_and(|code| by(code, own));
        match kept {
            Kept::Connection(own) => over(own),
            Kept::Stream(own) => over(own) || reset(own),
            Kept::Refused | Kept::Broken => {
                let refuses = self.status.is_some_and(|status| (400..500).contains(&status));
                self.over.is_some() || reset(PROTOCOL_ERROR) || (refuses && self.goes_on)
            }
            Kept::Served => self.goes_on && self.status == Some(200) && self.reset.is_none(),
            Kept::Either(own) => over(own) || reset(own) || self.goes_on,
            Kept::Ignored => self.goes_on && self.status.is_none() && self.reset.is_none(),
        }
    }
}

/// Runs one case over a connection to `at`.
fn run(case: &Case, at: SocketAddr, path: &str, patience: Duration) -> Seen {
    let client = Client::connect(at);
    let mut peer = if case.greets { Peer::greeted(client) } else { Peer::over(client) };
    peer.patience = Some(patience);
    peer.client().sends_within(patience);
    (case.does)(&mut peer, path);
    if case.pings {
        peer.send(frame(PING, 0, 0, b"all read"));
    }
    let is_over = |peer: &Peer| peer.goaway.is_some_and(|(_, code)| code != 0);
    let mut over = false;
    while !over && !peer.pongs.iter().any(|pong| pong == b"all read") && !is_over(&peer) {
        over = peer.look() != Look::Frame;
    }
    let waits = matches!(case.kept, Kept::Stream(_) | Kept::Refused | Kept::Broken | Kept::Served);
    if waits && !over && !is_over(&peer) {
        peer.settle(1);
    }
    let mut goes_on = false;
    if !over && !is_over(&peer) && case.pings {
        peer.send(get(10_001, "/ok?goes-on"));
        peer.settle(10_001);
        goes_on = peer.answers.get(&10_001).is_some_and(|answer| answer.ended && answer.status == 200);
    }
    let answer = peer.answers.get(&1).cloned().unwrap_or_default();
    let code = peer.goaway.map(|(_, code)| code).filter(|code| *code != 0);
    // Whoever is told of an error has to see the end too (§5.4.1).
    let is_closed = !goes_on && {
        peer.client().finish();
        while peer.look() == Look::Frame {}
        peer.client().how_it_ended().is_some()
    };
    let code = code.or(peer.goaway.map(|(_, code)| code).filter(|code| *code != 0));
    Seen {
        over: is_closed.then_some(code),
        reset: answer.reset,
        status: Some(answer.status).filter(|s| *s != 0),
        goes_on,
    }
}

fn all() -> Vec<Case> {
    [framing::cases(), streams::cases(), kinds::cases(), fields::cases(), compression::cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// What others make of a case, or how they broke off.
fn told(case: &Case, at: SocketAddr, path: &str) -> String {
    let seen = catch_unwind(AssertUnwindSafe(|| run(case, at, path, Duration::from_millis(200))));
    match seen {
        Ok(seen) if seen.keeps(case.kept) => "keeps it".to_owned(),
        Ok(seen) => format!("BREAKS IT ({seen:?})"),
        Err(_) => "breaks off".to_owned(),
    }
}

#[test]
fn every_rule_is_kept() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut broken = Vec::new();
        for (index, case) in all().iter().enumerate() {
            let path = format!("/ok?case-{index}.");
            let seen = run(case, gateway.addr(), &path, Duration::from_secs(5));
            // An error without a word is no error of ours.
            let is_silent = seen.over == Some(None) && !matches!(case.kept, Kept::Either(_));
            let reached = origin.requests().iter().any(|request| request.target().contains(&path));
            let keeps = seen.keeps(case.kept) && !is_silent && !(reached && case.kept == Kept::Refused);
            if !keeps {
                broken.push(format!(
                    "{}: {:?}; {seen:?}, the origin was asked: {reached}",
                    case.name, case.kept
                ));
            }
            three_fresh(&gateway);
        }
        assert!(broken.is_empty(), "{} rules are broken:\n{}", broken.len(), broken.join("\n"));
    });
}

#[test]
fn others_keep_most_rules_too() {
    let origin = Origin::start();
    for other in [Other::nginx(&origin), Other::haproxy(&origin)].into_iter().flatten() {
        let cases = all();
        let told: Vec<String> = cases
            .iter()
            .enumerate()
            .map(|(index, case)| {
                format!("{}: {}", case.name, told(case, other.addr(), &format!("/ok?case-{index}.")))
            })
            .filter(|line| !line.ends_with("keeps it"))
            .collect();
        println!(
            "{}: {} of {} rules kept\n  {}",
            other.name(),
            cases.len() - told.len(),
            cases.len(),
            told.join("\n  ")
        );
        // A reading of the rules that those who serve the world do not share would be ours alone.
        assert!(
            told.len() * 4 < cases.len(),
            "{} keeps {} of {}",
            other.name(),
            cases.len() - told.len(),
            cases.len()
        );
    }
}
