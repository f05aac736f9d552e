//! Who calls: the methods of a chain, asked in the order in which they are named. The first whose credentials a request
//! brings decides. Where none are brought, the chain asks for them, with the challenges of all its methods, unless a
//! policy `anonymous` is among them. What is known of the caller is told to the origin in fields that nobody else can
//! set: see `identity`.

use super::Facts;
use super::auth::api_key::ApiKey;
use super::auth::basic::Basic;
use super::auth::jwt::Jwt;
use super::auth::mtls::Mtls;
use super::auth::remote::forward::{Decided, Forward};
use super::auth::remote::introspection::Introspection;
use super::auth::remote::{Answered, Service};
use super::auth::source::Place;
use super::auth::{Challenge, ClaimPath, Code, Denial, Outcome};
use super::fault::FieldName;
use super::{Ask, Cause, Question, Told, Verb, Verdict};
use super::{Passage, State};
use crate::wire::edits::Edits;
use crate::wire::field::Field;

/// A method, compiled.
#[derive(Debug)]
pub struct SignIn {
    /// Which.
    pub by: By,
    /// Claims that are sent on, each in a field of its own.
    pub forward: Box<[(ClaimPath, FieldName)]>,
    /// Where a shard keeps what it remembers for it.
    pub slot: usize,
}

/// Which method.
#[derive(Debug)]
pub enum By {
    /// A signed token.
    Jwt(Box<Jwt>),
    /// A key.
    ApiKey(Box<ApiKey>),
    /// Name and password.
    Basic(Box<Basic>),
    /// The certificate of the connection.
    Mtls(Box<Mtls>),
    /// A token that its server is asked about.
    Introspection(Box<Introspection>),
    /// What a service says.
    Forward(Box<Forward>),
    /// Nothing: whoever brings no credentials may go on as nobody.
    Nothing,
}

impl By {
    /// The key by which the configuration calls it.
    pub fn as_str(&self) -> &'static str {
        match self {
            By::Jwt(_) => "jwt",
            By::ApiKey(_) => "api_key",
            By::Basic(_) => "basic",
            By::Mtls(_) => "mtls",
            By::Introspection(_) => "introspection",
            By::Forward(_) => "forward_auth",
            By::Nothing => "anonymous",
        }
    }

    /// Whether it can say which consumer calls.
    pub fn names_consumers(&self) -> bool {
        match self {
            By::Jwt(jwt) => jwt.names_consumers(),
            By::Introspection(asked) => asked.names_consumers(),
            By::ApiKey(_) | By::Basic(_) | By::Mtls(_) => true,
            By::Forward(_) | By::Nothing => false,
        }
    }

    /// Whom it may have to ask before it can tell: an upstream, and what for.
    pub fn service(&self) -> Option<&Service> {
        match self {
            By::Introspection(asked) => Some(asked.service()),
            By::Forward(asked) => Some(asked.service()),
            _ => None,
        }
    }

    /// Fields, cookies and query parameters that hold what must be shown to nobody, each with its kind.
    pub fn secrets(&self) -> Vec<(&'static str, &[u8])> {
        match self {
            By::Jwt(jwt) => jwt.places().iter().map(Place::told).collect(),
            By::ApiKey(key) => vec![key.place().told()],
            By::Introspection(asked) => asked.places().iter().map(Place::told).collect(),
            By::Forward(asked) => asked.sent().iter().map(|field| ("header", &*field.text)).collect(),
            By::Basic(_) | By::Mtls(_) | By::Nothing => Vec::new(),
        }
    }
}

impl SignIn {
    /// Goes on with what was remembered for the method `before`, where they are equal.
    pub fn succeed(&mut self, before: &SignIn) {
        match (&mut self.by, &before.by) {
            (By::Jwt(jwt), By::Jwt(before)) => jwt.succeed(before),
            (By::Introspection(asked), By::Introspection(before)) => asked.succeed(before),
            _ => {}
        }
    }

    /// What a caller without credentials is asked for.
    pub fn challenge(&self) -> Option<&Challenge> {
        match &self.by {
            By::Jwt(jwt) => Some(jwt.challenge()),
            By::ApiKey(key) => Some(key.challenge()),
            By::Basic(basic) => Some(basic.challenge()),
            By::Mtls(mtls) => Some(mtls.challenge()),
            By::Introspection(asked) => Some(asked.challenge()),
            By::Forward(_) | By::Nothing => None,
        }
    }

    /// Whether it takes those who bring nothing.
    pub fn takes_anybody(&self) -> bool {
        matches!(self.by, By::Nothing)
    }

    /// Looks for credentials and verifies them. *Cost*: see `auth`; no allocation when warm.
    pub fn decide(&self, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        let State { passage, shard, registry, .. } = state;
        let principal = &mut passage.principal;
        let outcome = match &self.by {
            By::Nothing => return Verdict::Pass,
            By::Jwt(jwt) => {
                let memory = shard.memory(self.slot, jwt);
                let outcome = jwt.decide(facts.head, facts.unix_ms, registry, memory, principal);
                let has_keys = memory.keys.is_some();
                let worth_asking = state.told != Told::Keys;
                if let (Outcome::MissingKey, Some(address)) = (&outcome, jwt.keys_address())
                    && worth_asking
                    && shard.fetched.may_ask(&address.text, facts.now)
                {
                    passage.question =
                        Some(Question::Keys(address.text.clone(), shard.fetched.number(&address.text)));
                    return Verdict::Ask(Ask::Keys);
                }
                outcome.settled(has_keys)
            }
            By::Forward(asked) => return self.ask_service(asked, facts, state),
            By::Introspection(asked) => {
                let answered = taken(state.told, passage);
                let memory = shard.looked_up(self.slot);
                let request = (facts.head, facts.unix_ms);
                asked.decide(request, answered.as_ref(), registry, memory, &mut passage.principal)
            }
            By::Mtls(mtls) => {
                let Passage { principal, value, .. } = &mut **passage;
                mtls.decide(facts.certificate, registry, principal, value)
            }
            By::ApiKey(key) => key.decide(facts.head, registry, principal),
            By::Basic(basic) => {
                let verified = match state.told {
                    Told::Verified(verified) => Some(verified),
                    Told::Unverified(denial) => return self.denied(denial, passage),
                    _ => None,
                };
                let remembered = &mut shard.remembered;
                basic.decide(facts.head, facts.unix_ms, verified, registry, remembered, principal)
            }
        };
        match outcome {
            Outcome::Known => {
                self.tell(facts, state);
                Verdict::Pass
            }
            Outcome::Absent => Verdict::Abstain,
            Outcome::Denied(denial) => self.denied(denial, state.passage),
            Outcome::MissingKey => self.denied(Denial::UnknownKey, state.passage),
            Outcome::Call(call) => {
                passage.question = Some(Question::Call(call));
                Verdict::Ask(Ask::Call)
            }
            Outcome::Verify(work) => {
                passage.work = Some(work);
                Verdict::Ask(Ask::Verify)
            }
        }
    }

    /// Has a service decide.
    fn ask_service(&self, asked: &Forward, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        let passage = &mut *state.passage;
        let answered = taken(state.told, passage);
        let Passage { principal, refusal, redirect, question, detail, .. } = passage;
        match asked.decide(facts, answered.as_ref(), principal, (&mut *state.request, refusal)) {
            Decided::Call(call) => {
                *question = Some(Question::Call(call));
                Verdict::Ask(Ask::Call)
            }
            Decided::Pass => Verdict::Pass,
            Decided::Redirect(status) => {
                *redirect = Some(status);
                Verdict::refuse(Cause::Unauthenticated, Denial::Service.word())
            }
            Decided::Refuse(verdict, denial) => {
                detail.clear();
                detail.extend_from_slice(denial.says().as_bytes());
                verdict
            }
        }
    }

    /// Sends claims on to the origin. In shadow mode too: who is known is known, and a client's own are removed anyway.
    fn tell(&self, facts: &Facts<'_>, state: &mut State<'_>) {
        if state.verb == Verb::Peek {
            return;
        }
        let Passage { principal, value, .. } = &mut *state.passage;
        for (path, name) in &self.forward {
            value.clear();
            if principal.write_claim(path, value) {
                state.request.set(name.name(), value);
            }
        }
        if let (By::Mtls(mtls), Some(certificate)) = (&self.by, facts.certificate) {
            mtls.tell(certificate, state.request, value);
        }
    }

    fn denied(&self, denial: Denial, passage: &mut Passage) -> Verdict {
        if let Some(challenge) = self.challenge() {
            tell_denial(challenge, denial, b"", &mut passage.refusal, &mut passage.value);
        }
        passage.detail.clear();
        passage.detail.extend_from_slice(denial.says().as_bytes());
        let cause = match denial.code() {
            Code::Absent | Code::InvalidToken | Code::Invalid => Cause::Unauthenticated,
            Code::InvalidRequest => Cause::Invalid,
            Code::InsufficientScope => Cause::Forbidden,
            Code::Unavailable => Cause::Undecided,
        };
        Verdict::refuse(cause, denial.word())
    }
}

/// What became of the call that was asked for, if one was.
fn taken(told: Told, passage: &mut Passage) -> Option<Answered> {
    if told == Told::Answered { passage.answered.take() } else { None }
}

/// Adds the challenge of one method. `scopes` are those that would do.
pub fn tell_denial(
    challenge: &Challenge,
    denial: Denial,
    scopes: &[u8],
    refusal: &mut Edits,
    value: &mut Vec<u8>,
) {
    if denial.code() == Code::Unavailable {
        return;
    }
    value.clear();
    challenge.write(denial, scopes, value);
    refusal.append(Field::WWW_AUTHENTICATE, value);
}
