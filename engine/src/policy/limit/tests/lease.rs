//! Machines, a store between them that answers late or not at all, and the bound that must hold of every stretch and
//! window.

use crate::config::policy::limit::Failure;
use crate::policy::limit::lease::*;
use proptest::prelude::*;
use std::collections::VecDeque;

const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;

/// A machine with what is on its way to it.
#[derive(Default)]
struct Machine {
    lease: Lease,
    asked: VecDeque<Asked>,
}

/// A question on its way.
struct Asked {
    ask: Ask,
    /// When the store sees it, and when the answer is back; whether it ever comes back.
    seen: u64,
    back: u64,
    is_lost: bool,
    grant: Option<Grant>,
}

/// Runs `machines` for `seconds`, each with a request every `every` ns; gives the moments of all that passed. A delay of 0
/// stands for an answer that is lost.
fn run(terms: &Terms, machines: usize, seconds: u64, every: u64, delays: &[u64]) -> Vec<u64> {
    let mut pot = Pot::default();
    let mut fleet: Vec<Machine> = (0..machines).map(|_| Machine::default()).collect();
    let (mut passed, mut delay) = (Vec::new(), delays.iter().copied().cycle());
    let start = 1000 * SECOND;
    let mut now = start;
    while now < start + seconds * SECOND {
        for machine in &mut fleet {
            if machine.lease.spend(terms, now) != Pays::Nothing {
                passed.push(now);
            }
            // An answer on its way is waited for before the next ask.
            if let Some(asked) = machine.asked.front_mut() {
                if asked.seen <= now && asked.grant.is_none() {
                    asked.grant = Some(pot.grant(terms, &asked.ask, now));
                }
                if asked.back <= now {
                    match asked.grant {
                        Some(grant) if !asked.is_lost => {
                            machine.lease.granted(terms, &asked.ask, &grant, now);
                        }
                        _ => machine.lease.unanswered(&asked.ask),
                    }
                    machine.asked.pop_front();
                }
            }
            if machine.asked.is_empty() && machine.lease.is_active(terms, now) {
                let ask = machine.lease.ask(terms, now);
                let late = delay.next().expect("endless");
                let back = now + late.max(MILLI);
                machine.asked.push_back(Asked {
                    ask,
                    seen: now + late / 2,
                    back,
                    is_lost: late == 0,
                    grant: None,
                });
            }
        }
        now += every;
    }
    passed
}

/// The most by which any stretch goes past burst + rate × its length.
fn over_a_bucket(terms: &Terms, passed: &[u64]) -> i128 {
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

/// The most by which a window of the store goes past the count.
fn over_a_window(terms: &Terms, passed: &[u64]) -> i128 {
    let mut counts = std::collections::BTreeMap::<u64, i128>::new();
    passed.iter().for_each(|at| *counts.entry(at / terms.per).or_default() += 1);
    counts.into_values().max().unwrap_or(0) - i128::from(terms.count)
}

/// The most by which any stretch as long as the window goes past the count.
fn over_a_stretch(terms: &Terms, passed: &[u64]) -> i128 {
    let mut worst = 0;
    let mut first = 0;
    for (index, at) in passed.iter().enumerate() {
        while passed[first] + terms.per <= *at {
            first += 1;
        }
        worst = worst.max(index + 1 - first);
    }
    worst as i128 - i128::from(terms.count)
}

fn overshoot(terms: &Terms, passed: &[u64]) -> i128 {
    match terms.way {
        Way::Bucket => over_a_bucket(terms, passed),
        Way::Window | Way::Counter => over_a_window(terms, passed),
        Way::Log => over_a_stretch(terms, passed),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]
    #[test]
    fn nothing_goes_past_the_bound_that_is_printed(
        way in prop_oneof![Just(Way::Bucket), Just(Way::Window), Just(Way::Counter), Just(Way::Log)],
        count in 1..400_u32, burst in 1..100_u32, lease in 20..1500_u64, machines in 1..5_usize, every in 1..20_u64,
        delays in prop::collection::vec(prop_oneof![1 => Just(0), 8 => 1..40_u64], 1..20),
    ) {
        let (burst, lease) = if way == Way::Bucket { (burst, lease) } else { (count, lease.min(1000)) };
        let terms = Terms { way, count, per: SECOND, burst, lease: lease * MILLI };
        let delays: Vec<u64> = delays.iter().map(|delay| delay * MILLI).collect();
        let passed = run(&terms, machines, 6, every * MILLI, &delays);
        let bound = terms.overshoot(u32::try_from(machines).expect("few"));
        let over = overshoot(&terms, &passed);
        prop_assert!(over <= i128::from(bound), "{over} over, {bound} printed, {} passed", passed.len());
    }
}

fn terms(way: Way, count: u32, per: u64, burst: u32, lease: u64) -> Terms {
    Terms { way, count, per, burst, lease }
}

#[test]
fn machines_that_ask_for_more_share_the_rate_and_use_it() {
    for way in [Way::Bucket, Way::Window, Way::Counter, Way::Log] {
        let terms = terms(way, 1000, SECOND, if way == Way::Bucket { 100 } else { 1000 }, SECOND / 5);
        for machines in [1, 2, 5] {
            let passed = run(&terms, machines, 20, MILLI / 2, &[2 * MILLI]).len();
            // A counter takes a burst at a window's end for one that came evenly, so the next window gets less.
            let least = if way == Way::Counter { 15_000 } else { 19_000 };
            assert!(passed >= least, "{way:?}: {machines} machines let {passed} of 20,000 pass");
            let most = 20_100 + 20 * usize::try_from(terms.overshoot(machines as u32)).expect("small");
            assert!(passed <= most, "{way:?}: {machines} machines let {passed} pass");
        }
    }
}

#[test]
fn the_bound_is_made_of_leases_and_credits() {
    let minute = |way| terms(way, 100, 60 * SECOND, if way == Way::Bucket { 20 } else { 100 }, SECOND);
    let over = |way| [1, 3].map(|machines| minute(way).overshoot(machines));
    assert_eq!(minute(Way::Bucket).credit(), 2);
    assert_eq!(over(Way::Bucket), [4, 8], "a lease, and a credit a machine");
    assert_eq!(over(Way::Window), [2, 6], "a credit a machine");
    assert_eq!(over(Way::Counter), [2, 6]);
    assert_eq!(over(Way::Log), [4, 12], "a lease and a credit a machine");
    let fast = terms(Way::Bucket, 1000, SECOND, 50, SECOND);
    assert_eq!((fast.credit(), fast.overshoot(2)), (50, 1100));
    assert_eq!(fast.overshoot_alone(2, Failure::Local), Some(2));
    assert_eq!(fast.overshoot_alone(2, Failure::Open), None);
}

fn ask(back: u32, mark: u64, want: u32, now: u64) -> Ask {
    Ask { charge: 0, back, mark, want, sent: now }
}

#[test]
fn credit_comes_back_only_when_debts_are_paid() {
    let terms = terms(Way::Bucket, 1, SECOND, 2, 2 * SECOND);
    let (mut pot, lease) = (Pot::default(), Lease::new());
    let now = 100 * SECOND;
    // Another machine has emptied the bucket.
    assert_eq!(pot.grant(&terms, &ask(0, 0, 9, now), now).tokens, 2);
    let spend = |now| lease.spend(&terms, now);
    assert_eq!([spend(now), spend(now), spend(now)], [Pays::Credit, Pays::Credit, Pays::Nothing]);
    for second in 0..2 {
        let now = now + second * SECOND;
        let ask = lease.ask(&terms, now);
        assert_eq!(ask.charge, if second == 0 { 2 } else { 0 }, "charged once");
        let grant = pot.grant(&terms, &ask, now);
        assert_eq!((grant.tokens, grant.paid), (0, false));
        lease.granted(&terms, &ask, &grant, now);
        assert_eq!(spend(now), Pays::Nothing);
        assert!(!lease.is_idle(), "control looks after it until its debts are paid");
    }
    let now = now + 3 * SECOND;
    let ask = lease.ask(&terms, now);
    let grant = pot.grant(&terms, &ask, now);
    assert_eq!((grant.tokens, grant.paid), (1, true));
    lease.granted(&terms, &ask, &grant, now);
    assert_eq!([spend(now), spend(now)], [Pays::Lease, Pays::Credit]);
}

#[test]
fn what_expires_goes_back_and_is_spent_by_another() {
    let terms = terms(Way::Bucket, 1, 3600 * SECOND, 10, SECOND);
    let mut pot = Pot::default();
    let (one, now) = (Lease::new(), 100 * SECOND);
    (0..8).for_each(|_| {
        one.spend(&terms, now);
    });
    let asked = one.ask(&terms, now);
    one.granted(&terms, &asked, &pot.grant(&terms, &asked, now), now);
    let later = now + SECOND;
    assert_eq!(one.spend(&terms, later), Pays::Credit, "the lease has run out");
    let asked = one.ask(&terms, later);
    assert_eq!(asked.back, 8);
    one.granted(&terms, &asked, &pot.grant(&terms, &asked, later), later);
    let other = pot.grant(&terms, &ask(0, 0, 10, later), later);
    assert_eq!(other.tokens, 7, "10, less two charges, less one granted anew");
}

#[test]
fn a_window_takes_back_only_its_own() {
    for way in [Way::Window, Way::Counter] {
        let terms = terms(way, 10, SECOND, 10, SECOND);
        let (mut pot, now) = (Pot::default(), 100 * SECOND + SECOND / 2);
        let first = pot.grant(&terms, &ask(0, 0, 4, now), now);
        assert_eq!((first.tokens, first.room, first.left, first.mark), (4, 6, SECOND / 2, 100), "{way:?}");
        let next = now + SECOND;
        let late = pot.grant(&terms, &ask(4, first.mark, 10, next), next);
        assert_eq!(late.tokens, 10, "{way:?}: what the last window granted and was not spent does not count");
        assert_eq!(pot.grant(&terms, &ask(2, late.mark, 5, next), next).tokens, 2, "{way:?}");
    }
}

#[test]
fn a_lease_ends_with_its_window() {
    let terms = terms(Way::Window, 10, SECOND, 10, SECOND);
    let (mut pot, lease, now) = (Pot::default(), Lease::new(), 100 * SECOND + 900 * MILLI);
    assert!((0..3).all(|_| lease.spend(&terms, now) == Pays::Credit));
    let asked = lease.ask(&terms, now);
    lease.granted(&terms, &asked, &pot.grant(&terms, &asked, now), now);
    assert_eq!(lease.peek(now + 99 * MILLI), Pays::Lease);
    assert_eq!(lease.peek(now + 100 * MILLI), Pays::Credit, "the window is over");
}

#[test]
fn a_token_that_comes_back_late_goes_back_to_the_store() {
    let terms = terms(Way::Bucket, 10, SECOND, 10, SECOND);
    let (mut pot, lease, now) = (Pot::default(), Lease::new(), 100 * SECOND);
    lease.spend(&terms, now);
    let asked = lease.ask(&terms, now);
    lease.granted(&terms, &asked, &pot.grant(&terms, &asked, now), now);
    assert_eq!(lease.spend(&terms, now), Pays::Lease);
    // Taken out as expired, and given back after that.
    assert_eq!(lease.ask(&terms, now + 2 * SECOND).back, 0);
    lease.refund(&terms, Pays::Lease);
    assert_eq!(lease.peek(now + 2 * SECOND), Pays::Credit);
    assert_eq!(lease.ask(&terms, now + 2 * SECOND).back, 1);
}

#[test]
fn sixteen_threads_spend_each_token_once() {
    let terms = terms(Way::Bucket, 1000, SECOND, 1000, SECOND);
    let (lease, now) = (Lease::new(), 100 * SECOND);
    let grant = Grant { tokens: 500, paid: false, retry: 0, room: 0, left: u64::MAX, mark: 0 };
    lease.granted(&terms, &ask(0, 0, 500, now), &grant, now);
    let paid = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| (0..1000).filter(|_| lease.spend(&terms, now) != Pays::Nothing).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("runs")).sum::<usize>()
    });
    assert_eq!(paid, 1500, "500 granted and a credit of 1000");
}

/// A shard spends and looks whether control looks after the lease, while control finds nothing of it and leaves: either the
/// shard tells control, or control has seen what was spent.
#[test]
fn a_lease_that_control_leaves_is_told_anew_when_it_is_spent() {
    let terms = terms(Way::Bucket, 1000, SECOND, 1000, SECOND);
    let turns = 3000;
    let leases: Vec<Lease> = (0..turns).map(|_| Lease::new()).collect();
    leases.iter().for_each(|lease| assert!(lease.tell(7)));
    let begun = std::sync::atomic::AtomicUsize::new(0);
    let meet = |turn: usize| {
        begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        while begun.load(std::sync::atomic::Ordering::SeqCst) < 2 * (turn + 1) {
            std::thread::yield_now();
        }
    };
    let told = |lease: &Lease| {
        lease.spend(&terms, SECOND);
        !lease.is_told(7) && lease.tell(7)
    };
    let (by_shard, by_control) = std::thread::scope(|scope| {
        let shard = scope.spawn(|| {
            let one = |(turn, lease)| {
                meet(turn);
                told(lease)
            };
            leases.iter().enumerate().map(one).collect::<Vec<bool>>()
        });
        let one = |(turn, lease): (usize, &Lease)| {
            meet(turn);
            lease.leave(7);
            !lease.is_idle() && lease.tell(7)
        };
        let control: Vec<bool> = leases.iter().enumerate().map(one).collect();
        (shard.join().expect("runs"), control)
    });
    for (turn, (shard, control)) in by_shard.into_iter().zip(by_control).enumerate() {
        assert!(shard != control, "{turn}: by the shard {shard}, by control {control}");
        assert!(leases[turn].is_told(7));
    }
}

#[test]
fn a_store_that_does_not_answer_is_left_alone_and_tried_again() {
    for chance in [0, 1, 511, 1023, u64::MAX] {
        let mut breaker = Breaker::default();
        let now = 100 * SECOND;
        for _ in 0..3 {
            assert!(breaker.is_working() && breaker.until() <= now + 10 * MILLI);
            breaker.failed(now, chance);
            assert!(breaker.until() > now, "not in a loop without a pause");
        }
        assert!(!breaker.is_working());
        let mut at = now;
        for _ in 0..10 {
            at += SECOND / 2;
            assert!(breaker.until() <= at, "tried within half a second, so that it is found within one");
            breaker.failed(at, chance);
        }
        assert!(breaker.until() >= at + SECOND / 4);
        breaker.answered();
        assert!(breaker.is_working() && breaker.until() == 0);
    }
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
