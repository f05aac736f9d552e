//! Counts of one policy. A lane a shard, so that shards do not share a cache line; whoever scrapes adds them up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lanes; shards past the last but one share the last.
const LANES: usize = 64;

#[repr(align(64))]
#[derive(Debug, Default)]
struct Lane([AtomicU64; 3]);

/// What a policy did, by the number of requests. It goes on over reloads as long as the policy has its name.
#[derive(Debug)]
pub struct Tally(Box<[Lane; LANES]>);

/// What is counted of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The request passed.
    Passed,
    /// It was refused.
    Refused,
    /// It would have been refused, had the policy not been in shadow mode.
    Shadowed,
}

impl Default for Tally {
    fn default() -> Self {
        Tally(Box::new([const { Lane([const { AtomicU64::new(0) }; 3]) }; LANES]))
    }
}

impl Tally {
    /// Counts a request on shard `shard`.
    #[inline]
    pub fn add(&self, shard: u16, outcome: Outcome) {
        let lane = usize::from(shard);
        let count = &self.0[lane.min(LANES - 1)].0[outcome as usize];
        if lane < LANES - 1 {
            // The lane has one writer, so that no locked instruction is paid.
            count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
        } else {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Requests with this outcome.
    pub fn sum(&self, outcome: Outcome) -> u64 {
        self.0.iter().map(|lane| lane.0[outcome as usize].load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_counts_whatever_their_number() {
        let tally = Tally::default();
        for shard in 0..200 {
            tally.add(shard, Outcome::Refused);
        }
        assert_eq!((tally.sum(Outcome::Refused), tally.sum(Outcome::Passed)), (200, 0));
    }
}
