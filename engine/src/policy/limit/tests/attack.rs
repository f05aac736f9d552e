//! Ten million keys that come once, on four shards, against a set with room for a few thousand: memory is bounded, and keys
//! that were known before keep their own count at the same cost.

use super::*;
use std::sync::atomic::Ordering::Relaxed;

const SHARDS: usize = 4;
const KNOWN: u32 = 500;

#[test]
fn ten_million_keys_do_not_hurt_known_ones() {
    // In builds without optimization a tenth, so that the suite stays quick; `cargo test --release` runs them all.
    let attackers: u32 = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 60/min, burst: 20, keys: 4000");
    let stripes = limit.plans[0].set.stripes();
    let mut shards: Vec<Cells> = (0..SHARDS).map(|_| Cells::new()).collect();
    let known_key = |key: u32| 0x0a00_0000 + key;
    let mut now = START;
    let ask = |shards: &mut [Cells], shard: usize, key: u32, now: u64| {
        as_client(key, |facts| shards[shard].spend(&limit, &facts, Tick(now)))
    };
    // Known ones come five times on one shard each, slowly enough that their buckets are full in between.
    for round in 0..5_u64 {
        for key in 0..KNOWN {
            let said = ask(&mut shards, key as usize % SHARDS, known_key(key), START + round * 3 * SECOND);
            assert!(said.pass);
        }
    }
    // What marks them as known happens when a shard looks at its cells.
    now += 15 * SECOND;
    shards.iter_mut().for_each(|shard| shard.sweep(Tick(now), 100_000));
    let asked_before = stripes.tally().asked.load(Relaxed);
    let (mut own, mut shared, mut known_asked) = (0_u64, 0_u64, 0_u64);
    for attacker in 0..attackers {
        // 200,000 a second: an attacker's bucket is full again after a second, so cells are always short.
        now += 5_000;
        let said = ask(&mut shards, attacker as usize % SHARDS, 0x4000_0000 + attacker, now);
        match said.whose {
            store::local::Whose::Own => own += 1,
            store::local::Whose::Overflow => shared += 1,
        }
        // In between the known ones, each about every 2 s: more than its rate allows is never asked.
        if attacker % 800 == 0 {
            let key = attacker / 800 % KNOWN;
            let before = stripes.tally().asked.load(Relaxed);
            let said = ask(&mut shards, key as usize % SHARDS, known_key(key), now);
            known_asked += stripes.tally().asked.load(Relaxed) - before;
            assert!(said.pass, "known key {key} is refused at attacker {attacker}");
            assert_eq!(said.whose, store::local::Whose::Own);
            assert!(said.quota.remaining >= 18, "its count is its own: {:?}", said.quota);
        }
    }
    assert_eq!(known_asked, 0, "a known key touches no lock");
    assert!(shared > u64::from(attackers) / 2, "cells were short: {own} own, {shared} shared");
    let tally = stripes.tally();
    let made = tally.made.load(Relaxed) as usize;
    assert!(made <= stripes.room(), "{made} cells");
    assert!(stripes.room() <= 5000, "room for 4000 keys is {}", stripes.room());
    let held: usize = shards.iter().map(Cells::len).sum();
    assert!(held <= SHARDS * stripes.room(), "{held} held");
    assert!(shards.iter().all(|shard| shard.len() <= stripes.room()), "a shard holds no more than there are");
    assert_eq!(tally.asked.load(Relaxed) - asked_before, u64::from(attackers), "one look a new key");
    // After the attack cells at rest are there for new keys.
    now += 120 * SECOND;
    shards.iter_mut().for_each(|shard| shard.sweep(Tick(now), 100_000));
    for key in 0..1000 {
        let said = ask(&mut shards, 0, 0x7000_0000 + key, now);
        assert_eq!(said.whose, store::local::Whose::Own, "new key {key} after the attack");
    }
}

#[test]
fn busy_cells_are_never_given_away() {
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 1/h, burst: 2, keys: 10");
    let (mut one, mut other) = (Cells::new(), Cells::new());
    let ask = |cells: &mut Cells, key: u32| as_client(key, |facts| cells.spend(&limit, &facts, Tick(START)));
    for key in 0..10 {
        assert!(ask(&mut one, key).pass);
    }
    // Ten more share one count of two.
    let passed = (100..110).filter(|key| ask(&mut other, *key).pass).count();
    assert_eq!(passed, 2);
    // The first ten have kept theirs, on whatever shard they come.
    for key in 0..10 {
        assert!(ask(&mut other, key).pass, "key {key}");
        assert!(!ask(&mut one, key).pass, "key {key}");
    }
}

#[test]
fn a_shard_that_sleeps_gives_cells_at_rest_back_when_it_is_swept() {
    let mut sets = sets();
    let limit = limit(&mut sets, "rate: 10/s, burst: 2, keys: 8");
    let (mut asleep, mut awake) = (Cells::new(), Cells::new());
    let ask = |cells: &mut Cells, key: u32, now: u64| {
        as_client(key, |facts| cells.spend(&limit, &facts, Tick(now)).whose)
    };
    (0..8).for_each(|key| assert_eq!(ask(&mut asleep, key, START), store::local::Whose::Own));
    let later = START + 5 * SECOND;
    assert_eq!(ask(&mut awake, 100, later), store::local::Whose::Overflow, "all are held elsewhere");
    asleep.sweep(Tick(later), 100);
    assert!(asleep.is_empty());
    (100..108).for_each(|key| assert_eq!(ask(&mut awake, key, later), store::local::Whose::Own));
}
