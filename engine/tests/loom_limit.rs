//! Limits, model-checked: the cells and the store are compiled here from their own source files with loom's atomics and
//! lock, and every interleaving up to `LOOM_MAX_PREEMPTIONS` (3) is tried. loom also lets loads see older values where
//! the orderings allow it.

use cell::bucket::{self, Bucket};
use cell::counter::Counter;
use cell::fixed::{Fixed, Windows};
use cell::in_flight::InFlight;
use cell::leaky::Leaky;
use cell::log::{self, Log};
use cell::rule::Rule;
use cell::{Cell, Said};
use loom::sync::Arc;
use loom::thread;
use store::Key;
use store::local::{Local, Whose};
use store::stripes::Stripes;

/// In the place of `policy::limit::sync`.
mod sync {
    pub use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
    pub use loom::sync::{Arc, Mutex};
}

#[allow(dead_code)]
#[path = "../src/policy/limit/cell/mod.rs"]
mod cell;
#[allow(dead_code, unused_imports)]
#[path = "../src/policy/limit/lease/mod.rs"]
mod lease;
#[allow(dead_code)]
#[path = "../src/policy/limit/store/mod.rs"]
mod store;

/// What leases are written for.
mod config {
    pub use ringgate::config::policy;
}

const PREEMPTIONS: usize = 3;
const SECOND: u64 = 1_000_000_000;
const START: u64 = 1000 * SECOND;

/// Tries every interleaving of `law`.
fn check(law: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(PREEMPTIONS));
    model.check(law);
}

/// Runs `one` and `other` beside each other on a fresh cell; gives what they say, and the cell.
fn beside<T: Send + 'static>(
    rule: Rule,
    slots: usize,
    one: fn(&Rule, &Cell) -> T,
    other: fn(&Rule, &Cell) -> T,
) -> (T, T, Arc<Cell>) {
    let cell = Arc::new(Cell::new(slots));
    rule.fresh(&cell, START);
    let beside = cell.clone();
    let running = thread::spawn(move || other(&rule, &beside));
    let one = one(&rule, &cell);
    (one, running.join().expect("runs"), cell)
}

fn spend(rule: &Rule, cell: &Cell) -> Said {
    rule.spend(cell, START)
}

fn bucket(burst: u32) -> Rule {
    Rule::Bucket(Bucket::new(1, SECOND, burst, bucket::parts(1, SECOND)).expect("fits"))
}

fn windows() -> Windows {
    Windows { per: SECOND, offset: 0 }
}

/// Of two requests beside each other and one behind them, exactly `limit` pass.
fn exactly(limit: usize, rule: Rule, slots: usize) {
    check(move || {
        let (one, other, cell) = beside(rule, slots, spend, spend);
        let last = spend(&rule, &cell);
        let passed = [one, other, last].iter().filter(|said| said.pass).count();
        assert_eq!(passed, limit);
    });
}

#[test]
fn of_requests_beside_each_other_exactly_the_limit_pass() {
    for limit in [1, 2] {
        exactly(limit as usize, bucket(limit), 0);
        exactly(limit as usize, Rule::Fixed(Fixed::new(limit, windows())), 0);
        exactly(limit as usize, Rule::InFlight(InFlight::new(limit)), 0);
        exactly(limit as usize, Rule::Leaky(Leaky::new(1, SECOND, limit - 1, u64::MAX).expect("fits")), 0);
    }
}

#[test]
fn a_counter_lets_exactly_its_limit_pass() {
    exactly(1, Rule::Counter(Counter::new(1, windows())), 0);
    exactly(2, Rule::Counter(Counter::new(2, windows())), 0);
}

#[test]
fn a_log_lets_exactly_its_limit_pass() {
    exactly(1, Rule::Log(Log::new(1, SECOND)), log::slots(1));
    exactly(2, Rule::Log(Log::new(2, SECOND)), log::slots(2));
}

/// One counts at the very end of a window, another at the beginning of the next, where the first still has its whole
/// share.
#[test]
fn a_counter_never_goes_by_a_count_that_still_grows() {
    check(|| {
        let rule = Rule::Counter(Counter::new(1, windows()));
        let late = |rule: &Rule, cell: &Cell| rule.spend(cell, START + SECOND - 1).pass;
        let early = |rule: &Rule, cell: &Cell| rule.spend(cell, START + SECOND).pass;
        let (one, other, _) = beside(rule, 0, late, early);
        assert!(one != other, "both or neither pass: {one}");
    });
}

/// A counter that reads the window before without sealing it lets both pass; the model has to find that.
#[test]
#[should_panic(expected = "both or neither pass")]
fn a_counter_that_goes_by_a_count_that_grows_is_caught_by_the_model() {
    check(|| {
        let words = Arc::new([sync::AtomicU64::new(0), sync::AtomicU64::new(0)]);
        let spend = |words: &[sync::AtomicU64; 2], window: usize| {
            let relaxed = sync::Ordering::Relaxed;
            let before = words[window ^ 1].load(relaxed);
            before == 0 && words[window].compare_exchange(0, 1, relaxed, relaxed).is_ok()
        };
        let late = words.clone();
        let running = thread::spawn(move || spend(&late, 0));
        let (early, late) = (spend(&words, 1), running.join().expect("runs"));
        assert!(late != early, "both or neither pass: {late}");
    });
}

#[test]
fn a_window_never_steps_back() {
    check(|| {
        let rule = Rule::Fixed(Fixed::new(1, windows()));
        let late = |rule: &Rule, cell: &Cell| rule.spend(cell, START).pass;
        let early = |rule: &Rule, cell: &Cell| rule.spend(cell, START + SECOND).pass;
        let (one, other, cell) = beside(rule, 0, late, early);
        // The late one passes in its own window, or is one too many in the next.
        assert!(one || other);
        let again = [START, START + SECOND].map(|now| rule.spend(&cell, now).pass);
        assert_eq!(again, [false, !other && !one]);
    });
}

/// What one gives back another may take, once.
fn refunds(rule: Rule, slots: usize) {
    check(move || {
        let undo = |rule: &Rule, cell: &Cell| {
            let said = rule.spend(cell, START);
            if said.pass {
                rule.refund(cell, said.mark);
            }
            false
        };
        let keep = |rule: &Rule, cell: &Cell| rule.spend(cell, START).pass;
        let (_, kept, cell) = beside(rule, slots, undo, keep);
        let more = (0..2).filter(|_| rule.spend(&cell, START).pass).count();
        assert_eq!(usize::from(kept) + more, 1, "kept {kept}, then {more}");
    });
}

#[test]
fn a_refund_gives_back_what_was_taken_and_no_more() {
    refunds(bucket(1), 0);
    refunds(Rule::Fixed(Fixed::new(1, windows())), 0);
    refunds(Rule::Counter(Counter::new(1, windows())), 0);
    refunds(Rule::Log(Log::new(1, SECOND)), log::slots(1));
    refunds(Rule::InFlight(InFlight::new(1)), 0);
}

const ONE: Key = Key(1, 1);
const OTHER: Key = Key(2, 2);

#[test]
fn a_new_key_met_by_two_shards_at_once_has_one_cell() {
    check(|| {
        let rule = bucket(1);
        let stripes = Arc::new(Stripes::new(2, 0, &rule, START));
        let shared = stripes.clone();
        let met = thread::spawn(move || Local::default().spend(&shared, ONE, &rule, START));
        let (said, whose) = Local::default().spend(&stripes, ONE, &rule, START);
        let (other_said, other_whose) = met.join().expect("runs");
        assert_eq!((whose, other_whose), (Whose::Own, Whose::Own));
        assert!(said.pass != other_said.pass, "one token, one pass");
    });
}

/// There is room for one cell. A shard whose clock lies behind uses it twice, while one whose clock says that it is at
/// rest wants it for another key.
#[test]
fn a_cell_that_a_shard_holds_is_not_given_away() {
    check(|| {
        let rule = bucket(1);
        let stripes = Arc::new(Stripes::new(1, 0, &rule, START));
        let shared = stripes.clone();
        let wanting = thread::spawn(move || {
            let mut local = Local::default();
            local.spend(&shared, OTHER, &rule, START + 10 * SECOND)
        });
        let mut local = Local::default();
        let uses = [0, 1].map(|later| local.spend(&stripes, ONE, &rule, START + later));
        let (wanted, _) = wanting.join().expect("runs");
        assert!(wanted.pass);
        if uses.iter().all(|(_, whose)| *whose == Whose::Own) {
            assert!(uses[0].0.pass && !uses[1].0.pass, "its one token was spent twice: {uses:?}");
        }
    });
}

/// A shard lets go of a cell at rest and comes back for it, while another gives the cell to a new key and then meets the
/// first key itself. Whoever has the key's own cell shares its one token.
#[test]
fn a_cell_let_go_of_and_given_away_counts_for_its_new_key_only() {
    check(|| {
        let rule = bucket(1);
        let later = START + 10 * SECOND;
        let stripes = Arc::new(Stripes::new(1, 0, &rule, START));
        let mut local = Local::default();
        assert!(local.spend(&stripes, ONE, &rule, START).0.pass);
        let shared = stripes.clone();
        let taking = thread::spawn(move || {
            let mut local = Local::default();
            [OTHER, ONE].map(|key| local.spend(&shared, key, &rule, later))
        });
        local.sweep(&stripes, later, 8);
        let mine = local.spend(&stripes, ONE, &rule, later);
        let [other, theirs] = taking.join().expect("runs");
        let own_passes = |uses: &[(Said, Whose)]| {
            uses.iter().filter(|(said, whose)| said.pass && *whose == Whose::Own).count()
        };
        assert!(own_passes(&[mine, theirs]) <= 1, "two tokens of one key: {mine:?} {theirs:?}");
        assert!(own_passes(&[mine, theirs, other]) <= 2);
        let overflow = [mine, theirs, other]
            .iter()
            .filter(|(said, whose)| said.pass && *whose == Whose::Overflow)
            .count();
        assert!(overflow <= 1, "the overflow cell has one token");
    });
}

/// A place among those in flight is given back by a guard that outlives the shard's own reference.
#[test]
fn a_cell_with_a_place_in_flight_is_not_given_away() {
    check(|| {
        let rule = Rule::InFlight(InFlight::new(1));
        let stripes = Arc::new(Stripes::new(1, 0, &rule, START));
        let mut local = Local::default();
        let (said, _, guarded) = local.hold(&stripes, ONE, &rule, START);
        assert!(said.pass);
        local.clear();
        let shared = stripes.clone();
        let wanting = thread::spawn(move || Local::default().hold(&shared, OTHER, &rule, START).1);
        let guarded = guarded.expect("passed");
        rule.refund(&guarded, 0);
        drop(guarded);
        // Given back before or after the other one looked: its own cell, or the overflow; never one that counts wrongly.
        let _ = wanting.join().expect("runs");
        let mut local = Local::default();
        assert!(local.hold(&stripes, ONE, &rule, START).0.pass || stripes.look(OTHER).is_some());
    });
}

/// What control grants while shards spend is neither lost nor spent twice. (That a lease which control leaves is told anew is
/// tried by threads, in `policy/limit/tests/lease.rs`: loom has no order of sequentially consistent loads.)
#[test]
fn a_grant_that_comes_while_tokens_are_spent_loses_none() {
    use lease::{Ask, Grant, Lease, Pays, Terms, Way};
    check(|| {
        let terms = Terms { way: Way::Bucket, count: 1, per: SECOND, burst: 3, lease: SECOND };
        let lease = Arc::new(Lease::new());
        assert_eq!(lease.spend(&terms, START), Pays::Credit);
        let ask = lease.ask(&terms, START);
        assert_eq!((ask.charge, ask.want), (1, 1));
        let spends = {
            let lease = lease.clone();
            thread::spawn(move || lease.spend(&terms, START))
        };
        let grant = Grant { tokens: 2, paid: true, retry: 0, room: 0, left: u64::MAX, mark: 0 };
        lease.granted(&terms, &Ask { want: 2, ..ask }, &grant, START);
        let first = spends.join().expect("runs");
        let rest = (0..9).filter(|_| lease.spend(&terms, START) != Pays::Nothing).count();
        assert_eq!(rest + usize::from(first != Pays::Nothing), 3, "two granted, and the credit that is paid");
    });
}
