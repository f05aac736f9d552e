//! A shard's idle upstream connections, last in first out, without locks. The cap is the process's: each
//! connection holds a slot of the upstream's shared count for as long as it lives.

use crate::balance::pick::State;
use crate::base::counters::{Capped, Slot};
use crate::base::{Tick, UpstreamId};
use crate::net::Link;
use crate::net::stream::Idle;
use crate::table::{Table, Upstream};
use std::cell::RefCell;
use std::collections::VecDeque;
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

#[derive(Debug)]
struct Parked {
    conn: Conn,
    until: Tick,
}

/// One upstream's connections and balancing on this shard.
#[derive(Debug)]
struct Station {
    name: String,
    idle: Vec<Vec<Parked>>,
    balance: State,
    /// Exchanges that wait for a slot of the upstream's cap.
    waiting: VecDeque<Waker>,
}

/// All upstreams' connections of this shard, by `UpstreamId`.
#[derive(Debug)]
pub struct Pools(RefCell<Vec<Station>>);

/// How often parked connections are looked at by [`Pools::sweep`].
pub const SWEEP_EVERY: Duration = Duration::from_millis(500);

impl Pools {
    /// Pools for `table`'s upstreams; `random` gives each balancer its start.
    pub fn new(table: &Table, mut random: impl FnMut() -> u64) -> Pools {
        let station = |upstream: &Upstream| Station {
            name: upstream.name.clone(),
            idle: upstream.endpoints.iter().map(|_| Vec::new()).collect(),
            balance: State::new(upstream.seats.clone(), random()),
            waiting: VecDeque::new(),
        };
        Pools(RefCell::new(table.upstreams.iter().map(station).collect()))
    }

    /// Lends the balancing state of `id`.
    pub fn balance<R>(&self, id: UpstreamId, with: impl FnOnce(&mut State) -> R) -> R {
        with(&mut self.0.borrow_mut()[id.index()].balance)
    }

    /// A connection to `endpoint` that is still good: nothing has arrived on it, not even its end. Spoiled ones
    /// are dropped on the way (150 ns a look).
    pub fn take(&self, id: UpstreamId, endpoint: usize, now: Tick) -> Option<Conn> {
        let mut stations = self.0.borrow_mut();
        let idle = &mut stations[id.index()].idle[endpoint];
        while let Some(Parked { conn, until }) = idle.pop() {
            if now < until && conn.link.stream.idle() == Idle::Quiet {
                return Some(conn);
            }
        }
        None
    }

    /// Parks a connection after an exchange, for `idle` or the shorter time its endpoint announced.
    pub fn park(&self, id: UpstreamId, endpoint: usize, mut conn: Conn, now: Tick, idle: Duration) {
        conn.reused = true;
        // A second less than announced: the endpoint's clock started before ours.
        let keep = conn.keep.map_or(idle, |keep| keep.saturating_sub(Duration::from_secs(1)).min(idle));
        if keep.is_zero() {
            return;
        }
        let mut stations = self.0.borrow_mut();
        let station = &mut stations[id.index()];
        station.idle[endpoint].push(Parked { conn, until: now.after(keep) });
        wake(station);
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
        wake(&mut self.0.borrow_mut()[id.index()]);
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

fn wake(station: &mut Station) {
    if let Some(waker) = station.waiting.pop_front() {
        waker.wake();
    }
}
