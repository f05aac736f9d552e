//! Where the time of an exchange goes, for those that are timed: all of a table with a route that shows Server-Timing, and
//! one in so many for metrics. The path says which phase ends; only here is a clock read for it. For exchanges that are
//! not timed each call is a branch.

use super::context::Context;
use super::lent::Lent;
use crate::base::Tick;
use crate::mem::Scratch;
use crate::net::clock;
use crate::observe::{Counts, Phase, Timing};
use crate::policy;
use crate::wire::edits::Edits;

/// The field that tells where time went (W3C Server Timing).
const SERVER_TIMING: &str = "Server-Timing";

/// The timing of an exchange whose head has just been parsed. Out of line, since few are timed.
#[cold]
pub fn begin(lent: &Lent, began: Tick, sampled: bool) -> Scratch<Timing> {
    let timing = lent.timings.take();
    timing.begin(began, sampled);
    timing.mark(Phase::Parse, clock::now());
    timing
}

/// The exchange is over. How long a tunnel lasts is its users' affair and not counted.
#[cold]
pub fn end(timing: &Timing, now: Tick, is_tunnel: bool, counts: &Counts) {
    if !is_tunnel {
        timing.mark(Phase::Body, now);
        timing.count(&counts.phases);
    }
}

/// What a phase of policies is called among all phases.
pub fn of_policy(phase: policy::Phase) -> Phase {
    match phase {
        policy::Phase::Cors => Phase::PolicyCors,
        policy::Phase::Ip => Phase::PolicyIp,
        policy::Phase::Shed => Phase::PolicyShed,
        policy::Phase::LimitByRequest => Phase::PolicyLimitByRequest,
        policy::Phase::Authenticate => Phase::PolicyAuthenticate,
        policy::Phase::Authorize => Phase::PolicyAuthorize,
        policy::Phase::LimitByPrincipal => Phase::PolicyLimitByPrincipal,
        policy::Phase::Validate => Phase::PolicyValidate,
        policy::Phase::Transform => Phase::PolicyTransform,
    }
}

impl Context<'_> {
    /// A phase ends now.
    #[inline]
    pub(super) fn mark(&self, phase: Phase) {
        if let Some(timing) = &self.timing {
            timing.mark(phase, clock::now());
        }
    }

    /// What the phase that ended last had to wait for is here: the time is that phase's.
    #[inline]
    pub(super) fn waited(&self) {
        if let Some(timing) = &self.timing {
            timing.extend(clock::now());
        }
    }

    /// Whether answers of its route tell where their time went.
    pub(super) fn shows_timing(&self) -> bool {
        self.timing.is_some() && self.route.get().is_some_and(|route| self.table.route(route).server_timing)
    }

    /// Marks the phases of a call whose reply's head has come, and has `edits` of the reply tell them where its route asks
    /// for that. `value` is working memory.
    #[inline]
    pub(super) fn timed_reply(&self, edits: &mut Edits, value: &mut Vec<u8>) {
        if let Some(timing) = &self.timing {
            self.called(timing, self.replied.get());
            self.tell(timing, edits, value);
        }
    }

    /// The same for an answer of the gateway's own.
    #[inline]
    pub(super) fn timed_answer(&self, edits: &mut Edits, value: &mut Vec<u8>) {
        if let Some(timing) = &self.timing {
            let now = clock::now();
            self.called(timing, now);
            timing.mark(Phase::Answer, now);
            self.tell(timing, edits, value);
        }
    }

    #[cold]
    fn tell(&self, timing: &Timing, edits: &mut Edits, value: &mut Vec<u8>) {
        if self.shows_timing() {
            value.clear();
            timing.write(value);
            let is_valid = edits.append(SERVER_TIMING, value);
            debug_assert!(is_valid, "names and numbers can stand in a field");
        }
    }

    /// Marks the phases of the call, if there was one; one without a reply ends at `now`.
    fn called(&self, timing: &Timing, now: Tick) {
        let known = |tick: Tick| if tick == Tick::default() { None } else { Some(tick) };
        let (dialled, sent) = (known(self.tried.dialled.get()), known(self.tried.sent.get()));
        let end = known(self.replied.get()).unwrap_or(now);
        if let Some(dialled) = dialled {
            timing.mark(Phase::Pool, dialled);
            timing.mark(Phase::Connect, sent.unwrap_or(end));
        }
        match (sent, self.upstream.get()) {
            (Some(sent), _) => {
                timing.mark(Phase::Pool, sent);
                timing.mark(Phase::FirstByte, end);
            }
            // It waited for a connection in vain.
            (None, Some(_)) => timing.mark(Phase::Pool, end),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_of_policies_has_its_own_name_among_all() {
        for phase in policy::Phase::ALL {
            let name = Phase::NAMES[of_policy(phase) as usize];
            assert_eq!(name.strip_prefix("policy_"), Some(phase.as_str()));
        }
        let named = Phase::NAMES.iter().filter(|name| name.starts_with("policy_")).count();
        assert_eq!(named, policy::Phase::ALL.len());
    }
}
