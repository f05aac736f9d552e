//! Counters shared by shards: those with a cap have a cache line each; relaxed, touched where connections, tunnels and handshakes begin and end.

use super::{AtomicU32, AtomicU64};
use std::sync::atomic::Ordering::Relaxed;

/// A count with a cap that is exact on the machine. A slot is given back by dropping its [`Slot`] owner.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct Capped(AtomicU32);

impl Capped {
    /// Takes one of `cap` slots; false when all are taken.
    pub fn take(&self, cap: u32) -> bool {
        // Added and taken back, it would refuse somebody else meanwhile.
        self.0.fetch_update(Relaxed, Relaxed, |taken| (taken < cap).then_some(taken + 1)).is_ok()
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
pub struct Slot<C: AsRef<Capped>>(Option<C>);

impl<C: AsRef<Capped>> Slot<C> {
    /// Takes a slot, or nothing when `cap` are taken.
    pub fn take(count: C, cap: u32) -> Option<Slot<C>> {
        if count.as_ref().take(cap) { Some(Slot(Some(count))) } else { None }
    }

    /// The owner of a slot of `count` that is taken already: see [`Slot::leave_taken`].
    pub fn of_taken(count: C) -> Slot<C> {
        Slot(Some(count))
    }

    /// Leaves the slot taken, for another owner.
    pub fn leave_taken(mut self) {
        self.0 = None;
    }

    /// Whether it is one of `count`.
    pub fn is_of(&self, count: &Capped) -> bool {
        self.0.as_ref().is_some_and(|own| std::ptr::eq(own.as_ref(), count))
    }
}

impl<C: AsRef<Capped>> Drop for Slot<C> {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.as_ref().put();
        }
    }
}

/// A number of a dense array that one shard owns: as [`Count`], without a cache line of its own.
#[derive(Debug, Default)]
pub struct Tally(AtomicU64);

impl Tally {
    /// Adds `n`: see [`Count::add`].
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Sets it, where it tells what is now and not what was.
    #[inline]
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now.
    pub fn now(&self) -> u64 {
        self.0.load(Relaxed)
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
