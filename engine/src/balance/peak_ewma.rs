//! Power of two choices by peak-EWMA, as Finagle has it: two seats are drawn by weight, the cheaper one is taken. A
//! seat costs the latency it last showed times the exchanges it would then have. A latency above the average counts
//! at once, one below it as time passes, so that a seat that turns slow is left at its first slow answer and tried
//! again when its average has decayed.

use super::round_robin::{Cursor, Turns};
use super::seats::Sieve;
use crate::base::Tick;
use crate::base::hash::mix;
use std::time::Duration;

/// The time in which an average decays to 1/e.
const DECAY: Duration = Duration::from_secs(10);
/// What a seat costs, in nanoseconds, while its first exchange is out: more than any latency. So a new seat gets one
/// exchange at once, and no crowd before it has answered.
const UNKNOWN: f64 = 1e15;
/// Draws for a second seat. Where all give the first one again, that one has nearly all the weight.
const DRAWS: usize = 8;

/// A seat's average latency on this shard.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// As of `at`, in nanoseconds; 0 before the first answer.
    nanos: f64,
    at: Tick,
}

impl Cost {
    /// An answer took `latency`.
    pub fn measured(&mut self, latency: Duration, now: Tick) {
        let (latency, before) = (latency.as_nanos().max(1) as f64, self.decayed(now));
        // Peak-sensitive: up at once, down with time.
        let down = latency + (self.nanos - latency) * kept(now.since(self.at));
        self.nanos = if latency >= before { latency } else { down };
        self.at = now.max(self.at);
    }

    /// The average now: one that nobody adds to goes to nothing, so that every seat is tried again.
    fn decayed(self, now: Tick) -> f64 {
        self.nanos * kept(now.since(self.at))
    }

    /// The cost of one more exchange beside `active` ones; `spread` is the mean weight over the seat's own.
    pub fn load(self, now: Tick, active: u32, spread: f64) -> f64 {
        let beside = f64::from(active) * spread;
        match self.nanos {
            0.0 if active == 0 => 0.0,
            0.0 => UNKNOWN + beside,
            _ => self.decayed(now) * (1.0 + beside),
        }
    }
}

/// The share of an average that is left after `span`.
fn kept(span: Duration) -> f64 {
    (-span.as_secs_f64() / DECAY.as_secs_f64()).exp()
}

/// The cheaper of two seats drawn from `turns`.
pub(super) fn cheaper(
    turns: &Turns,
    cursor: &mut Cursor,
    random: u64,
    sieve: &Sieve<'_>,
    load: impl Fn(usize) -> f64,
) -> usize {
    let mut random = random;
    let mut draw = |not: Option<usize>| {
        (0..DRAWS).find_map(|_| {
            random = mix(random.wrapping_add(0x9e37_79b9_7f4a_7c15));
            Some(turns.drawn(random)).filter(|&seat| Some(seat) != not && sieve.passes(seat))
        })
    };
    let Some(first) = draw(None) else { return cursor.next(turns, sieve) };
    match draw(Some(first)) {
        Some(second) if load(second) < load(first) => second,
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_peak_counts_at_once_and_decays_with_time() {
        let mut cost = Cost::default();
        let at = |secs: u64| Tick(secs * 1_000_000_000);
        cost.measured(MS, at(1));
        cost.measured(100 * MS, at(1));
        assert_eq!(cost.load(at(1), 0, 1.0), 1e8);
        cost.measured(MS, at(1));
        assert_eq!(cost.load(at(1), 0, 1.0), 1e8, "no time, no decay");
        cost.measured(MS, at(11));
        let expected = 1e6 + (1e8 - 1e6) / std::f64::consts::E;
        assert!((cost.load(at(11), 0, 1.0) - expected).abs() < 1.0);
        assert!(cost.load(at(111), 0, 1.0) < 1e4, "what nobody asks is forgotten");
        assert_eq!(cost.load(at(11), 3, 1.0), 4.0 * cost.load(at(11), 0, 1.0));
        assert_eq!(cost.load(at(11), 2, 0.5), 2.0 * cost.load(at(11), 0, 1.0));
    }

    #[test]
    fn a_new_seat_gets_one_exchange_before_it_has_answered() {
        let mut known = Cost::default();
        known.measured(100 * MS, Tick(5));
        let new = Cost::default();
        assert!(new.load(Tick(5), 0, 1.0) < known.load(Tick(5), 0, 1.0));
        assert!(new.load(Tick(5), 1, 1.0) > known.load(Tick(5), 1000, 1.0));
        assert!(new.load(Tick(5), 1, 1.0) < new.load(Tick(5), 2, 1.0));
    }
}
