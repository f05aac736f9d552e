//! Requests at once: the word is how many there are.

use super::super::sync::{AtomicU64, Ordering::Relaxed};
use super::Said;

/// A limit of requests in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    limit: u32,
}

impl InFlight {
    /// At most `limit` at once.
    pub fn new(limit: u32) -> InFlight {
        InFlight { limit }
    }

    fn said(&self, pass: bool, count: u64) -> Said {
        let remaining = u32::try_from(u64::from(self.limit).saturating_sub(count)).unwrap_or(u32::MAX);
        Said { pass, remaining, ..Said::default() }
    }

    /// Takes a place if there is one. Never takes one to give it back: a neighbour would be refused by it.
    pub fn spend(&self, word: &AtomicU64) -> Said {
        let mut seen = word.load(Relaxed);
        while seen < u64::from(self.limit) {
            match word.compare_exchange_weak(seen, seen + 1, Relaxed, Relaxed) {
                Ok(_) => return self.said(true, seen + 1),
                Err(other) => seen = other,
            }
        }
        self.said(false, seen)
    }

    /// What [`InFlight::spend`] would say.
    pub fn peek(&self, word: &AtomicU64) -> Said {
        let seen = word.load(Relaxed);
        let pass = seen < u64::from(self.limit);
        self.said(pass, seen + u64::from(pass))
    }

    /// Gives a place back. Once for each that was taken: its guard sees to it.
    pub fn refund(&self, word: &AtomicU64) {
        let before = word.fetch_sub(1, Relaxed);
        debug_assert!(before > 0, "a place is given back once");
    }

    /// Whether nothing is in flight. Nothing is known of how long.
    pub fn rest(&self, word: &AtomicU64) -> Option<u64> {
        (word.load(Relaxed) == 0).then_some(0)
    }
}
