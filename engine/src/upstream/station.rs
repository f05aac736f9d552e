//! One upstream on one shard: its set of endpoints now, their balancing state and their idle connections.
//!
//! The set may change between exchanges. An exchange keeps the set it picked from; what it gives back finds its endpoint
//! again by its [`Stay`], or nothing if the endpoint has left.

use super::http2::{Mux, Stream};
use super::pool::Conn;
use super::shared::{Sends, Shared};
use super::slots::Slots;
use super::view::{Seat, Together, View};
use crate::balance::State;
use crate::base::{Line, Tick};
use crate::certs::OriginTerms;
use crate::net::stream::Idle;
use crate::observe::metrics::EndpointCells;
use crate::table::{Endpoint, Endpoints, Upstream};
use hashbrown::HashMap;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// An idle connection, and until when it may be used.
#[derive(Debug)]
struct Parked {
    conn: Conn,
    until: Tick,
}

/// An endpoint's stay in a set, never given twice on a shard: an address that left and came back has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay(u64);

/// A set as exchanges hold it: the shard owns one `Arc`, exchanges clone the `Rc` around it, which no other shard sees.
pub type SetRef = Rc<Arc<Endpoints>>;

/// An endpoint with the set it was picked from.
#[derive(Debug, Clone)]
pub struct Picked {
    set: SetRef,
    at: usize,
    /// Its stay.
    pub stay: Stay,
}

impl Picked {
    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.set[self.at]
    }

    /// Where shard `shard` counts the endpoint; none where nobody counts.
    pub fn cells(&self, shard: usize) -> Option<&EndpointCells> {
        self.set.cells(self.at, shard)
    }

    /// The set.
    pub fn set(&self) -> &Endpoints {
        &self.set
    }
}

/// One upstream on this shard, whichever tables name it: a reload keeps the station of a name, so that connections, balancing
/// and those that wait go on. Tables hold it by `Rc`; one that no table names any more is [retired](Station::retire).
#[derive(Debug)]
pub struct Station {
    /// The upstream's name.
    pub name: Box<str>,
    /// Its part in the upstream's cap.
    pub(super) slots: Rc<Slots>,
    inner: RefCell<Inner>,
}

/// The lists go by the index of the endpoint.
#[derive(Debug)]
struct Inner {
    set: SetRef,
    stays: Vec<Stay>,
    next_stay: u64,
    idle: Vec<Vec<Parked>>,
    /// The terms that its connections are made under now; others are not parked.
    terms: Option<OriginTerms>,
    shared: Vec<Shared>,
    balance: State,
    retired: bool,
}

impl Station {
    /// For `upstream`; `random` says where its balancing begins.
    pub fn new(upstream: &Upstream, random: u64) -> Rc<Station> {
        let count = upstream.endpoints.len();
        let inner = Inner {
            set: Rc::new(upstream.endpoints.clone()),
            stays: (0..count as u64).map(Stay).collect(),
            next_stay: count as u64,
            idle: (0..count).map(|_| Vec::new()).collect(),
            terms: upstream.tls.clone(),
            shared: (0..count).map(|_| Shared::default()).collect(),
            balance: State::new(upstream.endpoints.seats().clone(), random),
            retired: false,
        };
        let slots = Slots::new(upstream.count.clone());
        Rc::new(Station { name: upstream.name.as_str().into(), slots, inner: RefCell::new(inner) })
    }

    /// Lends the balancing state.
    pub fn balance<R>(&self, with: impl FnOnce(&mut State) -> R) -> R {
        with(&mut self.inner.borrow_mut().balance)
    }

    /// Has `choose` pick one of the endpoints: it is lent the balancing state and the stays, in order, and gives an
    /// index. None when there is no endpoint.
    pub fn pick(&self, choose: impl FnOnce(&mut State, &[Stay]) -> usize) -> Option<Picked> {
        let inner = &mut *self.inner.borrow_mut();
        if inner.stays.is_empty() {
            return None;
        }
        let at = choose(&mut inner.balance, &inner.stays);
        Some(Picked { set: inner.set.clone(), at, stay: inner.stays[at] })
    }

    /// Lends the balancing state and the index that the endpoint has in it now; not if it has left.
    pub fn staying<R>(&self, picked: &Picked, with: impl FnOnce(&mut State, usize) -> R) -> Option<R> {
        let inner = &mut *self.inner.borrow_mut();
        inner.find(picked).map(|at| with(&mut inner.balance, at))
    }

    /// Whether the endpoint is one of them still.
    pub fn has(&self, picked: &Picked) -> bool {
        self.inner.borrow().find(picked).is_some()
    }

    /// Whether it has an endpoint, by now, that is none of those that `refused`.
    pub fn has_other(&self, refused: &[Option<Stay>]) -> bool {
        self.inner.borrow().stays.iter().any(|stay| !refused.contains(&Some(*stay)))
    }

    /// A connection to the endpoint that is still good: nothing has arrived on it, not even its end. Spoiled ones
    /// are dropped on the way (150 ns a look).
    pub fn take(&self, picked: &Picked, now: Tick) -> Option<Conn> {
        let inner = &mut *self.inner.borrow_mut();
        let at = inner.find(picked)?;
        inner.take(at, now)
    }

    /// The same of any endpoint that might be picked now, and that endpoint; none where a request's key decides.
    pub fn take_any(&self, now: Tick) -> Option<(Picked, Conn)> {
        let inner = &mut *self.inner.borrow_mut();
        for at in 0..inner.idle.len() {
            let serves = !inner.idle[at].is_empty() && inner.balance.serves_any(at, now);
            // All of them may be spoiled.
            if serves && let Some(conn) = inner.take(at, now) {
                return Some((Picked { set: inner.set.clone(), at, stay: inner.stays[at] }, conn));
            }
        }
        None
    }

    /// A part of a connection to the endpoint that others use too, for an exchange that `sends` this.
    pub fn join(&self, picked: &Picked, sends: Sends) -> Option<Stream> {
        self.sharing(picked, |shared| shared.join(sends)).flatten()
    }

    /// Lends what the endpoint has of shared connections; not if it has left.
    pub fn sharing<R>(&self, picked: &Picked, with: impl FnOnce(&mut Shared) -> R) -> Option<R> {
        let inner = &mut *self.inner.borrow_mut();
        inner.find(picked).map(|at| with(&mut inner.shared[at]))
    }

    /// Has others use a connection to the endpoint that was made on these terms.
    pub fn share(&self, picked: &Picked, mux: Rc<Mux>, terms: Option<&OriginTerms>) {
        let inner = &mut *self.inner.borrow_mut();
        match inner.find(picked) {
            Some(at) if !inner.retired && same(inner.terms.as_ref(), terms) => inner.shared[at].add(mux),
            _ => mux.leave(),
        }
    }

    /// Parks a connection after an exchange, for `idle` or the shorter time its endpoint announced; closes it if the
    /// endpoint or the upstream has left, or is spoken to on other terms now, or if another shard is to have its slot.
    pub fn park(&self, picked: &Picked, mut conn: Conn, now: Tick, idle: Duration) {
        conn.reused = true;
        // A second less than announced: the endpoint's clock started before ours.
        let keep = conn.keep.map_or(idle, |keep| keep.saturating_sub(Duration::from_secs(1)).min(idle));
        let inner = &mut *self.inner.borrow_mut();
        match inner.find(picked) {
            Some(at) if !keep.is_zero() && !inner.retired && inner.makes(&conn) && !self.slots.is_due() => {
                inner.idle[at].push(Parked { conn, until: now.after(keep) });
                self.slots.call();
            }
            _ => drop(conn),
        }
    }

    /// The connection that has been parked longest where most are: given up so that another may be made.
    pub fn evict(&self) -> Option<Conn> {
        let inner = &mut *self.inner.borrow_mut();
        let fullest = inner.idle.iter_mut().max_by_key(|idle| idle.len())?;
        (!fullest.is_empty()).then(|| fullest.remove(0).conn)
    }

    /// Has a shared connection close that carries nothing; false if there is none.
    pub fn leave_idle(&self) -> bool {
        self.inner.borrow().shared.iter().any(Shared::leave_idle)
    }

    /// A shared connection that is closed once its exchanges have ended, if there are others: another shard needs one.
    pub fn spare(&self) {
        let inner = self.inner.borrow();
        // One at a time: who asks does so again until it has it.
        let _ = inner.shared.iter().any(Shared::one_leaves) || inner.shared.iter().any(Shared::leave_spare);
    }

    /// Puts `set` in the place of the endpoints. An address that stays, and with TLS the name that it proves, keeps its
    /// balancing state and its idle connections. Those to an address that left are closed; connections in use are closed when their exchange ends.
    /// `shard` is the one that it is on.
    pub fn replace(&self, set: &Arc<Endpoints>, shard: usize) {
        self.inner.borrow_mut().replace(set, shard);
    }

    /// Connections are made on these terms from now on. Idle ones that were made on others are closed.
    pub fn secure(&self, terms: Option<&OriginTerms>) {
        let inner = &mut *self.inner.borrow_mut();
        if same(inner.terms.as_ref(), terms) {
            return;
        }
        inner.terms = terms.cloned();
        inner.shared.iter_mut().for_each(Shared::leave);
        inner.idle.iter_mut().for_each(Vec::clear);
    }

    /// No table names the upstream any more: idle connections are closed, those in use when their exchange ends.
    pub fn retire(&self, shard: usize) {
        let inner = &mut *self.inner.borrow_mut();
        inner.tell_nothing(shard);
        inner.retired = true;
        inner.idle.iter_mut().for_each(Vec::clear);
        inner.shared.iter_mut().for_each(Shared::leave);
        self.slots.line(Line::call_all);
    }

    /// Drops connections whose time is over or that their endpoint closed, and tells scrapers what shard `shard` has left.
    /// What belongs to names that are counted together is added there.
    pub fn sweep(&self, now: Tick, shard: usize, together: &mut Together) {
        let inner = &mut *self.inner.borrow_mut();
        for idle in &mut inner.idle {
            idle.retain(|parked| now < parked.until && parked.conn.link.stream.idle() == Idle::Quiet);
        }
        inner.shared.iter_mut().for_each(|shared| shared.sweep(now));
        inner.tell(now, shard, together);
    }

    /// What it has now, for whoever only looks.
    pub fn view(&self) -> View {
        let inner = self.inner.borrow();
        let seat = |(at, idle): (usize, &Vec<Parked>)| Seat {
            active: inner.balance.active(at),
            idle: idle.len() as u32,
            marked_until: inner.balance.marked_until(at),
            is_out: inner.set.seats().board().is_out(at),
        };
        View {
            name: self.name.to_string(),
            set: Arc::clone(&inner.set),
            seats: inner.idle.iter().enumerate().map(seat).collect(),
            waiting: self.slots.line(|line| line.len()),
        }
    }

    /// Parked connections.
    pub fn parked(&self) -> usize {
        self.inner.borrow().idle.iter().map(Vec::len).sum()
    }
}

/// Whether connections on either terms may serve the same exchanges.
fn same(one: Option<&OriginTerms>, other: Option<&OriginTerms>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is(other),
        (None, None) => true,
        _ => false,
    }
}

impl Inner {
    /// Whether `conn` is one that would be made now.
    fn makes(&self, conn: &Conn) -> bool {
        same(self.terms.as_ref(), conn.terms.as_ref())
    }

    fn take(&mut self, at: usize, now: Tick) -> Option<Conn> {
        while let Some(Parked { conn, until }) = self.idle[at].pop() {
            if now < until && conn.link.stream.idle() == Idle::Quiet {
                return Some(conn);
            }
        }
        None
    }

    /// The index of an endpoint now. Nearly always the one it was picked by.
    fn find(&self, picked: &Picked) -> Option<usize> {
        if self.stays.get(picked.at) == Some(&picked.stay) {
            return Some(picked.at);
        }
        self.stays.iter().position(|stay| *stay == picked.stay)
    }

    /// Tells scrapers what shard `shard` has with each endpoint now.
    fn tell(&self, now: Tick, shard: usize, together: &mut Together) {
        for (at, idle) in self.idle.iter().enumerate() {
            let Some(cells) = self.set.cells(at, shard) else { return };
            let has = [
                u64::from(self.balance.active(at)),
                idle.len() as u64,
                u64::from(self.balance.marked_until(at).is_some_and(|until| until > now)),
                u64::from(self.set.seats().board().is_out(at)),
            ];
            if self.set.is_past_cap(at) { together.add(&self.set, at, has) } else { cells.show(has) }
        }
    }

    /// Tells scrapers that shard `shard` has nothing with the endpoints: the next sweep says which of them are still here.
    fn tell_nothing(&self, shard: usize) {
        (0..self.idle.len()).map_while(|at| self.set.cells(at, shard)).for_each(|cells| cells.show([0; 4]));
    }

    fn replace(&mut self, set: &Arc<Endpoints>, shard: usize) {
        // What a reload did not change goes on as it is.
        if Arc::ptr_eq(&self.set, set) {
            return;
        }
        self.tell_nothing(shard);
        let before: HashMap<_, usize> =
            self.set.iter().enumerate().map(|(at, end)| (&end.addr, at)).collect();
        // What was proven on a connection is the name that its endpoint had then.
        let is_proven = self.terms.is_some();
        let stays = |end: &Endpoint| {
            let at = before.get(&end.addr).copied()?;
            (!is_proven || self.set[at].written_host() == end.written_host()).then_some(at)
        };
        let from: Vec<Option<usize>> = set.iter().map(stays).collect();
        self.balance.reseat(set.seats().clone(), &from);
        let mut idle = std::mem::take(&mut self.idle);
        self.idle =
            from.iter().map(|from| from.map_or(Vec::new(), |at| std::mem::take(&mut idle[at]))).collect();
        let mut shared = std::mem::take(&mut self.shared);
        let take =
            |from: &Option<usize>| from.map_or(Shared::default(), |at| std::mem::take(&mut shared[at]));
        self.shared = from.iter().map(take).collect();
        shared.iter_mut().for_each(Shared::leave);
        let stays = from.iter().map(|from| match from {
            Some(at) => self.stays[*at],
            None => {
                self.next_stay += 1;
                Stay(self.next_stay - 1)
            }
        });
        self.stays = stays.collect();
        drop(before);
        self.set = Rc::new(set.clone());
    }
}

#[cfg(test)]
mod tests;
