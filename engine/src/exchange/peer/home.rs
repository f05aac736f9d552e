//! What a downstream connection keeps of its listener. Ids hold within one generation and a connection outlives many, so it
//! holds a [`Home`], one a shard and listener, which the shard points to wherever the listener stands now. And the list of
//! connections that sleep, so that those that are to leave can be told without asking each of them all the time.

use crate::base::{ListenerId, Tick};
use crate::exchange::lent::{Lent, TableRef};
use crate::net::{Link, clock};
use crate::table::Listener;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A listener as its connections on one shard know it.
#[derive(Default)]
pub struct Home {
    at: Cell<u32>,
    /// The table on which connections are served to their end that are to leave: the last one that has the listener, or the
    /// first one in which it speaks otherwise.
    last: RefCell<Option<TableRef>>,
    leave_by: Cell<Option<Tick>>,
}

impl Home {
    /// Of the listener `at` of the shard's table.
    pub fn new(at: ListenerId) -> Rc<Home> {
        Rc::new(Home { at: Cell::new(at.0), ..Home::default() })
    }

    /// The table for an exchange that begins now, and the listener in it.
    pub fn now(&self, lent: &Lent) -> (TableRef, ListenerId) {
        let table = self.last.borrow().as_ref().map_or_else(|| lent.table(), TableRef::clone);
        (table, ListenerId(self.at.get()))
    }

    /// Looks at the listener as it is now, without taking its table.
    pub fn look<R>(&self, lent: &Lent, with: impl FnOnce(&Listener) -> R) -> R {
        let at = self.at.get() as usize;
        match &*self.last.borrow() {
            None => with(&lent.table.borrow().listeners[at]),
            Some(last) => with(&last.listeners[at]),
        }
    }

    /// The listener is `at` in the table that the shard has just taken.
    pub fn moved(&self, at: ListenerId) {
        self.at.set(at.0);
    }

    /// The connections follow the listener to no later table than `last`. See [`Home::leave`].
    pub fn gone(&self, last: TableRef, by: Tick) {
        self.last.replace(Some(last));
        self.leave(by);
    }

    /// From now on answers say `Connection: close`; a connection that has nothing to ask until `by` is closed.
    pub fn leave(&self, by: Tick) {
        self.leave_by.set(Some(by));
    }

    /// Whether the connection is to be closed behind what has been asked: the process ends, its listener has left, or it is
    /// old.
    pub fn lets_go(&self, lent: &Lent, link: &Link) -> bool {
        lent.draining.get() || self.leave_by.get().is_some() || self.old_at(lent, link) <= clock::coarse()
    }

    /// When the connection has become as old as its listener lets one.
    pub fn old_at(&self, lent: &Lent, link: &Link) -> Tick {
        self.look(lent, |listener| listener.timeouts.age).map_or(Tick::NEVER, |age| link.old_at(age))
    }

    /// When a connection is to be closed that has been silent since `since`, whatever its age.
    pub fn silent_until(&self, lent: &Lent, since: Tick) -> Tick {
        let idle = since.after(self.look(lent, |listener| listener.timeouts.idle));
        self.leave_by.get().map_or(idle, |by| by.min(idle))
    }
}

/// The connections of a shard that sleep.
#[derive(Default)]
pub struct Sleepers(RefCell<Beds>);

#[derive(Default)]
struct Beds {
    list: Vec<Option<(Rc<Link>, Rc<Home>)>>,
    free: Vec<u32>,
}

/// A connection's place among those that sleep, until it is dropped.
pub struct Asleep<'a> {
    sleepers: &'a Sleepers,
    at: u32,
}

impl Sleepers {
    /// A connection goes to sleep; `link.reading` says until when.
    pub fn enter(&self, link: &Rc<Link>, home: &Rc<Home>) -> Asleep<'_> {
        let mut beds = self.0.borrow_mut();
        let entry = Some((link.clone(), home.clone()));
        let at = match beds.free.pop() {
            Some(at) => {
                beds.list[at as usize] = entry;
                at
            }
            None => {
                beds.list.push(entry);
                (beds.list.len() - 1) as u32
            }
        };
        Asleep { sleepers: self, at }
    }

    /// Has those that are to leave sleep no longer than their home says.
    pub fn hurry(&self) {
        for (link, home) in self.0.borrow().list.iter().flatten() {
            // Setting a deadline wakes nobody at once, and what wakes later only queues a task.
            if let Some(by) = home.leave_by.get() {
                link.reading.set(by);
            }
        }
    }

    /// How many sleep.
    pub fn count(&self) -> usize {
        let beds = self.0.borrow();
        beds.list.len() - beds.free.len()
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        let mut beds = self.sleepers.0.borrow_mut();
        beds.list[self.at as usize] = None;
        beds.free.push(self.at);
    }
}
