//! One of the algorithms with its numbers, as a table has it. Rules change with a reload, cells stay: whoever lowers a
//! rate lowers what is left of it.

use super::bucket::Bucket;
use super::counter::Counter;
use super::fixed::Fixed;
use super::in_flight::InFlight;
use super::leaky::Leaky;
use super::log::Log;
use super::{Cell, Said};

/// How a key's requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A token bucket.
    Bucket(Bucket),
    /// A leaky bucket.
    Leaky(Leaky),
    /// A fixed window.
    Fixed(Fixed),
    /// A sliding window counter.
    Counter(Counter),
    /// A sliding window log.
    Log(Log),
    /// Requests at once.
    InFlight(InFlight),
}

impl Rule {
    /// Decides on a request and counts it if it passes. No lock, no allocation.
    #[inline]
    pub fn spend(&self, cell: &Cell, now: u64) -> Said {
        match self {
            Rule::Bucket(rule) => rule.spend(&cell.a, now),
            Rule::Leaky(rule) => rule.spend(&cell.a, now),
            Rule::Fixed(rule) => rule.spend(&cell.a, now),
            Rule::Counter(rule) => rule.spend(cell, now),
            Rule::Log(rule) => rule.spend(cell, now),
            Rule::InFlight(rule) => rule.spend(&cell.a),
        }
    }

    /// What [`Rule::spend`] would say; changes nothing.
    pub fn peek(&self, cell: &Cell, now: u64) -> Said {
        match self {
            Rule::Bucket(rule) => rule.peek(&cell.a, now),
            Rule::Leaky(rule) => rule.peek(&cell.a, now),
            Rule::Fixed(rule) => rule.peek(&cell.a, now),
            Rule::Counter(rule) => rule.peek(cell, now),
            Rule::Log(rule) => rule.peek(cell, now),
            Rule::InFlight(rule) => rule.peek(&cell.a),
        }
    }

    /// Undoes the spending that said `mark`. Never gives back more than was taken.
    pub fn refund(&self, cell: &Cell, mark: u64) {
        match self {
            Rule::Bucket(rule) => rule.refund(&cell.a, mark),
            Rule::Leaky(rule) => rule.refund(&cell.a, mark),
            Rule::Fixed(rule) => rule.refund(&cell.a, mark),
            Rule::Counter(rule) => rule.refund(cell, mark),
            Rule::Log(rule) => rule.refund(cell, mark),
            Rule::InFlight(rule) => rule.refund(&cell.a),
        }
    }

    /// For how many nanoseconds the cell has been as good as fresh; none if it is not.
    pub fn rest(&self, cell: &Cell, now: u64) -> Option<u64> {
        match self {
            Rule::Bucket(rule) => rule.rest(&cell.a, now),
            Rule::Leaky(rule) => rule.rest(&cell.a, now),
            Rule::Fixed(rule) => rule.rest(&cell.a, now),
            Rule::Counter(rule) => rule.rest(cell, now),
            Rule::Log(rule) => rule.rest(cell, now),
            Rule::InFlight(rule) => rule.rest(&cell.a),
        }
    }

    /// Makes a cell as new. Nobody else may have it.
    pub fn fresh(&self, cell: &Cell, now: u64) {
        if let Some(lease) = &cell.lease {
            lease.fresh();
        }
        match self {
            Rule::Bucket(rule) => rule.fresh(&cell.a, now),
            Rule::Leaky(rule) => rule.fresh(&cell.a, now),
            Rule::Fixed(rule) => rule.fresh(&cell.a, now),
            Rule::Counter(rule) => rule.fresh(cell, now),
            Rule::Log(rule) => rule.fresh(cell),
            Rule::InFlight(_) => cell.a.store(0, super::Ordering::Relaxed),
        }
    }
}
