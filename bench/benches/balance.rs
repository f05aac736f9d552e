//! A pick of each algorithm among 3 and 200 endpoints, and what a shard or control does when endpoints change.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use ringgate::balance::{Algorithm, Facts, IdKey, Seat, Seats, State};
use ringgate::base::Tick;
use ringgate::base::hash::mix;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const ALGORITHMS: [(&str, Algorithm); 5] = [
    ("round_robin", Algorithm::RoundRobin),
    ("least_connections", Algorithm::LeastConnections),
    ("peak_ewma", Algorithm::PeakEwma),
    ("consistent_hash", Algorithm::ConsistentHash),
    ("sticky_cookie", Algorithm::StickyCookie(IdKey::ZERO)),
];

fn seats(algorithm: Algorithm, len: usize) -> Seats {
    let names: Vec<String> = (0..len).map(|index| format!("10.0.0.{index}:8080")).collect();
    let seats: Vec<Seat<'_>> = names.iter().map(|name| Seat { name, weight: 1, priority: 0 }).collect();
    Seats::compile(algorithm, &seats)
}

/// A state whose endpoints have all answered.
fn state(algorithm: Algorithm, len: usize) -> State {
    let mut state = State::new(Arc::new(seats(algorithm, len)), 7);
    for seat in 0..len {
        state.measured(seat, Duration::from_micros(500 + seat as u64), Tick(1));
    }
    state
}

/// Measures pick, begin and end, each request with another key; `hold` keeps every endpoint busy.
fn measure(bench: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut state: State, hold: bool) {
    let len = state.seats().len();
    // Whoever comes next finds no endpoint idle, the way that costs least connections most.
    (0..len).filter(|_| hold).for_each(|seat| state.begin(seat));
    let ids: Vec<u64> = (0..len).filter_map(|seat| state.id(seat)).collect();
    let mut random = 1_u64;
    bench.bench_function(BenchmarkId::new(name, len), |bench| {
        bench.iter(|| {
            random = mix(random.wrapping_add(0x9e37_79b9_7f4a_7c15));
            let key = if ids.is_empty() { random } else { ids[(random >> 32) as usize % ids.len()] };
            let facts = Facts { key, now: Tick(2_000_000), random };
            let picked = state.pick(black_box(facts), None);
            state.begin(picked);
            state.end(picked);
            picked
        });
    });
}

fn pick(bench: &mut Criterion) {
    let mut bench = bench.benchmark_group("balance");
    for (name, algorithm) in ALGORITHMS {
        for len in [1, 3, 200] {
            measure(&mut bench, name, state(algorithm, len), false);
        }
    }
    for len in [3, 200] {
        let busy = state(Algorithm::LeastConnections, len);
        measure(&mut bench, "least_connections_busy", busy, true);
        let mut marked = state(Algorithm::RoundRobin, len);
        marked.unreached(1, Tick(1));
        measure(&mut bench, "round_robin_one_down", marked, false);
    }
}

/// What is done off the shards, and what a shard does then.
fn change(bench: &mut Criterion) {
    let mut bench = bench.benchmark_group("balance");
    for (name, algorithm) in ALGORITHMS {
        bench.bench_function(BenchmarkId::new(format!("compile_{name}"), 200), |bench| {
            bench.iter(|| seats(black_box(algorithm), 200));
        });
    }
    let seats = Arc::new(seats(Algorithm::PeakEwma, 200));
    let from: Vec<Option<usize>> = (0..200).map(Some).collect();
    let mut state = State::new(seats.clone(), 1);
    bench.bench_function(BenchmarkId::new("reseat", 200), |bench| {
        bench.iter(|| state.reseat(seats.clone(), &from))
    });
}

criterion_group!(benches, pick, change);
criterion_main!(benches);
