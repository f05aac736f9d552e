//! What the policies of a route say of a request, in the order in which they are asked. Nothing is spent and nobody is
//! asked: a policy that cannot tell without somebody else's answer is shown with whom it would ask, and what follows it as
//! not reached. Passwords are hashed, as an exchange would have them hashed.

use super::report::{Phase, Row};
use super::trace::{Ground, Station};
use crate::base::Tick;
use crate::exchange::Answer;
use crate::exchange::parts::{Asked, reason};
use crate::observe::Reason;
use crate::policy::chain::explain::{Said, Step};
use crate::policy::limit::Quota;
use crate::policy::{
    Ask, By, Chain, Kind, Mode, Passage, Policy, Refusal, Shard, State, Told, Verb, Verdict,
};
use crate::wire::edits::Edits;
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use serde_json::{Value, json};
use std::time::Duration;

/// Endpoints named of an upstream that would be asked.
const ENDPOINTS_SHOWN: usize = 3;

/// What becomes of a request at its policies.
pub(super) enum Planned {
    /// It goes on; where a name is given, provided that this policy lets it pass.
    Pass(Option<String>),
    /// A policy answers it, and nothing is wrong with it.
    Answer(u16),
    /// It is refused.
    Refuse(Reason),
}

/// The phase that tells of `chain`, and what becomes of the request. `body` is its body, where it is known.
pub(super) fn told(
    ground: &Ground<'_>,
    (asked, chain): (Asked<'_>, &Chain),
    (head, path): (Head<'_>, &[u8]),
    length: Length,
) -> (Phase, Planned) {
    let facts = asked.facts((head, path), b"", (ground.now, ground.unix_ms, Tick::NEVER));
    let (mut passage, mut edits, mut shard) = (Passage::default(), Edits::new(), Shard::default());
    ground.keys.iter().for_each(|news| shard.fetched.take(news.clone()));
    let mut state = State {
        passage: &mut passage,
        shard: &mut shard,
        registry: &ground.table.policies.registry,
        request: &mut edits,
        told: Told::Nothing,
        body: b"",
        verb: Verb::Peek,
        mode: Mode::Enforce,
    };
    let (verdict, steps) =
        chain.explain(&facts, &mut state, &mut |ask, passage| perform(ask, passage, length));
    let refused = if let Verdict::Refuse(refusal) = verdict { Some(refusal) } else { None };
    let decider = |step: &&Step<'_>| {
        let decides = match step.said {
            Said::Refuses(_) | Said::Answers(_) => true,
            Said::Asks(_) => matches!(verdict, Verdict::Ask(_)),
            _ => false,
        };
        let is_last = matches!(step.policy.kind, Kind::SignIn(_)) && matches!(step.said, Said::Asks(_));
        decides && (step.policy.mode == Mode::Enforce || is_last)
    };
    let by = steps.iter().find(decider);
    let name = by.map(|step| step.policy.name.to_string());
    let row = |step: &Step<'_>| {
        let picked = by.is_some_and(|by| std::ptr::eq(by.policy, step.policy));
        row(ground, step, picked, &passage)
    };
    let rows: Vec<Row> = steps.iter().map(row).collect();
    let says: Vec<Value> = rows.iter().map(|row| format!("{}: {}", row.name, row.why).into()).collect();
    let (phase, planned) = match (verdict, refused, name) {
        (_, Some(refusal), name) => {
            let reason = reason(refusal);
            let mut phase = Phase::answers(PHASE, reason);
            if let Some(name) = name {
                phase.says += &format!(", by {name}");
                phase = phase.fact("by", name);
            }
            (tell_refusal(phase, &passage), Planned::Refuse(reason))
        }
        (Verdict::Answer(status), _, name) => {
            let name = name.unwrap_or_default();
            let phase = Phase::pass(PHASE, format!("{name} answers with {status}")).fact("by", name);
            (phase, Planned::Answer(status))
        }
        (Verdict::Ask(_), _, Some(name)) => {
            let phase = Phase::pass(PHASE, format!("cannot be told: it depends on what {name} is told"));
            (phase.fact("by", name.as_str()), Planned::Pass(Some(name)))
        }
        _ => (Phase::pass(PHASE, "let it pass"), Planned::Pass(None)),
    };
    (phase.fact("policies", says).rows("policies", rows), planned)
}

const PHASE: &str = "policies";

/// Performs what can be performed without asking anybody.
fn perform(ask: Ask, passage: &mut Passage, length: Length) -> Option<Told> {
    match ask {
        Ask::Wait(_) => Some(Told::Waited),
        Ask::Verify => passage.work.take().map(|work| Told::Verified(work.run())),
        Ask::Body(_) => matches!(length, Length::None | Length::Exact(0)).then_some(Told::Body),
        Ask::Keys | Ask::Call => None,
    }
}

/// What the client would be told with a refusal.
fn tell_refusal(mut phase: Phase, passage: &Passage) -> Phase {
    let detail = String::from_utf8_lossy(&passage.detail).into_owned();
    if !detail.is_empty() {
        phase = phase.note(detail.as_str()).fact("tells", detail);
    }
    let errors: Value = serde_json::from_str(&format!("{{{}}}", String::from_utf8_lossy(&passage.errors)))
        .unwrap_or_default();
    for error in errors["errors"].as_array().into_iter().flatten() {
        let [at, rule, message] =
            ["at", "rule", "message"].map(|key| error[key].as_str().unwrap_or_default());
        phase = phase.note(format!("{at} {message} ({rule})"));
    }
    match errors.get("errors") {
        Some(errors) => phase.fact("errors", errors.clone()),
        None => phase,
    }
}

fn row(ground: &Ground<'_>, step: &Step<'_>, picked: bool, passage: &Passage) -> Row {
    let Step { policy, said, left } = step;
    let shadow = policy.mode == Mode::Shadow;
    let mut facts = vec![
        ("kind", policy.kind.as_str().into()),
        ("phase", policy.kind.phase().as_str().into()),
        ("mode", if shadow { "shadow" } else { "enforce" }.into()),
    ];
    let (decision, mut why) = match said {
        Said::Passes => ("pass", passes(policy, passage)),
        Said::Skipped => ("skip", "does not apply: its condition does not hold".to_owned()),
        Said::Settled => ("settled", "is not asked: it is known who calls".to_owned()),
        Said::Abstains => ("abstain", "finds no credentials of its kind".to_owned()),
        Said::Answers(status) => {
            facts.push(("status", (*status).into()));
            ("answer", format!("{} with {status}", if shadow { "would answer" } else { "answers" }))
        }
        Said::Refuses(refusal) => ("refuse", refuses(*refusal, shadow, &mut facts)),
        Said::Asks(ask) => {
            let whom = whom(ground, &policy.kind, *ask);
            facts.push(("asks", whom.as_str().into()));
            ("ask", format!("would ask {whom}"))
        }
        Said::NotReached => ("not_reached", "not reached".to_owned()),
    };
    facts.push(("decision", decision.into()));
    if let Some((quota, wait)) = left {
        why += &format!(": {}", quota_in_words(quota, *wait));
        facts.push(("limit", quota_as_json(quota, *wait)));
    }
    let kind = match (policy.kind.phase().as_str(), policy.kind.as_str()) {
        (phase, kind) if phase == kind => kind.to_owned(),
        (phase, kind) => format!("{phase}: {kind}"),
    };
    let what = if shadow { format!("{kind}, shadow") } else { kind };
    Row { name: policy.name.to_string(), what, picked, why, facts }
}

/// What is known once a policy has let a request pass.
fn passes(policy: &Policy, passage: &Passage) -> String {
    let consumer = passage.principal.consumer().map(String::from_utf8_lossy);
    let knows = passage.known_by == policy.name.as_bytes();
    match consumer.filter(|_| knows) {
        Some(consumer) => format!("passes, as consumer {consumer}"),
        None => "passes".to_owned(),
    }
}

fn refuses(refusal: Refusal, shadow: bool, facts: &mut Vec<(&'static str, Value)>) -> String {
    let reason = reason(refusal);
    let status = Answer::of(reason).map_or(refusal.cause.status(), |answer| answer.status);
    facts.push(("status", status.into()));
    facts.push(("reason", reason.as_str().into()));
    facts.push(("detail", refusal.detail.into()));
    let verb = if shadow { "would refuse" } else { "refuses" };
    match refusal.detail {
        "" => format!("{verb} with {status}, {}", reason.as_str()),
        detail => format!("{verb} with {status}, {}: {detail}", reason.as_str()),
    }
}

/// Whom a policy would ask, and for what.
fn whom(ground: &Ground<'_>, kind: &Kind, ask: Ask) -> String {
    if let Ask::Body(most) = ask {
        return format!("for the body, which is not given here; {most} bytes at most");
    }
    let Kind::SignIn(method) = kind else { return "somebody else".to_owned() };
    if let By::Jwt(jwt) = &method.by
        && let Some(address) = jwt.keys_address()
    {
        return format!("{} for a key that is not known here", address.shown);
    }
    let Some(service) = method.by.service() else { return "somebody else".to_owned() };
    let upstream = ground.table.upstream(service.upstream);
    let Station { endpoints, unknown, .. } = (ground.station)(upstream);
    let known = endpoints.iter().map(|endpoint| endpoint.name.clone()).chain(unknown);
    let mut names: Vec<String> = known.take(ENDPOINTS_SHOWN + 1).collect();
    if names.len() > ENDPOINTS_SHOWN {
        names[ENDPOINTS_SHOWN] = "...".to_owned();
    }
    format!("upstream {} ({}) for {}, Host: {}", upstream.name, names.join(", "), service.path, service.host)
}

fn quota_in_words(quota: &Quota, wait: u64) -> String {
    let Quota { limit, remaining, retry, .. } = quota;
    let time = |nanos: u64| format!("{:?}", Duration::from_millis(nanos.div_ceil(1_000_000)));
    match (retry, wait) {
        (0, 0) => format!("{remaining} of {limit} would remain"),
        (0, wait) => format!("{remaining} of {limit} would remain, after {} in its queue", time(wait)),
        (retry, _) => format!("{remaining} of {limit} remain, one comes in {}", time(*retry)),
    }
}

fn quota_as_json(quota: &Quota, wait: u64) -> Value {
    let ms = |nanos: u64| nanos.div_ceil(1_000_000);
    json!({
        "limit": quota.limit,
        "remaining": quota.remaining,
        "reset_ms": ms(quota.reset),
        "retry_ms": ms(quota.retry),
        "wait_ms": ms(wait),
    })
}
