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

    /// How many may be counted in this window, with the share of the one before that is left.
    fn most(&self, view: &View) -> u32 {
        let per = self.windows.per;
        let share = u128::from(view.before) * u128::from(view.left.min(per));
        let room = (u128::from(self.limit) * u128::from(per)).saturating_sub(share);
        // Nearly always 64 bits, which are divided in a fifth of the time. Never more than the limit.
        match u64::try_from(room) {
            Ok(room) => (room / per) as u32,
            Err(_) => (room / u128::from(per)) as u32,
        }
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

    /// The verdict where `most` may be counted, this request being counted already if it passes.
    fn said(&self, pass: bool, view: &View, most: u32) -> Said {
        let wait = if pass { 0 } else { self.wait(view) };
        let remaining = if pass { most - view.count } else { 0 };
        // What this window has counted is felt until the next one is over.
        let reset = if view.count > 0 { view.left + self.windows.per } else { view.left };
        Said { pass, wait, remaining, reset: reset.max(wait), mark: u64::from(view.number) }
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
            let most = self.most(&view);
            if count >= most {
                return self.said(false, &view, most);
            }
            if word.compare_exchange(view.word, pack(number, count + 1), Relaxed, Relaxed).is_ok() {
                view.count += 1;
                return self.said(true, &view, most);
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
        let most = self.most(&view);
        let pass = count < most;
        view.count += u32::from(pass);
        self.said(pass, &view, most)
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
