//! Whoever looks at the clock between phases must see a request meet what it meets without.

use super::*;
use crate::base::{ClientAddr, Generation, ListenerId, RouteId, Tick};
use crate::config::Memory;
use crate::policy::{Outcome, Shard, Verb};
use crate::table::{Table, build};
use crate::wire::head::Lines;
use crate::wire::http1::framing::request_length;
use crate::wire::http1::{HeadLimits, request};

const POLICIES: &str = "
listeners: [{ name: public, bind: 127.0.0.1:8080 }]
consumers: [{ name: acme, api_keys: [acme-key-0123456789], scopes: [orders.read] }]
policies:
  site: { cors: { origins: ['https://app.test'] } }
  net: { ip: { deny: [10.0.0.0/8] } }
  key: { api_key: { header: X-API-Key } }
  may: { authorize: { scopes: [orders.read], methods: { POST: { roles: [admin] } } } }
  all: { limit: { rate: 4/h, key: global } }
  own: { limit: { rate: 2/h, key: consumer } }
  watch: { limit: { rate: 1/h, key: global }, mode: shadow }
  tell: { headers: { request: { set: { X-From: gateway } } } }
routes: [{ name: all, policies: [tell, own, watch, all, may, key, net, site], respond: { body: ok } }]
";

fn table(text: &str) -> Table {
    let config = Memory::default().file("x.yaml", text).read("x.yaml").expect("is a configuration");
    let mut means = build::Means { files: &mut Memory::default(), now: Tick(1), offset: 0 };
    let (table, _) = build::build(&config, Generation(1), None, &mut means).expect("builds");
    table
}

/// How the chain is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    AtOnce,
    ByPhase,
}

/// What a request from `client` with these lines meets, in words.
fn met(table: &Table, shard: &mut Shard, request: (&str, &str, &str), how: Asked) -> String {
    met_by(table, shard, request, how, &mut Passage::default())
}

/// The same, of an exchange whose passage goes on.
fn met_by(
    table: &Table,
    shard: &mut Shard,
    (line, fields, client): (&str, &str, &str),
    how: Asked,
    passage: &mut Passage,
) -> String {
    let text = format!("{line} HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n");
    let mut lines = Lines::new();
    request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("is a request");
    let client: std::net::SocketAddr = client.parse().expect("is an address");
    let facts = Facts {
        head: Head::new(text.as_bytes(), &lines),
        ours: &table.policies.identity,
        length: request_length(Head::new(text.as_bytes(), &lines)).expect("is framed"),
        path: b"/",
        parameters: &[],
        client: Some(client.ip()),
        peer: ClientAddr::Ip(client),
        certificate: None,
        is_https: false,
        host: b"gw.test",
        listener: "public",
        route: "all",
        request_id: b"id-1",
        now: Tick(1_000_000_000),
        unix_ms: 1_700_000_000_000,
        by: Tick::NEVER,
    };
    let chain = table.policies.chain(ListenerId(0), RouteId(0)).expect("the route has policies");
    let mut edits = Edits::new();
    let mut state = State {
        passage: &mut *passage,
        shard,
        registry: &table.policies.registry,
        request: &mut edits,
        told: Told::Nothing,
        body: b"",
        verb: Verb::Spend,
        mode: Mode::Enforce,
    };
    let mut walk = Walk::default();
    let verdict = match how {
        Asked::AtOnce => chain.walk(&mut walk, &facts, &mut state),
        Asked::ByPhase => {
            let mut phases = Vec::new();
            let mut verdict = Verdict::Pass;
            while verdict == Verdict::Pass
                && let Some(phase) = chain.next(&walk)
            {
                verdict = chain.walk_through(phase, &mut walk, &facts, &mut state);
                phases.push(phase);
            }
            assert!(phases.windows(2).all(|pair| pair[0] < pair[1]), "each phase once, in order: {phases:?}");
            verdict
        }
    };
    let refused = chain.refused_by(passage);
    format!("{verdict:?} by {refused:?}\n{:?}\n{:?}\n{edits:?}", passage.reply, passage.refusal)
}

#[test]
fn phase_by_phase_a_request_meets_what_it_meets_at_once() {
    let key = "X-API-Key: acme-key-0123456789\r\n";
    let requests = [
        ("GET /", "", "127.0.0.1:1"),
        ("GET /", "X-API-Key: nobodys-key-0123456789\r\n", "127.0.0.1:1"),
        ("GET /", key, "10.0.0.1:1"),
        ("POST /", key, "127.0.0.1:1"),
        ("GET /", key, "127.0.0.1:1"),
        ("GET /", &format!("Origin: https://app.test\r\n{key}"), "127.0.0.1:1"),
        ("GET /", key, "127.0.0.1:1"),
        ("OPTIONS /", "Origin: https://app.test\r\nAccess-Control-Request-Method: GET\r\n", "127.0.0.1:1"),
    ];
    let (once, phased) = (table(POLICIES), table(POLICIES));
    let (mut one, mut other) = (Shard::new(0), Shard::new(0));
    let mut refusals = 0;
    for request in requests {
        let met_once = met(&once, &mut one, request, Asked::AtOnce);
        refusals += usize::from(met_once.starts_with("Refuse"));
        assert_eq!(met(&phased, &mut other, request, Asked::ByPhase), met_once, "{request:?}");
    }
    assert!(refusals >= 4, "{refusals} of them are refused");
    for (policy, same) in once.policies.all.iter().zip(&phased.policies.all) {
        let outcomes =
            Cause::ALL.into_iter().map(Outcome::Refused).chain([Outcome::Passed, Outcome::Shadowed]);
        for outcome in outcomes {
            assert_eq!(same.tally.sum(outcome), policy.tally.sum(outcome), "{}: {outcome:?}", policy.name);
        }
    }
}

/// A limit that is asked before signing in, one behind it, and one of requests in flight; the fields of each.
fn two_phases(first: &str, second: &str, at_once: u32) -> Table {
    table(&format!(
        "
listeners: [{{ name: public, bind: 127.0.0.1:8080 }}]
consumers: [{{ name: acme, api_keys: [acme-key-0123456789] }}]
policies:
  key: {{ api_key: {{ header: X-API-Key }} }}
  before: {{ limit: {{ algorithm: fixed_window, key: client.ip, {first} }} }}
  behind: {{ limit: {{ algorithm: fixed_window, key: consumer, {second} }} }}
  many: {{ in_flight: {{ limit: {at_once}, key: consumer }} }}
routes: [{{ name: all, policies: [key, before, behind, many], respond: {{ body: ok }} }}]
"
    ))
}

const ACME: (&str, &str, &str) = ("GET /", "X-API-Key: acme-key-0123456789\r\n", "127.0.0.1:1");

/// The lines that a reply tells of limits, by name and value.
fn told(passage: &Passage) -> Vec<String> {
    let text = std::str::from_utf8(passage.reply.text()).expect("is text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn of_limits_in_two_phases_one_answers_alone() {
    for (first, second, tells, refuses) in [
        // The second is tighter, and tells by other fields.
        ("rate: 9/h, fields: standard", "rate: 1/h, fields: legacy", "X-RateLimit-Remaining: 0", "behind"),
        ("rate: 9/h, fields: legacy", "rate: 1/h, fields: standard", "RateLimit: \"behind\";r=0;", "behind"),
        // The first is, and tells on.
        ("rate: 1/h, fields: standard", "rate: 9/h, fields: legacy", "RateLimit: \"before\";r=0;", "before"),
    ] {
        let (table, mut shard) = (two_phases(first, second, 9), Shard::new(0));
        for turn in 0..2 {
            let mut passage = Passage::default();
            let met = met_by(&table, &mut shard, ACME, Asked::AtOnce, &mut passage);
            let told = told(&passage);
            assert!(told.iter().any(|line| line.starts_with(tells)), "{told:?}");
            let is_legacy = |line: &&String| line.starts_with("X-");
            let legacy = told.iter().filter(is_legacy).count();
            assert!(legacy == 0 || legacy + usize::from(turn == 1) == told.len(), "{told:?}");
            assert_eq!(met.contains(&format!("by Some(\"{refuses}\")")), turn == 1, "{met}");
        }
    }
}

#[test]
fn a_refusal_by_requests_in_flight_takes_nothing_of_the_limits_before_it() {
    let (table, mut shard) = (two_phases("rate: 3/h", "rate: 9/h", 1), Shard::new(0));
    let mut held = Passage::default();
    let met = met_by(&table, &mut shard, ACME, Asked::AtOnce, &mut held);
    assert!(met.starts_with("Pass"), "{met}");
    for how in [Asked::AtOnce, Asked::ByPhase, Asked::AtOnce, Asked::AtOnce] {
        let mut passage = Passage::default();
        let met = met_by(&table, &mut shard, ACME, how, &mut passage);
        assert!(met.contains("by Some(\"many\")"), "{met}");
        assert_eq!(told(&passage), [""; 0], "no field says that there is room");
        assert!(passage.spent.is_empty());
    }
    drop(held);
    let mut passage = Passage::default();
    met_by(&table, &mut shard, ACME, Asked::AtOnce, &mut passage);
    let told = told(&passage);
    assert!(told.iter().any(|line| line == "X-RateLimit-Remaining: 1"), "two of three are spent: {told:?}");
}
