//! The listening sockets of a shard, and whose connections they take: a reload may turn a socket to another listener, or
//! close it. Each has an accept loop of its own.

use super::drain::Ending;
use super::place::Spread;
use super::run::Shard;
use crate::accept::{Admit, accept};
use crate::base::{ListenerId, SocketId};
use crate::exchange::Home;
use crate::net::listener::Bound;
use crate::net::spawn::spawn;
use crate::table::Table;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// One listening socket.
pub(super) struct Door {
    pub socket: SocketId,
    /// Where its connections belong.
    pub home: RefCell<Rc<Home>>,
    admit: RefCell<Admit>,
    ending: Ending,
}

impl Shard {
    /// Opens a door for `bound` and takes connections from it.
    pub(super) fn open(
        self: &Rc<Self>,
        table: &Table,
        (socket, listener, bound): (SocketId, ListenerId, Bound),
    ) -> io::Result<()> {
        let spread = if bound.is_alone() { Spread::Even } else { Spread::Loose };
        let listener_socket = bound.listen()?;
        let door = Rc::new(Door {
            socket,
            home: RefCell::new(self.homes.borrow()[listener.index()].clone()),
            admit: RefCell::new(self.admit(table, listener)),
            ending: Ending::default(),
        });
        self.doors.borrow_mut().push(door.clone());
        let (taking, wheel) = (self.clone(), self.lent.upstream.wheel.clone());
        spawn(async move {
            let admit = || door.admit.borrow().admit();
            let ended = door.ending.begun();
            let short = |what| _ = taking.lent.upstream.gives_up_for(what);
            let arrival = |arrival| taking.arrived(&door, spread, arrival);
            accept(listener_socket, admit, wheel, ended, (arrival, short)).await;
        });
        Ok(())
    }

    /// Turns each door to its listener in `table`, and ends those that have none.
    pub(super) fn turn_doors(&self, table: &Table, sockets: &[(SocketId, ListenerId)]) {
        self.doors.borrow_mut().retain(|door| {
            let Some((_, listener)) = sockets.iter().find(|(socket, _)| *socket == door.socket) else {
                door.ending.begin(Duration::ZERO);
                return false;
            };
            door.home.replace(self.homes.borrow()[listener.index()].clone());
            door.admit.replace(self.admit(table, *listener));
            true
        });
    }

    /// Ends all doors: each takes what is in its queue, and no more.
    pub(super) fn close_doors(&self) {
        self.doors.borrow_mut().drain(..).for_each(|door| door.ending.begin(Duration::ZERO));
    }

    fn admit(&self, table: &Table, listener: ListenerId) -> Admit {
        let spec = &table.listeners[listener.index()];
        Admit {
            listener: (spec.count.clone(), spec.limits.connections),
            process: (self.shared.connections.clone(), table.gateway.connections),
        }
    }
}
