//! A shard's plain counters. One shard writes them, with a load and a store each; whoever scrapes reads them
//! at any time and sums over the shards. Fields are public: `accept`, `upstream` and `conn` add to their own.

use super::timing::Phases;
use super::{Reason, Record};
use crate::base::counters::Count;

/// One shard's counters since the process began. All of them only grow.
#[derive(Debug, Default)]
pub struct Counts {
    /// Exchanges by class of the status sent; use [`Counts::class`] for the index.
    pub requests: [Count; Counts::CLASSES.len()],
    /// Exchanges by [`Reason::index`].
    pub reasons: ReasonCounts,
    /// Body bytes from clients.
    pub bytes_in: Count,
    /// Body bytes to clients.
    pub bytes_out: Count,
    /// Downstream connections taken in.
    pub connections_accepted: Count,
    /// Downstream connections ended. Those open now are the difference.
    pub connections_closed: Count,
    /// Upstream connections made.
    pub pool_new: Count,
    /// Tries that went over a pooled upstream connection.
    pub pool_reused: Count,
    /// Pooled connections that the upstream closed just as a request was sent over them.
    pub reuse_races: Count,
    /// Panics caught.
    pub panics: Count,
    /// Log lines dropped because the log thread was behind.
    pub log_drops: Count,
    /// Laps of the shard's housekeeping, ten a second: that they go on shows that the shard does.
    pub laps: Count,
    /// Where the time of sampled exchanges went.
    pub phases: Phases,
}

/// Counts by [`Reason::index`].
#[derive(Debug)]
pub struct ReasonCounts([Count; Reason::COUNT]);

impl Default for ReasonCounts {
    fn default() -> Self {
        ReasonCounts(std::array::from_fn(|_| Count::default()))
    }
}

impl ReasonCounts {
    /// The count of exchanges that ended with `reason`.
    pub fn of(&self, reason: Reason) -> &Count {
        &self.0[reason.index()]
    }

    /// Every reason's name with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::NAMES.into_iter().zip(self.0.iter().map(Count::now))
    }
}

impl Counts {
    /// Labels of the classes in [`Counts::requests`].
    pub const CLASSES: [&'static str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

    /// The index in [`Counts::requests`] of a status; 0 where there was none. One of no class is a server's error (RFC 9110 §15).
    pub fn class(status: u16) -> usize {
        usize::from(status / 100).min(Counts::CLASSES.len() - 1)
    }

    /// Counts one exchange at its end.
    pub fn exchange(&self, record: &Record<'_>) {
        self.requests[Counts::class(record.status)].add(1);
        self.reasons.of(record.reason).add(1);
        self.bytes_in.add(record.bytes_in);
        self.bytes_out.add(record.bytes_out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_class() {
        for (status, class) in
            [(0, 0), (99, 0), (101, 1), (200, 2), (304, 3), (499, 4), (599, 5), (600, 5), (999, 5)]
        {
            assert_eq!(Counts::class(status), class, "{status}");
        }
    }

    #[test]
    fn a_reason_is_counted_under_its_own_name() {
        let counts = Counts::default();
        counts.reasons.of(Reason::BadRequest("two hosts")).add(1);
        let counted: Vec<_> = counts.reasons.iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(counted, [("bad_request", 1)]);
    }
}
