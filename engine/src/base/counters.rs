//! Counters shared by shards: one cache line each, relaxed, touched at accept, dial and close only.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A count with a cap that is exact on the machine. A slot is given back by dropping its [`Slot`] owner.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct Capped(AtomicU32);

impl Capped {
    /// Takes one of `cap` slots; false when all are taken.
    pub fn take(&self, cap: u32) -> bool {
        if self.0.fetch_add(1, Relaxed) < cap {
            return true;
        }
        self.0.fetch_sub(1, Relaxed);
        false
    }

    /// Gives a slot back that [`Capped::take`] gave.
    pub fn put(&self) {
        let before = self.0.fetch_sub(1, Relaxed);
        debug_assert!(before > 0, "a slot is given back once");
    }

    /// Slots taken now.
    pub fn now(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// An owner of one slot of a [`Capped`] count: dropping it gives the slot back, on every exit.
#[derive(Debug)]
pub struct Slot<C: AsRef<Capped>>(pub C);

impl<C: AsRef<Capped>> Slot<C> {
    /// Takes a slot, or gives `count` back untaken when `cap` are taken.
    pub fn take(count: C, cap: u32) -> Option<Slot<C>> {
        if count.as_ref().take(cap) { Some(Slot(count)) } else { None }
    }
}

impl<C: AsRef<Capped>> Drop for Slot<C> {
    fn drop(&mut self) {
        self.0.as_ref().put();
    }
}

/// A count that only grows; written by one shard, read by whoever scrapes.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`. The writer is one thread, so load and store are enough and no locked instruction is paid.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// The count now.
    pub fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
