//! What a shard decides with: its own maps of the cells it has met, one a set. One request may have several limits; they
//! are taken all or nothing, and the tightest answers.

use super::cell::rule::Rule;
use super::cell::{Cell, Said};
use super::compile::{InFlightLimit, Limit, Plan};
use super::key::Facts;
use super::lease::Pays;
use super::set::Set;
use super::share::Tell;
use super::store::Key;
use super::store::local::{Local, Whose};
use super::sync::{Arc, Weak};
use crate::base::Tick;
use std::fmt;
use std::time::Duration;

/// A shard's part of all sets.
#[derive(Default)]
pub struct Cells {
    pub(super) slots: Vec<Slot>,
    /// A key's bytes while it is hashed.
    pub(super) scratch: Vec<u8>,
    /// Whom to tell of keys that other machines share.
    pub(super) tell: Option<Tell>,
    /// The set that is swept next.
    hand: usize,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The set's; 0 is none.
    id: u64,
    set: Weak<Set>,
    pub(super) local: Local,
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells").field("slots", &self.slots).finish_non_exhaustive()
    }
}

/// What a limit leaves, as its fields tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// So many at most: a window's limit, a bucket's capacity.
    pub limit: u32,
    /// So many more would pass now.
    pub remaining: u32,
    /// Nanoseconds until the count starts anew, or the bucket is full.
    pub reset: u64,
    /// Nanoseconds until one that was refused would pass.
    pub retry: u64,
    /// Seconds in which the limit comes anew, where that is one or more.
    pub window: Option<u64>,
}

/// One limit's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Whether it lets the request pass.
    pub pass: bool,
    /// Nanoseconds the request has to wait before it goes on, where it passes.
    pub wait: u64,
    /// What it leaves.
    pub quota: Quota,
    /// Whose cell answered.
    pub whose: Whose,
    pub(super) key: Key,
    pub(super) mark: u64,
    plan: u16,
    /// What paid for it, where other machines share the limit.
    pays: Option<Pays>,
}

/// What several limits say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether all let the request pass. If not, nothing was spent.
    pub pass: bool,
    /// The moment at which the request may go on; not later than now where nothing has to be waited for.
    pub until: Tick,
    /// The limit that answers, by its place among those given: the one that refuses for longest, else the one that
    /// leaves least.
    pub limit: usize,
    /// What it leaves.
    pub quota: Quota,
}

/// A place among the requests in flight; given back when dropped.
#[derive(Debug)]
pub struct Guard {
    rule: Rule,
    cell: Arc<Cell>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.rule.refund(&self.cell, 0);
    }
}

impl Plan {
    fn quota(&self, said: &Said) -> Quota {
        let retry = if said.pass { 0 } else { said.wait };
        let remaining = said.remaining.min(self.quota);
        Quota { limit: self.quota, remaining, reset: said.reset, retry, window: self.window }
    }

    pub(super) fn spent(&self, said: Said, whose: Whose, key: Key, plan: usize, pays: Option<Pays>) -> Spent {
        let wait = if said.pass { said.wait } else { 0 };
        let plan = u16::try_from(plan).expect("a limit has at most 65 plans");
        Spent { pass: said.pass, wait, quota: self.quota(&said), whose, key, mark: said.mark, plan, pays }
    }
}

impl Spent {
    /// The decision of this limit, the one at `index`, which passes, beside that of those before it.
    #[inline]
    fn beside(&self, before: Option<Decision>, index: usize, now: Tick) -> Decision {
        let until = Tick(now.0.saturating_add(self.wait));
        let tightness = |quota: &Quota| (quota.remaining, u64::MAX - quota.reset);
        match before {
            Some(before) if tightness(&before.quota) <= tightness(&self.quota) => {
                Decision { until: before.until.max(until), ..before }
            }
            before => {
                let until = before.map_or(until, |before| before.until.max(until));
                Decision { pass: true, until, limit: index, quota: self.quota }
            }
        }
    }
}

/// The limit of whose turn a request that has only `left` would wait longest, and what it says: when to come again.
fn late(spent: &[Spent], left: Duration) -> Option<(usize, Quota)> {
    let (limit, slowest) = spent.iter().enumerate().max_by_key(|(_, said)| said.wait)?;
    let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
    let retry = slowest.wait.saturating_sub(left).max(1);
    Some((limit, Quota { remaining: 0, retry, ..slowest.quota }))
}

impl Cells {
    /// A shard that has met no key.
    pub fn new() -> Cells {
        Cells::default()
    }

    /// The shard's part of a set.
    #[inline]
    pub(super) fn local(&mut self, set: &Arc<Set>) -> &mut Local {
        if self.slots.get(set.slot).is_none_or(|slot| slot.id != set.id) {
            self.enter_set(set);
        }
        &mut self.slots[set.slot].local
    }

    #[cold]
    fn enter_set(&mut self, set: &Arc<Set>) {
        if self.slots.len() <= set.slot {
            self.slots.resize_with(set.slot + 1, Slot::default);
        }
        self.slots[set.slot] = Slot { id: set.id, set: Arc::downgrade(set), local: Local::default() };
    }

    /// Decides on a request by one limit, and counts it if it passes. *Cost*: with a key that this shard has met, its
    /// hash, a look-up and a compare-and-swap; no lock, no allocation.
    #[inline]
    pub fn spend(&mut self, limit: &Limit, facts: &Facts<'_>, now: Tick) -> Spent {
        let index = limit.plan(facts.tier);
        let plan = &limit.plans[index];
        if let Some(share) = &plan.share {
            limit.key.write(facts, &mut self.scratch);
            return self.spend_shared(plan, index, share, now.0);
        }
        let key = limit.key.hash(facts, plan.set.seed, &mut self.scratch);
        let (said, whose) = self.local(&plan.set).spend(&plan.set.stripes, key, &plan.rule, now.0);
        plan.spent(said, whose, key, index, None)
    }

    /// What [`Cells::spend`] would say; spends nothing and takes no cell.
    pub fn peek(&mut self, limit: &Limit, facts: &Facts<'_>, now: Tick) -> Spent {
        let index = limit.plan(facts.tier);
        let plan = &limit.plans[index];
        if let Some(share) = &plan.share {
            limit.key.write(facts, &mut self.scratch);
            return self.peek_shared(plan, index, share, now.0);
        }
        let key = limit.key.hash(facts, plan.set.seed, &mut self.scratch);
        let said = self.local(&plan.set).peek(&plan.set.stripes, key, &plan.rule, now.0);
        plan.spent(said, Whose::Own, key, index, None)
    }

    /// Undoes a spending of `limit` that passed. Never gives back more than was taken.
    pub fn refund(&mut self, limit: &Limit, spent: &Spent) {
        let Some(plan) = limit.plans.get(usize::from(spent.plan)).filter(|_| spent.pass) else { return };
        if let Some(share) = &plan.share {
            // Without a payment it passed since the store does not answer, and took nothing.
            if let Some(pays) = spent.pays {
                self.refund_shared(plan, share, spent, pays);
            }
            return;
        }
        self.local(&plan.set).refund(&plan.set.stripes, spent.key, spent.whose, &plan.rule, spent.mark);
    }

    /// Decides by all of `limits`: they are spent together or not at all. What was spent is appended to `spent`, in the
    /// order of `limits`, so that the caller can undo it if a later stage refuses; on a refusal `spent` is left as it
    /// was. None where there are no limits.
    ///
    /// All are looked at before any is spent, so that a refused request takes nothing even for a moment. One that fails
    /// then all the same, since another shard was faster, makes those before it be refunded.
    pub fn spend_all<'l>(
        &mut self,
        limits: impl Iterator<Item = &'l Limit> + Clone,
        facts: &Facts<'_>,
        (now, by): (Tick, Tick),
        spent: &mut Vec<Spent>,
    ) -> Option<Decision> {
        if limits.clone().nth(1).is_some()
            && let Some(refused) = self.refusing(limits.clone(), facts, now)
        {
            return Some(refused);
        }
        let start = spent.len();
        let mut decision: Option<Decision> = None;
        for (index, limit) in limits.clone().enumerate() {
            let said = self.spend(limit, facts, now);
            if !said.pass {
                for (limit, undone) in limits.clone().zip(spent.drain(start..)) {
                    self.refund(limit, &undone);
                }
                return Some(Decision { pass: false, until: now, limit: index, quota: said.quota });
            }
            spent.push(said);
            decision = Some(said.beside(decision, index, now));
        }
        if decision.is_some_and(|decision| decision.until > now && decision.until >= by) {
            let refused = late(&spent[start..], by.since(now));
            for (limit, undone) in limits.zip(spent.drain(start..)) {
                self.refund(limit, &undone);
            }
            return refused.map(|(limit, quota)| Decision { pass: false, until: now, limit, quota });
        }
        decision
    }

    /// What [`Cells::spend_all`] would decide; spends nothing and takes no cell.
    pub fn peek_all<'l>(
        &mut self,
        limits: impl Iterator<Item = &'l Limit> + Clone,
        facts: &Facts<'_>,
        now: Tick,
    ) -> Option<Decision> {
        self.refusing(limits.clone(), facts, now).or_else(|| {
            limits.enumerate().fold(None, |decision, (index, limit)| {
                Some(self.peek(limit, facts, now).beside(decision, index, now))
            })
        })
    }

    /// The one of `limits` that would refuse for longest, if any would.
    fn refusing<'l>(
        &mut self,
        limits: impl Iterator<Item = &'l Limit>,
        facts: &Facts<'_>,
        now: Tick,
    ) -> Option<Decision> {
        let mut refused: Option<Decision> = None;
        for (index, limit) in limits.enumerate() {
            let said = self.peek(limit, facts, now);
            let longer = refused.is_none_or(|worst| said.quota.retry > worst.quota.retry);
            if !said.pass && longer {
                refused = Some(Decision { pass: false, until: now, limit: index, quota: said.quota });
            }
        }
        refused
    }

    /// Takes a place among the requests in flight.
    ///
    /// # Errors
    /// What the limit is, when all places are taken.
    pub fn enter(&mut self, limit: &InFlightLimit, facts: &Facts<'_>, now: Tick) -> Result<Guard, Quota> {
        let set = &limit.set;
        let key = limit.key.hash(facts, set.seed, &mut self.scratch);
        let (said, _, cell) = self.local(set).hold(&set.stripes, key, &limit.rule, now.0);
        match cell {
            Some(cell) => Ok(Guard { rule: limit.rule, cell }),
            None => {
                let (limit, remaining) = (limit.limit, said.remaining);
                Err(Quota { limit, remaining, reset: 0, retry: 0, window: None })
            }
        }
    }

    /// Whether [`Cells::enter`] would find a place, and what that would leave.
    pub fn peek_in_flight(&mut self, limit: &InFlightLimit, facts: &Facts<'_>, now: Tick) -> (bool, Quota) {
        let set = &limit.set;
        let key = limit.key.hash(facts, set.seed, &mut self.scratch);
        let said = self.local(set).peek(&set.stripes, key, &limit.rule, now.0);
        let (limit, remaining) = (limit.limit, said.remaining);
        (said.pass, Quota { limit, remaining, reset: 0, retry: 0, window: None })
    }

    /// Lets go of cells at rest: looks at `looks` of them, of one set each time. A shard calls it from its timer, since one
    /// without requests would otherwise keep cells that others need. Sets that are gone are forgotten.
    pub fn sweep(&mut self, now: Tick, looks: usize) {
        self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
        let Some(slot) = self.slots.get_mut(self.hand) else { return };
        match slot.set.upgrade() {
            Some(set) => slot.local.sweep(&set.stripes, now.0, looks),
            None => *slot = Slot::default(),
        }
    }

    /// Keys that this shard holds.
    pub fn len(&self) -> usize {
        self.slots.iter().map(|slot| slot.local.len()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
