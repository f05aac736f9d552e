//! A shard's endpoints and idle upstream connections, last in first out, without locks. The cap is the process's: each
//! connection holds a slot of the upstream's shared count for as long as it lives.

use super::station::{Parked, Picked, Station, Stay};
use crate::balance::State;
use crate::base::counters::{Capped, Slot};
use crate::base::{Tick, UpstreamId};
use crate::net::Link;
use crate::net::stream::Idle;
use crate::table::{Endpoints, Table, Upstream};
use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
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
    slot: Slot<Arc<Capped>>,
}

impl Conn {
    /// A new connection that owns `slot`.
    pub fn new(link: Rc<Link>, slot: Slot<Arc<Capped>>) -> Conn {
        Conn { link, reused: false, keep: None, slot }
    }

    /// Ends the connection but keeps its slot, for a dial in its place.
    pub fn into_slot(self) -> Slot<Arc<Capped>> {
        self.slot
    }
}

/// All upstreams' connections of this shard, by `UpstreamId`.
#[derive(Debug)]
pub struct Pools(RefCell<Vec<Station>>);

/// How often parked connections are looked at by [`Pools::sweep`].
pub const SWEEP_EVERY: Duration = Duration::from_millis(500);

impl Pools {
    /// Pools for `table`'s upstreams; `random` gives each balancer its start.
    pub fn new(table: &Table, mut random: impl FnMut() -> u64) -> Pools {
        let station = |upstream: &Upstream| Station::new(upstream, random());
        Pools(RefCell::new(table.upstreams.iter().map(station).collect()))
    }

    /// All stations, for whoever only looks.
    pub(super) fn stations(&self) -> Ref<'_, Vec<Station>> {
        self.0.borrow()
    }

    /// Lends the balancing state of `id`.
    pub fn balance<R>(&self, id: UpstreamId, with: impl FnOnce(&mut State) -> R) -> R {
        with(&mut self.0.borrow_mut()[id.index()].balance)
    }

    /// Has `choose` pick one of `id`'s endpoints: it is lent the balancing state and the stays, in order, and gives an
    /// index. None when there is no endpoint.
    pub fn pick(&self, id: UpstreamId, choose: impl FnOnce(&mut State, &[Stay]) -> usize) -> Option<Picked> {
        self.0.borrow_mut()[id.index()].pick(choose)
    }

    /// Lends the balancing state of `id` and the index that the endpoint has in it now; not if it has left.
    pub fn staying<R>(
        &self,
        id: UpstreamId,
        picked: &Picked,
        with: impl FnOnce(&mut State, usize) -> R,
    ) -> Option<R> {
        let mut stations = self.0.borrow_mut();
        let station = &mut stations[id.index()];
        station.find(picked).map(|at| with(&mut station.balance, at))
    }

    /// Puts `set` in the place of the endpoints of the upstream `name`. An address that stays keeps its balancing state
    /// and its idle connections. Those to an address that left are closed; connections in use are closed when
    /// their exchange ends.
    pub fn replace(&self, name: &str, set: &Arc<Endpoints>) {
        let mut stations = self.0.borrow_mut();
        if let Some(station) = stations.iter_mut().find(|station| station.name == name) {
            station.replace(set);
        }
    }

    /// A connection to the endpoint that is still good: nothing has arrived on it, not even its end. Spoiled ones
    /// are dropped on the way (150 ns a look).
    pub fn take(&self, id: UpstreamId, picked: &Picked, now: Tick) -> Option<Conn> {
        let mut stations = self.0.borrow_mut();
        let station = &mut stations[id.index()];
        let at = station.find(picked)?;
        let idle = &mut station.idle[at];
        while let Some(Parked { conn, until }) = idle.pop() {
            if now < until && conn.link.stream.idle() == Idle::Quiet {
                return Some(conn);
            }
        }
        None
    }

    /// Parks a connection after an exchange, for `idle` or the shorter time its endpoint announced; closes it if the
    /// endpoint has left.
    pub fn park(&self, id: UpstreamId, picked: &Picked, mut conn: Conn, now: Tick, idle: Duration) {
        conn.reused = true;
        // A second less than announced: the endpoint's clock started before ours.
        let keep = conn.keep.map_or(idle, |keep| keep.saturating_sub(Duration::from_secs(1)).min(idle));
        let mut stations = self.0.borrow_mut();
        let station = &mut stations[id.index()];
        match station.find(picked) {
            Some(at) if !keep.is_zero() => station.idle[at].push(Parked { conn, until: now.after(keep) }),
            _ => drop(conn),
        }
        station.wake();
    }

    /// The connection that has been parked longest at any endpoint of `id`: given up so that another may be made.
    pub fn evict(&self, id: UpstreamId) -> Option<Conn> {
        let mut stations = self.0.borrow_mut();
        let fullest = stations[id.index()].idle.iter_mut().max_by_key(|idle| idle.len())?;
        if fullest.is_empty() { None } else { Some(fullest.remove(0).conn) }
    }

    /// As [`Pools::evict`], by name and dropped: another shard asks.
    pub fn evict_named(&self, name: &str) {
        let id = self.0.borrow().iter().position(|station| station.name == name);
        if let Some(id) = id {
            drop(self.evict(UpstreamId(id as u32)));
        }
    }

    /// Has `waker` woken when a connection of `id` is parked or given up on this shard.
    pub fn wait(&self, id: UpstreamId, waker: &Waker) {
        let mut stations = self.0.borrow_mut();
        let waiting = &mut stations[id.index()].waiting;
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push_back(waker.clone());
        }
    }

    /// A slot of `id` became free on this shard.
    pub fn freed(&self, id: UpstreamId) {
        self.0.borrow_mut()[id.index()].wake();
    }

    /// Drops connections whose time is over or that their endpoint closed. Called about each [`SWEEP_EVERY`].
    pub fn sweep(&self, now: Tick) {
        for station in self.0.borrow_mut().iter_mut() {
            for idle in &mut station.idle {
                idle.retain(|parked| now < parked.until && parked.conn.link.stream.idle() == Idle::Quiet);
            }
        }
    }

    /// Parked connections, for tests and metrics.
    pub fn parked(&self) -> usize {
        self.0.borrow().iter().flat_map(|station| &station.idle).map(Vec::len).sum()
    }
}
