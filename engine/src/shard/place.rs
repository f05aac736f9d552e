//! Which shard serves a fresh connection: the one that took it, or the least loaded one, by its mailbox.

use super::doors::Door;
use super::inbox::Message;
use super::run::Shard;
use crate::accept::Arrival;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

/// How far a shard may be above the least loaded one before it hands a connection over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// By max(2, 12.5 %): each shard has a socket of its own, and the kernel's hash alone would give the busiest of
    /// eight shards half as much again as its share.
    Loose,
    /// Not at all: this shard takes the connections of all.
    Even,
}

impl Shard {
    pub(super) fn arrived(self: &Rc<Self>, door: &Door, spread: Spread, arrival: Arrival) {
        let home = &*door.home.borrow();
        let (accepted, admission) = match arrival {
            Arrival::Admitted(accepted, admission) => (accepted, admission),
            Arrival::Refused(accepted) => return self.refuse(home, accepted),
        };
        // Counted where it goes before it is there, or all of one turn would go to the same shard.
        let own = &self.shared.loads[self.index].0;
        own.fetch_add(1, Relaxed);
        let Some(other) = self.relief(spread) else { return self.serve(home, accepted, admission) };
        let (table, id) = home.now(&self.lent);
        let others = &self.shared.loads[other].0;
        others.fetch_add(1, Relaxed);
        let refused = self.shared.mailboxes[other].send(Message::Serve(
            table.shared().clone(),
            id,
            accepted,
            admission,
        ));
        match refused {
            Ok(()) => drop(own.fetch_sub(1, Relaxed)),
            Err(Message::Serve(_, _, accepted, admission)) => {
                others.fetch_sub(1, Relaxed);
                self.serve(home, accepted, admission);
            }
            Err(_) => debug_assert!(false, "a mailbox gives back what it was given"),
        }
    }

    /// The shard to hand a connection to that is counted here already; none while shards end, which take no more.
    fn relief(&self, spread: Spread) -> Option<usize> {
        if self.shared.ending.load(Relaxed) {
            return None;
        }
        let loads = self.shared.loads.iter().map(|load| load.0.load(Relaxed)).enumerate();
        let (least, load) = loads.min_by_key(|&(_, load)| load)?;
        let own = self.shared.loads[self.index].0.load(Relaxed);
        let slack = match spread {
            Spread::Loose => (load / 8).max(2),
            Spread::Even => 0,
        };
        (own > load + 1 + slack).then_some(least)
    }
}
