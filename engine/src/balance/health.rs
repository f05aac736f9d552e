//! Active health: how many checks in a row decide what is thought of an endpoint, and the board on which the one that
//! checks tells all shards. An endpoint is in until its checks have failed as often as the rule says. Shards ask those that
//! are out only when no other is left: checks that err must not end a service.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many checks in a row change what is thought of an endpoint; each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Good ones bring it back.
    pub healthy: u32,
    /// Bad ones take it out.
    pub unhealthy: u32,
}

/// What checks have said of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    is_out: bool,
    /// Checks in a row that speak against what is thought of it.
    against: u32,
}

impl Checked {
    /// Whether it is out.
    pub fn is_out(self) -> bool {
        self.is_out
    }

    /// A check was good or not; true when what is thought of the endpoint changes with it.
    pub fn told(&mut self, is_good: bool, rule: Rule) -> bool {
        if is_good != self.is_out {
            self.against = 0;
            return false;
        }
        self.against = self.against.saturating_add(1);
        let needed = if self.is_out { rule.healthy } else { rule.unhealthy };
        let changes = self.against >= needed.max(1);
        if changes {
            *self = Checked { is_out: !self.is_out, against: 0 };
        }
        changes
    }
}

/// Which seats of a set are out. One writer, read by all shards without order: a pick may see a change a moment late.
#[derive(Debug)]
pub struct Board {
    out: Box<[AtomicBool]>,
    /// Seats that are out: while there are none, a pick looks at none.
    count: AtomicUsize,
}

impl Board {
    /// One of `len` seats, all of them in.
    pub(super) fn new(len: usize) -> Board {
        Board { out: (0..len).map(|_| AtomicBool::new(false)).collect(), count: AtomicUsize::new(0) }
    }

    /// Whether no seat is out.
    #[inline]
    pub fn is_clear(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Whether `seat` is out.
    #[inline]
    pub fn is_out(&self, seat: usize) -> bool {
        self.out.get(seat).is_some_and(|out| out.load(Ordering::Relaxed))
    }

    /// `seat` is out, or in.
    pub fn set(&self, seat: usize, is_out: bool) {
        let Some(out) = self.out.get(seat) else { return };
        match (out.swap(is_out, Ordering::Relaxed), is_out) {
            (false, true) => drop(self.count.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.count.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_in_a_row_take_an_endpoint_out_and_bring_it_back() {
        let rule = Rule { healthy: 2, unhealthy: 3 };
        let mut checked = Checked::default();
        // Each check, and whether it is out behind it.
        for (step, (is_good, is_out)) in [
            (false, false),
            (false, false),
            (true, false),
            (false, false),
            (false, false),
            (false, true),
            (false, true),
            (true, true),
            (false, true),
            (true, true),
            (true, false),
            (true, false),
            (false, false),
        ]
        .into_iter()
        .enumerate()
        {
            let before = checked.is_out();
            assert_eq!(checked.told(is_good, rule), before != is_out, "check {step} changes it");
            assert_eq!(checked.is_out(), is_out, "check {step}");
        }
    }

    #[test]
    fn a_rule_of_one_changes_at_once() {
        let mut checked = Checked::default();
        let rule = Rule { healthy: 1, unhealthy: 1 };
        assert!(checked.told(false, rule) && checked.is_out());
        assert!(checked.told(true, rule) && !checked.is_out());
    }

    #[test]
    fn a_board_counts_each_seat_once() {
        let board = Board::new(3);
        for (seat, is_out, clear) in [
            (1, true, false),
            (1, true, false),
            (2, true, false),
            (1, false, false),
            (1, false, false),
            (2, false, true),
        ] {
            board.set(seat, is_out);
            assert_eq!((board.is_out(seat), board.is_clear()), (is_out, clear));
        }
        board.set(3, true);
        assert!(board.is_clear() && !board.is_out(3), "there is no such seat");
    }
}
