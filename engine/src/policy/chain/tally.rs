//! Counts of one policy. A lane a shard, so that shards do not share a cache line; whoever scrapes adds them up.

use crate::policy::Cause;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lanes; shards past the last but one share the last.
const LANES: usize = 64;

/// Numbers of a lane: an outcome each, of refusals one a cause.
const COUNTS: usize = Cause::ALL.len() + 2;

#[repr(align(64))]
#[derive(Debug)]
struct Lane([AtomicU64; COUNTS]);

/// What a policy did, by the number of requests. It goes on over reloads as long as the policy has its name.
#[derive(Debug)]
pub struct Tally(Box<[Lane; LANES]>);

/// What is counted of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The request passed.
    Passed,
    /// It was refused.
    Refused(Cause),
    /// It would have been refused, had the policy not been in shadow mode.
    Shadowed,
}

impl Outcome {
    fn index(self) -> usize {
        match self {
            Outcome::Passed => 0,
            Outcome::Shadowed => 1,
            Outcome::Refused(cause) => 2 + cause as usize,
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Tally(Box::new([const { Lane([const { AtomicU64::new(0) }; COUNTS]) }; LANES]))
    }
}

impl Tally {
    /// Counts a request on shard `shard`.
    #[inline]
    pub fn add(&self, shard: u16, outcome: Outcome) {
        let lane = usize::from(shard);
        let count = &self.0[lane.min(LANES - 1)].0[outcome.index()];
        if lane < LANES - 1 {
            // The lane has one writer, so that no locked instruction is paid.
            count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
        } else {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Requests with this outcome.
    pub fn sum(&self, outcome: Outcome) -> u64 {
        self.0.iter().map(|lane| lane.0[outcome.index()].load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_counts_whatever_their_number() {
        let tally = Tally::default();
        for shard in 0..200 {
            tally.add(shard, Outcome::Refused(Cause::Limited));
        }
        assert_eq!((tally.sum(Outcome::Refused(Cause::Limited)), tally.sum(Outcome::Passed)), (200, 0));
    }

    #[test]
    fn each_outcome_has_a_number_of_its_own() {
        let refusals = Cause::ALL.into_iter().map(Outcome::Refused);
        let all: Vec<Outcome> = refusals.chain([Outcome::Passed, Outcome::Shadowed]).collect();
        let tally = Tally::default();
        for (times, outcome) in all.iter().enumerate() {
            (0..=times).for_each(|_| tally.add(0, *outcome));
        }
        let sums: Vec<u64> = all.iter().map(|outcome| tally.sum(*outcome)).collect();
        assert_eq!(sums, (1..=COUNTS as u64).collect::<Vec<_>>());
    }
}
