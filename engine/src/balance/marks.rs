//! Passive marks: an endpoint that could not be reached is left alone for a while, one second the first time and
//! twice as long each time after, up to thirty. Then one exchange tries it; that it is reached clears the mark. One that
//! takes connections and closes them without a reply, several in a row, is marked each time.
//!
//! ```text
//! clear ──unreached──▶ down ──time──▶ due ──picked──▶ on trial ──unreached──▶ down, twice as long
//!   ▲                   └──────────reached─────────────┴──time──▶ due
//!   └──────────────────────────────────┘
//! ```

use crate::base::Tick;
use std::time::Duration;

/// How long the first mark lasts, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Connections in a row closed without a reply that mark an endpoint.
const CUTS: u8 = 3;

/// The marks of all seats of an upstream, on one shard.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    list: Vec<Mark>,
    /// Seats that have one: while there are none, a pick looks at none.
    count: usize,
    /// Connections in a row that the endpoint closed without a reply.
    cuts: Vec<u8>,
    /// Whether there are any.
    has_cuts: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// Failures that counted; 0 is no mark.
    failures: u8,
    /// Whether an exchange tries the endpoint now.
    on_trial: bool,
    until: Tick,
}

impl Mark {
    fn span(self) -> Duration {
        (FIRST * (1 << u32::from(self.failures.saturating_sub(1)).min(5))).min(LONGEST)
    }
}

impl Marks {
    /// No marks for `len` seats.
    pub fn new(len: usize) -> Marks {
        Marks { list: vec![Mark::default(); len], count: 0, cuts: vec![0; len], has_cuts: false }
    }

    /// The marks of a new list of seats, each kept where `from` names the old seat.
    pub fn moved(&self, from: &[Option<usize>]) -> Marks {
        let old = |from: &Option<usize>| from.and_then(|old| self.list.get(old)).copied().unwrap_or_default();
        let list: Vec<Mark> = from.iter().map(old).collect();
        let cut = |from: &Option<usize>| from.and_then(|old| self.cuts.get(old)).copied().unwrap_or_default();
        let count = list.iter().filter(|mark| mark.failures > 0).count();
        Marks { count, list, cuts: from.iter().map(cut).collect(), has_cuts: self.has_cuts }
    }

    /// Whether no seat has a mark.
    pub fn are_none(&self) -> bool {
        self.count == 0
    }

    /// Whether `seat` has a mark, due or not.
    pub fn has(&self, seat: usize) -> bool {
        self.count > 0 && self.list[seat].failures > 0
    }

    /// When the time of `seat`'s mark is over, if it has one.
    pub fn until(&self, seat: usize) -> Option<Tick> {
        self.has(seat).then(|| self.list[seat].until)
    }

    /// Until when `seat` is left alone, if it is.
    pub fn down(&self, seat: usize, now: Tick) -> Option<Tick> {
        let mark = self.list[seat];
        (mark.failures > 0 && now < mark.until).then_some(mark.until)
    }

    /// `seat` was picked. One that is due goes on trial: nobody else tries it while this exchange does.
    pub fn picked(&mut self, seat: usize, now: Tick) {
        let mark = &mut self.list[seat];
        if mark.failures > 0 && now >= mark.until {
            mark.on_trial = true;
            mark.until = now.after(mark.span());
        }
    }

    /// `seat` could not be reached. What began before the mark, or in spite of it, does not lengthen it.
    pub fn unreached(&mut self, seat: usize, now: Tick) {
        let Some(mark) = self.list.get_mut(seat) else { return };
        if mark.failures == 0 || mark.on_trial || now >= mark.until {
            self.count += usize::from(mark.failures == 0);
            mark.failures = mark.failures.saturating_add(1);
            mark.on_trial = false;
            mark.until = now.after(mark.span());
        }
    }

    /// `seat` took a new connection and closed it without a reply. That a request makes it do so, anybody can send: only
    /// several in a row, with no reply to anybody between them, are as if it could not be reached.
    pub fn cut(&mut self, seat: usize, now: Tick) {
        let Some(cuts) = self.cuts.get_mut(seat) else { return };
        *cuts = cuts.saturating_add(1);
        self.has_cuts = true;
        if *cuts >= CUTS {
            self.unreached(seat, now);
        }
    }

    /// Whether [`Marks::replied`] has anything to do.
    pub fn has_cuts(&self) -> bool {
        self.has_cuts
    }

    /// `seat` has replied.
    pub fn replied(&mut self, seat: usize) {
        if let Some(cuts) = self.cuts.get_mut(seat) {
            *cuts = 0;
        }
        self.has_cuts = self.cuts.iter().any(|cuts| *cuts > 0);
    }

    /// `seat` was reached.
    pub fn reached(&mut self, seat: usize) {
        let Some(mark) = self.list.get_mut(seat) else { return };
        self.count -= usize::from(mark.failures > 0);
        *mark = Mark::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Tick {
        Tick(ms * 1_000_000)
    }

    #[test]
    fn only_cuts_in_a_row_mark() {
        let mut marks = Marks::new(2);
        for _ in 0..5 {
            marks.cut(0, at(0));
            marks.cut(0, at(0));
            assert!(marks.has_cuts() && marks.are_none());
            marks.replied(0);
            assert!(!marks.has_cuts());
        }
        (0..3).for_each(|_| marks.cut(1, at(0)));
        assert_eq!(marks.down(1, at(999)), Some(at(1000)));
        // A connection is no reply.
        marks.picked(1, at(1000));
        marks.reached(1);
        marks.cut(1, at(1001));
        assert!(marks.down(1, at(1500)).is_some());
    }

    #[test]
    fn a_mark_lasts_twice_as_long_each_time_up_to_thirty_seconds() {
        let mut marks = Marks::new(2);
        let mut now = 7;
        for secs in [1, 2, 4, 8, 16, 30, 30, 30] {
            marks.picked(1, at(now));
            marks.unreached(1, at(now));
            assert_eq!(marks.down(1, at(now)), Some(at(now + secs * 1000)));
            now += secs * 1000;
            assert_eq!((marks.down(1, at(now)), marks.has(1)), (None, true), "due after {secs} s");
        }
        marks.reached(1);
        assert!(marks.are_none() && !marks.has(1));
        marks.unreached(1, at(now));
        assert_eq!(marks.down(1, at(now)), Some(at(now + 1000)), "a success begins anew");
    }

    #[test]
    fn exchanges_that_fail_together_count_once() {
        let mut marks = Marks::new(1);
        for _ in 0..100 {
            marks.unreached(0, at(0));
        }
        assert_eq!(marks.down(0, at(5)), Some(at(1000)));
    }

    #[test]
    fn one_exchange_at_a_time_tries_what_is_due() {
        let mut marks = Marks::new(1);
        marks.unreached(0, at(0));
        assert_eq!(marks.down(0, at(1000)), None);
        marks.picked(0, at(1000));
        assert!(marks.down(0, at(1001)).is_some(), "the others wait for what the trial finds");
        assert_eq!(marks.down(0, at(2000)), None, "a trial that says nothing is not waited for");
    }

    #[test]
    fn marks_move_with_their_seats() {
        let mut marks = Marks::new(3);
        marks.unreached(2, at(0));
        let moved = marks.moved(&[Some(2), None, Some(0)]);
        assert!(moved.has(0) && !moved.has(1) && !moved.has(2) && !moved.are_none());
        assert!(marks.moved(&[Some(0), Some(1)]).are_none());
    }
}
