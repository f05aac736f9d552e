//! Layer 3: what a request must pass before it reaches an origin, and what is changed of it and of its reply. Each
//! policy is a pure decider: a compiled struct, `compile` run once, `decide` run for each request with facts that are
//! borrowed and a state that is lent. `table` compiles them and binds them into chains; `exchange/plan` walks a chain
//! and performs what a decider asks for. A policy that spends has two verbs: see [`Verb`].

pub mod auth;
mod authorize;
pub mod chain;
mod compile;
pub mod cors;
mod fault;
pub mod fields;
mod ip;
pub mod limit;
mod sign_in;
pub mod validate;
mod when;

pub use chain::facts::{Facts, Parameter};
pub use chain::passage::{Passage, Question, Shard, State};
pub use chain::phase::Phase;
pub use chain::tally::{Outcome, Tally};
pub use chain::{Chain, Kind, Policy, Walk};
pub use compile::{Kit, compile};
pub use fault::{Fault, Faults, FieldName};
pub use sign_in::{By, SignIn};
pub use when::When;

use crate::base::Tick;

/// What a decider says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Pass,
    /// It says nothing: the request brings no credentials of this kind, and the next way to sign in is asked.
    Abstain,
    /// It is answered here with this status, and nothing is wrong with it: a preflight.
    Answer(u16),
    /// It is refused.
    Refuse(Refusal),
    /// Something outside must be asked or waited for first. The same decider is called again with the answer.
    Ask(Ask),
}

impl Verdict {
    /// A refusal for `cause`, of which `detail` is the log's word.
    pub fn refuse(cause: Cause, detail: &'static str) -> Verdict {
        Verdict::Refuse(Refusal { cause, detail })
    }
}

/// Why a request is refused. What the client is told beyond it stands in the [`Passage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal it is: it decides the status.
    pub cause: Cause,
    /// What exactly was wrong, a word of a closed list, for the log.
    pub detail: &'static str,
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nobody known asks: 401.
    Unauthenticated,
    /// Whoever asks may not: 403.
    Forbidden,
    /// The client's address may not: 403.
    Address,
    /// Another site's script may not: 403.
    Origin,
    /// Too often, or too many at once: 429.
    Limited,
    /// What is sent is not what is accepted: 400.
    Invalid,
    /// The body is not of an accepted kind: 415.
    MediaType,
    /// The body is larger than the policy reads: 413.
    TooLarge,
    /// It could not be decided, since whom it takes to decide gave no answer: 503.
    Undecided,
}

impl Cause {
    /// All of them, each where its number says.
    pub const ALL: [Cause; 9] = [
        Cause::Unauthenticated,
        Cause::Forbidden,
        Cause::Address,
        Cause::Origin,
        Cause::Limited,
        Cause::Invalid,
        Cause::MediaType,
        Cause::TooLarge,
        Cause::Undecided,
    ];

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

/// What a decider needs before it can decide. `exchange/plan` performs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// That this moment has come: a place in a queue.
    Wait(Tick),
    /// That the key set in the passage is fetched anew, if that may bring a key that is not known.
    Keys,
    /// That the upstream in the passage is asked.
    Call,
    /// That the password in the passage is hashed, on a thread that may take its time.
    Verify,
    /// The whole body, of so many bytes at most.
    Body(u64),
}

/// What became of an [`Ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing was asked yet.
    Nothing,
    /// The moment has come.
    Waited,
    /// The key set was fetched, or could not be, or the time to wait for it is over.
    Keys,
    /// What became of the question to an upstream stands in the passage.
    Answered,
    /// What became of the password.
    Verified(auth::basic::Verified),
    /// The password was not hashed, for this reason.
    Unverified(auth::Denial),
    /// The body is here, whole: see [`State::body`].
    Body,
    /// The body is longer than was asked for.
    BodyTooLong,
}

/// Which verb of a decider is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Decide, and take what that costs.
    Spend,
    /// Say what would be decided and change nothing: for explaining and replaying.
    Peek,
}

/// Whether a policy refuses. One that is off is not compiled into a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Enforce,
    /// It decides, counts and is logged, but changes nothing and lets everything pass.
    Shadow,
}

#[cfg(test)]
mod tests;
