//! Limits that other machines share, as a shard decides by them; the test is control.

use super::*;
use crate::policy::limit::lease::Pot;
use crate::policy::limit::share::{Digest, Want};
use std::cell::RefCell;
use std::rc::Rc;

/// A shard, and what it has told control.
struct Machine {
    cells: Cells,
    told: Rc<RefCell<Vec<Want>>>,
}

impl Machine {
    /// One whose control has room for so many keys.
    fn new(room: usize) -> Machine {
        let told: Rc<RefCell<Vec<Want>>> = Rc::default();
        let mut cells = Cells::new();
        let to = told.clone();
        cells.tells(Box::new(move |want| {
            let has_room = to.borrow().len() < room;
            if has_room {
                to.borrow_mut().push(want);
            }
            has_room
        }));
        Machine { cells, told }
    }

    fn passes(&mut self, limit: &Limit, client: u32, now: u64) -> bool {
        self.spend(limit, client, now).pass
    }

    fn spend(&mut self, limit: &Limit, client: u32, now: u64) -> Spent {
        as_client(client, |facts| self.cells.spend(limit, &facts, Tick(now)))
    }

    /// Asks the store for all keys that are looked after.
    fn round(&self, pot: &mut Pot, now: u64) {
        for want in self.told.borrow().iter() {
            let terms = &want.share.terms;
            let ask = want.lease().ask(terms, now);
            want.lease().granted(terms, &ask, &pot.grant(terms, &ask, now), now);
        }
    }

    fn digests(&self) -> Vec<Digest> {
        self.told.borrow().iter().map(|want| want.digest).collect()
    }
}

#[test]
fn a_machine_passes_what_it_was_granted_and_no_more() {
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 10/s, burst: 20, shared: { lease: 100ms }");
    let (mut machine, mut pot) = (Machine::new(9), Pot::default());
    let now = START;
    assert!(machine.passes(&limit, 1, now), "on credit");
    assert!(!machine.passes(&limit, 1, now), "the credit is one");
    assert_eq!(machine.told.borrow().len(), 1, "control is told once");
    machine.round(&mut pot, now);
    let spent = machine.spend(&limit, 1, now);
    assert!(spent.pass && spent.quota.remaining <= 18, "{spent:?}");
    // What a limit behind it refuses is given back, lease and all.
    machine.cells.refund(&limit, &spent);
    let passed = (0..20).filter(|_| machine.passes(&limit, 1, now)).count();
    assert_eq!(passed, 3, "two granted, one on credit that is paid again");
    let refused = machine.spend(&limit, 1, now);
    assert!(!refused.pass && refused.quota.remaining == 0 && refused.quota.retry > 0, "{refused:?}");
}

#[test]
fn what_other_machines_took_is_missing_here_and_their_keys_are_the_same() {
    let (mut ours, mut theirs) = (sets(), Sets::new(Seed(7, 8), 0));
    let written = "algorithm: fixed_window, rate: 10/min, shared: { lease: 1s }";
    let (here, there) = (limit(&mut ours, written), limit(&mut theirs, written));
    let (mut one, mut other, mut pot) = (Machine::new(9), Machine::new(9), Pot::default());
    for turn in 0..40 {
        let now = START + turn * 10_000_000;
        one.passes(&here, 7, now);
        one.round(&mut pot, now);
    }
    let now = START + SECOND;
    let passed = (0..20)
        .filter(|_| {
            let passed = other.passes(&there, 7, now);
            other.round(&mut pot, now);
            passed
        })
        .count();
    assert_eq!(passed, 1, "its credit");
    assert_eq!(one.digests(), other.digests(), "whatever the secrets of the processes");
    one.passes(&here, 8, now);
    assert_ne!(one.digests()[0], one.digests()[1]);
    let shadowed = limit(&mut ours, "rate: 10/min, shared: { lease: 1s }");
    one.passes(&shadowed, 7, now);
    assert_ne!(one.digests()[0], one.digests()[2], "another way to count has other keys");
}

#[test]
fn without_a_store_the_policy_says_what_holds() {
    for (failure, expected) in [("local", 5), ("open", 20), ("closed", 0)] {
        let mut sets = sets();
        let written = format!("rate: 5/min, shared: {{ lease: 1s, failure: {failure} }}");
        let limit = limit(&mut sets, &written);
        sets.standing().set_working(false);
        let mut machine = Machine::new(9);
        let passed = (0..20).filter(|_| machine.passes(&limit, 1, START)).count();
        assert_eq!(passed, expected, "{failure}");
        assert!(machine.told.borrow().is_empty(), "nobody is told while nothing can be asked");
        sets.standing().set_working(true);
        machine.passes(&limit, 2, START);
        assert_eq!(machine.told.borrow().len(), 1, "{failure}");
    }
}

#[test]
fn a_key_that_control_has_no_room_for_is_decided_as_if_there_were_no_store() {
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 5/min, shared: { lease: 1s, failure: local }");
    let mut machine = Machine::new(1);
    machine.passes(&limit, 1, START);
    let passed = (0..20).filter(|_| machine.passes(&limit, 2, START)).count();
    assert_eq!(passed, 5);
    assert!(sets.standing().turned_away() >= 5 && sets.standing().is_working());
}

#[test]
fn a_look_tells_control_nothing_and_spends_nothing() {
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 5/min, shared: {}");
    let mut machine = Machine::new(9);
    for _ in 0..20 {
        assert!(as_client(1, |facts| machine.cells.peek(&limit, &facts, Tick(START))).pass);
    }
    assert!(machine.told.borrow().is_empty());
}

#[test]
fn a_reload_tells_control_of_the_new_terms() {
    let mut sets = sets();
    let before = limit(&mut sets, "rate: 50/min, shared: {}");
    let mut machine = Machine::new(9);
    machine.passes(&before, 1, START);
    let after = limit(&mut sets, "rate: 70/min, shared: {}");
    machine.passes(&after, 1, START);
    machine.passes(&after, 1, START);
    let counts: Vec<u32> = machine.told.borrow().iter().map(|want| want.share.terms.count).collect();
    assert_eq!(counts, [50, 70]);
    assert_eq!(machine.digests()[0], machine.digests()[1], "the count goes on");
}

#[test]
fn another_window_has_other_keys_and_another_rate_of_a_bucket_the_same() {
    let digest = |written: &str| {
        let (mut sets, mut machine) = (sets(), Machine::new(9));
        let limit = limit(&mut sets, &format!("{written}, shared: {{}}"));
        machine.passes(&limit, 1, START);
        machine.digests()[0]
    };
    assert_eq!(digest("rate: 5/s"), digest("rate: 7/min, burst: 3"));
    for algorithm in ["fixed_window", "sliding_window_counter", "sliding_window_log"] {
        let of = |rate: &str| digest(&format!("algorithm: {algorithm}, rate: {rate}"));
        assert_eq!(of("5/min"), of("7/min"), "{algorithm}");
        assert_ne!(of("5/min"), of("5/h"), "{algorithm}");
    }
}

#[test]
fn what_cannot_be_shared_is_told() {
    for (written, at, expected) in [
        ("algorithm: leaky_bucket, rate: 5/s, shared: {}", "shared", "a leaky bucket cannot be shared"),
        ("rate: 5/s, shared: { lease: 1ms }", "shared lease", "a lease lasts from 20ms to 1m"),
        ("rate: 5/s, shared: { lease: 2m }", "shared lease", "a lease lasts from 20ms to 1m"),
        (
            "algorithm: fixed_window, rate: 5/s, shared: { lease: 2s }",
            "shared lease",
            "the lease is longer than the window",
        ),
    ] {
        let flaws = compile(&mut sets(), "plan", written).expect_err(written);
        assert_eq!(flaws.len(), 1, "{written}: {flaws:?}");
        assert_eq!(flaws[0].at.join(" "), at, "{written}");
        assert!(flaws[0].message.starts_with(expected), "{written}: {flaws:?}");
    }
}
