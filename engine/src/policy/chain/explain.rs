//! What each policy of a chain would say of a request. The chain is walked as an exchange walks it, by the verb that
//! spends nothing, and notes on its way what a walk for an exchange has no use for. Whatever a policy asks for is put to
//! whoever explains; where they cannot tell, the walk ends there, since all that follows may depend on it.

use super::limits::left;
use super::{Chain, Kind, Policy, Walk};
use crate::policy::limit::Quota;
use crate::policy::{Ask, Facts, Mode, Passage, Refusal, State, Told, Verb, Verdict};
use std::sync::Arc;

/// What one policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The request may go on.
    Passes,
    /// Its condition does not hold.
    Skipped,
    /// Nobody has to sign in by it: somebody has already.
    Settled,
    /// The request brings no credentials of its kind.
    Abstains,
    /// The request is answered with this status, and nothing is wrong with it.
    Answers(u16),
    /// The request is refused.
    Refuses(Refusal),
    /// It cannot tell without this.
    Asks(Ask),
    /// The request does not come as far.
    NotReached,
}

/// One policy, and what it says.
#[derive(Debug)]
pub struct Step<'c> {
    /// The policy.
    pub policy: &'c Policy,
    /// What it says.
    pub said: Said,
    /// Of a limit that was reached: what it would leave, and the nanoseconds to wait for it.
    pub left: Option<(Quota, u64)>,
}

/// Notes what a step said, where the request is only explained.
#[inline]
pub(super) fn note(state: &mut State<'_>, at: u8, said: Said) {
    if state.verb == Verb::Peek {
        state.passage.notes.push((at, said));
    }
}

impl Chain {
    /// What becomes of a request at this chain, and what each of its policies says, in their order. `answer` performs what
    /// a policy asks for, or gives none. The verdict is an [`Verdict::Ask`] where that decides; the question is in the
    /// passage then.
    pub fn explain(
        &self,
        facts: &Facts<'_>,
        state: &mut State<'_>,
        answer: &mut dyn FnMut(Ask, &mut Passage) -> Option<Told>,
    ) -> (Verdict, Vec<Step<'_>>) {
        debug_assert_eq!(state.verb, Verb::Peek, "explaining spends nothing");
        let mut walk = Walk::default();
        let verdict = loop {
            let verdict = self.walk(&mut walk, facts, state);
            let Verdict::Ask(ask) = verdict else { break verdict };
            match answer(ask, state.passage) {
                Some(told) => state.told = told,
                // What one in shadow mode says of what is sent changes nothing of what follows.
                None if self.is_aside(&walk) => {
                    note(state, walk.at, Said::Asks(ask));
                    walk.at += 1;
                }
                None => {
                    note(state, walk.at, Said::Asks(ask));
                    break verdict;
                }
            }
        };
        let steps = self.steps.iter().enumerate();
        let steps = steps.map(|(at, policy)| self.told_of((at, policy), &walk, facts, state)).collect();
        (verdict, steps)
    }

    fn is_aside(&self, walk: &Walk) -> bool {
        let asks = self.steps.get(usize::from(walk.at));
        asks.is_some_and(|policy| policy.mode == Mode::Shadow && !matches!(policy.kind, Kind::SignIn(_)))
    }

    fn told_of<'c>(
        &'c self,
        (at, policy): (usize, &'c Arc<Policy>),
        walk: &Walk,
        facts: &Facts<'_>,
        state: &mut State<'_>,
    ) -> Step<'c> {
        let applied = state.passage.applied >> at & 1 != 0;
        let noted = state.passage.notes.iter().rfind(|(step, _)| usize::from(*step) == at);
        let said = match noted {
            Some((_, said)) => *said,
            None if applied => Said::Passes,
            None if at >= usize::from(walk.at) => Said::NotReached,
            None => Said::Skipped,
        };
        let reached = applied && !matches!(said, Said::NotReached);
        let left = if reached { left(&policy.kind, facts, state) } else { None };
        Step { policy, said, left }
    }
}

impl Kind {
    /// The key by which the configuration calls it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Kind::Cors(_) => "cors",
            Kind::Ip(_) => "ip",
            Kind::SignIn(method) => method.by.as_str(),
            Kind::Authorize(_) => "authorize",
            Kind::Limit(_) => "limit",
            Kind::InFlight(_) => "in_flight",
            Kind::Validate(_) => "validate",
            Kind::Sanitize(_) => "sanitize",
            Kind::Headers(_) => "headers",
        }
    }
}
