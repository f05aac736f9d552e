//! What changes while a request passes its policies: [`Passage`] is the exchange's, [`Shard`] the shard's. Both are
//! lent, so that a warm exchange allocates nothing.

use super::{Mode, Told, Verb};
use crate::wire::edits::Edits;

/// What the policies of one exchange have said so far. Scratch of the shard: clear it first.
#[derive(Debug, Default)]
pub struct Passage {
    /// Fields of the reply, whoever gives it.
    pub reply: Edits,
    /// Fields of the refusal, if it comes to one.
    pub refusal: Edits,
    /// What the client is told of a refusal.
    pub detail: Vec<u8>,
    /// Policies that would have refused, by name with commas between.
    pub shadow: Vec<u8>,
    /// The steps of the chain that apply to this request, a bit each.
    pub applied: u64,
    /// The step that refused.
    pub refused_by: Option<u8>,
    /// Where values are put together.
    pub value: Vec<u8>,
}

impl Passage {
    /// Forgets the last exchange and keeps the memory.
    pub fn clear(&mut self) {
        self.reply.clear();
        self.refusal.clear();
        self.detail.clear();
        self.shadow.clear();
        self.applied = 0;
        self.refused_by = None;
    }

    /// Forgets what was to be told of a refusal that does not take place.
    pub fn spare(&mut self) {
        self.refusal.clear();
        self.detail.clear();
    }
}

/// What of policies belongs to a shard.
#[derive(Debug, Default)]
pub struct Shard {
    /// Its number.
    pub index: u16,
}

/// What is lent to a decider for one call.
#[derive(Debug)]
pub struct State<'s> {
    /// Of the exchange.
    pub passage: &'s mut Passage,
    /// Of the shard.
    pub shard: &'s mut Shard,
    /// What is changed of the request before it is sent on.
    pub request: &'s mut Edits,
    /// What became of the question asked before.
    pub told: Told<'s>,
    /// Whether to spend.
    pub verb: Verb,
    /// The mode of the policy that is asked.
    pub mode: Mode,
}

impl State<'_> {
    /// Whether what a decider changes is wanted: not in shadow mode, and not when it only says what it would do.
    pub fn writes(&self) -> bool {
        self.verb == Verb::Spend && self.mode == Mode::Enforce
    }
}
