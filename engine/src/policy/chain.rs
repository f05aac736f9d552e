//! The policies of one listener and route, in the order of their phases. `table` binds them, the exchange walks
//! them: up to the first that refuses, answers or asks.

use super::cors::Cors;
use super::headers::Headers;
use super::ip::Ip;
use super::sanitize::Sanitize;
use super::tally::Outcome;
use super::{Cause, Facts, Mode, Passage, Phase, Refusal, State, Tally, Verdict};
use crate::wire::edits::Edits;
use crate::wire::head::Head;
use std::sync::Arc;

/// Policies of a chain at most: a bit each in [`Passage::applied`].
pub const STEPS_MAX: usize = 64;

/// One policy, compiled. All chains that have it share it.
#[derive(Debug)]
pub struct Policy {
    /// Its name.
    pub name: Box<str>,
    /// Whether it refuses.
    pub mode: Mode,
    /// What it decides.
    pub kind: Kind,
    /// What it has done, in every generation that has the name.
    pub tally: Arc<Tally>,
}

/// What a policy decides. One variant a decider; their verbs are called by `match`.
#[derive(Debug)]
pub enum Kind {
    /// Whether scripts of other sites may.
    Cors(Cors),
    /// Whether the client's address may.
    Ip(Ip),
    /// What of a reply does not leave.
    Sanitize(Sanitize),
    /// What is changed in fields.
    Headers(Headers),
}

impl Kind {
    /// When it is asked.
    pub fn phase(&self) -> Phase {
        match self {
            Kind::Cors(_) => Phase::Cors,
            Kind::Ip(_) => Phase::Ip,
            Kind::Sanitize(_) | Kind::Headers(_) => Phase::Transform,
        }
    }

    /// The order within a phase: what is removed of a reply is removed before anything is set there.
    fn rank(&self) -> (Phase, u8) {
        (self.phase(), u8::from(matches!(self, Kind::Headers(_))))
    }

    fn decide(&self, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        match self {
            Kind::Cors(cors) => cors.decide(facts, state),
            Kind::Ip(ip) => ip.decide(facts),
            Kind::Sanitize(_) => Verdict::Pass,
            Kind::Headers(headers) => headers.decide(facts, state),
        }
    }

    fn dress(&self, facts: &Facts<'_>, passage: &mut Passage, reply: Option<Head<'_>>, edits: &mut Edits) {
        match self {
            Kind::Sanitize(sanitize) => sanitize.dress(reply, edits),
            Kind::Headers(headers) => headers.dress(facts, passage, reply, edits),
            Kind::Cors(_) | Kind::Ip(_) => {}
        }
    }
}

/// The policies of one listener and route.
#[derive(Debug, Default)]
pub struct Chain {
    steps: Box<[Arc<Policy>]>,
}

/// How far a request has come in its chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walk {
    at: u8,
    /// Whether somebody was asked to sign in and nobody has.
    unsigned: bool,
}

impl Chain {
    /// Binds `policies`, each once, those of a phase in the order given. None when there are none.
    pub fn new(mut policies: Vec<Arc<Policy>>) -> Option<Chain> {
        debug_assert!(policies.len() <= STEPS_MAX, "the table's build has counted them");
        policies.sort_by_key(|policy| policy.kind.rank());
        (!policies.is_empty()).then(|| Chain { steps: policies.into() })
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
        // Its phase is the first.
        matches!(self.steps.first(), Some(policy) if matches!(policy.kind, Kind::Cors(_)) && policy.mode == Mode::Enforce)
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
        while let Some(policy) = self.steps.get(usize::from(walk.at)) {
            let verdict = self.step(policy, walk, facts, state);
            if verdict != Verdict::Pass {
                return verdict;
            }
            walk.at += 1;
        }
        Verdict::Pass
    }

    fn step(&self, policy: &Policy, walk: &mut Walk, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        state.passage.applied |= 1 << walk.at;
        state.mode = policy.mode;
        let verdict = policy.kind.decide(facts, state);
        state.told = super::Told::Nothing;
        match verdict {
            Verdict::Ask(_) => verdict,
            Verdict::Pass | Verdict::Answer(_) => {
                policy.tally.add(state.shard.index, Outcome::Passed);
                if policy.mode == Mode::Enforce { verdict } else { Verdict::Pass }
            }
            Verdict::Abstain => Verdict::Pass,
            Verdict::Refuse(refusal) => self.refused(policy, walk, refusal, state),
        }
    }

    fn refused(&self, policy: &Policy, walk: &Walk, refusal: Refusal, state: &mut State<'_>) -> Verdict {
        if policy.mode == Mode::Enforce {
            policy.tally.add(state.shard.index, Outcome::Refused);
            state.passage.refused_by = Some(walk.at);
            return Verdict::Refuse(refusal);
        }
        policy.tally.add(state.shard.index, Outcome::Shadowed);
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
    }
}

impl Cause {
    /// The status of a refusal.
    pub fn status(self) -> u16 {
        match self {
            Cause::Unauthenticated => 401,
            Cause::Forbidden | Cause::Address | Cause::Origin => 403,
            Cause::Limited => 429,
            Cause::Invalid => 400,
            Cause::MediaType => 415,
            Cause::TooLarge => 413,
            Cause::Undecided => 503,
        }
    }
}
