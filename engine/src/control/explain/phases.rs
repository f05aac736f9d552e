//! What each phase tells of a request, made of what the code of the path found. `trace` calls these in order.

use super::report::{Phase, Row};
use super::secrets::Secrets;
use super::trace::{Listing, Station};
use crate::balance::Why;
use crate::config::read::NOT_SHOWN;
use crate::exchange::Peer;
use crate::exchange::parts::Part;
use crate::observe::Reason;
use crate::route::split::{Explained, Why as Side};
use crate::route::{Candidate, Verdict, Want};
use crate::table::{Key, Respond, Table, Upstream};
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use serde_json::Value;
use std::net::IpAddr;

/// Routes shown of those that have the request's host and path, unless all are asked for.
const SHOWN_MAX: usize = 20;

/// Bytes as they may be shown: nothing that a terminal would obey.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .flat_map(|char| {
            let escaped = char.is_control().then(|| char.escape_default());
            let plain = (!char.is_control()).then_some(char);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

pub(super) fn refused(phase: &'static str, reason: Reason) -> Phase {
    let told = Phase::answers(phase, reason);
    match reason {
        Reason::BadRequest("host_missing") => told.note("add -H 'Host: NAME', or write a whole URL"),
        _ => told,
    }
}

pub(super) fn received(head: Head<'_>, length: Length, secrets: &Secrets<'_>) -> Phase {
    let version = head.version().name();
    let [method, host] = [head.method_bytes(), head.host()].map(shown);
    let target = secrets.target(head.target());
    let body = match length {
        Length::None | Length::UntilClose => "no body".to_owned(),
        Length::Exact(bytes) => format!("a body of {bytes} bytes"),
        Length::Chunked => "a chunked body".to_owned(),
    };
    let named = if host.is_empty() { "no host".to_owned() } else { format!("host {host}") };
    let says = format!("{method} {target} {version}, {named}, {}, {body}", counted(head.field_count()));
    Phase::pass("head", says)
        .fact("method", method)
        .fact("host", host)
        .fact("target", target)
        .fact("version", version)
        .fact("fields", head.field_count())
        .fact("body", body)
}

pub(super) fn client(peer: Peer, client: Option<IpAddr>) -> Phase {
    let name = client.map_or_else(|| "unknown".to_owned(), |client| client.to_string());
    let says = match peer.trusted {
        true => format!("{name}, told by the trusted proxy at {}", peer.addr),
        false => name.clone(),
    };
    Phase::pass("client", says).fact("client_ip", name).fact("trusted_proxy", peer.trusted)
}

pub(super) fn path(received: &[u8], canonical: &[u8]) -> Phase {
    let (received, canonical) = (shown(received), shown(canonical));
    let says = match received == canonical {
        true => canonical.clone(),
        false => format!("{canonical}, made canonical of {received}"),
    };
    Phase::pass("path", says).fact("canonical", canonical)
}

/// `phase` with the routes that were asked.
pub(super) fn candidates(table: &Table, mut phase: Phase, all: &[Candidate<'_>], listing: Listing) -> Phase {
    let winner = all.iter().position(|candidate| candidate.verdict == Verdict::Wins);
    if let Some(pattern) = winner.and_then(|at| all[at].pattern) {
        phase.says += &format!(", by {pattern}");
        phase = phase.fact("pattern", pattern.to_string());
    }
    // Those with the request's host and path come first.
    let fitting = all.iter().take_while(|candidate| candidate.path.is_some()).count();
    let is_shown = |at: usize| match listing {
        Listing::All => true,
        Listing::Fitting => at < fitting && (at < SHOWN_MAX || Some(at) == winner),
    };
    let row = |(at, candidate): (usize, &Candidate<'_>)| Row {
        name: table.route(candidate.route).name.clone(),
        what: candidate.pattern.map(ToString::to_string).unwrap_or_default(),
        picked: Some(at) == winner,
        why: candidate.verdict.to_string(),
        facts: Vec::new(),
    };
    let rows: Vec<Row> = all.iter().enumerate().filter(|(at, _)| is_shown(*at)).map(row).collect();
    if listing == Listing::Fitting {
        let wants_path = |one: &&Candidate<'_>| matches!(one.verdict, Verdict::Wants(Want::Path(_)));
        let other_path = all[fitting..].iter().filter(wants_path).count();
        phase.more = vec![
            ("more have this host and path", fitting - rows.len()),
            ("want another path", other_path),
            ("want another host", all.len() - fitting - other_path),
        ];
    }
    phase.rows("candidates", rows)
}

pub(super) fn respond(respond: &Respond) -> Phase {
    let says = format!("{}, with a body of {} bytes", respond.status, respond.body.len());
    Phase::pass("respond", says).fact("status", respond.status).fact("body_bytes", respond.body.len())
}

pub(super) fn split(table: &Table, told: &Explained<'_>) -> Phase {
    let name = |at: usize| table.upstream(told.sides[at].upstream).name.as_str();
    let shares = |why: &Side<'_>| if let Side::Share(weight, of) = why { Some((*weight, *of)) } else { None };
    let likely = shares(&told.sides[told.at].why);
    let says = match likely {
        Some((weight, of)) => format!("{}, {}: the likeliest, {weight} of {of}", name(told.at), told.by),
        None => format!("{}, {}", name(told.at), told.by),
    };
    let rows: Vec<Row> = (0..told.sides.len())
        .map(|at| Row {
            name: name(at).to_owned(),
            what: String::new(),
            picked: at == told.at,
            why: told.sides[at].why.to_string(),
            facts: Vec::new(),
        })
        .collect();
    let sides: Vec<Value> = rows.iter().map(|row| format!("{}: {}", row.name, row.why).into()).collect();
    Phase::pass("split", says)
        .fact("upstream", name(told.at))
        .fact("by", told.by.to_string())
        .fact("sides", sides)
        .rows("sides", if told.sides.len() > 1 { rows } else { Vec::new() })
}

/// What balancing goes by, in words.
pub(super) fn gone_by(key: &Key, part: Part<'_>, secrets: &Secrets<'_>) -> String {
    let hidden = match key {
        Key::Header(name) => secrets.has_field(name),
        Key::Cookie(name) => secrets.has_cookie(name),
        Key::Sticky(_) | Key::Path | Key::ClientIp => false,
    };
    let asked = match key {
        Key::Header(name) => format!("field {}", shown(name)),
        Key::Cookie(name) => format!("cookie {}", shown(name)),
        Key::Sticky(sticky) => format!("cookie {}", shown(&sticky.name)),
        Key::Path => "path".to_owned(),
        Key::ClientIp => "client".to_owned(),
    };
    match part {
        Part::Id(0) => format!("{asked}: there is none that names an endpoint"),
        Part::Id(_) => asked,
        Part::Bytes(_) if hidden => format!("{asked} {NOT_SHOWN}"),
        Part::Bytes(bytes) => format!("{asked} '{}'", shown(bytes)),
        Part::Client(client) if *key == Key::ClientIp => format!("client {client}"),
        Part::Client(client) => format!("client {client}, since there is no {asked}"),
        Part::Nobody => "chance, since the client has no address".to_owned(),
    }
}

pub(super) fn balance(
    upstream: &Upstream,
    station: &Station,
    told: &[(usize, Why)],
    gone_by: Option<String>,
) -> Phase {
    let algorithm = upstream.balance.algorithm.name();
    let ends = &station.endpoints;
    let picked = told.iter().find(|(_, why)| why.is_picked()).map(|(at, _)| ends[*at].name.as_str());
    let by = gone_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let secured = upstream.tls.as_ref().map(|terms| match terms.verifies() {
        true => "TLS",
        false => "TLS, whoever answers",
    });
    let over = secured.map(|secured| format!(", over {secured}")).unwrap_or_default();
    let says = match picked {
        Some(picked) => format!("{picked} of {}, {algorithm}{by}{over}", upstream.name),
        None => format!("{}, {algorithm}{by}{over}: its endpoints are behind names", upstream.name),
    };
    let what = |at: usize| match (ends[at].weight, ends[at].priority) {
        (1, 0) => String::new(),
        (weight, 0) => format!("weight {weight}"),
        (weight, priority) => format!("weight {weight}, priority {priority}"),
    };
    let rows: Vec<Row> = told
        .iter()
        .map(|(at, why)| Row {
            name: ends[*at].name.clone(),
            what: what(*at),
            picked: why.is_picked(),
            why: why.to_string(),
            facts: Vec::new(),
        })
        .collect();
    let set: Vec<Value> =
        rows.iter().map(|row| format!("{} {}", row.name, row.what).trim_end().into()).collect();
    let mut phase = Phase::pass("balance", says)
        .fact("upstream", upstream.name.as_str())
        .fact("algorithm", algorithm)
        .fact("by", gone_by)
        .fact("tls", secured)
        .fact("endpoint", picked)
        .fact("endpoints", set)
        .rows("endpoints", rows);
    for name in &station.unknown {
        phase = phase.note(format!("{name} was not looked up"));
    }
    phase
}

fn counted(fields: usize) -> String {
    if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") }
}
