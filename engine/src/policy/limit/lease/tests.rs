//! Machines, a store between them that answers late or not at all, and the bound that must hold of every stretch.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;

/// A machine with what is on its way to it.
struct Machine {
    lease: Lease,
    /// When it arrives, and whether the store ever sees it.
    asked: VecDeque<(u64, Ask, Option<Grant>)>,
}

/// Runs `machines` for `seconds`, each with a request every `every` ns; gives the moments of all that passed.
fn run(terms: &Terms, machines: usize, seconds: u64, every: u64, delays: &[u64]) -> Vec<u64> {
    let mut pot = Pot::default();
    let mut fleet: Vec<Machine> =
        (0..machines).map(|_| Machine { lease: Lease::new(terms), asked: VecDeque::new() }).collect();
    let (mut passed, mut delay) = (Vec::new(), delays.iter().copied().cycle());
    let start = 1000 * SECOND;
    let mut now = start;
    while now < start + seconds * SECOND {
        for machine in &mut fleet {
            if machine.lease.spend(now) != Pays::Nothing {
                passed.push(now);
            }
            // An answer on its way is waited for before the next ask. A delay of 0 stands for a lost one.
            if machine.asked.front().is_some_and(|(at, ..)| *at <= now) {
                let (_, ask, grant) = machine.asked.pop_front().expect("is there");
                match grant {
                    Some(grant) => machine.lease.granted(terms, &ask, &grant, now),
                    None => machine.lease.unanswered(&ask),
                }
            }
            if machine.asked.is_empty() && machine.lease.is_active(terms, now) {
                let ask = machine.lease.ask(terms, now);
                let late = delay.next().expect("endless");
                let grant = (late > 0).then(|| pot.grant(terms, &ask, now + late / 2));
                machine.asked.push_back((now + late.max(MILLI), ask, grant));
            }
        }
        now += every;
    }
    passed
}

/// The most by which any stretch goes past burst + rate × its length.
fn overshoot(terms: &Terms, passed: &[u64]) -> i128 {
    // A stretch is worst where it begins and ends with a pass: the largest rise of (passes − rate × time), in tokens × per.
    let (count, per) = (i128::from(terms.count), i128::from(terms.per));
    let (mut lowest, mut worst) = (i128::MAX, i128::MIN);
    for (index, at) in (0_i128..).zip(passed) {
        let line = index * per - i128::from(*at) * count;
        lowest = lowest.min(line);
        worst = worst.max(line - lowest + per);
    }
    worst.div_euclid(per) + i128::from(worst.rem_euclid(per) > 0) - i128::from(terms.burst)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn no_stretch_goes_past_the_bound_that_is_printed(
        count in 1..400_u32, burst in 1..100_u32, lease in 20..1500_u64, machines in 1..5_usize, every in 1..20_u64,
        delays in prop::collection::vec(prop_oneof![1 => Just(0), 8 => 1..40_u64], 1..20),
    ) {
        let terms = Terms { count, per: SECOND, burst, lease: lease * MILLI };
        let delays: Vec<u64> = delays.iter().map(|delay| delay * MILLI).collect();
        let passed = run(&terms, machines, 6, every * MILLI, &delays);
        let bound = terms.overshoot(u32::try_from(machines).expect("few"));
        let over = overshoot(&terms, &passed);
        prop_assert!(over <= i128::from(bound), "{over} over, {bound} printed, {} passed", passed.len());
    }
}

#[test]
fn machines_that_ask_for_more_share_the_rate_and_use_it() {
    let terms = Terms { count: 1000, per: SECOND, burst: 100, lease: SECOND };
    for machines in [1, 2, 5] {
        let passed = run(&terms, machines, 20, MILLI / 2, &[2 * MILLI]).len();
        assert!(passed >= 19_000, "{machines} machines let {passed} of 20,000 pass");
        let most = 20_100 + usize::try_from(terms.overshoot(machines as u32)).expect("small");
        assert!(passed <= most, "{machines} machines let {passed} pass");
    }
}

#[test]
fn the_bound_is_a_lease_and_a_credit_a_machine() {
    let terms = Terms { count: 100, per: 60 * SECOND, burst: 20, lease: SECOND };
    assert_eq!((terms.credit(), terms.overshoot(1), terms.overshoot(3)), (2, 4, 8));
    let fast = Terms { count: 1000, per: SECOND, burst: 50, lease: SECOND };
    assert_eq!((fast.credit(), fast.overshoot(2)), (50, 1100));
    assert_eq!(fast.overshoot_alone(2, Failure::Local), Some(2));
    assert_eq!(fast.overshoot_alone(2, Failure::Open), None);
}

#[test]
fn credit_comes_back_only_when_debts_are_paid() {
    let terms = Terms { count: 1, per: SECOND, burst: 2, lease: 2 * SECOND };
    let (mut pot, lease) = (Pot::default(), Lease::new(&terms));
    let now = 100 * SECOND;
    // Another machine has emptied the bucket.
    assert_eq!(pot.grant(&terms, &Ask { charge: 0, back: 0, want: 9, sent: now }, now).tokens, 2);
    assert_eq!(
        [lease.spend(now), lease.spend(now), lease.spend(now)],
        [Pays::Credit, Pays::Credit, Pays::Nothing]
    );
    for second in 0..2 {
        let now = now + second * SECOND;
        let ask = lease.ask(&terms, now);
        assert_eq!(ask.charge, if second == 0 { 2 } else { 0 }, "charged once");
        let grant = pot.grant(&terms, &ask, now);
        assert_eq!((grant.tokens, grant.paid), (0, false));
        lease.granted(&terms, &ask, &grant, now);
        assert_eq!(lease.spend(now), Pays::Nothing);
    }
    let now = now + 3 * SECOND;
    let ask = lease.ask(&terms, now);
    let grant = pot.grant(&terms, &ask, now);
    assert_eq!((grant.tokens, grant.paid), (1, true));
    lease.granted(&terms, &ask, &grant, now);
    assert_eq!(lease.spend(now), Pays::Lease);
    assert_eq!(lease.spend(now), Pays::Credit);
}

#[test]
fn what_expires_goes_back_and_is_spent_by_another() {
    let terms = Terms { count: 1, per: 3600 * SECOND, burst: 10, lease: SECOND };
    let mut pot = Pot::default();
    let (one, now) = (Lease::new(&terms), 100 * SECOND);
    (0..8).for_each(|_| {
        one.spend(now);
    });
    let ask = one.ask(&terms, now);
    one.granted(&terms, &ask, &pot.grant(&terms, &ask, now), now);
    let later = now + SECOND;
    assert_eq!(one.spend(later), Pays::Credit, "the lease has run out");
    let ask = one.ask(&terms, later);
    assert_eq!(ask.back, 8);
    one.granted(&terms, &ask, &pot.grant(&terms, &ask, later), later);
    let wanted = Ask { charge: 0, back: 0, want: 10, sent: later };
    assert_eq!(pot.grant(&terms, &wanted, later).tokens, 7, "10, less two charges, less one granted anew");
}

#[test]
fn sixteen_threads_spend_each_token_once() {
    let terms = Terms { count: 1000, per: SECOND, burst: 1000, lease: SECOND };
    let (lease, now) = (Lease::new(&terms), 100 * SECOND);
    let grant = Grant { tokens: 500, paid: false, retry: 0 };
    lease.granted(&terms, &Ask { charge: 0, back: 0, want: 500, sent: now }, &grant, now);
    let paid = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| (0..1000).filter(|_| lease.spend(now) != Pays::Nothing).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("runs")).sum::<usize>()
    });
    assert_eq!(paid, 1500, "500 granted and a credit of 1000");
}

#[test]
fn a_store_that_does_not_answer_is_left_alone_and_tried_again() {
    let mut breaker = Breaker::default();
    let now = 100 * SECOND;
    for _ in 0..3 {
        assert!(breaker.is_working() && breaker.may_ask(now));
        breaker.failed(now);
    }
    assert!(!breaker.is_working() && !breaker.may_ask(now));
    let mut at = now;
    for _ in 0..10 {
        at += SECOND / 2;
        assert!(breaker.may_ask(at), "tried within half a second, so that it is found within one");
        assert!(!breaker.may_ask(at), "one at a time");
        breaker.failed(at);
    }
    assert!(breaker.may_ask(at + SECOND / 2));
    breaker.answered();
    assert!(breaker.is_working() && breaker.may_ask(at));
}

#[test]
fn what_holds_without_a_store_is_configured() {
    use Failure::{Closed, Local, Open};
    let cases = [
        (true, Pays::Nothing, true, Local, false),
        (true, Pays::Credit, true, Closed, true),
        (false, Pays::Lease, true, Open, false),
        (true, Pays::Nothing, false, Local, true),
        (false, Pays::Nothing, false, Local, false),
        (false, Pays::Nothing, false, Open, true),
        (true, Pays::Lease, false, Closed, true),
        (true, Pays::Credit, false, Closed, false),
    ];
    for (local, pays, working, failure, expected) in cases {
        assert_eq!(passes(local, pays, working, failure), expected, "{local} {pays:?} {working} {failure:?}");
    }
}
