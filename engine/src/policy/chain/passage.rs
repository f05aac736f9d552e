//! What changes while a request passes its policies: [`Passage`] is the exchange's, [`Shard`] the shard's. Both are
//! lent, so that a warm exchange allocates nothing.

use crate::base::Tick;
use crate::policy::auth::basic::{Remembered, Work};
use crate::policy::auth::jwt::{self, Jwt};
use crate::policy::auth::keys::Fetched;
use crate::policy::auth::remote::{Answered, Call, introspection};
use crate::policy::auth::{Principal, Registry};
use crate::policy::chain::explain::Said;
use crate::policy::limit::{Cells, Guard, Quota, Spent};
use crate::policy::validate::Scratch;
use crate::policy::when::Evaluator;
use crate::policy::{Mode, Told, Verb};
use crate::wire::edits::Edits;
use std::sync::Arc;

/// What a decider asks of others: what [`Ask`](crate::policy::Ask) is about.
#[derive(Debug)]
pub enum Question {
    /// What an upstream knows.
    Call(Box<Call>),
    /// Keys of this address that are not known yet, after so many fetches.
    Keys(Arc<str>, u64),
}

/// What the policies of one exchange have said so far. Scratch of the shard: clear it first.
#[derive(Debug, Default)]
pub struct Passage {
    /// Who calls.
    pub principal: Principal,
    /// The name of the method that knows them.
    pub known_by: Vec<u8>,
    /// Fields of the reply, whoever gives it.
    pub reply: Edits,
    /// Fields of the refusal, if it comes to one.
    pub refusal: Edits,
    /// What the client is told of a refusal.
    pub detail: Vec<u8>,
    /// What of a request is wrong: the member `errors` of the refusal's body.
    pub errors: Vec<u8>,
    /// The scopes that a refusal names.
    pub scopes: Vec<u8>,
    /// Policies that would have refused, by name with commas between.
    pub shadow: Vec<u8>,
    /// The steps of the chain that apply to this request, a bit each.
    pub applied: u64,
    /// The step that refused.
    pub refused_by: Option<u8>,
    /// What the limits that refuse have taken, in the order of their steps.
    pub spent: Vec<Spent>,
    /// What the tightest of them leaves.
    pub tightest: Option<Quota>,
    /// Places among requests in flight; the end of the exchange gives them back.
    pub guards: Vec<Guard>,
    /// A password to hash.
    pub work: Option<Work>,
    /// What is asked of others, where a policy asked for it.
    pub question: Option<Question>,
    /// Until when keys are waited for, once they were asked for.
    pub keys_by: Option<Tick>,
    /// What became of it, where it was asked of an upstream.
    pub answered: Option<Answered>,
    /// Where values are put together.
    pub value: Vec<u8>,
    /// What its policies said, by step, where the request is only explained.
    pub notes: Vec<(u8, Said)>,
}

impl Passage {
    /// Forgets the last exchange and keeps the memory.
    pub fn clear(&mut self) {
        self.principal.clear();
        self.known_by.clear();
        self.reply.clear();
        self.spare();
        self.shadow.clear();
        self.applied = 0;
        self.refused_by = None;
        self.spent.clear();
        self.tightest = None;
        self.notes.clear();
        self.end();
    }

    /// Forgets what was to be told of a refusal that does not take place.
    pub fn spare(&mut self) {
        self.refusal.clear();
        self.detail.clear();
        self.errors.clear();
        self.scopes.clear();
    }

    /// Gives back what belongs to a running exchange.
    pub fn end(&mut self) {
        self.guards.clear();
        self.work = None;
        self.question = None;
        self.keys_by = None;
        self.answered = None;
    }
}

/// What of policies belongs to a shard.
#[derive(Debug, Default)]
pub struct Shard {
    /// Its number.
    pub index: u16,
    /// Its part of the limits' cells.
    pub cells: Cells,
    /// Passwords that were right a while ago.
    pub remembered: Remembered,
    /// Key sets that control fetched.
    pub fetched: Fetched,
    /// Where what a request looks like is checked.
    pub input: Scratch,
    /// What conditions are evaluated with.
    pub evaluator: Evaluator,
    /// Where a method in shadow mode keeps whom it knows while it is asked, beside one that guards.
    pub(super) aside: Principal,
    /// What is remembered for each policy that asks for tokens, by its place.
    memories: Vec<jwt::Memory>,
    /// What is remembered for each policy that has tokens looked up, by its place.
    looked_up: Vec<introspection::Memory>,
}

impl Shard {
    /// That of shard `index`.
    pub fn new(index: u16) -> Shard {
        Shard { index, ..Shard::default() }
    }

    /// What is remembered for the policy at `slot`, which has tokens looked up.
    pub fn looked_up(&mut self, slot: usize) -> &mut introspection::Memory {
        if self.looked_up.len() <= slot {
            self.looked_up.resize_with(slot + 1, introspection::Memory::default);
        }
        &mut self.looked_up[slot]
    }

    /// What is remembered for the policy `jwt` at `slot`, with the keys that were fetched for it.
    pub fn memory(&mut self, slot: usize, jwt: &Jwt) -> &mut jwt::Memory {
        if self.memories.len() <= slot {
            self.memories.resize_with(slot + 1, jwt::Memory::default);
        }
        let memory = &mut self.memories[slot];
        memory.follow(jwt, &self.fetched);
        memory
    }
}

/// What is lent to a decider for one call.
#[derive(Debug)]
pub struct State<'s> {
    /// Of the exchange.
    pub passage: &'s mut Passage,
    /// Of the shard.
    pub shard: &'s mut Shard,
    /// Consumers, by key and by name.
    pub registry: &'s Registry,
    /// What is changed of the request before it is sent on.
    pub request: &'s mut Edits,
    /// What became of the question asked before.
    pub told: Told,
    /// The whole body, if that was it.
    pub body: &'s [u8],
    /// Whether to spend.
    pub verb: Verb,
    /// The mode of the policy that is asked.
    pub mode: Mode,
}

impl State<'_> {
    /// The same for a shorter time.
    pub(super) fn again(&mut self) -> State<'_> {
        State {
            passage: self.passage,
            shard: self.shard,
            registry: self.registry,
            request: self.request,
            told: self.told,
            body: self.body,
            verb: self.verb,
            mode: self.mode,
        }
    }

    /// Whether what a decider changes is wanted: not in shadow mode, and not when it only says what it would do.
    pub fn writes(&self) -> bool {
        self.verb == Verb::Spend && self.mode == Mode::Enforce
    }
}
