//! The policies of one listener and route, in the order of their phases. `table` binds them, the exchange walks
//! them: up to the first that refuses, answers or asks.

pub mod explain;
pub mod facts;
mod kind;
mod limits;
pub mod passage;
pub mod phase;
pub mod tally;
mod trailers;
mod walk;

use crate::policy::auth::Denial;
use crate::policy::sign_in::{SignIn, tell_denial};
use crate::policy::when::Evaluator;
use crate::policy::{
    Cause, Facts, Mode, Outcome, Passage, Phase, Refusal, Shard, State, Told, Verb, Verdict, When,
};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use explain::{Said, note};
use std::ops::Range;
use std::sync::Arc;

pub use kind::{Kind, Policy};
pub use walk::Walk;

/// Policies of a chain at most: a bit each in [`Passage::applied`].
pub const STEPS_MAX: usize = 64;

/// The policies of one listener and route.
#[derive(Debug, Default)]
pub struct Chain {
    steps: Box<[Arc<Policy>]>,
    /// Whether a method to sign in by enforces: who it knows is the caller.
    signs_in: bool,
}

impl Chain {
    /// Binds `policies`, each once, those of a phase in the order given. None when there are none.
    pub fn new(mut policies: Vec<Arc<Policy>>) -> Option<Chain> {
        debug_assert!(policies.len() <= STEPS_MAX, "the table's build has counted them");
        policies.sort_by_key(|policy| policy.kind.rank());
        let signs_in = policies.iter().any(|policy| {
            let guards = matches!(&policy.kind, Kind::SignIn(method) if !method.takes_anybody());
            guards && policy.mode == Mode::Enforce
        });
        (!policies.is_empty()).then(|| Chain { steps: policies.into(), signs_in })
    }

    /// Whether an upstream's error is answered by the gateway in its place.
    pub fn replaces_errors(&self, passage: &Passage) -> bool {
        self.steps.iter().enumerate().any(|(at, policy)| {
            let applies = passage.applied >> at & 1 != 0 && policy.mode == Mode::Enforce;
            applies && matches!(&policy.kind, Kind::Sanitize(sanitize) if sanitize.replaces_errors)
        })
    }

    /// Whether it answers preflights.
    pub fn has_cors(&self) -> bool {
        self.cors().next().is_some()
    }

    /// Whether it answers this preflight: a CORS policy applies to it, or it cannot be told whether one does.
    pub fn answers(&self, facts: &Facts<'_>, shard: &mut Shard) -> bool {
        let nobody = Passage::default();
        let mut holds = |when: &When| when.holds(facts, &nobody, &mut shard.evaluator) != Some(false);
        self.cors().any(|policy| policy.when.as_ref().is_none_or(&mut holds))
    }

    fn cors(&self) -> impl Iterator<Item = &Arc<Policy>> {
        // Their phase is the first.
        let leading = self.steps.iter().take_while(|policy| matches!(policy.kind, Kind::Cors(_)));
        leading.filter(|policy| policy.mode == Mode::Enforce)
    }

    /// The policies, in the order in which they are asked.
    pub fn steps(&self) -> &[Arc<Policy>] {
        &self.steps
    }

    /// The policy that refused.
    pub fn refused_by(&self, passage: &Passage) -> Option<&str> {
        passage.refused_by.and_then(|at| self.steps.get(usize::from(at))).map(|policy| &*policy.name)
    }

    /// Takes a request on from where `walk` stands. After an [`Verdict::Ask`] it is called again with the answer in
    /// the state. [`Verdict::Pass`] is the end of the chain.
    pub fn walk(&self, walk: &mut Walk, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        self.walk_through(Phase::Transform, walk, facts, state)
    }

    /// Whether the policy that is asked next refuses nobody.
    pub fn is_in_shadow(&self, walk: &Walk) -> bool {
        self.steps.get(usize::from(walk.at)).is_some_and(|policy| policy.mode == Mode::Shadow)
    }

    /// Leaves out the policy that is asked next: there is nothing to tell it.
    pub fn pass_over(&self, walk: &mut Walk) -> Told {
        walk.at += 1;
        Told::Nothing
    }

    /// The phase of the policy that is asked next; none at the end.
    pub fn next(&self, walk: &Walk) -> Option<Phase> {
        self.steps.get(usize::from(walk.at)).map(|policy| policy.kind.phase())
    }

    /// The same as [`Chain::walk`] up to the end of a phase, for whoever looks at the clock between them: phase by phase a
    /// request meets what it meets at once.
    pub fn walk_through(
        &self,
        last: Phase,
        walk: &mut Walk,
        facts: &Facts<'_>,
        state: &mut State<'_>,
    ) -> Verdict {
        while let Some(policy) = self.steps.get(usize::from(walk.at)) {
            let phase = policy.kind.phase();
            if phase > last {
                break;
            }
            if walk.abstained != 0 && phase > Phase::Authenticate {
                let verdict = self.unsigned(walk, state);
                if verdict != Verdict::Pass {
                    return verdict;
                }
            }
            let verdict = match &policy.kind {
                Kind::Limit(_) if policy.mode == Mode::Enforce => self.limits(walk, phase, facts, state),
                Kind::SignIn(_) if walk.is_settled_for(policy.mode) => {
                    note(state, walk.at, Said::Settled);
                    Verdict::Pass
                }
                _ => match applies(policy, walk.at, facts, state) {
                    Ok(true) => self.step(policy, walk, facts, state),
                    Ok(false) => Verdict::Pass,
                    Err(untold) => self.refused(policy, walk.at, untold, state),
                },
            };
            if verdict != Verdict::Pass {
                return verdict;
            }
            walk.at += 1;
        }
        if walk.abstained != 0 && last >= Phase::Authenticate {
            self.unsigned(walk, state)
        } else {
            Verdict::Pass
        }
    }

    fn step(&self, policy: &Policy, walk: &mut Walk, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        state.mode = policy.mode;
        let verdict = match &policy.kind {
            Kind::SignIn(method) if self.signs_in && policy.mode == Mode::Shadow => {
                aside(method, facts, state)
            }
            kind => kind.decide(facts, state),
        };
        state.told = Told::Nothing;
        match verdict {
            Verdict::Ask(_) => verdict,
            Verdict::Pass | Verdict::Answer(_) => {
                if matches!(policy.kind, Kind::SignIn(_)) {
                    walk.settle(policy.mode);
                    known_by(policy, state.passage);
                }
                tally(policy, Outcome::Passed, state);
                if let Verdict::Answer(status) = verdict {
                    note(state, walk.at, Said::Answers(status));
                }
                if policy.mode == Mode::Enforce { verdict } else { Verdict::Pass }
            }
            Verdict::Abstain => {
                walk.abstained |= 1 << walk.at;
                note(state, walk.at, Said::Abstains);
                Verdict::Pass
            }
            Verdict::Refuse(refusal) => {
                if matches!(policy.kind, Kind::InFlight(_)) && policy.mode == Mode::Enforce {
                    limits::turned_away(&self.steps[..usize::from(walk.at)], state);
                }
                self.refused(policy, walk.at, refusal, state)
            }
        }
    }

    /// Spends all limits of a phase together, and moves on to the last of them. In front of it stand only limits of
    /// requests in flight, and behind it only limits.
    fn limits(&self, walk: &mut Walk, phase: Phase, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        let first = usize::from(walk.at);
        let count = self.steps[first..].iter().take_while(|policy| policy.kind.phase() == phase).count();
        let end = first + count;
        for (at, policy) in self.steps.iter().enumerate().take(end).skip(first) {
            match applies(policy, at as u8, facts, state) {
                // Those in shadow mode spend from cells of their own, and each alone.
                Ok(true) if policy.mode == Mode::Shadow => {
                    let mut alone = Walk { at: at as u8, ..Walk::default() };
                    self.step(policy, &mut alone, facts, state);
                }
                Ok(_) => {}
                Err(untold) => {
                    let verdict = self.refused(policy, at as u8, untold, state);
                    if verdict != Verdict::Pass {
                        return verdict;
                    }
                }
            }
        }
        walk.at = (end - 1) as u8;
        match limits::spend(&self.steps, (first, end), facts, state) {
            Ok(verdict) => {
                for policy in self.enforced(first..end, state.passage.applied) {
                    tally(policy, Outcome::Passed, state);
                }
                // What has to be waited for is behind this phase already.
                walk.at += u8::from(matches!(verdict, Verdict::Ask(_)));
                verdict
            }
            Err(at) => {
                let Verdict::Refuse(refusal) = limits::refusal(state.passage) else { return Verdict::Pass };
                self.refused(&self.steps[usize::from(at)], at, refusal, state)
            }
        }
    }

    /// Those of a range of steps that apply and refuse.
    fn enforced(&self, range: Range<usize>, applied: u64) -> impl Iterator<Item = &Arc<Policy>> {
        let placed = range.clone().zip(&self.steps[range]);
        placed
            .filter(move |(at, policy)| policy.mode == Mode::Enforce && applied >> at & 1 != 0)
            .map(|(_, policy)| policy)
    }

    /// Nobody has signed in, and a method could have known them.
    fn unsigned(&self, walk: &mut Walk, state: &mut State<'_>) -> Verdict {
        let abstained = std::mem::take(&mut walk.abstained);
        if walk.settled {
            return Verdict::Pass;
        }
        let absent = Refusal { cause: Cause::Unauthenticated, detail: Denial::Absent.word() };
        let asked = || self.steps.iter().enumerate().filter(|(at, _)| abstained >> at & 1 != 0);
        if !walk.settled_in_shadow {
            for (at, policy) in asked().filter(|(_, policy)| policy.mode == Mode::Shadow) {
                self.refused(policy, at as u8, absent, state);
            }
        }
        let Some((at, first)) = asked().find(|(_, policy)| policy.mode == Mode::Enforce) else {
            return Verdict::Pass;
        };
        self.challenge(Denial::Absent, state.passage);
        state.passage.detail.extend_from_slice(Denial::Absent.says().as_bytes());
        self.refused(first, at as u8, absent, state)
    }

    /// Adds the challenge of each method of the chain.
    fn challenge(&self, denial: Denial, passage: &mut Passage) {
        let Passage { refusal, scopes, value, .. } = passage;
        for policy in self.steps.iter().filter(|policy| policy.mode == Mode::Enforce) {
            if let Kind::SignIn(method) = &policy.kind
                && let Some(challenge) = method.challenge()
            {
                tell_denial(challenge, denial, scopes, refusal, value);
            }
        }
    }

    /// What a refusal comes to here: 401 says how to sign in (RFC 9110 §15.5.2), and where nobody can there is none.
    fn meant(&self, policy: &Policy, refusal: Refusal) -> Refusal {
        let is_asked = refusal.cause == Cause::Unauthenticated && matches!(policy.kind, Kind::Authorize(_));
        let signs_in =
            |policy: &Arc<Policy>| matches!(policy.kind, Kind::SignIn(_)) && policy.mode == Mode::Enforce;
        match is_asked && !self.steps.iter().any(signs_in) {
            true => Refusal { cause: Cause::Forbidden, ..refusal },
            false => refusal,
        }
    }

    fn refused(&self, policy: &Policy, at: u8, refusal: Refusal, state: &mut State<'_>) -> Verdict {
        let refusal = self.meant(policy, refusal);
        note(state, at, Said::Refuses(refusal));
        if policy.mode == Mode::Enforce {
            tally(policy, Outcome::Refused(refusal.cause), state);
            state.passage.refused_by = Some(at);
            if matches!(policy.kind, Kind::Authorize(_)) && refusal != UNTOLD {
                let denial = Denial::of_word(refusal.detail).unwrap_or(Denial::Absent);
                self.challenge(denial, state.passage);
            }
            return Verdict::Refuse(refusal);
        }
        tally(policy, Outcome::Shadowed, state);
        state.passage.spare();
        let shadow = &mut state.passage.shadow;
        if !shadow.is_empty() {
            shadow.push(b',');
        }
        shadow.extend_from_slice(policy.name.as_bytes());
        Verdict::Pass
    }

    /// Fills in what the policies change of a reply: that of an upstream, or with `None` one of our own.
    pub fn dress(
        &self,
        facts: &Facts<'_>,
        passage: &mut Passage,
        reply: Option<Head<'_>>,
        edits: &mut Edits,
    ) {
        edits.absorb(&passage.reply);
        for (at, policy) in self.steps.iter().enumerate() {
            if passage.applied >> at & 1 != 0 && policy.mode == Mode::Enforce {
                policy.kind.dress(facts, passage, reply, edits);
            }
        }
        keep_vary(&passage.reply, edits);
    }

    /// Has the policies that change fields apply to the answer by which a request is refused before it has come as far as them. One
    /// whose condition asks for what is not known of it, such as who calls, does not.
    pub fn reach(&self, facts: &Facts<'_>, passage: &mut Passage, evaluator: &mut Evaluator) {
        for (at, policy) in self.steps.iter().enumerate() {
            let is_due = passage.applied >> at & 1 == 0 && matches!(policy.kind, Kind::Headers(_));
            let mut holds = |when: &When| when.holds(facts, passage, evaluator) == Some(true);
            if is_due && policy.when.as_ref().is_none_or(&mut holds) {
                passage.applied |= 1 << at;
            }
        }
    }

    /// Fills in what the policies remove of an interim reply: what does not leave with a reply does not leave before it.
    pub fn strip(&self, passage: &Passage, reply: Head<'_>, edits: &mut Edits) {
        for policy in self.enforced(0..self.steps.len(), passage.applied) {
            match &policy.kind {
                Kind::Sanitize(sanitize) => sanitize.dress(Some(reply), edits),
                Kind::Headers(headers) => headers.strip(edits),
                _ => {}
            }
        }
    }
}

/// Has what an answer depends on stand in it, whatever else is said there: a cache that was not told would hand it to the scripts
/// of another site. `said` are the fields that policies gave the reply before any was changed.
fn keep_vary(said: &Edits, edits: &mut Edits) {
    let is_vary = |field: Field| field == Field::VARY;
    for (field, name, value) in said.added().filter(|(field, ..)| is_vary(*field)) {
        if !edits.added().any(|(other, _, known)| is_vary(other) && known == value) {
            debug_assert!(field.name().as_bytes() == name, "it is our own");
            edits.append_own(field, value);
        }
    }
}

/// Asks a method in shadow mode beside one that guards: whom it knows is nobody to all that follows, and the origin is
/// told nothing of them.
fn aside(method: &SignIn, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
    std::mem::swap(&mut state.passage.principal, &mut state.shard.aside);
    let verdict = method.decide(facts, &mut State { request: &mut Edits::new(), ..state.again() });
    std::mem::swap(&mut state.passage.principal, &mut state.shard.aside);
    state.shard.aside.clear();
    verdict
}

/// Notes which method knows the caller, if one does.
fn known_by(method: &Policy, passage: &mut Passage) {
    passage.known_by.clear();
    if passage.principal.is_known() {
        passage.known_by.extend_from_slice(method.name.as_bytes());
    }
}

/// Counts what a policy did, unless it is only asked what it would do.
#[inline]
fn tally(policy: &Policy, outcome: Outcome, state: &State<'_>) {
    if state.verb == Verb::Spend {
        policy.tally.add(state.shard.index, outcome);
    }
}

/// Whether a policy applies to a request: whether its condition holds, where it has one.
fn applies(policy: &Policy, at: u8, facts: &Facts<'_>, state: &mut State<'_>) -> Result<bool, Refusal> {
    if let Some(when) = &policy.when
        && state.passage.applied >> at & 1 == 0
    {
        match when.holds(facts, state.passage, &mut state.shard.evaluator) {
            Some(true) => {}
            Some(false) => return Ok(false),
            None => {
                // It may guard or open the door: neither is known to be right, so that nobody passes.
                state.passage.detail.clear();
                let told = b"whether a rule applies to this request could not be told";
                state.passage.detail.extend_from_slice(told);
                return Err(UNTOLD);
            }
        }
    }
    state.passage.applied |= 1 << at;
    Ok(true)
}

/// What becomes of a request for which a condition cannot be told.
const UNTOLD: Refusal = Refusal { cause: Cause::Forbidden, detail: "condition" };

#[cfg(test)]
mod tests;
