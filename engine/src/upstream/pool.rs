//! A shard's upstream connections, and the stations that keep them while they are idle, without locks. The cap is the
//! process's: each connection holds a slot of the upstream's shared count for as long as it lives.

use super::slots::Held;
use super::station::Station;
use super::view::Together;
use super::wish::Asker;
use crate::base::{Tick, UpstreamId};
use crate::certs::OriginTerms;
use crate::net::Link;
use crate::table::{Endpoints, Table, Upstream};
use hashbrown::HashMap;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// One connection to an endpoint.
#[derive(Debug)]
pub struct Conn {
    /// The socket and its deadlines.
    pub link: Rc<Link>,
    /// Whether it has carried an exchange before.
    pub reused: bool,
    /// Idle time the endpoint announced (`Keep-Alive: timeout=`).
    pub keep: Option<Duration>,
    /// The terms that it was made under.
    pub terms: Option<OriginTerms>,
    slot: Held,
}

impl Conn {
    /// A new connection that owns `slot`.
    pub fn new(link: Rc<Link>, terms: Option<OriginTerms>, slot: Held) -> Conn {
        Conn { link, reused: false, keep: None, terms, slot }
    }

    /// Ends the connection but keeps its slot, for a dial in its place, here or on another shard.
    pub fn into_slot(self) -> Held {
        self.slot
    }
}

/// The stations of one table, by its `UpstreamId`s.
pub type Stations = Rc<[Rc<Station>]>;

/// The stations that the shard's table names: what is looked after between exchanges.
#[derive(Debug)]
pub struct Pools {
    stations: RefCell<Stations>,
    /// The number of the shard.
    shard: usize,
}

/// How often parked connections are looked at by [`Pools::sweep`].
pub const SWEEP_EVERY: Duration = Duration::from_millis(500);

impl Pools {
    /// Stations of shard `shard` for `table`'s upstreams; `random` gives each balancer its start.
    pub fn new(table: &Table, shard: usize, mut random: impl FnMut() -> u64) -> Pools {
        let station = |upstream: &Upstream| Station::new(upstream, random());
        Pools { stations: RefCell::new(table.upstreams.iter().map(station).collect()), shard }
    }

    /// Those of the table that is followed now.
    pub fn stations(&self) -> Stations {
        self.stations.borrow().clone()
    }

    /// Follows `table` from now on, and gives its stations. `from` says for each of its upstreams which one of the table
    /// followed so far has the same name: that one's station goes on, with the new table's endpoints. Stations that no
    /// upstream takes over are retired. No look-up by name: a shard does this between two requests.
    pub fn follow(
        &self,
        table: &Table,
        from: &[Option<UpstreamId>],
        mut random: impl FnMut() -> u64,
    ) -> Stations {
        debug_assert_eq!(table.upstreams.len(), from.len(), "each upstream says where it comes from");
        let before = self.stations.borrow();
        let mut leaves = vec![true; before.len()];
        let station = |(upstream, from): (&Upstream, &Option<UpstreamId>)| match from {
            Some(id) => {
                leaves[id.index()] = false;
                before[id.index()].secure(upstream.tls.as_ref());
                before[id.index()].replace(&upstream.endpoints, self.shard);
                before[id.index()].clone()
            }
            None => Station::new(upstream, random()),
        };
        let stations: Stations = table.upstreams.iter().zip(from).map(station).collect();
        before
            .iter()
            .zip(leaves)
            .filter(|(_, leaves)| *leaves)
            .for_each(|(station, _)| station.retire(self.shard));
        drop(before);
        self.stations.replace(stations.clone());
        stations
    }

    /// Stations for exchanges on a `table` that the shard does not follow any more: those that it still has, as they are
    /// now, and retired ones for names that left.
    pub fn departed(&self, table: &Table, mut random: impl FnMut() -> u64) -> Stations {
        let known = self.stations.borrow();
        let known: HashMap<&str, &Rc<Station>> = known.iter().map(|known| (&*known.name, known)).collect();
        let station = |upstream: &Upstream| match known.get(upstream.name.as_str()) {
            Some(known) => Rc::clone(known),
            None => {
                let station = Station::new(upstream, random());
                station.retire(self.shard);
                station
            }
        };
        table.upstreams.iter().map(station).collect()
    }

    /// Puts `set` in the place of the endpoints of the upstream `name`: see [`Station::replace`].
    pub fn replace(&self, name: &str, set: &Arc<Endpoints>) {
        if let Some(station) = self.named(name) {
            station.replace(set, self.shard);
        }
    }

    /// Another shard asks for a slot of the upstream `name`: it has that of an idle connection, or else is owed one.
    pub fn evict_named(&self, name: &str, asker: Asker) {
        let Some(station) = self.named(name).filter(|_| asker.waits()) else { return };
        match station.evict() {
            Some(conn) => conn.into_slot().give(&asker),
            None => {
                if !station.leave_idle() {
                    station.spare();
                }
                station.slots.owe(asker);
            }
        }
    }

    /// Closes the idle connection that has been parked longest at the upstream that has most of them; false when none has any.
    pub fn give_up_one(&self) -> bool {
        let stations = self.stations.borrow();
        let fullest = stations.iter().max_by_key(|station| station.parked());
        fullest.is_some_and(|station| station.evict().is_some())
    }

    fn named(&self, name: &str) -> Option<Rc<Station>> {
        self.stations.borrow().iter().find(|station| &*station.name == name).cloned()
    }

    /// Drops connections whose time is over or that their endpoint closed, and tells scrapers what is left. Called about
    /// each [`SWEEP_EVERY`].
    pub fn sweep(&self, now: Tick) {
        let mut together = Together::default();
        self.stations.borrow().iter().for_each(|station| station.sweep(now, self.shard, &mut together));
        together.show(self.shard);
    }

    /// Parked connections, for tests and metrics.
    pub fn parked(&self) -> usize {
        self.stations.borrow().iter().map(|station| station.parked()).sum()
    }
}
