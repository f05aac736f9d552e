//! How look-ups grow with the table, by the clock: nanoseconds a look-up at 100 and at 100,000 routes with every route
//! asked for once in shuffled order, their ratio, the time to build each table, and a thousand expressions in one
//! automaton. Prints; the bounds on what does not depend on the machine are held by `route_instructions`.

use ringgate_bench::routes::{Asked, Layout};
use std::hint::black_box;
use std::time::{Duration, Instant};

#[allow(clippy::disallowed_methods)] // a bench reads the clock
fn now() -> Instant {
    Instant::now()
}

/// The table, and the time it took to build it with its requests.
fn build(layout: Layout, count: usize) -> (Asked, Duration) {
    let began = now();
    let asked = Asked::new(layout, count);
    (asked, began.elapsed())
}

/// Nanoseconds a look-up: the median of `rounds` rounds over `count` routes, after one that warms up.
fn nanos(asked: &Asked, count: usize, rounds: usize) -> f64 {
    let repeats = (20_000 / count).max(1);
    let round = || {
        let began = now();
        for _ in 0..repeats {
            assert_eq!(black_box(asked).ask_all(), count, "every route is found");
        }
        began.elapsed().as_secs_f64() * 1e9 / (repeats * count) as f64
    };
    round();
    let mut all: Vec<f64> = (0..rounds).map(|_| round()).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    // `cargo bench` says so; otherwise this is a test, and small.
    let (large, rounds) = if std::env::args().any(|arg| arg == "--bench") { (100_000, 9) } else { (1000, 1) };
    for layout in [Layout::ManyHosts, Layout::OneHost] {
        let (small_table, _) = build(layout, 100);
        let (large_table, took) = build(layout, large);
        let (small, grown) = (nanos(&small_table, 100, rounds), nanos(&large_table, large, rounds));
        println!(
            "{layout:?}: 100 routes {small:.0} ns, {large} routes {grown:.0} ns a look-up: {:.2} times; \
             {large} routes built in {} ms",
            grown / small,
            took.as_millis()
        );
    }
    let (expressions, took) = build(Layout::Expressions, 1000);
    let matched = nanos(&expressions, 1000, rounds);
    println!("1000 expressions: {matched:.0} ns a look-up; compiled in {} ms", took.as_millis());
}
