//! The leaky bucket: requests leave it one by one, at least `step` apart, and wait their turn in a queue of bounded
//! length and time. The word is the moment at which the next may leave.

use super::super::sync::{AtomicU64, Ordering::Relaxed};
use super::Said;

/// A leaky bucket's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaky {
    /// Nanoseconds between two that leave: whole ones, rounded up, so that no two are closer than the rate allows.
    step: u64,
    /// The longest wait.
    wait_max: u64,
}

impl Leaky {
    /// The rule of `count` in `per` nanoseconds, at most `depth` waiting and none of them longer than `wait_max`.
    /// None where the queue would be longer than time.
    pub fn new(count: u32, per: u64, depth: u32, wait_max: u64) -> Option<Leaky> {
        let step = per.div_ceil(u64::from(count.max(1))).max(1);
        let longest = step.checked_mul(u64::from(depth)).filter(|longest| *longest < u64::MAX / 4)?;
        Some(Leaky { step, wait_max: wait_max.min(longest) })
    }

    /// How many wait at most: the last of them for no longer than it may.
    pub fn queue(&self) -> u32 {
        u32::try_from(self.wait_max / self.step).unwrap_or(u32::MAX)
    }

    /// Nanoseconds that the last of so many waits.
    pub fn wait_ns(&self, queue: u32) -> u64 {
        self.step.saturating_mul(u64::from(queue))
    }

    /// Nanoseconds in which the one that passes at once and those that wait behind it have left.
    pub fn drain_ns(&self) -> u64 {
        self.wait_ns(self.queue().saturating_add(1))
    }

    fn said(&self, pass: bool, next: u64, start: u64, now: u64) -> Said {
        let queued = next.saturating_sub(now);
        // One more would wait for as long as `queued`.
        let room = match self.wait_max.checked_sub(queued) {
            Some(more) => u32::try_from(more / self.step).unwrap_or(u32::MAX).saturating_add(1),
            None => 0,
        };
        let wait = if pass { start - now } else { queued.saturating_sub(self.wait_max) };
        Said { pass, wait, remaining: room, reset: queued, mark: next }
    }

    /// Takes the next place in the queue: `wait` is how long to stand in it.
    pub fn spend(&self, word: &AtomicU64, now: u64) -> Said {
        let mut seen = word.load(Relaxed);
        loop {
            let start = seen.max(now);
            if start - now > self.wait_max {
                return self.said(false, seen, start, now);
            }
            let next = start + self.step;
            match word.compare_exchange_weak(seen, next, Relaxed, Relaxed) {
                Ok(_) => return self.said(true, next, start, now),
                Err(other) => seen = other,
            }
        }
    }

    /// What [`Leaky::spend`] would say.
    pub fn peek(&self, word: &AtomicU64, now: u64) -> Said {
        let seen = word.load(Relaxed);
        let start = seen.max(now);
        let pass = start - now <= self.wait_max;
        self.said(pass, if pass { start + self.step } else { seen }, start, now)
    }

    /// Gives back the place whose taking said `mark`, if nobody stands behind it. Otherwise it stays empty: the ones
    /// behind know their moments already, and a place moved up would bring two too close.
    pub fn refund(&self, word: &AtomicU64, mark: u64) {
        let _ = word.compare_exchange(mark, mark - self.step, Relaxed, Relaxed);
    }

    /// For how long nobody has stood in the queue.
    pub fn rest(&self, word: &AtomicU64, now: u64) -> Option<u64> {
        now.checked_sub(word.load(Relaxed))
    }

    /// Empties the queue of a cell that nobody else has.
    pub fn fresh(&self, word: &AtomicU64, now: u64) {
        word.store(now, Relaxed);
    }
}
