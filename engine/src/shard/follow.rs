//! A reload on one shard: from one message to the next, between requests, the table is another one. What goes on by name
//! (stations, homes, sockets) is moved over by index, as control has worked it out; nothing waits, nothing is looked up.

use super::inbox::{Next, Report};
use super::run::Shard;
use crate::accept::{Accepted, Admission};
use crate::base::{ListenerId, Tick};
use crate::exchange::{HeldTable, Home, TableRef};
use crate::net::clock;
use crate::net::spawn::spawn;
use crate::table::Table;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long a silent connection is still listened to that is to leave: a request may be on its way to it.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// A connection that another shard handed over before this one has the table that it belongs to.
pub(super) struct Early {
    table: Arc<Table>,
    listener: ListenerId,
    accepted: Accepted,
    admission: Admission,
}

impl Shard {
    /// Serves `next` from now on. Exchanges that run keep the table they began with.
    pub(super) fn follow(self: &Rc<Self>, next: Next) {
        let lent = &self.lent;
        let Next { table, moves, opened } = next;
        let stations = lent.upstream.pools.follow(&table, &moves.upstreams, || lent.upstream.random());
        lent.policies.borrow_mut().follow(&table.policies.all);
        let held = HeldTable::new(table, stations, lent.leave.clone());
        let before = lent.table.replace(held.clone());
        let is_hurried = self.turn_homes((&before, &held), &moves.listeners);
        self.turn_doors(&held, &moves.sockets);
        for (socket, bound) in opened {
            let Some((_, listener)) = moves.sockets.iter().find(|(known, _)| *known == socket) else {
                continue;
            };
            if let Err(error) = self.open(&held, (socket, *listener, bound)) {
                let name = &held.listeners[listener.index()].name;
                let report = Report::Deaf { shard: self.index, listener: name.clone(), error };
                let _ = self.shared.reports.send(report);
            }
        }
        if is_hurried {
            lent.sleepers.hurry();
        }
        // Behind the doors that end, which are woken: whoever connects once this is known belongs to no listener of before.
        let (this, generation) = (self.clone(), held.generation);
        spawn(async move { this.shared.serves(this.index, generation) });
        for Early { table, listener, accepted, admission } in self.early.take() {
            self.handed(table, listener, accepted, admission);
        }
    }

    /// Points each home to where its listener is `now`, and has the connections leave whose listener is gone. Those of one
    /// that speaks TLS now and did not, or the other way round, leave as well: on the new table, by which nothing that they
    /// ask is served. Whether any are to leave.
    fn turn_homes(&self, (before, now): (&TableRef, &TableRef), listeners: &[Option<ListenerId>]) -> bool {
        let by = clock::now().after(LINGER);
        let mut homes: Vec<Option<Rc<Home>>> = self.homes.take().into_iter().map(Some).collect();
        let mut leave = false;
        let home = |(at, from): (usize, &Option<ListenerId>)| {
            let at = ListenerId(at as u32);
            let Some((from, home)) = from.and_then(|from| Some((from, homes[from.index()].take()?))) else {
                return Home::new(at);
            };
            home.moved(at);
            let speaks_tls = |table: &Table, at: ListenerId| table.listeners[at.index()].tls.is_some();
            if speaks_tls(before, from) == speaks_tls(now, at) {
                return home;
            }
            home.gone(now.clone(), by);
            leave = true;
            Home::new(at)
        };
        self.homes.replace(listeners.iter().enumerate().map(home).collect());
        for home in homes.into_iter().flatten() {
            home.gone(before.clone(), by);
            leave = true;
        }
        leave
    }

    /// Serves a connection that another shard took, which may be a reload ahead or behind.
    pub(super) fn handed(
        self: &Rc<Self>,
        table: Arc<Table>,
        listener: ListenerId,
        accepted: Accepted,
        admission: Admission,
    ) {
        let own = self.lent.table();
        if table.generation > own.generation {
            // Its table is on the way here: control sends each to every shard.
            self.early.borrow_mut().push(Early { table, listener, accepted, admission });
            return;
        }
        let at = match table.generation == own.generation {
            true => Some(listener.index()),
            false => {
                let taken_by = &table.listeners[listener.index()];
                own.listeners.iter().position(|known| known.continues(taken_by))
            }
        };
        let home = match at {
            Some(at) => self.homes.borrow()[at].clone(),
            None => self.departed(table, listener, clock::now().after(LINGER)),
        };
        self.serve(&home, accepted, admission);
    }

    /// A home in a table that this shard has left behind, or never had.
    fn departed(&self, table: Arc<Table>, listener: ListenerId, by: Tick) -> Rc<Home> {
        let upstream = &self.lent.upstream;
        let stations = upstream.pools.departed(&table, || upstream.random());
        let home = Home::new(listener);
        home.gone(HeldTable::new(table, stations, self.lent.leave.clone()), by);
        home
    }
}
