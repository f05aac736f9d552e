//! The cells that one shard has met. A known key costs one look-up here and touches no lock.

use super::rule::Rule;
use super::stripes::{Sight, Stripes};
use super::{Arc, Cell, KEEP_NS, Key, Said};
use hashbrown::HashTable;

/// Cells that are looked at for rest whenever a new key is met: more than one, so that a flood of new keys
/// makes the map no larger than what is busy.
const LOOKS: usize = 4;

/// Buckets passed over at most for one look: empty ones are cheap, but not free.
const BUCKETS_PER_LOOK: usize = 8;

/// A shard's map from key to cell.
#[derive(Debug, Default)]
pub struct Local {
    cells: HashTable<Entry>,
    /// The bucket that is looked at next.
    hand: usize,
    /// The rule by which a key was met last.
    rule: Option<Rule>,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    /// Times this shard used it since it met it.
    uses: u32,
    cell: Arc<Cell>,
}

/// Bytes that a key takes at most on a shard that meets it, in a table that is up to half empty.
pub const KEY_BYTES: usize = 2 * (size_of::<Entry>() + 1) * 8 / 7;

/// Whose cell answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The key's own.
    Own,
    /// That of all keys that found none.
    Overflow,
}

impl Local {
    /// Keys that this shard holds.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    fn find(&mut self, key: Key) -> Option<&mut Entry> {
        self.cells.find_mut(key.0, |entry| entry.key == key)
    }

    /// Decides on a request of `key` and counts it if it passes. *Cost*: a look-up and one compare-and-swap for a key
    /// that this shard holds; else a stripe's lock.
    #[inline]
    pub fn spend(&mut self, stripes: &Stripes, key: Key, rule: &Rule, now: u64) -> (Said, Whose) {
        match self.find(key) {
            Some(entry) => {
                entry.uses = entry.uses.saturating_add(1);
                (rule.spend(&entry.cell, now), Whose::Own)
            }
            None => self.first(stripes, key, rule, now),
        }
    }

    #[cold]
    fn first(&mut self, stripes: &Stripes, key: Key, rule: &Rule, now: u64) -> (Said, Whose) {
        match self.meet(stripes, key, rule, now) {
            Some(cell) => (rule.spend(&cell, now), Whose::Own),
            None => (rule.spend(stripes.overflow(), now), Whose::Overflow),
        }
    }

    /// The cell of `key`, for those who spend from it themselves; that of all where it finds none.
    pub fn cell<'c>(
        &'c mut self,
        stripes: &'c Stripes,
        key: Key,
        rule: &Rule,
        now: u64,
    ) -> (&'c Arc<Cell>, Whose) {
        if self.find(key).is_none() && self.meet(stripes, key, rule, now).is_none() {
            return (stripes.overflow(), Whose::Overflow);
        }
        let entry = self.find(key).expect("was met");
        entry.uses = entry.uses.saturating_add(1);
        (&entry.cell, Whose::Own)
    }

    /// Takes in the cell of a key that this shard has not met; none where there is none for it.
    #[cold]
    fn meet(&mut self, stripes: &Stripes, key: Key, rule: &Rule, now: u64) -> Option<Arc<Cell>> {
        self.rule = Some(*rule);
        self.sweep(stripes, now, LOOKS);
        let Sight::Own(cell) = stripes.sight(key, rule, now) else { return None };
        let entry = Entry { key, uses: 1, cell: cell.clone() };
        self.cells.insert_unique(key.0, entry, |entry| entry.key.0);
        Some(cell)
    }

    /// The cell that this shard holds of `key`.
    pub fn held(&self, key: Key) -> Option<Arc<Cell>> {
        self.cells.find(key.0, |entry| entry.key == key).map(|entry| entry.cell.clone())
    }

    /// As [`Local::spend`], for what is given back by a guard: the cell comes too. One more counter is touched.
    pub fn hold(
        &mut self,
        stripes: &Stripes,
        key: Key,
        rule: &Rule,
        now: u64,
    ) -> (Said, Whose, Option<Arc<Cell>>) {
        let (said, whose) = self.spend(stripes, key, rule, now);
        let cell = said.pass.then(|| match whose {
            Whose::Own => self.find(key).map(|entry| entry.cell.clone()),
            Whose::Overflow => Some(stripes.overflow().clone()),
        });
        (said, whose, cell.flatten())
    }

    /// What [`Local::spend`] would say; no cell is taken for it.
    pub fn peek(&self, stripes: &Stripes, key: Key, rule: &Rule, now: u64) -> Said {
        self.peek_cell(stripes, key, rule, now).0
    }

    /// The same, with the cell if the key has one.
    pub fn peek_cell(&self, stripes: &Stripes, key: Key, rule: &Rule, now: u64) -> (Said, Option<Arc<Cell>>) {
        let cell = self.held(key).or_else(|| stripes.look(key));
        let said = match &cell {
            Some(cell) => rule.peek(cell, now),
            None => rule.peek(&stripes.fresh(rule, now), now),
        };
        (said, cell)
    }

    /// Undoes the spending of `key` that said `mark`.
    pub fn refund(&mut self, stripes: &Stripes, key: Key, whose: Whose, rule: &Rule, mark: u64) {
        if whose == Whose::Overflow {
            return rule.refund(stripes.overflow(), mark);
        }
        if let Some(entry) = self.find(key) {
            return rule.refund(&entry.cell, mark);
        }
        // Let go of in the meantime. A cell that was given away is not the key's any more, and is not found by it.
        if let Some(cell) = stripes.look(key) {
            rule.refund(&cell, mark);
        }
    }

    /// Looks at `looks` cells, in turn, and lets go of those at rest, so that other keys may have them. Known keys keep
    /// theirs for a while.
    pub fn sweep(&mut self, stripes: &Stripes, now: u64, looks: usize) {
        let Some(rule) = self.rule else { return };
        let buckets = self.cells.num_buckets();
        let mut left = looks;
        for _ in 0..(looks * BUCKETS_PER_LOOK).min(buckets) {
            if left == 0 {
                return;
            }
            self.hand = if self.hand + 1 < buckets { self.hand + 1 } else { 0 };
            let Ok(mut entry) = self.cells.get_bucket_entry(self.hand) else { continue };
            left -= 1;
            let held = entry.get_mut();
            held.cell.used(std::mem::take(&mut held.uses));
            let known = stripes.know(&held.cell);
            match rule.rest(&held.cell, now) {
                None => {}
                Some(rest) if known && rest < KEEP_NS => {}
                Some(_) => {
                    if known {
                        stripes.unknow(&held.cell);
                    }
                    entry.remove();
                }
            }
        }
    }

    /// Lets go of all.
    pub fn clear(&mut self) {
        self.cells.clear();
    }
}
