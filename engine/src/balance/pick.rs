//! Picking an endpoint: the door of the room. `upstream/connect` calls it once a try, with the state that its shard
//! keeps for the upstream and the [`Seats`] that all shards share.

use super::least_connections::least;
use super::marks::Marks;
use super::peak_ewma::{Cost, cheaper};
use super::round_robin::Cursor;
use super::seats::{Algorithm, Avoid, Seats};
use crate::base::Tick;
use crate::base::hash::mix;
use std::sync::Arc;
use std::time::Duration;

/// What a pick may depend on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts {
    /// The hash or id that the request carries for its upstream's algorithm; 0 where there is none.
    pub key: u64,
    /// The moment: averages and marks depend on it.
    pub now: Tick,
    /// A random number, where [`Algorithm::is_measured`].
    pub random: u64,
}

/// What a shard remembers of one upstream's endpoints.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) seats: Arc<Seats>,
    /// One a group.
    cursors: Vec<Cursor>,
    pub(super) active: Vec<u32>,
    /// Empty unless latencies are measured.
    pub(super) costs: Vec<Cost>,
    pub(super) marks: Marks,
    random: u64,
}

impl State {
    /// State for `seats`. Shards must not move in step: `random` says where this one begins.
    pub fn new(seats: Arc<Seats>, random: u64) -> State {
        let len = seats.len();
        let costs = vec![Cost::default(); if seats.algorithm.is_measured() { len } else { 0 }];
        let cursors = cursors(&seats, random);
        State { cursors, active: vec![0; len], costs, marks: Marks::new(len), seats, random }
    }

    /// The endpoint for the next exchange: none of those that this call has tried in vain, which `avoid` names, and none
    /// that is left alone after it could not be reached or is out by its health checks, unless there is no other. Does not allocate.
    ///
    /// *Cost:* O(1) for one endpoint, round robin, a key or two choices; least connections is O(n) while every
    /// endpoint is busy, and so is any algorithm while endpoints are down.
    #[inline]
    pub fn pick(&mut self, facts: Facts, avoid: Avoid<'_>) -> usize {
        debug_assert!(!self.seats.is_empty(), "an upstream has an endpoint");
        if self.seats.len() < 2 {
            return 0;
        }
        // What most upstreams are: in turn, nothing is down, nothing was tried.
        let all_serve = self.marks.are_none() && self.seats.board().is_clear();
        if self.seats.algorithm == Algorithm::RoundRobin && avoid.is_none() && all_serve {
            return self.cursors[0].turn(&self.seats.groups[0].turns);
        }
        self.choose(facts, avoid)
    }

    #[inline(never)]
    fn choose(&mut self, facts: Facts, avoid: Avoid<'_>) -> usize {
        let State { seats, cursors, active, costs, marks, .. } = self;
        let (at, sieve) = seats.serving(avoid, marks, facts.now);
        let (group, cursor) = (&seats.groups[at], &mut cursors[at]);
        let picked = match seats.algorithm {
            Algorithm::RoundRobin => cursor.next(&group.turns, &sieve),
            Algorithm::LeastConnections => {
                let turn = cursor.next(&group.turns, &sieve);
                least(group, turn, &seats.weights, active, &sieve)
            }
            Algorithm::PeakEwma => cheaper(&group.turns, cursor, facts.random, &sieve, |seat| {
                costs[seat].load(facts.now, active[seat], seats.spreads[seat])
            }),
            Algorithm::ConsistentHash => {
                let found = group.slots.as_ref().and_then(|slots| slots.find(facts.key, &sieve));
                found.unwrap_or_else(|| cursor.next(&group.turns, &sieve))
            }
            // In whatever group it is: a session is worth more than a priority.
            Algorithm::StickyCookie(_) => {
                let named = seats.ids.find(facts.key).filter(|&seat| sieve.passes(seat));
                named.unwrap_or_else(|| cursor.next(&group.turns, &sieve))
            }
        };
        if !marks.are_none() {
            marks.picked(picked, facts.now);
        }
        picked
    }

    /// Whether `endpoint` may serve a request that any endpoint may serve, though it is not its turn. Never, where the
    /// request's own key says who serves it.
    pub fn serves_any(&self, endpoint: usize, now: Tick) -> bool {
        if matches!(self.seats.algorithm, Algorithm::ConsistentHash | Algorithm::StickyCookie(_)) {
            return false;
        }
        let (at, sieve) = self.seats.serving(None, &self.marks, now);
        self.seats.groups[at].has(endpoint) && sieve.passes(endpoint)
    }

    /// An exchange with `endpoint` begins.
    pub fn begin(&mut self, endpoint: usize) {
        self.active[endpoint] += 1;
    }

    /// An exchange with `endpoint` is over.
    pub fn end(&mut self, endpoint: usize) {
        let active = &mut self.active[endpoint];
        debug_assert!(*active > 0, "an exchange ends once");
        *active = active.saturating_sub(1);
    }

    /// `endpoint` took `latency` to answer, or to fail. Told where [`Algorithm::is_measured`].
    pub fn measured(&mut self, endpoint: usize, latency: Duration, now: Tick) {
        if let Some(cost) = self.costs.get_mut(endpoint) {
            cost.measured(latency, now);
        }
    }

    /// `endpoint` refused a connection, or did not answer the wish for one: it is left alone for a while.
    pub fn unreached(&mut self, endpoint: usize, now: Tick) {
        self.marks.unreached(endpoint, now);
    }

    /// `endpoint` took a new connection and closed it without a reply: some in a row are as if it could not be reached.
    pub fn cut(&mut self, endpoint: usize, now: Tick) {
        self.marks.cut(endpoint, now);
    }

    /// Whether [`State::replied`] has to be told.
    pub fn has_cuts(&self) -> bool {
        self.marks.has_cuts()
    }

    /// `endpoint` has replied.
    pub fn replied(&mut self, endpoint: usize) {
        self.marks.replied(endpoint);
    }

    /// There is a connection to `endpoint`. Needs to be told only where it is [marked](State::is_marked).
    pub fn reached(&mut self, endpoint: usize) {
        self.marks.reached(endpoint);
    }

    /// Whether `endpoint` could not be reached when it was tried last.
    pub fn is_marked(&self, endpoint: usize) -> bool {
        self.marks.has(endpoint)
    }

    /// Until when `endpoint` is left alone because it could not be reached; a moment that has passed says that the next
    /// exchange tries it.
    pub fn marked_until(&self, endpoint: usize) -> Option<Tick> {
        self.marks.until(endpoint)
    }

    /// Exchanges with `endpoint` now.
    pub fn active(&self, endpoint: usize) -> u32 {
        self.active[endpoint]
    }

    /// The id of `endpoint` in sticky cookies, where there are any.
    pub fn id(&self, endpoint: usize) -> Option<u64> {
        self.seats.ids.of(endpoint)
    }

    /// The endpoints in use.
    pub fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }

    /// Goes over to other endpoints. Each takes over what is known of the old endpoint that `from` names for it:
    /// exchanges that run, its latency, its mark.
    pub fn reseat(&mut self, seats: Arc<Seats>, from: &[Option<usize>]) {
        debug_assert_eq!(seats.len(), from.len(), "each seat says where it comes from");
        let old = |at: usize| from.get(at).copied().flatten();
        let active = |at: usize| old(at).and_then(|old| self.active.get(old)).copied().unwrap_or_default();
        let cost = |at: usize| old(at).and_then(|old| self.costs.get(old)).copied().unwrap_or_default();
        let measured = if seats.algorithm.is_measured() { seats.len() } else { 0 };
        *self = State {
            // Shards hear of a change together, so each starts anew at a place of its own.
            cursors: cursors(&seats, self.random),
            active: (0..seats.len()).map(active).collect(),
            costs: (0..measured).map(cost).collect(),
            marks: self.marks.moved(&(0..seats.len()).map(old).collect::<Vec<_>>()),
            random: mix(self.random.wrapping_add(1)),
            seats,
        };
    }
}

fn cursors(seats: &Seats, random: u64) -> Vec<Cursor> {
    (1..).zip(&seats.groups).map(|(at, group)| Cursor::new(&group.turns, mix(random ^ at))).collect()
}
