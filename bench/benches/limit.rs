//! A limiter's decision on a known key, of each algorithm, with the key's making and hashing; beside crate `governor`,
//! which has no cells shared by name, no bound on keys and no refund.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ringgate::base::Tick;
use ringgate::config::Memory;
use ringgate::policy::fields::{Identity, Sent};
use ringgate::policy::limit::compile::Into;
use ringgate::policy::limit::{Cells, Facts, Limit, Seed, Sets};
use ringgate::wire::head::{Head, Lines};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::LazyLock;

const ALGORITHMS: [&str; 5] =
    ["token_bucket", "leaky_bucket", "fixed_window", "sliding_window_counter", "sliding_window_log"];

/// Keys that are used in turn: one, and more than fit into the first cache.
const KEYS: [u32; 2] = [1, 10_000];

fn limit(sets: &mut Sets, written: &str) -> Limit {
    let text = format!("policies: {{ plan: {{ limit: {{ {written} }} }} }}");
    let config =
        Memory::default().file("f.yaml", text).read("f.yaml").unwrap_or_else(|problems| panic!("{problems}"));
    let limit = config.policies.0[0].1.limit.as_ref().expect("a limit");
    let into = Into { name: "plan", shadow: false, sets, has_store: true, now: Tick(1) };
    Limit::compile(limit, into).unwrap_or_else(|flaws| panic!("{flaws:?}"))
}

/// No field is the gateway's alone.
static OURS: LazyLock<Identity> = LazyLock::new(Identity::default);

fn facts(lines: &Lines, client: u32) -> Facts<'_> {
    Facts {
        client: Some(IpAddr::V4(Ipv4Addr::from_bits(client))),
        sent: Sent::new(Head::new(b"", lines), &OURS),
        route: "orders",
        listener: "public",
        consumer: Some("acme"),
        api_key: None,
        tier: None,
        claim: &|_, out| {
            out.extend_from_slice(b"user-4711");
            true
        },
    }
}

/// A key that other machines share and control looks after: the credit pays, and is given back.
fn shared_key(bench: &mut BenchmarkGroup<'_, WallTime>, lines: &Lines) {
    let limit = limit(&mut Sets::new(Seed(1, 2), 0), "rate: 1000/s, shared: {}");
    let (mut cells, mut turn) = (Cells::new(), 0_u64);
    cells.tells(Box::new(|_| true));
    bench.bench_function("token_bucket_shared", |bench| {
        bench.iter(|| {
            turn += 1;
            let spent =
                cells.spend(&limit, black_box(&facts(lines, 1)), Tick(1_000_000_000 + turn * 2_000_000));
            cells.refund(&limit, &spent);
            spent
        });
    });
}

fn known_key(bench: &mut Criterion) {
    let mut bench = bench.benchmark_group("limit");
    let lines = Lines::new();
    for algorithm in ALGORITHMS {
        for keys in KEYS {
            let limit =
                limit(&mut Sets::new(Seed(1, 2), 0), &format!("algorithm: {algorithm}, rate: 1000/s"));
            let (mut cells, mut turn) = (Cells::new(), 0_u64);
            bench.bench_function(BenchmarkId::new(algorithm, keys), |bench| {
                bench.iter(|| {
                    turn += 1;
                    let facts = facts(&lines, turn as u32 % keys);
                    // A request each 2 ms of a key: it passes.
                    cells.spend(
                        &limit,
                        black_box(&facts),
                        Tick(1_000_000_000 + turn * 2_000_000 / u64::from(keys)),
                    )
                });
            });
        }
    }
    shared_key(&mut bench, &lines);
    let limit = limit(&mut Sets::new(Seed(1, 2), 0), "rate: 1000/s, key: jwt.sub");
    let (mut cells, mut turn) = (Cells::new(), 0_u64);
    bench.bench_function("token_bucket_by_claim", |bench| {
        bench.iter(|| {
            turn += 1;
            cells.spend(&limit, black_box(&facts(&lines, 1)), Tick(1_000_000_000 + turn * 2_000_000))
        });
    });
    bench.bench_function("token_bucket_refused", |bench| {
        bench.iter(|| cells.spend(&limit, black_box(&facts(&lines, 2)), Tick(1)));
    });
}

/// The same of `governor`: its keyed limiter with the address as the key, on its own clock, which it reads each time, and on
/// a clock that stands still.
fn peer(bench: &mut Criterion) {
    let mut bench = bench.benchmark_group("governor");
    let quota = Quota::per_second(NonZeroU32::new(4_000_000_000).expect("not 0"));
    for keys in KEYS {
        let limiter: DefaultKeyedRateLimiter<IpAddr> = RateLimiter::keyed(quota);
        let mut turn = 0_u32;
        bench.bench_function(BenchmarkId::new("keyed", keys), |bench| {
            bench.iter(|| {
                turn = turn.wrapping_add(1);
                limiter.check_key(black_box(&IpAddr::V4(Ipv4Addr::from_bits(turn % keys)))).is_ok()
            });
        });
        let clock = governor::clock::FakeRelativeClock::default();
        let limiter = RateLimiter::dashmap_with_clock(quota, clock);
        bench.bench_function(BenchmarkId::new("keyed_without_clock", keys), |bench| {
            bench.iter(|| {
                turn = turn.wrapping_add(1);
                limiter.check_key(black_box(&IpAddr::V4(Ipv4Addr::from_bits(turn % keys)))).is_ok()
            });
        });
    }
}

/// A key that no cell is left for: what an attacker's request costs.
fn new_keys(bench: &mut Criterion) {
    let mut bench = bench.benchmark_group("limit");
    let lines = Lines::new();
    let limit = limit(&mut Sets::new(Seed(1, 2), 0), "rate: 1/d, keys: 10000");
    let (mut cells, mut turn) = (Cells::new(), 0_u32);
    (0..20_000).for_each(|key| {
        cells.spend(&limit, &facts(&lines, key), Tick(1));
    });
    bench.bench_function("new_key_when_full", |bench| {
        bench.iter(|| {
            turn = turn.wrapping_add(1);
            cells.spend(&limit, black_box(&facts(&lines, 0x4000_0000 + turn)), Tick(1))
        });
    });
}

criterion_group!(benches, known_key, peer, new_keys);
criterion_main!(benches);
