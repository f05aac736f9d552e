//! Each algorithm against a slow reading of what it promises, over histories of a model clock: every pass, every
//! wait, what remains and when it is anew.

use super::super::cell::bucket::{self, Bucket};
use super::super::cell::counter::Counter;
use super::super::cell::fixed::{Fixed, Windows};
use super::super::cell::leaky::Leaky;
use super::super::cell::log::{self, Log};
use super::super::cell::rule::Rule;
use super::super::cell::{Cell, Said};
use super::{SECOND, START};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What is done to a cell, the time since the last step with it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Spend,
    /// Spends, and gives it back at once where it passed.
    Undo,
}

/// A slow reading.
trait Model: Clone {
    fn spend(&mut self, now: u64) -> Said;
}

/// Runs a history through the cell and the model. A refund is a model put back to where it was.
fn compare<M: Model>(
    rule: Rule,
    slots: usize,
    mut model: M,
    steps: &[(u64, Step)],
) -> Result<(), TestCaseError> {
    let cell = Cell::new(slots);
    rule.fresh(&cell, START);
    let mut now = START;
    for (at, (pause, step)) in steps.iter().enumerate() {
        now += pause;
        let before = model.clone();
        let expected = model.spend(now);
        let peeked = Said { mark: 0, ..rule.peek(&cell, now) };
        let said = rule.spend(&cell, now);
        prop_assert_eq!(Said { mark: 0, ..said }, expected, "step {} at {}", at, now - START);
        prop_assert_eq!(peeked, expected, "peek at step {} at {}", at, now - START);
        if matches!(step, Step::Undo) && said.pass {
            rule.refund(&cell, said.mark);
            model = before;
        }
    }
    Ok(())
}

/// Pauses that meet the boundaries: whole and broken numbers of a token's time, of windows, and nothing.
fn steps(count: u32, per: u64) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let token = per / u64::from(count);
    let pause = prop_oneof![
        4 => Just(0),
        2 => Just(token),
        1 => Just(token + 1),
        1 => Just(token.saturating_sub(1)),
        2 => 0..=token,
        1 => 0..=per * 2,
        1 => (0..3_u64).prop_map(move |n| n * per),
        1 => (0..20_u64).prop_map(move |n| n * per / u64::from(count)),
        1 => (1..20_u64).prop_map(move |n| (n * per).div_ceil(u64::from(count))),
    ];
    let step = prop_oneof![6 => Just(Step::Spend), 1 => Just(Step::Undo)];
    prop::collection::vec((pause, step), 1..120)
}

fn rate() -> impl Strategy<Value = (u32, u64)> {
    let count = prop_oneof![1..12_u32, Just(60), Just(100), Just(97), Just(256), Just(3000)];
    let per = prop_oneof![Just(1), Just(10), Just(60), Just(3600)].prop_map(|seconds: u64| seconds * SECOND);
    (count, per)
}

/// A rate with a history made for it.
fn history() -> impl Strategy<Value = ((u32, u64), Vec<(u64, Step)>)> {
    rate().prop_flat_map(|(count, per)| (Just((count, per)), steps(count, per)))
}

/// Tokens as whole numbers of 1/per: each nanosecond brings `count`, a request takes `per`.
#[derive(Clone)]
struct Tokens {
    count: u128,
    per: u128,
    burst: u128,
    level: u128,
    at: u64,
}

impl Model for Tokens {
    fn spend(&mut self, now: u64) -> Said {
        let full = self.burst * self.per;
        self.level = (self.level + u128::from(now - self.at) * self.count).min(full);
        self.at = now;
        let pass = self.level >= self.per;
        self.level -= if pass { self.per } else { 0 };
        let nanos = |tokens: u128| u64::try_from(tokens.div_ceil(self.count)).expect("fits");
        Said {
            pass,
            wait: if pass { 0 } else { nanos(self.per - self.level) },
            remaining: u32::try_from(self.level / self.per).expect("fits"),
            reset: nanos(full - self.level),
            mark: 0,
        }
    }
}

/// The moments at which requests left or will.
#[derive(Clone)]
struct Queue {
    step: u64,
    wait_max: u64,
    depth: usize,
    leave: Vec<u64>,
}

impl Queue {
    /// When the next would leave, if it may wait for that.
    fn next(&self, now: u64) -> Option<u64> {
        let next = self.leave.last().map_or(now, |last| (last + self.step).max(now));
        // Those that stand in the queue once it has joined.
        let waiting = self.leave.iter().filter(|leave| **leave > now).count() + usize::from(next > now);
        (waiting <= self.depth && next - now <= self.wait_max).then_some(next)
    }
}

impl Model for Queue {
    fn spend(&mut self, now: u64) -> Said {
        let next = self.next(now);
        self.leave.extend(next);
        let mut room = self.clone();
        let mut remaining = 0;
        while let Some(next) = room.next(now) {
            room.leave.push(next);
            remaining += 1;
        }
        // Refused: the first moment at which it would not be.
        let wait = match next {
            Some(next) => next - now,
            None => {
                let empty = self.leave.last().map_or(0, |last| last + self.step);
                empty - now - self.wait_max.min(self.step * self.depth as u64)
            }
        };
        let reset = self.leave.last().map_or(0, |last| (last + self.step).saturating_sub(now));
        Said { pass: next.is_some(), wait, remaining, reset, mark: 0 }
    }
}

/// Counts by the number of the window.
#[derive(Clone)]
struct Counts {
    limit: u32,
    per: u64,
    counts: BTreeMap<u64, u32>,
}

impl Model for Counts {
    fn spend(&mut self, now: u64) -> Said {
        let left = self.per - now % self.per;
        let count = self.counts.entry(now / self.per).or_default();
        let pass = *count < self.limit;
        *count += u32::from(pass);
        Said { pass, wait: if pass { 0 } else { left }, remaining: self.limit - *count, reset: left, mark: 0 }
    }
}

/// As [`Counts`], with the share of the window before.
#[derive(Clone)]
struct Sliding(Counts);

impl Sliding {
    fn fits(&self, now: u64) -> bool {
        let per = self.0.per;
        let of = |number: u64| u128::from(self.0.counts.get(&number).copied().unwrap_or(0));
        let (number, left) = (now / per, u128::from(per - now % per));
        let per = u128::from(per);
        of(number - 1) * left + (of(number) + 1) * per <= u128::from(self.0.limit) * per
    }

    /// Whether as many as the limit would fit.
    fn is_whole(&self, now: u64) -> bool {
        let mut room = self.clone();
        *room.0.counts.entry(now / self.0.per).or_default() += self.0.limit - 1;
        room.fits(now)
    }

    /// Nanoseconds until this holds, by halving: within two windows it does.
    fn first(&self, now: u64, holds: impl Fn(&Sliding, u64) -> bool) -> u64 {
        let (mut before, mut from) = (0, self.0.per * 2 + 1);
        while from - before > 1 {
            let middle = before + (from - before) / 2;
            if holds(self, now + middle) { from = middle } else { before = middle }
        }
        from
    }

    fn count(&mut self, now: u64) {
        *self.0.counts.entry(now / self.0.per).or_default() += 1;
    }
}

impl Model for Sliding {
    fn spend(&mut self, now: u64) -> Said {
        let pass = self.fits(now);
        let mut remaining = 0;
        if pass {
            self.count(now);
            let mut room = self.clone();
            while room.fits(now) {
                room.count(now);
                remaining += 1;
            }
        }
        let wait = if pass { 0 } else { self.first(now, Sliding::fits) };
        Said { pass, wait, remaining, reset: self.first(now, Sliding::is_whole), mark: 0 }
    }
}

/// All moments at which one passed.
#[derive(Clone)]
struct Moments {
    limit: usize,
    per: u64,
    passed: Vec<u64>,
}

impl Model for Moments {
    fn spend(&mut self, now: u64) -> Said {
        let counts: Vec<u64> = self.passed.iter().copied().filter(|at| at + self.per > now).collect();
        if counts.len() < self.limit {
            self.passed.push(now);
            let remaining = u32::try_from(self.limit - counts.len() - 1).expect("fits");
            return Said { pass: true, wait: 0, remaining, reset: self.per, mark: 0 };
        }
        let until = |at: u64| at + self.per - now;
        let reset = until(*counts.last().expect("a full log holds one"));
        Said { pass: false, wait: until(counts[counts.len() - self.limit]), remaining: 0, reset, mark: 0 }
    }
}

proptest! {
    #[test]
    fn a_token_bucket_gives_its_burst_and_the_rate_times_the_time(
        ((count, per), steps) in history(), burst in 1..40_u32,
    ) {
        // Where a token takes a whole number of parts of a nanosecond: all rates of `history` but one.
        let rule = Bucket::new(count, per, burst, bucket::parts(count, per)).expect("fills in time");
        let (burst, wide) = (u128::from(burst), u128::from(per));
        let model = Tokens { count: u128::from(count), per: wide, burst, level: burst * wide, at: START };
        compare(Rule::Bucket(rule), 0, model, &steps)?;
    }

    #[test]
    fn a_leaky_bucket_spaces_what_passes_and_bounds_its_queue(
        ((count, per), steps) in history(), depth in 0..12_u32, wait in 0..30_u64,
    ) {
        let step = per.div_ceil(u64::from(count));
        let wait_max = wait * step / 2;
        let rule = Leaky::new(count, per, depth, wait_max).expect("not longer than time");
        let model = Queue { step, wait_max, depth: depth as usize, leave: Vec::new() };
        compare(Rule::Leaky(rule), 0, model, &steps)?;
    }

    #[test]
    fn a_fixed_window_counts_anew_in_each(((limit, per), steps) in history()) {
        let rule = Rule::Fixed(Fixed::new(limit, Windows { per, offset: 0 }));
        compare(rule, 0, Counts { limit, per, counts: BTreeMap::new() }, &steps)?;
    }

    #[test]
    fn a_counter_weighs_the_window_before(((limit, per), steps) in history()) {
        let rule = Rule::Counter(Counter::new(limit, Windows { per, offset: 0 }));
        compare(rule, 0, Sliding(Counts { limit, per, counts: BTreeMap::new() }), &steps)?;
    }

    #[test]
    fn a_log_lets_no_more_than_its_limit_pass_in_any_stretch(((limit, per), steps) in history()) {
        // A few slots more than the limit are kept for those given back; a history gives back more, one after the other.
        let rule = Rule::Log(Log::new(limit, per));
        let model = Moments { limit: limit as usize, per, passed: Vec::new() };
        compare(rule, log::slots(limit), model, &steps)?;
    }

    /// A rate whose token takes no whole number of parts is never exceeded, and a token is never late by more than a
    /// nanosecond for each 128 before it.
    #[test]
    fn a_rate_that_is_no_whole_number_of_parts_is_never_exceeded(
        count in 257..2_000_000_u32, burst in 1..200_u32, spends in 1..3000_u64,
    ) {
        let rule = Rule::Bucket(Bucket::new(count, SECOND, burst, bucket::parts(count, SECOND)).expect("fits"));
        let cell = Cell::new(0);
        rule.fresh(&cell, START);
        let (mut now, mut passed) = (START, 0_u64);
        for _ in 0..spends {
            let said = rule.spend(&cell, now);
            passed += u64::from(said.pass);
            now += said.wait;
            let most = u64::from(burst) + (now - START) * u64::from(count) / SECOND;
            prop_assert!(passed <= most);
        }
        let due = u64::from(burst) + (now - START) * u64::from(count) / SECOND;
        let late = spends / 128 + 1;
        let tokens_late = late * u64::from(count) / SECOND + 1;
        prop_assert!(passed + tokens_late + 1 >= due.min(spends / 2), "{passed} of {due}");
    }
}

#[test]
fn a_word_that_wraps_round_changes_nothing() {
    let rule = Bucket::new(3, SECOND, 2, bucket::parts(3, SECOND)).expect("fits");
    let cell = Cell::new(0);
    // The word counts 255 parts of a nanosecond: this is just before its end.
    let start = u64::MAX / 255 - SECOND / 2;
    rule.fresh(&cell.a, start);
    let passed = (0..20_u64).filter(|step| rule.spend(&cell.a, start + step * SECOND / 10).pass).count();
    assert_eq!(passed, 2 + 5, "a burst of 2, and 1.9 s of 3/s");
}

#[test]
fn a_log_with_more_refunds_than_spare_slots_never_lets_more_pass() {
    let log = Log::new(4, SECOND);
    let cell = Cell::new(log::slots(4));
    log.fresh(&cell);
    // Every second is given back late, so that dead ones lie all over the ring.
    let mut passed = Vec::new();
    for step in 0..400_u64 {
        let now = START + step * SECOND / 40;
        let said = log.spend(&cell, now);
        if said.pass && step % 2 == 0 {
            log.refund(&cell, said.mark);
        } else if said.pass {
            passed.push(now);
        }
        let stretch = passed.iter().filter(|at| *at + SECOND > now).count();
        assert!(stretch <= 4, "{stretch} at step {step}");
    }
    assert!(passed.len() >= 36, "{}", passed.len());
}

#[test]
fn a_refund_after_the_bucket_was_full_gives_nothing_twice() {
    let bucket = Bucket::new(1, SECOND, 1, bucket::parts(1, SECOND)).expect("fits");
    let cell = Cell::new(0);
    bucket.fresh(&cell.a, START);
    let first = bucket.spend(&cell.a, START);
    // Held up for longer than a token takes; another request has come in between.
    assert!(bucket.spend(&cell.a, START + SECOND + 7).pass);
    bucket.refund(&cell.a, first.mark);
    assert!(!bucket.spend(&cell.a, START + SECOND + 8).pass);
}
