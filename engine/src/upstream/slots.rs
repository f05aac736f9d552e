//! What one shard has of the cap of an upstream: the slots that it holds, who waits for one, and whom of the other shards it
//! owes one. Whatever drops a slot tells the first in line.
//!
//! Who waits on another shard is served too: what comes free here is given to a shard that asked, if that one holds none, or
//! fewer by two at least, so that nothing goes back and forth. While there is a line here, every second slot at most.

use super::wish::{Asker, Wish};
use crate::base::counters::{Capped, Slot};
use crate::base::{Line, Tick};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

/// One shard's part in the cap of an upstream.
#[derive(Debug)]
pub struct Slots {
    count: Arc<Capped>,
    held: Cell<u32>,
    /// Exchanges that wait for a slot.
    line: RefCell<Line>,
    /// What is asked of other shards.
    wish: OnceCell<Arc<Wish>>,
    /// When they were asked last.
    asked_at: Cell<Tick>,
    /// When one in line was given a connection to the endpoint that was picked for it.
    reseated_at: Cell<Tick>,
    /// Shards that asked and had nothing yet, each once, in the order in which they came.
    owed: RefCell<Vec<Asker>>,
    /// Whether the last slot that came free was given away before the line here.
    gave: Cell<bool>,
}

impl Slots {
    /// None yet, of `count`.
    pub fn new(count: Arc<Capped>) -> Rc<Slots> {
        Rc::new(Slots {
            count,
            held: Cell::new(0),
            line: RefCell::default(),
            wish: OnceCell::new(),
            asked_at: Cell::default(),
            reseated_at: Cell::default(),
            owed: RefCell::default(),
            gave: Cell::new(false),
        })
    }

    /// Takes one of `cap`; none when all are taken.
    pub fn take(self: &Rc<Self>, count: &Arc<Capped>, cap: u32) -> Option<Held> {
        Slot::take(count.clone(), cap).map(|slot| self.hold(slot))
    }

    /// One that another shard gave, if it is of `count`.
    pub fn take_given(self: &Rc<Self>, count: &Arc<Capped>) -> Option<Held> {
        let slot = self.wish.get()?.take()?;
        // An exchange on an old table may have a count that is not this one's: then it is given back.
        slot.is_of(count).then(|| self.hold(slot))
    }

    fn hold(self: &Rc<Self>, slot: Slot<Arc<Capped>>) -> Held {
        self.held.set(self.held.get() + 1);
        Held { slot: Some(slot), slots: self.clone() }
    }

    /// Lends the line.
    pub fn line<R>(&self, with: impl FnOnce(&mut Line) -> R) -> R {
        with(&mut self.line.borrow_mut())
    }

    /// Whether there is anybody whose turn is before that of who comes now.
    pub fn has_line(&self) -> bool {
        self.line.borrow().has_any()
    }

    /// Whether another shard gave a slot. If not, `cx` is woken when one does.
    pub fn is_given(&self, cx: &Context<'_>) -> bool {
        self.wish.get().is_some_and(|wish| wish.is_given(cx))
    }

    /// What other shards are to be asked; none if they were not `every` ago, however many wait.
    pub fn asks(&self, now: Tick, every: Duration) -> Option<Asker> {
        if self.asked_at.get().after(every) > now {
            return None;
        }
        self.asked_at.set(now);
        let wish = self.wish.get_or_init(|| Arc::new(Wish::new(self.count.clone())));
        wish.open();
        Some(Asker::new(wish, self.held.get()))
    }

    /// Whether one in line is to have a connection made to the endpoint that was picked for it: one each so often.
    pub fn is_to_reseat(&self, now: Tick, every: Duration) -> bool {
        let is_time = self.reseated_at.get().after(every) <= now;
        if is_time {
            self.reseated_at.set(now);
        }
        is_time
    }

    /// There is something for the first in line: a slot, or a connection that was parked.
    pub fn call(&self) {
        self.gave.set(false);
        self.line.borrow_mut().call();
    }

    /// Someone has left the line. What another shard gave is the next one's; with nobody in it nothing is asked for.
    pub fn left(&self) {
        let Some(wish) = self.wish.get() else { return };
        // Only whoever looks is woken by what another shard gives: the next one looks now.
        match self.has_line() {
            true => self.line.borrow_mut().call(),
            false => wish.close(),
        }
    }

    /// `asker` is to have the next slot that it may have.
    pub fn owe(&self, asker: Asker) {
        let owed = &mut *self.owed.borrow_mut();
        owed.retain(|known| known.is(&asker) || known.is_open());
        match owed.iter_mut().find(|known| known.is(&asker)) {
            Some(known) => *known = asker,
            None => owed.push(asker),
        }
    }

    /// Whether a slot that comes free now goes to another shard.
    pub fn is_due(&self) -> bool {
        !self.owed.borrow().is_empty() && self.due().is_some()
    }

    /// Where in the list whoever has the next slot is; none where it is this shard's.
    fn due(&self) -> Option<usize> {
        if self.gave.get() && self.has_line() {
            return None;
        }
        let owed = &mut *self.owed.borrow_mut();
        owed.retain(Asker::is_open);
        owed.iter().position(|asker| asker.held == 0 || asker.held + 1 < self.held.get())
    }

    /// A slot came free here.
    fn freed(&self, slot: Slot<Arc<Capped>>) {
        let due = if self.owed.borrow().is_empty() { None } else { self.due() };
        let back = match due {
            Some(at) => {
                let asker = self.owed.borrow_mut().remove(at);
                asker.give(slot).err()
            }
            None => Some(slot),
        };
        self.held.set(self.held.get() - 1);
        match back {
            None => self.gave.set(self.has_line()),
            Some(slot) => {
                drop(slot);
                self.call();
            }
        }
    }
}

/// A slot that this shard holds. Dropped, it is another shard's that is owed one, or free, and the first in line is told.
#[derive(Debug)]
pub struct Held {
    slot: Option<Slot<Arc<Capped>>>,
    slots: Rc<Slots>,
}

impl Held {
    /// Makes it `asker`'s, before any that is owed; frees it where it is not wanted.
    pub fn give(mut self, asker: &Asker) {
        if let Some(slot) = self.slot.take() {
            self.slot = asker.give(slot).err();
            if self.slot.is_none() {
                self.slots.held.set(self.slots.held.get() - 1);
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.slots.freed(slot);
        }
    }
}

#[cfg(test)]
mod tests;
