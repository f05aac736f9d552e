//! What one endpoint has of connections that many exchanges share, on one shard.

use super::http2::{Mux, Stream};
use super::station::{Picked, Station};
use std::rc::Rc;

/// Shared connections to one endpoint.
#[derive(Debug, Default)]
pub struct Shared {
    all: Vec<Rc<Mux>>,
    /// Whether an exchange dials another one.
    pub dialled: bool,
}

impl Shared {
    /// A part of one of them that has room. The first ones are filled first, so that those that are not needed fall idle.
    pub fn join(&mut self) -> Option<Stream> {
        self.all.iter().find(|mux| mux.has_room()).map(Mux::begin)
    }

    /// Another one.
    pub fn add(&mut self, mux: Rc<Mux>) {
        self.all.push(mux);
    }

    /// Drops those that are over.
    pub fn sweep(&mut self) {
        self.all.retain(|mux| !mux.is_gone());
    }

    /// Has all of them close when their last exchange has ended.
    pub fn leave(&mut self) {
        self.all.drain(..).for_each(|mux| mux.leave());
    }

    /// Has one close that carries nothing, so that another connection may be made; false if there is none.
    pub fn leave_idle(&self) -> bool {
        let idle = self.all.iter().find(|mux| mux.active() == 0 && mux.has_room());
        idle.inspect(|mux| mux.leave()).is_some()
    }
}

/// An exchange dials an endpoint, until this is dropped; others wait meanwhile.
pub struct Dialling<'a> {
    station: &'a Station,
    picked: Picked,
}

impl<'a> Dialling<'a> {
    /// Begins to, if nobody does. An endpoint that has left is dialled by each exchange for itself.
    pub fn begin(station: &'a Station, picked: &Picked) -> Option<Dialling<'a>> {
        let was = station.sharing(picked, |shared| std::mem::replace(&mut shared.dialled, true));
        (!was.unwrap_or(false)).then(|| Dialling { station, picked: picked.clone() })
    }
}

impl Drop for Dialling<'_> {
    fn drop(&mut self) {
        self.station.dialled(&self.picked);
    }
}
