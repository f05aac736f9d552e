//! Several limits of one request: all or nothing, and the tightest answers.

use super::*;

/// Spends by all of `limits` for client 1.
fn spend(cells: &mut Cells, limits: &[&Limit], now: u64, spent: &mut Vec<Spent>) -> Decision {
    as_client(1, |facts| {
        let moment = (Tick(now), Tick::NEVER);
        cells.spend_all(limits.iter().copied(), &facts, moment, spent).expect("there are limits")
    })
}

#[test]
fn whose_turn_comes_too_late_takes_no_place() {
    let mut sets = sets();
    let queue = named(&mut sets, "queue", "algorithm: leaky_bucket, rate: 1/s, burst: 20, max_wait: 20s");
    let wide = named(&mut sets, "wide", "algorithm: fixed_window, rate: 50/h");
    let (mut cells, mut spent) = (Cells::new(), Vec::new());
    // Each may wait for five seconds.
    let mut ask = |at: u64| {
        let moment = (Tick(START + at), Tick(START + at + 5 * SECOND));
        as_client(1, |facts| {
            cells
                .spend_all([&wide, &queue].into_iter(), &facts, moment, &mut spent)
                .expect("there are limits")
        })
    };
    let turns: Vec<Decision> = (0..12).map(|_| ask(0)).collect();
    assert_eq!(turns.iter().filter(|turn| turn.pass).count(), 5, "{turns:?}");
    let refused = turns[11];
    // A second later the queue has a turn within five seconds again.
    assert_eq!((refused.limit, refused.quota.remaining), (1, 0), "it is the queue that refuses");
    assert!(refused.quota.retry <= SECOND, "{refused:?}");
    assert!(ask(SECOND).pass && !ask(SECOND).pass);
    assert_eq!(spent.len(), 2 * 6, "of those that were refused nothing is spent");
    let left = as_client(1, |facts| cells.peek(&wide, &facts, Tick(START)).quota.remaining);
    assert_eq!(left, 50 - 6 - 1, "nor of a limit beside it");
}

#[test]
fn a_refusal_by_one_spends_nothing_of_the_others() {
    for algorithm in
        ["token_bucket", "fixed_window", "sliding_window_counter", "sliding_window_log", "leaky_bucket"]
    {
        let mut sets = sets();
        let wait = if algorithm == "leaky_bucket" { ", max_wait: 7d" } else { "" };
        let wide = limit(&mut sets, &format!("algorithm: {algorithm}, rate: 50/h{wait}"));
        let narrow = named(&mut sets, "narrow", "rate: 3/h, burst: 3");
        let (mut cells, mut spent) = (Cells::new(), Vec::new());
        let passed = (0..20).filter(|_| spend(&mut cells, &[&wide, &narrow], START, &mut spent).pass).count();
        assert_eq!(passed, 3);
        assert_eq!(spent.len(), 6, "what was spent is told, in order");
        let left = as_client(1, |facts| cells.peek(&wide, &facts, Tick(START)).quota.remaining);
        let expected = if algorithm == "leaky_bucket" { 51 - 4 } else { 50 - 4 };
        assert_eq!(left, expected, "{algorithm}: what is left behind one more");
    }
}

#[test]
fn what_was_spent_can_be_undone_by_a_later_stage() {
    for algorithm in ["token_bucket", "fixed_window", "sliding_window_counter", "sliding_window_log"] {
        let mut sets = sets();
        let limit = limit(&mut sets, &format!("algorithm: {algorithm}, rate: 2/h"));
        let (mut cells, mut spent) = (Cells::new(), Vec::new());
        for _ in 0..10 {
            assert!(spend(&mut cells, &[&limit], START, &mut spent).pass, "{algorithm}");
            let undone = spent.pop().expect("one was spent");
            cells.refund(&limit, &undone);
        }
    }
}

#[test]
fn the_tightest_answers_and_the_longest_refusal() {
    let mut sets = sets();
    let wide = limit(&mut sets, "algorithm: fixed_window, rate: 100/h");
    let narrow = limit(&mut sets, "rate: 60/min, burst: 5");
    let (mut cells, mut spent) = (Cells::new(), Vec::new());
    let said = spend(&mut cells, &[&wide, &narrow], START, &mut spent);
    assert_eq!((said.limit, said.quota.remaining, said.quota.limit), (1, 4, 5));
    let day = limit(&mut sets, "algorithm: fixed_window, rate: 1/d, key: route");
    assert!(spend(&mut cells, &[&day], START, &mut spent).pass);
    (0..4).for_each(|_| assert!(spend(&mut cells, &[&narrow], START, &mut spent).pass));
    let said = spend(&mut cells, &[&narrow, &day], START, &mut spent);
    assert!(!said.pass);
    assert_eq!(said.limit, 1, "the day lasts longer than the second");
    assert!(said.quota.retry > SECOND);
}

#[test]
fn the_longest_wait_counts() {
    let mut sets = sets();
    let slow = limit(&mut sets, "algorithm: leaky_bucket, rate: 1/s, burst: 5, max_wait: 10s");
    let fast = limit(&mut sets, "algorithm: leaky_bucket, rate: 10/s, burst: 5, max_wait: 10s, key: route");
    let (mut cells, mut spent) = (Cells::new(), Vec::new());
    let until: Vec<u64> =
        (0..3).map(|_| spend(&mut cells, &[&fast, &slow], START, &mut spent).until.0 - START).collect();
    assert_eq!(until, [0, SECOND, 2 * SECOND]);
}

#[test]
fn to_peek_spends_nothing_and_takes_no_cell() {
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 1/h, keys: 1");
    let mut cells = Cells::new();
    for key in 0..5 {
        as_client(key, |facts| {
            let (one, other) =
                (cells.peek(&limit, &facts, Tick(START)), cells.peek(&limit, &facts, Tick(START)));
            assert!(one.pass && one == other);
        });
    }
    assert!(cells.is_empty());
    assert_eq!(limit.plans[0].set.stripes().tally().made.load(std::sync::atomic::Ordering::Relaxed), 0);
}
