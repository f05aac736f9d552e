//! The sliding window counter: what this window has counted, and of the one before the share that a window ending now
//! still covers, as if its requests had come evenly. Two words, one for even and one for odd windows, each with the
//! window's number, its count and a seal.
//!
//! ```text
//!  window w−1 (sealed)      window w (counts)            a decision in w: seal w−1, so that its count stands;
//!  ├──────────────────────┼─────────▲────────┤           then compare-and-swap w's count against both
//!              └── share of w−1 ────┘ now
//! ```
//! Whoever is late with window w−1 finds the seal and goes on in w. So a verdict is always by counts that stand.

use super::super::sync::{AtomicU64, Ordering::Relaxed};
use super::fixed::{Windows, pack, unpack};
use super::{Cell, Said};

/// Set in a count when its window is over.
const SEAL: u32 = 1 << 31;

/// The largest limit.
pub const LIMIT_MAX: u32 = SEAL - 1;

/// A sliding window counter's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    limit: u32,
    windows: Windows,
}

/// What a decision goes by.
#[derive(Clone, Copy)]
struct View {
    number: u32,
    /// Nanoseconds left of the window.
    left: u64,
    /// What the window before counted.
    before: u32,
    /// What this one has counted, and the word it stands in.
    count: u32,
    word: u64,
}

impl Counter {
    /// The rule of `limit` in every stretch as long as one of `windows`. At most [`LIMIT_MAX`].
    pub fn new(limit: u32, windows: Windows) -> Counter {
        Counter { limit: limit.min(LIMIT_MAX), windows }
    }

    fn word<'c>(&self, cell: &'c Cell, number: u32) -> &'c AtomicU64 {
        if number & 1 == 0 { &cell.a } else { &cell.b }
    }

    /// The window that counts at `now`: the latest that either word tells of.
    fn number(&self, cell: &Cell, now: u64) -> (u32, u64) {
        let least = [&cell.a, &cell.b].map(|word| {
            let (number, count) = unpack(word.load(Relaxed));
            // A sealed window is over, whatever a late clock says.
            if count & SEAL == 0 { number } else { number.saturating_add(1) }
        });
        self.windows.at(now, least[0].max(least[1]))
    }

    /// Whether `count` in this window, with what the one before left, is within the limit.
    fn fits(&self, view: &View, count: u32) -> bool {
        let per = u128::from(self.windows.per);
        let share = u128::from(view.before) * u128::from(view.left.min(self.windows.per));
        share + u128::from(count) * per <= u128::from(self.limit) * per
    }

    /// How many more fit behind `count`.
    fn remaining(&self, view: &View, count: u32) -> u32 {
        let share = f64::from(view.before) * view.left.min(self.windows.per) as f64 / self.windows.per as f64;
        // A guess in floating point, put right by the exact comparison.
        let mut more = (f64::from(self.limit) - f64::from(count) - share).max(0.0) as u32;
        while more > 0 && !self.fits(view, count.saturating_add(more)) {
            more -= 1;
        }
        while more < LIMIT_MAX && self.fits(view, count.saturating_add(more + 1)) {
            more += 1;
        }
        more
    }

    /// Nanoseconds until one more fits if nobody else comes.
    fn wait(&self, view: &View) -> u64 {
        let per = u128::from(self.windows.per);
        // A window that ends so far from now has a share of `before` that leaves room.
        let until = |before: u32, room: u32| match before {
            0 => self.windows.per,
            _ => u64::try_from(u128::from(room) * per / u128::from(before)).unwrap_or(u64::MAX),
        };
        match self.limit.checked_sub(view.count + 1) {
            Some(room) => view.left.saturating_sub(until(view.before, room)),
            None => view.left + self.windows.per.saturating_sub(until(view.count, self.limit - 1)),
        }
    }

    fn said(&self, pass: bool, view: &View) -> Said {
        let remaining = if pass { self.remaining(view, view.count) } else { 0 };
        let wait = if pass { 0 } else { self.wait(view) };
        Said { pass, wait, remaining, reset: view.left, mark: u64::from(view.number) }
    }

    /// Counts one if the stretch that ends now has room.
    pub fn spend(&self, cell: &Cell, now: u64) -> Said {
        loop {
            let (number, left) = self.number(cell, now);
            let earlier = number - 1;
            let over = self.word(cell, earlier);
            let seen = over.load(Relaxed);
            let (its, count) = unpack(seen);
            if its > earlier {
                continue;
            }
            let before = if its == earlier { count & !SEAL } else { 0 };
            let sealed = pack(earlier, before | SEAL);
            if seen != sealed && over.compare_exchange(seen, sealed, Relaxed, Relaxed).is_err() {
                continue;
            }
            let word = self.word(cell, number);
            let seen = word.load(Relaxed);
            let (its, count) = unpack(seen);
            if its > number || (its == number && count & SEAL != 0) {
                continue;
            }
            let count = if its == number { count } else { 0 };
            let mut view = View { number, left, before, count, word: seen };
            if !self.fits(&view, count + 1) {
                return self.said(false, &view);
            }
            if word.compare_exchange(view.word, pack(number, count + 1), Relaxed, Relaxed).is_ok() {
                view.count += 1;
                return self.said(true, &view);
            }
        }
    }

    /// What [`Counter::spend`] would say; seals nothing.
    pub fn peek(&self, cell: &Cell, now: u64) -> Said {
        let (number, left) = self.number(cell, now);
        let of = |wanted: u32| match unpack(self.word(cell, wanted).load(Relaxed)) {
            (its, count) if its == wanted => count & !SEAL,
            _ => 0,
        };
        let (before, count) = (of(number - 1), of(number));
        let mut view = View { number, left, before, count, word: 0 };
        let pass = self.fits(&view, count + 1);
        view.count += u32::from(pass);
        self.said(pass, &view)
    }

    /// Uncounts one of the window `mark`, sealed or not: a verdict by the larger count was none too kind.
    pub fn refund(&self, cell: &Cell, mark: u64) {
        let number = u32::try_from(mark).unwrap_or(u32::MAX);
        let word = self.word(cell, number);
        let mut seen = word.load(Relaxed);
        while unpack(seen).0 == number && unpack(seen).1 & !SEAL > 0 {
            match word.compare_exchange_weak(seen, seen - 1, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// For how long the last window that counted has left no share.
    pub fn rest(&self, cell: &Cell, now: u64) -> Option<u64> {
        let last = [&cell.a, &cell.b].map(|word| match unpack(word.load(Relaxed)) {
            (_, count) if count & !SEAL == 0 => 0,
            (number, _) => number.saturating_add(1),
        });
        self.windows.over(last[0].max(last[1]), now)
    }

    /// Begins the window at `now` in a cell that nobody else has.
    pub fn fresh(&self, cell: &Cell, now: u64) {
        let number = self.windows.at(now, 0).0;
        self.word(cell, number).store(pack(number, 0), Relaxed);
        self.word(cell, number - 1).store(pack(number - 1, SEAL), Relaxed);
    }
}
