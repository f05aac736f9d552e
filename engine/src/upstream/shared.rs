//! What one endpoint has of connections that many exchanges share, on one shard, and who waits for a part of one.

use super::http2::{Mux, Stream};
use super::station::{Picked, Station};
use crate::base::{Line, Place, Tick};
use crate::wire::http1::encode::Onward;
use crate::wire::http1::framing::Length;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

/// What of a request takes room on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// A stream alone.
    Head,
    /// And of what all streams may send together.
    Body,
}

impl Sends {
    /// Of a request that is sent on like this. What may become a tunnel sends as a body does.
    pub fn of(onward: &Onward<'_>) -> Sends {
        match onward.length {
            Length::None | Length::Exact(0) if onward.upgrade.is_none() => Sends::Head,
            _ => Sends::Body,
        }
    }
}

/// Shared connections to one endpoint.
#[derive(Debug, Default)]
pub struct Shared {
    all: Vec<Rc<Mux>>,
    /// Whether an exchange dials another one.
    dialled: bool,
    /// Exchanges that wait for a part. A connection calls them too.
    waiting: Rc<RefCell<Line>>,
}

impl Shared {
    /// A part of one of them that has room for what the exchange `sends`. The first ones are filled first, so that those that are not needed fall idle.
    pub fn join(&mut self, sends: Sends) -> Option<Stream> {
        self.all.iter().find(|mux| mux.has_room(sends)).map(Mux::begin)
    }

    /// Another one.
    pub fn add(&mut self, mux: Rc<Mux>) {
        mux.calls(self.waiting.clone());
        self.all.push(mux);
    }

    /// Has those leave that have become old, and drops those that are over.
    pub fn sweep(&mut self, now: Tick) {
        self.all.iter().filter(|mux| mux.takes_more() && mux.old_at() <= now).for_each(|mux| mux.leave());
        self.all.retain(|mux| !mux.is_gone());
    }

    /// Has all of them close when their last exchange has ended; whoever waits looks elsewhere.
    pub fn leave(&mut self) {
        self.all.drain(..).for_each(|mux| mux.leave());
        self.waiting.borrow_mut().call_all();
    }

    /// Has one close that carries nothing, so that another connection may be made; false if there is none.
    pub fn leave_idle(&self) -> bool {
        let idle = self.all.iter().find(|mux| mux.active() == 0 && mux.has_room(Sends::Head));
        idle.inspect(|mux| mux.leave()).is_some()
    }

    /// Whether one is to close that still carries something.
    pub fn one_leaves(&self) -> bool {
        self.all.iter().any(|mux| !mux.takes_more() && !mux.is_gone())
    }

    /// Has the one close that carries least, once it carries nothing more, if another one goes on.
    pub fn leave_spare(&self) -> bool {
        let staying = || self.all.iter().filter(|mux| mux.takes_more());
        if staying().nth(1).is_none() {
            return false;
        }
        staying().min_by_key(|mux| mux.active()).inspect(|mux| mux.leave()).is_some()
    }

    /// Whether another one may be made: nobody is at it, and of all that there are it is known what fits on them.
    fn wants_another(&self) -> bool {
        !self.dialled && !self.all.iter().any(|mux| mux.is_new())
    }

    /// Wakes the exchange that has waited longest, if there is something for it to do: it joins, or it dials.
    pub fn pass_on(&mut self) {
        let mut waiting = self.waiting.borrow_mut();
        let has_room = || self.all.iter().any(|mux| mux.has_room(Sends::Head));
        if !waiting.is_empty() && (self.wants_another() || has_room()) {
            waiting.call();
        }
    }
}

/// An exchange that wants a part of a shared connection, until this is dropped. What it was woken for and did not take is
/// the next one's.
pub struct Wanting<'a> {
    station: &'a Station,
    picked: &'a Picked,
    place: Place,
}

impl<'a> Wanting<'a> {
    /// Of the endpoint that was `picked`.
    pub fn new(station: &'a Station, picked: &'a Picked) -> Wanting<'a> {
        Wanting { station, picked, place: Place::default() }
    }

    /// Has `waker` woken when there may be something; false if that has happened since it was asked last, or if the
    /// endpoint has left.
    pub fn wait(&mut self, waker: &Waker) -> bool {
        let place = &mut self.place;
        self.station
            .sharing(self.picked, |shared| shared.waiting.borrow_mut().keep(place, waker))
            .unwrap_or(false)
    }
}

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        let place = self.place;
        self.station.sharing(self.picked, |shared| {
            shared.waiting.borrow_mut().leave(place);
            shared.pass_on();
        });
    }
}

/// An exchange dials an endpoint, until this is dropped; others wait meanwhile.
pub struct Dialling<'a> {
    station: &'a Station,
    picked: Picked,
}

impl<'a> Dialling<'a> {
    /// Begins to, if another connection is wanted. An endpoint that has left is dialled by each exchange for itself.
    pub fn begin(station: &'a Station, picked: &Picked) -> Option<Dialling<'a>> {
        let begins = station.sharing(picked, |shared| {
            let begins = shared.wants_another();
            shared.dialled |= begins;
            begins
        });
        begins.unwrap_or(true).then(|| Dialling { station, picked: picked.clone() })
    }
}

impl Drop for Dialling<'_> {
    fn drop(&mut self) {
        self.station.sharing(&self.picked, |shared| {
            shared.dialled = false;
            shared.pass_on();
        });
    }
}
