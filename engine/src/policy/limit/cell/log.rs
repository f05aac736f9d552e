//! The sliding window log: the moments of the last requests that passed, in a ring. One passes if the limit's last but
//! N−1 lies outside the window that ends now. Exact, at 8 bytes for each request that a window may hold.
//!
//! A slot holds a moment, whether it was refunded ("dead"), and the lap it was written in; `a` of the cell is the
//! head, the position that is written next, `b` bounds how many in the ring are dead. A request passes at the
//! compare-and-swap of the slot at the head. Whoever finds that slot written moves the head on first, so nobody waits
//! for a thread that was held up between the two.

use super::super::sync::AtomicU64;
use super::super::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use super::{Cell, Said};

/// The largest limit: past it, a sliding window counter is as good and a thousandth of the memory.
pub const LIMIT_MAX: u32 = 10_000;

/// Slots beyond the limit at least: so many may be dead before the log counts some of the dead.
const SPARE: usize = 8;

const DEAD: u64 = 2;
const LAP: u64 = 1;

/// A sliding window log's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    limit: u32,
    per: u64,
}

/// The slots a log of `limit` needs: a power of two.
pub fn slots(limit: u32) -> usize {
    (limit.min(LIMIT_MAX) as usize + SPARE).next_power_of_two()
}

fn moment(slot: u64) -> u64 {
    slot >> 2
}

/// A cell's ring, seen from a head.
struct Ring<'c> {
    slots: &'c [AtomicU64],
    mask: u64,
}

impl Ring<'_> {
    fn at(&self, position: u64) -> &AtomicU64 {
        &self.slots[(position & self.mask) as usize]
    }

    /// The lap bit of a position.
    fn lap(&self, position: u64) -> u64 {
        u64::from(position & (self.mask + 1) != 0)
    }
}

impl Log {
    /// The rule of `limit` in every stretch of `per` nanoseconds. At most [`LIMIT_MAX`].
    pub fn new(limit: u32, per: u64) -> Log {
        Log { limit: limit.clamp(1, LIMIT_MAX), per }
    }

    fn ring<'c>(&self, cell: &'c Cell) -> Ring<'c> {
        Ring { slots: &cell.ring, mask: cell.ring.len() as u64 - 1 }
    }

    /// Whether a slot lies outside the window that ends at `now`; one never written does.
    fn past(&self, slot: u64, now: u64) -> bool {
        moment(slot) == 0 || moment(slot) + self.per <= now
    }

    /// The limit's last but N−1 request that counts, as seen from `head`; where the ring does not reach that far back,
    /// its oldest.
    fn decisive(&self, cell: &Cell, ring: &Ring<'_>, head: u64) -> u64 {
        let limit = u64::from(self.limit).min(ring.mask);
        if cell.b.load(Acquire) == 0 {
            return ring.at(head.wrapping_sub(limit)).load(Acquire);
        }
        let mut alive = 0;
        for back in 1..=ring.mask {
            let slot = ring.at(head.wrapping_sub(back)).load(Acquire);
            alive += u64::from(slot & DEAD == 0);
            if alive == limit {
                return slot;
            }
        }
        ring.at(head).load(Acquire)
    }

    /// How many more pass behind `head`: the moments are in order, so the last that counts is found by halving; where
    /// some may be dead they are counted.
    fn remaining(&self, cell: &Cell, ring: &Ring<'_>, head: u64, now: u64) -> u32 {
        let limit = u64::from(self.limit).min(ring.mask);
        let back = |back: u64| ring.at(head.wrapping_sub(back)).load(Relaxed);
        let counts = if cell.b.load(Relaxed) == 0 {
            let (mut counts, mut past) = (0, limit + 1);
            while past - counts > 1 {
                let middle = counts + (past - counts) / 2;
                if self.past(back(middle), now) { past = middle } else { counts = middle }
            }
            counts
        } else {
            (1..=ring.mask)
                .map(back)
                .take_while(|slot| !self.past(*slot, now))
                .filter(|slot| slot & DEAD == 0)
                .count() as u64
        };
        u32::try_from(limit.saturating_sub(counts)).unwrap_or(u32::MAX)
    }

    /// Nanoseconds until a slot lies outside the window.
    fn left(&self, slot: u64, now: u64) -> u64 {
        (moment(slot) + self.per).saturating_sub(now)
    }

    /// The refusal where `decisive` has to leave the window first. The limit is whole again when the last that counts has.
    fn refused(&self, cell: &Cell, ring: &Ring<'_>, (head, decisive): (u64, u64), now: u64) -> Said {
        let dead = if cell.b.load(Relaxed) == 0 { 0 } else { DEAD };
        let mut behind = (1..=ring.mask).map(|back| ring.at(head.wrapping_sub(back)).load(Relaxed));
        let last = behind.find(|slot| slot & dead == 0);
        let wait = self.left(decisive, now);
        Said { wait, reset: last.map_or(wait, |last| self.left(last, now)).max(wait), ..Said::default() }
    }

    /// Writes this request down if the window that ends now has room.
    pub fn spend(&self, cell: &Cell, now: u64) -> Said {
        let ring = self.ring(cell);
        loop {
            let head = cell.a.load(Acquire);
            let slot = ring.at(head);
            let seen = slot.load(Acquire);
            if seen & LAP == ring.lap(head) {
                // Written already: the writer has not moved the head on yet.
                let _ = cell.a.compare_exchange(head, head.wrapping_add(1), AcqRel, Relaxed);
                continue;
            }
            // Moments stay in order: one that was read late counts as the last one's.
            let now = now.max(moment(ring.at(head.wrapping_sub(1)).load(Acquire)));
            let decisive = self.decisive(cell, &ring, head);
            if cell.a.load(Acquire) != head {
                continue;
            }
            if !self.past(decisive, now) {
                return self.refused(cell, &ring, (head, decisive), now);
            }
            let mine = now << 2 | ring.lap(head);
            if slot.compare_exchange(seen, mine, AcqRel, Relaxed).is_err() {
                continue;
            }
            if seen & DEAD != 0 {
                cell.b.fetch_sub(1, AcqRel);
            }
            let next = head.wrapping_add(1);
            let _ = cell.a.compare_exchange(head, next, Release, Relaxed);
            let remaining = self.remaining(cell, &ring, next, now);
            return Said { pass: true, wait: 0, remaining, reset: self.per, mark: head };
        }
    }

    /// What [`Log::spend`] would say.
    pub fn peek(&self, cell: &Cell, now: u64) -> Said {
        let ring = self.ring(cell);
        let mut head = cell.a.load(Acquire);
        if ring.at(head).load(Acquire) & LAP == ring.lap(head) {
            head = head.wrapping_add(1);
        }
        let now = now.max(moment(ring.at(head.wrapping_sub(1)).load(Acquire)));
        let decisive = self.decisive(cell, &ring, head);
        if !self.past(decisive, now) {
            return self.refused(cell, &ring, (head, decisive), now);
        }
        let remaining = self.remaining(cell, &ring, head, now).saturating_sub(1);
        Said { pass: true, wait: 0, remaining, reset: self.per, mark: 0 }
    }

    /// Strikes the request out that was written at the position `mark`, if it is still there.
    pub fn refund(&self, cell: &Cell, mark: u64) {
        let ring = self.ring(cell);
        let slot = ring.at(mark);
        let seen = slot.load(Acquire);
        if seen & (LAP | DEAD) != ring.lap(mark) {
            return;
        }
        // Counted before it is struck out: too many make a walk, one too few would hide it.
        cell.b.fetch_add(1, AcqRel);
        if slot.compare_exchange(seen, seen | DEAD, AcqRel, Relaxed).is_err() {
            cell.b.fetch_sub(1, AcqRel);
        }
    }

    /// For how long the last request has been outside every window.
    pub fn rest(&self, cell: &Cell, now: u64) -> Option<u64> {
        let ring = self.ring(cell);
        let head = cell.a.load(Acquire);
        let last = [head, head.wrapping_sub(1)].map(|position| moment(ring.at(position).load(Acquire)));
        match last[0].max(last[1]) {
            0 => Some(0),
            last => now.checked_sub(last + self.per),
        }
    }

    /// Empties the log of a cell that nobody else has.
    pub fn fresh(&self, cell: &Cell) {
        cell.ring.iter().for_each(|slot| slot.store(0, Relaxed));
        // Slots never written are of lap 0; the first that is written is of lap 1.
        cell.a.store(cell.ring.len() as u64, Relaxed);
        cell.b.store(0, Relaxed);
    }
}
