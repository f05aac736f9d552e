//! Sixteen threads, each with a shard's map of its own, on the same keys: no pass too many and none too few.

use super::*;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

const THREADS: usize = 16;

/// Runs `turn` on all threads until it says stop; gives the sum of what passed.
fn race(turn: impl Fn(&mut Cells, usize) -> Option<u64> + Sync) -> u64 {
    let barrier = Barrier::new(THREADS);
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (barrier, passed, turn) = (&barrier, &passed, &turn);
            scope.spawn(move || {
                let mut cells = Cells::new();
                barrier.wait();
                while let Some(pass) = turn(&mut cells, thread) {
                    passed.fetch_add(pass, Relaxed);
                }
            });
        }
    });
    passed.load(Relaxed)
}

/// 2,000 requests of 16 threads within one window let exactly 1,000 pass; with one key, and with a hundred new ones.
fn exactly_1000(algorithm: &str) {
    for keys in [1_u64, 100] {
        let mut sets = sets();
        let limit = limit(&mut sets, &format!("algorithm: {algorithm}, rate: {}/h", 1000 / keys));
        let turns = AtomicU64::new(0);
        // Their clocks differ by a little, as those of shards do.
        let passed = race(|cells, thread| {
            let turn = turns.fetch_add(1, Relaxed);
            let key = u32::try_from(turn % keys).expect("small");
            let now = Tick(START + thread as u64 * 100 + turn);
            (turn < 2000).then(|| u64::from(as_client(key, |facts| cells.spend(&limit, &facts, now).pass)))
        });
        assert_eq!(passed, 1000, "{algorithm} with {keys} keys");
    }
}

#[test]
fn a_fixed_window_lets_exactly_its_limit_pass() {
    exactly_1000("fixed_window");
}

#[test]
fn a_sliding_window_log_lets_exactly_its_limit_pass() {
    exactly_1000("sliding_window_log");
}

#[test]
fn a_sliding_window_counter_lets_exactly_its_limit_pass() {
    exactly_1000("sliding_window_counter");
}

/// Windows end while 16 threads count, some of them late: what passed in a window is no more than its limit, and
/// all of it.
#[test]
fn windows_that_end_under_way_lose_nothing() {
    for algorithm in ["fixed_window", "sliding_window_log"] {
        let mut sets = sets();
        let limit = limit(&mut sets, &format!("algorithm: {algorithm}, rate: 100/s"));
        let turns = AtomicU64::new(0);
        // 10 windows of 1,000 requests each.
        let passed = race(|cells, _| {
            let turn = turns.fetch_add(1, Relaxed);
            let now = Tick(START - START % SECOND + turn * SECOND / 1000);
            (turn < 10_000).then(|| u64::from(as_client(1, |facts| cells.spend(&limit, &facts, now).pass)))
        });
        // A thread may be late by as much as it is held up, so that its request counts in a later window.
        assert!((900..=1000).contains(&passed), "{algorithm}: {passed}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is a shard here, and shards read the clock")]
fn a_token_bucket_gives_its_burst_and_the_rate_times_the_time_exactly() {
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 20000/s, burst: 300, key: global");
    let begin = Instant::now();
    let nanos = |since: Instant| u64::try_from(since.elapsed().as_nanos()).expect("a short test");
    let (first, last) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
    let passed = race(|cells, _| {
        let now = nanos(begin);
        if now > SECOND / 2 {
            return None;
        }
        let pass = as_client(1, |facts| cells.spend(&limit, &facts, Tick(START + now)).pass);
        if pass {
            first.fetch_min(now, Relaxed);
        }
        last.fetch_max(now, Relaxed);
        Some(u64::from(pass))
    });
    let elapsed = last.load(Relaxed) - first.load(Relaxed);
    let due = 300 + elapsed * 20_000 / SECOND;
    println!("elapsed {elapsed} ns: {passed} passed, {due} due");
    assert!(passed <= due, "{passed} of {due}");
    // Asked without a pause, the bucket has less than a token left, and what came in after the last look.
    assert!(passed + 20 >= due, "{passed} of {due}: tokens were lost");
}

#[test]
fn what_leaves_a_leaky_bucket_is_spaced() {
    let mut sets = sets();
    let limit =
        limit(&mut sets, "algorithm: leaky_bucket, rate: 3000/s, burst: 500, max_wait: 1h, key: global");
    let turns = AtomicU64::new(0);
    let leave: std::sync::Mutex<Vec<u64>> = std::sync::Mutex::default();
    let passed = race(|cells, thread| {
        let turn = turns.fetch_add(1, Relaxed);
        let now = START + turn * 1000 + thread as u64;
        let said = as_client(1, |facts| cells.spend(&limit, &facts, Tick(now)));
        if said.pass && turn < 4000 {
            leave.lock().expect("no panic").push(now + said.wait);
        }
        (turn < 4000).then_some(u64::from(said.pass && turn < 4000))
    });
    let mut leave = leave.into_inner().expect("no panic");
    leave.sort_unstable();
    assert_eq!(leave.len() as u64, passed);
    // 1/3000 s is 333,333 ⅓ ns.
    assert!(leave.windows(2).all(|pair| pair[1] - pair[0] >= 333_334), "two leave too close");
    // A queue of 500 that empties for 4 ms: nobody was refused in vain.
    assert!((500..=514).contains(&passed), "{passed}");
}

#[test]
fn no_more_are_in_flight_than_the_limit_and_every_place_comes_back() {
    let mut sets = sets();
    let limit = in_flight(&mut sets, "limit: 5, key: global");
    let (turns, now_in, most) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    race(|cells, _| {
        let turn = turns.fetch_add(1, Relaxed);
        let guard = as_client(1, |facts| cells.enter(&limit, &facts, Tick(START + turn)));
        if let Ok(guard) = guard {
            most.fetch_max(now_in.fetch_add(1, Relaxed) + 1, Relaxed);
            std::thread::yield_now();
            now_in.fetch_sub(1, Relaxed);
            drop(guard);
        }
        (turn < 20_000).then_some(0)
    });
    assert!(most.load(Relaxed) <= 5, "{most:?}");
    let mut cells = Cells::new();
    let guards: Vec<_> =
        (0..6).map(|_| as_client(1, |facts| cells.enter(&limit, &facts, Tick(START)))).collect();
    assert_eq!(guards.iter().filter(|guard| guard.is_ok()).count(), 5);
}
