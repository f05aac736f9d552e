//! Whether every shard comes round: its housekeeping counts its laps, ten a second, on the thread and the timers that serve
//! requests. Looks are counted, not time: a machine that slept leaves nobody silent.

use crate::control::diagnostics::tell;
use crate::observe::Counts;
use std::sync::Arc;

/// Looks without a lap that make a shard silent.
const LOOKS_SILENT: u32 = 2;

/// The shards as they were at the last look.
#[derive(Debug)]
pub struct Watch {
    shards: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    counts: Arc<Counts>,
    laps: u64,
    /// Looks in a row that saw no further lap.
    misses: u32,
}

impl Watch {
    /// Of the shards that count in `counts`.
    pub fn new(counts: Vec<Arc<Counts>>) -> Watch {
        let seen = |counts: Arc<Counts>| Seen { laps: counts.laps.now(), counts, misses: 0 };
        Watch { shards: counts.into_iter().map(seen).collect() }
    }

    /// Whether every shard has made a lap since the last look. Tells of those that fall silent and come back.
    pub fn look(&mut self) -> bool {
        let mut all = true;
        for (shard, seen) in self.shards.iter_mut().enumerate() {
            let laps = seen.counts.laps.now();
            if std::mem::replace(&mut seen.laps, laps) != laps {
                if seen.misses >= LOOKS_SILENT {
                    tell!(ShardBack, { shard }, "shard {shard} works again");
                }
                seen.misses = 0;
                continue;
            }
            all = false;
            seen.misses = seen.misses.saturating_add(1);
            if seen.misses == LOOKS_SILENT {
                tell!(
                    ShardSilent,
                    { shard },
                    "shard {shard} does not answer: its thread hangs or gets no CPU"
                );
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_well_only_while_every_shard_makes_laps() {
        let counts: Vec<Arc<Counts>> = (0..2).map(|_| Arc::default()).collect();
        let mut watch = Watch::new(counts.clone());
        let lap = |shard: usize| counts[shard].laps.add(1);
        assert!(!watch.look(), "none has made a lap");
        lap(0);
        assert!(!watch.look(), "one is silent");
        lap(0);
        lap(1);
        assert!(watch.look());
        lap(0);
        lap(1);
        assert!(watch.look(), "a lap counts once");
        assert!(!watch.look());
    }
}
