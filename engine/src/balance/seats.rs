//! What is compiled once for an upstream's endpoints and read by all shards: their order, weights and groups. `table`
//! makes it, and whoever changes the endpoints of an upstream while it runs.

use super::consistent_hash::Maglev;
use super::health::Board;
use super::marks::Marks;
use super::round_robin::Turns;
use super::sticky_cookie::{IdKey, Ids};
use crate::base::Tick;
use std::collections::BTreeMap;

/// Seats of an upstream at most; what is beyond is left out.
pub const SEATS_MAX: usize = u16::MAX as usize;

/// Seats of one group that may fail a call before it turns to the next group.
const GROUP_TRIES: usize = 3;

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// In turn, by weight.
    RoundRobin,
    /// The endpoint with the fewest exchanges of this shard for its weight.
    LeastConnections,
    /// Of two drawn by weight, the one with the lower latency times exchanges, as this shard sees it.
    PeakEwma,
    /// By [`Facts::key`](super::Facts::key): the same key to the same endpoint, by weight.
    ConsistentHash,
    /// The endpoint whose id is [`Facts::key`](super::Facts::key); in turn where there is none. Ids are made by the key.
    StickyCookie(IdKey),
}

impl Algorithm {
    /// As a configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::RoundRobin => "round_robin",
            Algorithm::LeastConnections => "least_connections",
            Algorithm::PeakEwma => "peak_ewma",
            Algorithm::ConsistentHash => "consistent_hash",
            Algorithm::StickyCookie(_) => "sticky_cookie",
        }
    }

    /// Whether it uses [`Facts::random`](super::Facts::random) and wants to be told latencies.
    pub fn is_measured(self) -> bool {
        self == Algorithm::PeakEwma
    }
}

/// One endpoint, as balancing sees it.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'n> {
    /// What its keys and its id hang on; unlike that of any other.
    pub name: &'n str,
    /// Its share; 0 counts as 1.
    pub weight: u32,
    /// Its group: one of a higher number serves when all of the lower ones are out.
    pub priority: u32,
}

/// An upstream's endpoints, compiled.
#[derive(Debug)]
pub struct Seats {
    pub(super) algorithm: Algorithm,
    pub(super) weights: Vec<u32>,
    /// The mean weight of its group over a seat's own.
    pub(super) spreads: Vec<f64>,
    /// By priority, the first to serve first.
    pub(super) groups: Vec<Group>,
    pub(super) ids: Ids,
    board: Board,
}

/// Seats of one priority.
#[derive(Debug)]
pub(super) struct Group {
    /// Ascending.
    pub members: Vec<u16>,
    pub turns: Turns,
    pub slots: Option<Maglev>,
}

impl Seats {
    /// Compiles `seats`, which should not be empty. Cost: sorts the turns of a round; fills a maglev table where one
    /// is needed, some milliseconds.
    pub fn compile(algorithm: Algorithm, seats: &[Seat<'_>]) -> Seats {
        let seats = &seats[..seats.len().min(SEATS_MAX)];
        let weights: Vec<u32> = seats.iter().map(|seat| seat.weight.max(1)).collect();
        let mut spreads = vec![1.0; seats.len()];
        let mut priorities = BTreeMap::<u32, Vec<u16>>::new();
        for (index, seat) in (0..).zip(seats) {
            priorities.entry(seat.priority).or_default().push(index);
        }
        let group = |members: Vec<u16>| {
            let weighted: Vec<(u16, u32)> =
                members.iter().map(|&member| (member, weights[usize::from(member)])).collect();
            let sum: f64 = weighted.iter().map(|&(_, weight)| f64::from(weight)).sum();
            let mean = sum / members.len() as f64;
            for &(member, weight) in &weighted {
                spreads[usize::from(member)] = mean / f64::from(weight);
            }
            let slots = (algorithm == Algorithm::ConsistentHash).then(|| {
                let named = weighted.iter().map(|&(at, weight)| (at, seats[usize::from(at)].name, weight));
                Maglev::new(&named.collect::<Vec<_>>())
            });
            Group { turns: Turns::new(&weighted), members, slots }
        };
        let groups = priorities.into_values().map(group).collect();
        let ids = match &algorithm {
            Algorithm::StickyCookie(key) => Ids::new(key, seats),
            _ => Ids::default(),
        };
        let board = Board::new(weights.len());
        Seats { algorithm, weights, spreads, groups, ids, board }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// What health checks say of them.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The group that serves, by index, and what its seats must pass: the first one with a seat that is neither
    /// avoided nor down nor out. Where all are, those that are down are tried before those that are out, and of these
    /// those that are down last; but none that this call has tried.
    pub(super) fn serving<'a>(&'a self, avoid: Avoid<'a>, marks: &'a Marks, now: Tick) -> (usize, Sieve<'a>) {
        let marks = if marks.are_none() { None } else { Some(marks) };
        let board = if self.board.is_clear() { None } else { Some(&self.board) };
        if avoid.is_none() && marks.is_none() && board.is_none() {
            return (0, Sieve { avoid, marks, board, now });
        }
        for (marks, board) in [(marks, board), (None, board), (marks, None), (None, None)] {
            let sieve = Sieve { avoid, marks, board, now };
            if let Some(at) = self.groups.iter().position(|group| group.serves(&sieve)) {
                return (at, sieve);
            }
        }
        (0, Sieve { avoid: None, marks: None, board: None, now })
    }
}

impl Group {
    pub(super) fn has(&self, seat: usize) -> bool {
        self.members.iter().any(|&member| usize::from(member) == seat)
    }

    /// A call has a few tries only: after three in one group the next one has its chance.
    fn serves(&self, sieve: &Sieve<'_>) -> bool {
        let seats = || self.members.iter().map(|&seat| usize::from(seat));
        let tried = sieve.avoid.map_or(0, |avoid| seats().filter(|&seat| avoid(seat)).count());
        tried < GROUP_TRIES && seats().any(|seat| sieve.passes(seat))
    }
}

/// Which endpoints a call has tried in vain; none on its first try.
pub type Avoid<'a> = Option<&'a dyn Fn(usize) -> bool>;

/// Which seats may be picked.
pub(super) struct Sieve<'a> {
    pub avoid: Avoid<'a>,
    /// Looked at unless every seat is down.
    pub marks: Option<&'a Marks>,
    /// Looked at unless every seat is out.
    pub board: Option<&'a Board>,
    pub now: Tick,
}

impl Sieve<'_> {
    pub fn passes(&self, seat: usize) -> bool {
        !self.avoid.is_some_and(|avoid| avoid(seat))
            && self.marks.is_none_or(|marks| marks.down(seat, self.now).is_none())
            && !self.board.is_some_and(|board| board.is_out(seat))
    }
}
