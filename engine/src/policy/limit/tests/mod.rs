//! Tests of limits: written as an operator writes them, asked with facts, held to slow readings.

mod attack;
mod fields;
mod group;
mod keys;
mod lease;
mod reference;
mod reload;
mod share;
mod threads;

use super::key::Facts;
use super::*;
use crate::base::Tick;
use crate::config::Policy;
use crate::config::read::Memory;
use crate::policy::fields::{Identity, Sent};
use crate::wire::head::{Head, Lines};
use crate::wire::http1::{HeadLimits, Parsed, request};
use std::net::IpAddr;

const SECOND: u64 = 1_000_000_000;

/// A moment that is no round number, long after the epoch of the clock.
const START: u64 = 86_400_123_456_789;

fn sets() -> Sets {
    Sets::new(Seed(1, 2), 1_700_000_000 * SECOND)
}

/// The policy written as `limit: …` or `in_flight: …`.
fn policy(written: &str) -> Policy {
    let text = format!("policies:\n  plan: {{ {written} }}\n");
    let config = Memory::default().file("f.yaml", &text).read("f.yaml");
    let mut config = config.unwrap_or_else(|problems| panic!("{text}{problems}"));
    config.policies.0.remove(0).1
}

/// The limit written as the inside of `limit: { … }`, or its flaws.
fn compile(sets: &mut Sets, name: &str, written: &str) -> Result<Limit, Vec<Flaw>> {
    let limit = policy(&format!("limit: {{ {written} }}")).limit.expect("a limit");
    let into = super::compile::Into { name, shadow: false, sets, has_store: true, now: Tick(START) };
    Limit::compile(&limit, into)
}

fn limit(sets: &mut Sets, written: &str) -> Limit {
    named(sets, "plan", written)
}

fn named(sets: &mut Sets, name: &str, written: &str) -> Limit {
    compile(sets, name, written).unwrap_or_else(|flaws| panic!("{written}: {flaws:#?}"))
}

fn in_flight(sets: &mut Sets, written: &str) -> InFlightLimit {
    let limit = policy(&format!("in_flight: {{ {written} }}")).in_flight.expect("a limit");
    InFlightLimit::compile(
        &limit,
        super::compile::Into { name: "many", shadow: false, sets, has_store: true, now: Tick(START) },
    )
    .unwrap_or_else(|flaws| panic!("{written}: {flaws:#?}"))
}

/// Asks with the facts of a client and of fields written as lines.
fn with_facts<T>(client: Option<IpAddr>, fields: &str, ask: impl FnOnce(Facts<'_>) -> T) -> T {
    let text = format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let mut lines = Lines::new();
    let parsed = request::parse(text.as_bytes(), &mut lines, &HeadLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete { len: text.len() }), "{text}");
    ask(Facts {
        client,
        sent: Sent::new(Head::new(text.as_bytes(), &lines), &Identity::default()),
        route: "orders",
        listener: "public",
        consumer: None,
        api_key: None,
        tier: None,
        claim: &|_, _| false,
    })
}

/// Asks with the facts of an IPv4 client.
fn as_client<T>(client: u32, ask: impl FnOnce(Facts<'_>) -> T) -> T {
    with_facts(Some(IpAddr::V4(client.into())), "", ask)
}
