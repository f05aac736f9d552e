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
use crate::policy::{By, Kind, Mode, Policy, Told, Verb};
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
    /// The status of the redirect that a refusal is told by.
    pub redirect: Option<u16>,
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
        self.redirect = None;
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

    /// Forgets what was remembered for policies that are not among `all`, those of the table that is served from now on.
    pub fn follow(&mut self, all: &[Arc<Policy>]) {
        let sign_ins = |is_it: fn(&By) -> bool| -> Vec<usize> {
            let slot = |policy: &Arc<Policy>| match &policy.kind {
                Kind::SignIn(method) if is_it(&method.by) => Some(method.slot),
                _ => None,
            };
            all.iter().filter_map(slot).collect()
        };
        forget(&mut self.memories, &sign_ins(|by| matches!(by, By::Jwt(_))));
        forget(&mut self.looked_up, &sign_ins(|by| matches!(by, By::Introspection(_))));
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

/// Leaves of `memories` only those at `places`, which ascend.
fn forget<M: Default>(memories: &mut Vec<M>, places: &[usize]) {
    memories.truncate(places.last().map_or(0, |last| last + 1));
    for (place, memory) in memories.iter_mut().enumerate() {
        if !places.contains(&place) {
            *memory = M::default();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Generation, Tick};
    use crate::config::Memory;
    use crate::policy::auth::keys::KeySet;
    use crate::table::build;

    /// The policies of a table with these.
    fn policies(text: &str) -> Vec<Arc<Policy>> {
        let text = format!(
            "listeners: [{{ name: public, bind: 127.0.0.1:8080 }}]
upstreams: {{ idp: {{ endpoints: [{{ address: '127.0.0.1:1' }}] }} }}
policies:{text}
routes: [{{ name: all, respond: {{ body: ok }} }}]
"
        );
        let config = Memory::default().file("x.yaml", &text).read("x.yaml").expect("is a configuration");
        let mut means = build::Means { files: &mut Memory::default(), now: Tick(1), offset: 0 };
        let (table, _) = build::build(&config, Generation(1), None, &mut means).expect("builds");
        table.policies.all
    }

    const TOKEN: &str = "jwt: { algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef }";
    const ASKED: &str =
        "introspection: { upstream: idp, path: /introspect, client_id: gw, client_secret: s }";

    /// Has something remembered for each policy of `all` that remembers.
    fn remember(shard: &mut Shard, all: &[Arc<Policy>]) {
        for policy in all {
            let Kind::SignIn(method) = &policy.kind else { continue };
            match &method.by {
                By::Jwt(jwt) => {
                    shard.memory(method.slot, jwt).keys = Some(Arc::new(KeySet::new(Vec::new())));
                }
                By::Introspection(_) => drop(shard.looked_up(method.slot)),
                _ => {}
            }
        }
    }

    /// Where something is remembered of tokens, and how many places there are for those that were looked up.
    fn remembered(shard: &Shard) -> (Vec<bool>, usize) {
        (shard.memories.iter().map(|memory| memory.keys.is_some()).collect(), shard.looked_up.len())
    }

    #[test]
    fn what_was_remembered_for_policies_that_left_is_forgotten() {
        let all = policies(&format!("\n  a: {{ {TOKEN} }}\n  b: {{ {ASKED} }}\n  c: {{ {TOKEN} }}"));
        let mut shard = Shard::new(0);
        remember(&mut shard, &all);
        let whole = (vec![true, false, true], 2);
        assert_eq!(remembered(&shard), whole);
        shard.follow(&all);
        assert_eq!(remembered(&shard), whole, "those that stay keep theirs");
        let key = "api_key: { header: X-Key }";
        shard.follow(&policies(&format!("\n  a: {{ {key} }}\n  b: {{ {key} }}\n  c: {{ {TOKEN} }}")));
        assert_eq!(remembered(&shard), (vec![false, false, true], 0));
        shard.follow(&[]);
        assert_eq!(remembered(&shard), (Vec::new(), 0));
    }
}
