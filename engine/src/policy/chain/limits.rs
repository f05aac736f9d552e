//! The limits of a chain: those of a phase are spent together or not at all, and what an earlier phase spent is given
//! back when a later one refuses. The tightest is told in the reply's fields.

use crate::policy::Facts;
use crate::policy::limit::{self, InFlightLimit, Limit, Quota};
use crate::policy::{Ask, Cause, Mode, Verb, Verdict};
use crate::policy::{Kind, Policy};
use crate::policy::{Passage, State};
use std::sync::Arc;

/// The limits among `steps`, with their places from `first` on, that `applied` names and that refuse.
fn group(steps: &[Arc<Policy>], first: usize, applied: u64) -> impl Iterator<Item = (usize, &Limit)> + Clone {
    let placed = steps.iter().enumerate().map(move |(at, policy)| (first + at, policy));
    placed.filter_map(move |(at, policy)| match &policy.kind {
        Kind::Limit(limit) if policy.mode == Mode::Enforce && applied >> at & 1 != 0 => Some((at, &**limit)),
        _ => None,
    })
}

/// What a limit's key may be made of.
fn with_facts<T>(facts: &Facts<'_>, passage: &Passage, then: impl FnOnce(&limit::Facts<'_>) -> T) -> T {
    let caller = &passage.principal;
    // What one method says of a caller is nobody's whom another one knows. No name of a method holds a zero.
    let claim = |name: &str, out: &mut Vec<u8>| match caller.claim_at(name.as_bytes()) {
        Some(value) => {
            out.extend_from_slice(&passage.known_by);
            out.push(0);
            out.extend_from_slice(value.bytes());
            true
        }
        None => false,
    };
    then(&limit::Facts {
        client: facts.client,
        sent: facts.sent(),
        route: facts.route,
        listener: facts.listener,
        consumer: caller.consumer().and_then(|name| std::str::from_utf8(name).ok()),
        api_key: caller.credential(),
        tier: caller.tier().and_then(|tier| std::str::from_utf8(tier).ok()),
        claim: &claim,
    })
}

/// Spends the limits of one phase: `steps` are the chain's, from `first` on up to the end of the phase. Those that
/// refuse give their step.
pub fn spend(
    chain: &[Arc<Policy>],
    (first, end): (usize, usize),
    facts: &Facts<'_>,
    state: &mut State<'_>,
) -> Result<Verdict, u8> {
    let applied = state.passage.applied;
    let limits = group(&chain[first..end], first, applied);
    if limits.clone().next().is_none() {
        return Ok(Verdict::Pass);
    }
    let mut spent = std::mem::take(&mut state.passage.spent);
    let cells = &mut state.shard.cells;
    let decision = with_facts(facts, state.passage, |key| match state.verb {
        Verb::Spend => {
            let moment = (facts.now, facts.by);
            cells.spend_all(limits.clone().map(|(_, limit)| limit), key, moment, &mut spent)
        }
        Verb::Peek => cells.peek_all(limits.clone().map(|(_, limit)| limit), key, facts.now),
    });
    let Some(decision) = decision else {
        state.passage.spent = spent;
        return Ok(Verdict::Pass);
    };
    let at = limits.clone().nth(decision.limit).map_or(first, |(at, _)| at);
    state.passage.spent = spent;
    if !decision.pass {
        give_back(&chain[..first], state);
    }
    tell(chain, at, decision.quota, !decision.pass, facts, state.passage);
    if !decision.pass {
        return Err(u8::try_from(at).unwrap_or(u8::MAX));
    }
    Ok(if decision.until > facts.now { Verdict::Ask(Ask::Wait(decision.until)) } else { Verdict::Pass })
}

/// Gives back what the limits among `earlier`, the chain's first steps, took: a later one refuses.
pub fn give_back(earlier: &[Arc<Policy>], state: &mut State<'_>) {
    let mut spent = std::mem::take(&mut state.passage.spent);
    for ((_, limit), undone) in group(earlier, 0, state.passage.applied).zip(spent.drain(..)) {
        state.shard.cells.refund(limit, &undone);
    }
    state.passage.spent = spent;
}

/// What a limit that refuses says.
pub fn refusal(passage: &mut Passage) -> Verdict {
    passage.detail.clear();
    passage.detail.extend_from_slice(b"too many requests; Retry-After says when to come again");
    Verdict::refuse(Cause::Limited, "rate")
}

/// Writes the fields of the limit at `at`, which answers alone, unless those of a tighter one stand there.
fn tell(
    chain: &[Arc<Policy>],
    at: usize,
    quota: Quota,
    refused: bool,
    facts: &Facts<'_>,
    passage: &mut Passage,
) {
    let Kind::Limit(limit) = &chain[at].kind else { return };
    let looser = passage.tightest.is_some_and(|other| {
        (other.remaining, u64::MAX - other.reset) <= (quota.remaining, u64::MAX - quota.reset)
    });
    if looser && !refused {
        return;
    }
    passage.tightest = Some(quota);
    limit.fields().tell(&quota, refused, facts.unix_ms, &mut passage.reply);
}

/// Asks one limit alone: in shadow mode each spends from cells of its own.
pub fn alone(limit: &Limit, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
    let cells = &mut state.shard.cells;
    let said = with_facts(facts, state.passage, |key| match state.verb {
        Verb::Spend => cells.spend(limit, key, facts.now),
        Verb::Peek => cells.peek(limit, key, facts.now),
    });
    if said.pass { Verdict::Pass } else { Verdict::refuse(Cause::Limited, "rate") }
}

/// What a limit of either kind would leave, and the nanoseconds that it would have the request wait, once the chain has
/// been led that far. None of any other policy.
pub fn left(kind: &Kind, facts: &Facts<'_>, state: &mut State<'_>) -> Option<(Quota, u64)> {
    let cells = &mut state.shard.cells;
    with_facts(facts, state.passage, |key| match kind {
        Kind::Limit(limit) => {
            let said = cells.peek(limit, key, facts.now);
            Some((said.quota, said.wait))
        }
        Kind::InFlight(limit) => Some((cells.peek_in_flight(limit, key, facts.now).1, 0)),
        _ => None,
    })
}

/// Gives back what was spent before a limit of requests in flight refused, and takes out of the reply what was told of it:
/// beside a refusal it would say that there is room.
pub fn turned_away(earlier: &[Arc<Policy>], state: &mut State<'_>) {
    give_back(earlier, state);
    state.passage.tightest = None;
    limit::fields::take_back(&mut state.passage.reply);
}

/// Takes a place among the requests in flight, which is given back at the end of the exchange.
pub fn enter(limit: &InFlightLimit, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
    let cells = &mut state.shard.cells;
    let is_free = match state.verb {
        Verb::Peek => with_facts(facts, state.passage, |key| cells.peek_in_flight(limit, key, facts.now).0),
        Verb::Spend => {
            let entered = with_facts(facts, state.passage, |key| cells.enter(limit, key, facts.now));
            let is_free = entered.is_ok();
            state.passage.guards.extend(entered.ok());
            is_free
        }
    };
    if is_free {
        return Verdict::Pass;
    }
    state.passage.detail.clear();
    state.passage.detail.extend_from_slice(b"too many requests at once");
    state.passage.refusal.set("Retry-After", b"1");
    Verdict::refuse(Cause::Limited, "in_flight")
}
