//! One policy and its kind: the one place that names every decider.

use super::limits;
use crate::policy::authorize::Authorize;
use crate::policy::cors::Cors;
use crate::policy::fields::headers::Headers;
use crate::policy::fields::sanitize::Sanitize;
use crate::policy::ip::Ip;
use crate::policy::limit::{InFlightLimit, Limit};
use crate::policy::sign_in::SignIn;
use crate::policy::validate::Validate;
use crate::policy::{Facts, Mode, Passage, Phase, State, Tally, Verdict, When};
use crate::wire::edits::Edits;
use crate::wire::head::Head;
use std::sync::Arc;

/// One policy, compiled. All chains that have it share it.
#[derive(Debug)]
pub struct Policy {
    /// Its name.
    pub name: Box<str>,
    /// Whether it refuses.
    pub mode: Mode,
    /// The condition under which it applies.
    pub when: Option<When>,
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
    /// Who calls.
    SignIn(SignIn),
    /// What they may do.
    Authorize(Authorize),
    /// How often.
    Limit(Box<Limit>),
    /// How many at once.
    InFlight(Box<InFlightLimit>),
    /// What a request must look like.
    Validate(Box<Validate>),
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
            Kind::Limit(limit) if limit.needs_principal() => Phase::LimitByPrincipal,
            Kind::InFlight(limit) if limit.needs_principal() => Phase::LimitByPrincipal,
            Kind::Limit(_) | Kind::InFlight(_) => Phase::LimitByRequest,
            Kind::SignIn(_) => Phase::Authenticate,
            Kind::Authorize(_) => Phase::Authorize,
            Kind::Validate(_) => Phase::Validate,
            Kind::Sanitize(_) | Kind::Headers(_) => Phase::Transform,
        }
    }

    /// The order within a phase: what is removed of a reply is removed before anything is set there, a place among
    /// requests in flight is taken before anything is spent, and whoever brings nothing may go on only once every method
    /// has looked for credentials.
    pub(super) fn rank(&self) -> (Phase, u8) {
        let is_later = match self {
            Kind::SignIn(method) => method.takes_anybody(),
            kind => matches!(kind, Kind::Headers(_) | Kind::Limit(_)),
        };
        (self.phase(), u8::from(is_later))
    }

    pub(super) fn decide(&self, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        match self {
            Kind::Cors(cors) => cors.decide(facts, state),
            Kind::Ip(ip) => ip.decide(facts),
            Kind::SignIn(method) => method.decide(facts, state),
            Kind::Authorize(needs) => needs.decide(facts, state),
            Kind::Limit(limit) => limits::alone(limit, facts, state),
            Kind::InFlight(limit) => limits::enter(limit, facts, state),
            Kind::Validate(input) => input.decide(facts, state),
            Kind::Sanitize(_) => Verdict::Pass,
            Kind::Headers(headers) => headers.decide(facts, state),
        }
    }

    pub(super) fn dress(
        &self,
        facts: &Facts<'_>,
        passage: &mut Passage,
        reply: Option<Head<'_>>,
        edits: &mut Edits,
    ) {
        match self {
            Kind::Sanitize(sanitize) => sanitize.dress(reply, edits),
            Kind::Headers(headers) => headers.dress(facts, passage, reply, edits),
            _ => {}
        }
    }
}
