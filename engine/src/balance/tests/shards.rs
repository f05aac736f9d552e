//! Shards that know nothing of each other, before common endpoints: a simulation in virtual time.

use super::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// What an endpoint does with exchanges that come while it serves one.
#[derive(Clone, Copy, PartialEq)]
enum Serves {
    /// They queue, so that its latency grows with its load.
    OneByOne,
    /// It serves them beside it.
    AllAtOnce,
}

/// Endpoints, and the shards before them.
struct Scene {
    serves: Serves,
    shards: Vec<State>,
    /// How long each endpoint takes for an exchange, half to one and a half of it.
    service: Vec<Duration>,
    free_at: Vec<Tick>,
    /// When an exchange ends, of which shard with which endpoint, and when it began.
    ends: BinaryHeap<Reverse<(Tick, usize, usize, Tick)>>,
    active: Vec<usize>,
    /// The most exchanges that an endpoint had at once.
    crowd: usize,
    chance: Chance,
    now: Tick,
}

impl Scene {
    fn new(algorithm: Algorithm, shards: usize, service: Vec<Duration>, serves: Serves) -> Scene {
        let seats = equals(algorithm, service.len());
        let mut chance = Chance(11);
        Scene {
            serves,
            shards: (0..shards).map(|_| State::new(seats.clone(), chance.next())).collect(),
            free_at: vec![Tick::default(); service.len()],
            active: vec![0; service.len()],
            service,
            ends: BinaryHeap::new(),
            crowd: 0,
            chance,
            now: Tick::default(),
        }
    }

    /// Sends `requests`, one each `every` on average, each to a shard drawn; counts those of each endpoint.
    fn run(&mut self, requests: usize, every: Duration) -> Vec<usize> {
        let mut counts = vec![0; self.service.len()];
        for _ in 0..requests {
            self.now = self.now.after(every.mul_f64(-(1.0 - self.chance.share()).ln()));
            let now = self.now;
            while self.ends.peek().is_some_and(|Reverse(end)| end.0 <= now) {
                let Some(Reverse((end, shard, seat, began))) = self.ends.pop() else { break };
                self.shards[shard].measured(seat, end.since(began), end);
                self.shards[shard].end(seat);
                self.active[seat] -= 1;
            }
            let shard = self.chance.next() as usize % self.shards.len();
            let facts = Facts { key: self.chance.next(), now, random: self.chance.next() };
            let seat = self.shards[shard].pick(facts, None);
            self.shards[shard].begin(seat);
            counts[seat] += 1;
            self.active[seat] += 1;
            self.crowd = self.crowd.max(self.active[seat]);
            let took = self.service[seat].mul_f64(0.5 + self.chance.share());
            let begins = if self.serves == Serves::OneByOne { self.free_at[seat].max(now) } else { now };
            let end = begins.after(took);
            self.free_at[seat] = end;
            self.ends.push(Reverse((end, shard, seat, now)));
        }
        counts
    }
}

#[test]
fn eight_shards_together_stay_balanced() {
    for algorithm in ALL {
        for len in [3, 10, 50] {
            // Endpoints that are busy half of their time.
            let mut scene = Scene::new(algorithm, 8, vec![MS; len], Serves::OneByOne);
            let counts = scene.run(10_000, 2 * MS / len as u32);
            let (off, bound) = chi_square(&counts, &vec![1; len]);
            if algorithm == Algorithm::PeakEwma {
                // Chance decides whose peak a shard remembers, so it adds to the chance of the draws.
                let share = 10_000 / len;
                assert!(
                    counts.iter().all(|count| count.abs_diff(share) * 10 < share * 4),
                    "{len}: {counts:?}"
                );
            } else {
                assert!(off < bound, "{algorithm:?}, {len}: {off} of {bound}: {counts:?}");
            }
            // Keys alone give nine. Shards that ran after the same endpoint would make it some hundreds.
            assert!(scene.crowd <= 12, "{algorithm:?}, {len}: {} at one endpoint", scene.crowd);
        }
    }
}

#[test]
fn shards_that_start_together_do_not_move_in_step() {
    for algorithm in ALL {
        let seats = equals(algorithm, 50);
        let mut chance = Chance(17);
        let mut counts = vec![0_usize; 50];
        // 400 shards, one request each: chance, not the first endpoint four hundred times.
        for _ in 0..400 {
            let mut state = State::new(seats.clone(), chance.next());
            counts[state.pick(chance.facts(0), None)] += 1;
        }
        let (off, bound) = chi_square(&counts, &[1; 50]);
        assert!(off < bound, "{algorithm:?}: {off} of {bound}: {counts:?}");
    }
}

#[test]
fn a_slow_endpoint_gets_under_a_fifth_of_its_share_by_peak_ewma() {
    use Serves::{AllAtOnce, OneByOne};
    for (serves, len, slower) in [
        (AllAtOnce, 2, 3),
        (AllAtOnce, 3, 3),
        (AllAtOnce, 10, 3),
        (AllAtOnce, 50, 5),
        (OneByOne, 3, 10),
        (OneByOne, 10, 10),
        (OneByOne, 50, 100),
    ] {
        for shards in [1, 8] {
            let mut service = vec![MS; len];
            service[len / 2] = slower * MS;
            let mut scene = Scene::new(Algorithm::PeakEwma, shards, service, serves);
            let counts = scene.run(10_000, 3 * MS / len as u32);
            let share = counts[len / 2] as f64 * len as f64 / 10_000.0;
            assert!(
                share < 0.2,
                "{slower} times slower, one of {len}, {shards} shards: {share} of its share"
            );
        }
    }
}

#[test]
fn an_endpoint_that_is_no_longer_slow_gets_its_share_again() {
    let mut scene = Scene::new(Algorithm::PeakEwma, 1, vec![MS, 50 * MS, MS, MS], Serves::AllAtOnce);
    scene.run(2000, MS);
    scene.service[1] = MS;
    // A virtual minute later its average has decayed.
    scene.run(60_000, MS);
    let counts = scene.run(10_000, MS);
    assert!(counts[1] > 2000, "{counts:?}");
}
