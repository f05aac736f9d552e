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

/// The connections of a shard that sleep, by how their clients learn that they are to leave.
#[derive(Default)]
pub struct Sleepers {
    told: RefCell<Beds>,
    answered: RefCell<Beds>,
}

#[derive(Default)]
struct Beds {
    list: Vec<Option<(Rc<Link>, Rc<Home>)>>,
    free: Vec<u32>,
}

/// How the client of a connection that is to leave learns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// At once: by a frame.
    Now,
    /// By the answer to what it asks next, for which it is listened to until its time.
    WithAnswer,
}

/// A connection's place among those that sleep, until it is dropped.
pub struct Asleep<'a> {
    beds: &'a RefCell<Beds>,
    at: u32,
}

impl Sleepers {
    /// A connection goes to sleep; `link.reading` says until when.
    pub fn enter(&self, link: &Rc<Link>, home: &Rc<Home>, tells: Tells) -> Asleep<'_> {
        let all = match tells {
            Tells::Now => &self.told,
            Tells::WithAnswer => &self.answered,
        };
        let mut beds = all.borrow_mut();
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
        Asleep { beds: all, at }
    }

    /// Has those that are to leave sleep no longer than their home says, and those tell it that can.
    pub fn hurry(&self) {
        let now = clock::coarse();
        // Setting a deadline wakes nobody at once, and what wakes later only queues a task.
        let hurry = |beds: &RefCell<Beds>, at_most: Tick| {
            for (link, home) in beds.borrow().list.iter().flatten() {
                if let Some(by) = home.leave_by.get() {
                    link.reading.set(by.min(at_most));
                }
            }
        };
        hurry(&self.told, now);
        hurry(&self.answered, Tick::NEVER);
    }

    /// How many sleep.
    pub fn count(&self) -> usize {
        let count = |beds: &RefCell<Beds>| beds.borrow().list.len() - beds.borrow().free.len();
        count(&self.told) + count(&self.answered)
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        let mut beds = self.beds.borrow_mut();
        beds.list[self.at as usize] = None;
        beds.free.push(self.at);
    }
}
