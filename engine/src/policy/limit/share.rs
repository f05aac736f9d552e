//! A limit that other machines share, as a shard decides by it: its own cell says what this machine may, the cell's
//! lease what was granted to it. Nothing here waits: where a lease is not looked after yet, control is told of it once.
//!
//! ```text
//! spend ── cell ── own limit ── lease ──▶ verdict
//!                     └── not told of yet? ──▶ Want ──▶ control, which asks the store from now on
//! ```

use super::cell::{Cell, Said};
use super::compile::Plan;
use super::key::hashed;
use super::lease::{Lease, Pays, Terms, passes};
use super::shard::{Cells, Spent};
use super::store::local::Whose;
use crate::config::policy::limit::Failure;
use ring::digest::{Context, SHA256};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// How it stands with the store: control writes it, shards go by it.
#[derive(Debug)]
pub struct Standing {
    working: AtomicBool,
    turned_away: AtomicU64,
}

impl Default for Standing {
    /// Of a store that was not asked yet: it counts as working.
    fn default() -> Standing {
        Standing { working: AtomicBool::new(true), turned_away: AtomicU64::new(0) }
    }
}

impl Standing {
    /// Whether it answers.
    pub fn is_working(&self) -> bool {
        self.working.load(Relaxed)
    }

    /// It answers, or does not any more.
    pub fn set_working(&self, working: bool) {
        self.working.store(working, Relaxed);
    }

    /// Keys that control had no room to hear of; each was decided as if the store did not answer.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Relaxed)
    }
}

/// What is shared of a plan.
#[derive(Debug)]
pub struct Share {
    /// Never given twice among the tables that live at once; not 0.
    pub id: u64,
    /// How the store counts.
    pub terms: Terms,
    /// What holds while it does not answer.
    pub failure: Failure,
    /// How it stands with the store.
    pub standing: Arc<Standing>,
    /// The policy, and the tier behind a slash: a part of the keys in the store.
    pub name: Box<str>,
    /// What must be equal on two machines for their counts to mean the same.
    pub kind: Box<str>,
}

/// The bytes of a key in the store: a digest of what the key is made of, so that any bytes of a client are safe there, and
/// nobody can choose two that meet. Cells are found by a hash with a secret of the process, which other machines have not.
pub type Digest = [u8; 16];

/// A key that control is to look after.
#[derive(Clone)]
pub struct Want {
    /// Its terms.
    pub share: Arc<Share>,
    /// Its key in the store.
    pub digest: Digest,
    /// Where its lease is.
    pub cell: Arc<Cell>,
}

impl fmt::Debug for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Want({})", self.share.name)
    }
}

impl Want {
    /// Its lease.
    pub fn lease(&self) -> &Lease {
        self.cell.lease.as_deref().expect("a cell of a shared limit has a lease")
    }
}

/// Tells control of a key; false where it has no room to hear of it.
pub type Tell = Box<dyn Fn(Want) -> bool>;

impl Share {
    /// The digest of a key's bytes. Those that found no cell share one in the store too.
    fn digest(&self, key: &[u8], whose: Whose) -> Digest {
        let mut context = Context::new(&SHA256);
        context.update(self.kind.as_bytes());
        match whose {
            Whose::Own => context.update(&[0]),
            Whose::Overflow => context.update(&[1]),
        }
        if whose == Whose::Own {
            context.update(key);
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(&context.finish().as_ref()[..16]);
        digest
    }

    /// What the own limit and the lease say together.
    fn said(&self, own: Said, lease: &Lease, pays: Pays, working: bool, now: u64) -> Said {
        let pass = passes(own.pass, pays, working, self.failure);
        match pass {
            true if working => Said { pass, remaining: own.remaining.min(lease.remaining(now)), ..own },
            true => Said { pass, wait: 0, ..own },
            // It is the lease that refuses: another machine has taken what there is, or control is about to ask.
            false if own.pass => {
                let wait = lease.retry(now).max(self.terms.lease / LEASE_ROUNDS).max(1);
                Said { pass, wait, remaining: 0, reset: own.reset.max(wait), mark: own.mark }
            }
            false => own,
        }
    }
}

/// How often in a lease's time control asks for more.
pub const LEASE_ROUNDS: u64 = 4;

impl Cells {
    /// Whom the shard tells of keys that other machines share.
    pub fn tells(&mut self, tell: Tell) {
        self.tell = Some(tell);
    }

    /// As [`Cells::spend`], of a limit that is shared, whose key is in the scratch. *Cost*: for a key that control looks after, a count and a
    /// compare-and-swap besides; no lock, no allocation.
    #[inline(never)]
    pub(super) fn spend_shared(&mut self, plan: &Plan, index: usize, share: &Arc<Share>, now: u64) -> Spent {
        // Makes the shard's part of the set, if it has none.
        self.local(&plan.set);
        let Cells { slots, scratch, tell, .. } = self;
        let key = hashed(plan.set.seed, scratch);
        let local = &mut slots[plan.set.slot].local;
        let (cell, whose) = local.cell(&plan.set.stripes, key, &plan.rule, now);
        let lease = cell.lease.as_deref().expect("a cell of a shared limit has a lease");
        let own = plan.rule.spend(cell, now);
        let pays = if own.pass { lease.spend(&share.terms, now) } else { Pays::Nothing };
        let mut working = share.standing.is_working();
        if working && own.pass && !lease.is_told(share.id) {
            working = want(share, share.digest(scratch, whose), cell, tell.as_ref());
        }
        let said = share.said(own, lease, pays, working, now);
        if !said.pass {
            lease.refund(&share.terms, pays);
        }
        if own.pass && !said.pass {
            plan.rule.refund(cell, own.mark);
        }
        // What passes though the own limit refuses has taken nothing of it.
        let pays = if own.pass { Some(pays) } else { None };
        plan.spent(said, whose, key, index, pays)
    }

    /// As [`Cells::peek`], of a limit that is shared, whose key is in the scratch.
    pub(super) fn peek_shared(&mut self, plan: &Plan, index: usize, share: &Share, now: u64) -> Spent {
        let key = hashed(plan.set.seed, &self.scratch);
        let fresh = Lease::new();
        let (own, cell) = self.local(&plan.set).peek_cell(&plan.set.stripes, key, &plan.rule, now);
        let lease = cell.as_ref().and_then(|cell| cell.lease.as_deref()).unwrap_or(&fresh);
        let said = share.said(own, lease, lease.peek(now), share.standing.is_working(), now);
        plan.spent(said, Whose::Own, key, index, None)
    }

    /// Undoes what a shared limit spent.
    pub(super) fn refund_shared(&mut self, plan: &Plan, share: &Share, spent: &Spent, pays: Pays) {
        let stripes = &plan.set.stripes;
        let cell = match spent.whose {
            Whose::Overflow => Some(stripes.overflow().clone()),
            Whose::Own => self.local(&plan.set).held(spent.key).or_else(|| stripes.look(spent.key)),
        };
        let Some(cell) = cell else { return };
        plan.rule.refund(&cell, spent.mark);
        if let Some(lease) = &cell.lease {
            lease.refund(&share.terms, pays);
        }
    }
}

/// Tells control of a key. False where it has no room to hear of it.
#[cold]
fn want(share: &Arc<Share>, digest: Digest, cell: &Arc<Cell>, tell: Option<&Tell>) -> bool {
    let want = Want { share: share.clone(), digest, cell: cell.clone() };
    if !want.lease().tell(share.id) {
        return true;
    }
    let told = tell.is_some_and(|tell| tell(want));
    if !told {
        cell.lease.as_deref().expect("a cell of a shared limit has a lease").leave(share.id);
        share.standing.turned_away.fetch_add(1, Relaxed);
    }
    told
}
