//! What a shard wants of the others once the cap of an upstream is reached: one slot, which the shard that gives it holds until
//! it is this one's. No count goes down between, so nobody else takes it, and whoever is gone loses none.
//!
//! ```text
//! Nobody ─▶ Open ─▶ Given ─▶ Had ─▶ Open      and from each of them ─▶ Nobody
//! ```

use super::AtomicU8;
use crate::base::counters::{Capped, Slot};
use crate::net::mailbox::Mailbox;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{Arc, Weak};
use std::task::Context;

/// Nobody waits on the shard.
const NOBODY: u8 = 0;
/// It takes a slot.
const OPEN: u8 = 1;
/// A slot was given that nobody has taken yet.
const GIVEN: u8 = 2;
/// A slot was given and taken; there are others who wait.
const HAD: u8 = 3;

/// The wish of one station.
#[derive(Debug)]
pub struct Wish {
    state: AtomicU8,
    count: Arc<Capped>,
    /// Says that a slot was given.
    bell: Arc<Mailbox<()>>,
}

impl Wish {
    /// For a slot of `count`.
    pub fn new(count: Arc<Capped>) -> Wish {
        Wish { state: AtomicU8::new(NOBODY), count, bell: Mailbox::new(1) }
    }

    /// One slot may be given, if none is there.
    pub fn open(&self) {
        let opens = |state| (state != GIVEN).then_some(OPEN);
        let _ = self.state.fetch_update(AcqRel, Acquire, opens);
    }

    /// Whether a slot is there. If not, `cx` is woken when there is.
    pub fn is_given(&self, cx: &Context<'_>) -> bool {
        while self.bell.poll_recv(cx).is_ready() {}
        self.holds()
    }

    /// Whether a slot is there.
    fn holds(&self) -> bool {
        self.state.load(Acquire) == GIVEN
    }

    /// The slot that was given.
    pub fn take(&self) -> Option<Slot<Arc<Capped>>> {
        let is_given = self.state.compare_exchange(GIVEN, HAD, AcqRel, Acquire).is_ok();
        is_given.then(|| Slot::of_taken(self.count.clone()))
    }

    /// Nobody waits any more; a slot that is there is given back.
    pub fn close(&self) {
        if self.state.swap(NOBODY, AcqRel) == GIVEN {
            drop(Slot::of_taken(self.count.clone()));
        }
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whoever has a wish, as other shards know it.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    wish: Weak<Wish>,
    /// Slots that its shard held when it asked.
    pub held: u32,
}

impl Asker {
    /// Of `wish`, on a shard that holds so many slots.
    pub fn new(wish: &Arc<Wish>, held: u32) -> Asker {
        Asker { wish: Arc::downgrade(wish), held }
    }

    /// Whether both are the same wish.
    pub fn is(&self, other: &Asker) -> bool {
        self.wish.ptr_eq(&other.wish)
    }

    /// Whether it takes a slot now.
    pub fn is_open(&self) -> bool {
        self.wish.upgrade().is_some_and(|wish| wish.state.load(Acquire) == OPEN)
    }

    /// Whether anybody waits there still.
    pub fn waits(&self) -> bool {
        self.wish.upgrade().is_some_and(|wish| wish.state.load(Acquire) != NOBODY)
    }

    /// Makes `slot` its own.
    ///
    /// # Errors
    /// Gives it back where it is wanted no more, or is of another count.
    pub fn give(&self, slot: Slot<Arc<Capped>>) -> Result<(), Slot<Arc<Capped>>> {
        let Some(wish) = self.wish.upgrade().filter(|wish| slot.is_of(&wish.count)) else { return Err(slot) };
        if wish.state.compare_exchange(OPEN, GIVEN, AcqRel, Acquire).is_err() {
            return Err(slot);
        }
        // It stays taken, and is the other shard's from now on.
        slot.leave_taken();
        let _ = wish.bell.send(());
        Ok(())
    }
}
