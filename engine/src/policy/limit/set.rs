//! The cells of a name. A set belongs to a policy's name, not to a table: a reload that leaves the kind of counting and
//! the key as they are takes the same set, and so do all routes that name the policy. A changed rate applies to what
//! the cells hold; a changed algorithm, key or length of windows that are numbered begins anew, since the old counts mean
//! something else. The word of a token bucket is a moment, and means so many tokens by one rate: what is owed is made
//! the new rate's when a table is published. What the last table still decides on for some milliseconds counts by its own
//! rate.
//! The tables hold the sets, so one is gone with the last table that names it.

use super::cell::bucket::{self, Bucket};
use super::cell::fixed::Windows;
use super::cell::rule::Rule;
use super::key::Seed;
use super::share::Standing;
use super::store::local;
use super::store::stripes::Stripes;
use super::sync::{Arc, AtomicU64, Mutex, Weak};
use std::collections::HashMap;

/// Cells of one name.
#[derive(Debug)]
pub struct Set {
    /// Never given twice in a process.
    pub(super) id: u64,
    /// A small number, given again when a set is gone: where a shard keeps its part.
    pub(super) slot: usize,
    pub(super) seed: Seed,
    pub(super) stripes: Stripes,
    /// Of token buckets: parts of a nanosecond, for as long as the cells live.
    pub(super) parts: u64,
    /// Of token buckets: the deepest that a table had.
    pub(super) deepest: AtomicU64,
    /// Of token buckets: by which rate the cells' words are read.
    bucket: Mutex<Option<Bucket>>,
    name: String,
}

impl Set {
    /// Whose cells they are: the policy, and the tier behind a slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What became of first sights.
    pub fn stripes(&self) -> &Stripes {
        &self.stripes
    }

    /// Bytes that its keys take at most on a machine with so many shards.
    pub fn bytes_max(&self, shards: u64) -> u64 {
        let each =
            (self.stripes.key_bytes() as u64).saturating_add(shards.saturating_mul(local::KEY_BYTES as u64));
        each.saturating_mul(self.stripes.room() as u64)
    }

    /// Has what is owed of token buckets count by `rule` from now on: as many tokens as before.
    pub(super) fn take_over(&self, rule: &Rule, now: &dyn Fn() -> u64) {
        let Rule::Bucket(bucket) = rule else { return };
        let mut last = self.bucket.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(before) = last.replace(*bucket)
            && !before.reads_as(bucket)
        {
            self.stripes.each(|cell| bucket.take_over(&cell.a, &before, now));
        }
    }
}

/// What is wanted of a set besides its shape.
pub(super) struct Wanted {
    /// So many…
    pub count: u32,
    /// …in so many nanoseconds.
    pub per: u64,
    pub keys: u32,
    /// Slots of a log's ring: at least so many, and of a ring that is there already at most so many.
    pub slots: (usize, usize),
    pub now: u64,
}

/// What must stay as it is for counts to keep their meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// The policy's name.
    pub name: String,
    /// The tier of a plan.
    pub tier: Option<String>,
    /// A policy in shadow mode spends from cells of its own.
    pub shadow: bool,
    /// Algorithm, key and, where counts are by numbered windows, their length.
    pub kind: String,
    /// Whether other machines share the limit, so that each cell has a lease.
    pub leased: bool,
}

/// All sets of a process, by name. Each table has those it was built with, from which the next one's are made.
#[derive(Debug, Clone)]
pub struct Sets {
    seed: Seed,
    offset: u64,
    sets: HashMap<Shape, Weak<Set>>,
    slots: Vec<Weak<Set>>,
    ids: u64,
    standing: Arc<Standing>,
}

impl Sets {
    /// No sets yet. `seed` is secret; `offset` is what to add to the monotonic clock for the nanoseconds since 1970.
    pub fn new(seed: Seed, offset: u64) -> Sets {
        Sets { seed, offset, sets: HashMap::new(), slots: Vec::new(), ids: 0, standing: Arc::default() }
    }

    /// How it stands with the store that other machines share limits through.
    pub fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// A number for what is shared of a plan.
    pub(super) fn share_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub(super) fn windows(&self, per: u64) -> Windows {
        Windows { per, offset: self.offset }
    }

    /// The set of that shape, as it is or new. `rule` makes its first rule for the parts it is given.
    pub(super) fn take(&mut self, shape: Shape, wanted: &Wanted, rule: &dyn Fn(u64) -> Rule) -> Arc<Set> {
        self.sets.retain(|_, set| set.strong_count() > 0);
        let (least, most) = wanted.slots;
        if let Some(set) = self.sets.get(&shape).and_then(Weak::upgrade)
            && (least..=most).contains(&set.stripes.slots())
        {
            return set;
        }
        let slot = self.slots.iter().position(|set| set.strong_count() == 0).unwrap_or(self.slots.len());
        self.ids += 1;
        let parts = bucket::parts(wanted.count, wanted.per);
        let made = if shape.leased { Stripes::leased } else { Stripes::new };
        let rule = rule(parts);
        let bucket = if let Rule::Bucket(bucket) = rule { Some(bucket) } else { None };
        let set = Arc::new(Set {
            id: self.ids,
            slot,
            seed: self.seed,
            stripes: made(wanted.keys, least, &rule, wanted.now),
            parts,
            deepest: AtomicU64::new(0),
            bucket: Mutex::new(bucket),
            name: shape.tier.as_ref().map_or(shape.name.clone(), |tier| format!("{}/{tier}", shape.name)),
        });
        self.slots.resize(self.slots.len().max(slot + 1), Weak::new());
        self.slots[slot] = Arc::downgrade(&set);
        self.sets.insert(shape, Arc::downgrade(&set));
        set
    }
}
