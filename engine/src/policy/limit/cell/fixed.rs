//! The fixed window: so many in each window, counted anew in the next. The word holds the window's number and its
//! count; a number never steps back, so a shard whose clock was read earlier counts in the later window.

use super::super::sync::{AtomicU64, Ordering::Relaxed};
use super::Said;

/// A fixed window's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    limit: u32,
    windows: Windows,
}

/// Windows of one length, numbered since the epoch; 32 bits of numbers last until 2106 for windows of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Nanoseconds of one.
    pub per: u64,
    /// What is added to the monotonic clock so that windows begin where the wall's do. Fixed for the process: steps of
    /// the wall clock move no window.
    pub offset: u64,
}

/// The shortest window.
pub const WINDOW_NS_MIN: u64 = 1_000_000_000;

impl Windows {
    /// The number of the window at `now`, from 1, but never less than `least`; and the nanoseconds until it ends.
    pub fn at(&self, now: u64, least: u32) -> (u32, u64) {
        let since = now.wrapping_add(self.offset);
        // Numbers run out in the far future only; the last one then stays.
        let number = u32::try_from(since / self.per + 1).unwrap_or(u32::MAX);
        if number >= least {
            return (number, self.per - since % self.per);
        }
        (least, self.end(least).saturating_sub(since))
    }

    /// The end of a window, since the epoch.
    fn end(&self, number: u32) -> u64 {
        u64::from(number).saturating_mul(self.per)
    }

    /// For how long a window has been over, if it is.
    pub fn over(&self, number: u32, now: u64) -> Option<u64> {
        now.wrapping_add(self.offset).checked_sub(self.end(number))
    }
}

/// A window's number and count as one word.
pub fn pack(number: u32, count: u32) -> u64 {
    u64::from(number) << 32 | u64::from(count)
}

/// The number and the count in a word.
pub fn unpack(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

impl Fixed {
    /// The rule of `limit` in each of `windows`.
    pub fn new(limit: u32, windows: Windows) -> Fixed {
        Fixed { limit, windows }
    }

    fn said(&self, pass: bool, count: u32, left: u64, number: u32) -> Said {
        let remaining = self.limit.saturating_sub(count);
        Said { pass, wait: if pass { 0 } else { left }, remaining, reset: left, mark: u64::from(number) }
    }

    /// The window that counts now, what it has counted, and what is left of it.
    fn now(&self, word: u64, now: u64) -> (u32, u32, u64) {
        let (seen, count) = unpack(word);
        let (number, left) = self.windows.at(now, seen);
        (number, if number == seen { count } else { 0 }, left)
    }

    /// Counts one if the window has room.
    pub fn spend(&self, word: &AtomicU64, now: u64) -> Said {
        let mut seen = word.load(Relaxed);
        loop {
            let (number, count, left) = self.now(seen, now);
            if count >= self.limit {
                return self.said(false, count, left, number);
            }
            match word.compare_exchange_weak(seen, pack(number, count + 1), Relaxed, Relaxed) {
                Ok(_) => return self.said(true, count + 1, left, number),
                Err(other) => seen = other,
            }
        }
    }

    /// What [`Fixed::spend`] would say.
    pub fn peek(&self, word: &AtomicU64, now: u64) -> Said {
        let (number, count, left) = self.now(word.load(Relaxed), now);
        let pass = count < self.limit;
        self.said(pass, count + u32::from(pass), left, number)
    }

    /// Uncounts one of the window `mark`, if that window still counts.
    pub fn refund(&self, word: &AtomicU64, mark: u64) {
        let mut seen = word.load(Relaxed);
        while u64::from(unpack(seen).0) == mark && unpack(seen).1 > 0 {
            match word.compare_exchange_weak(seen, seen - 1, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// For how long the window that counted last is over.
    pub fn rest(&self, word: &AtomicU64, now: u64) -> Option<u64> {
        let (number, count) = unpack(word.load(Relaxed));
        self.windows.over(number, now).or((count == 0).then_some(0))
    }

    /// Begins the window at `now` in a cell that nobody else has.
    pub fn fresh(&self, word: &AtomicU64, now: u64) {
        word.store(pack(self.windows.at(now, 0).0, 0), Relaxed);
    }
}
