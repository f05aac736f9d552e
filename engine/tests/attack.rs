//! Millions of keys that come once, on four shards, against a limit with room for some thousands, its memory counted by the
//! allocator: it is bounded and grows no more once the room is taken, known keys keep their exact counts, and all keys
//! without a cell of their own share one. Prints its numbers. A process of its own, since all that it allocates is counted.
//!
//! `RINGGATE_ATTACK_KEYS=10000000 cargo test -p ringgate --test attack -- --nocapture`; a million keys unless given.

// The whole crate is a test; clippy knows only functions marked as one.
#![allow(clippy::unwrap_used)]
// What a decision takes is printed, never judged.
#![allow(clippy::disallowed_methods)]

use ringgate::base::Tick;
use ringgate::config::Memory;
use ringgate::policy::fields::{Identity, Sent};
use ringgate::policy::limit::compile::Into;
use ringgate::policy::limit::store::local::Whose;
use ringgate::policy::limit::{Cells, Facts, Limit, Seed, Sets, Spent};
use ringgate::wire::head::{Head, Lines};
use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const SHARDS: usize = 4;
const KNOWN: u32 = 1000;
const BURST: u32 = 20;
/// What a key takes on the machine and on a shard that meets it; maps, which double, are half empty at worst.
const CELL_BYTES_MAX: u64 = 260;
const ENTRY_BYTES_MAX: u64 = 100;
const START: u64 = 86_400_123_456_789;

static LIVE: AtomicI64 = AtomicI64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed to the system's allocator as it came; counting touches one atomic.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the trait asks of whoever calls.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as the trait asks of whoever calls.
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    // SAFETY: as the trait asks of whoever calls.
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_add(size as i64 - layout.size() as i64, Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

fn limit(written: &str) -> Limit {
    let text = format!("policies: {{ plan: {{ limit: {{ {written} }} }} }}");
    let config =
        Memory::default().file("f.yaml", text).read("f.yaml").unwrap_or_else(|found| panic!("{found}"));
    let mut sets = Sets::new(Seed(1, 2), 0);
    let into = Into { name: "plan", shadow: false, sets: &mut sets, has_store: true, now: Tick(START) };
    let limit = config.policies.0[0].1.limit.as_ref().unwrap();
    Limit::compile(limit, into).unwrap_or_else(|flaws| panic!("{flaws:?}"))
}

/// Four shards that decide by one limit.
struct Machine {
    limit: Limit,
    shards: Vec<Cells>,
    lines: Lines,
}

impl Machine {
    fn new(written: &str) -> Machine {
        let shards = (0..SHARDS).map(|_| Cells::new()).collect();
        Machine { limit: limit(written), shards, lines: Lines::new() }
    }

    fn ask(&mut self, shard: usize, client: u32, now: u64) -> Spent {
        let ours = Identity::default();
        let facts = Facts {
            client: Some(IpAddr::V4(Ipv4Addr::from_bits(client))),
            sent: Sent::new(Head::new(b"", &self.lines), &ours),
            route: "r",
            listener: "l",
            consumer: None,
            api_key: None,
            tier: None,
            claim: &|_, _| false,
        };
        self.shards[shard].spend(&self.limit, &facts, Tick(now))
    }

    fn room(&self) -> usize {
        self.limit.sets().map(|set| set.stripes().room()).sum()
    }

    fn made(&self) -> u64 {
        self.limit.sets().map(|set| set.stripes().tally().made.load(Relaxed)).sum()
    }
}

fn attackers() -> u32 {
    std::env::var("RINGGATE_ATTACK_KEYS").map_or(1_000_000, |count| count.parse().unwrap())
}

fn known(key: u32) -> u32 {
    0x0a00_0000 + key
}

/// What an attack has done.
#[derive(Default)]
struct Seen {
    passed: u64,
    known_asked: u64,
    known_passed: u64,
    took: Duration,
}

/// Has `attackers` keys come once each, and in between each known one some times more than it may.
fn attack(machine: &mut Machine, attackers: u32) -> Seen {
    let mut seen = Seen::default();
    let asks = KNOWN * (BURST + 5);
    let every = (attackers / asks).max(1);
    let mut told = vec![SHARDS as u32; KNOWN as usize];
    let began = Instant::now();
    for attacker in 0..attackers {
        let shard = attacker as usize % SHARDS;
        let said = machine.ask(shard, 0x4000_0000 + attacker, START);
        seen.passed += u64::from(said.pass);
        assert_eq!(said.whose, Whose::Overflow, "no cell is left for attacker {attacker}");
        if attacker % every == 0 && seen.known_asked < u64::from(asks) {
            // Each time on another shard: the count is the machine's.
            let (key, turn) = (attacker / every % KNOWN, attacker / every / KNOWN);
            let said = machine.ask((key + turn) as usize % SHARDS, known(key), START);
            assert_eq!(said.whose, Whose::Own, "known key {key} at attacker {attacker}");
            let count = &mut told[key as usize];
            assert_eq!(said.pass, *count < BURST, "known key {key}, asked {count} times before");
            *count += u32::from(said.pass);
            assert_eq!(said.quota.remaining, BURST - *count, "known key {key}");
            (seen.known_asked, seen.known_passed) =
                (seen.known_asked + 1, seen.known_passed + u64::from(said.pass));
        }
    }
    seen.took = began.elapsed();
    seen
}

#[test]
fn memory_is_bounded_counts_of_known_keys_are_exact_and_new_keys_share_one_cell() {
    let attackers = attackers();
    for keys in [4000, 100_000] {
        let before = LIVE.load(Relaxed);
        // A bucket that takes a day to fill: no cell is ever at rest, so that none can be given away.
        let mut machine = Machine::new(&format!("rate: {BURST}/d, keys: {keys}"));
        for at in 0..KNOWN * SHARDS as u32 {
            assert!(machine.ask((at / KNOWN) as usize, known(at % KNOWN), START).pass);
        }
        // Enough to take all the room, whatever stripe keys fall into by chance.
        let filling = machine.room() as u32 * 2;
        let mut passed = (0..filling)
            .filter(|key| machine.ask(*key as usize % SHARDS, 0x3000_0000 + key, START).pass)
            .count() as u64;
        let full = LIVE.load(Relaxed) - before;
        let seen = attack(&mut machine, attackers);
        let end = LIVE.load(Relaxed) - before;
        passed += seen.passed;
        let (room, made) = (machine.room(), machine.made());
        println!(
            "room for {keys} keys ({room} cells): {attackers} keys came once in {:?} ({:.0} ns each, known ones among \
             them); {made} cells, {} bytes in all, {:.0} a cell, {} more since the room was taken; {} attackers \
             passed in all, {} of them from a cell of their own; known keys: {} of {} passed",
            seen.took,
            seen.took.as_nanos() as f64 / f64::from(attackers),
            end,
            end as f64 / made as f64,
            end - full,
            passed,
            made - u64::from(KNOWN),
            seen.known_passed,
            seen.known_asked,
        );
        assert!(made <= room as u64 && room < keys + keys / 4 + 64, "{made} of {room} cells for {keys} keys");
        // Whoever had a cell passed once, all others together as often as one key may, and nobody beyond.
        assert_eq!(passed, made - u64::from(KNOWN) + u64::from(BURST));
        assert_eq!(seen.known_passed, u64::from(KNOWN * (BURST - SHARDS as u32)));
        assert_eq!(end, full, "an attack takes no memory once the room is taken");
        // A cell on the machine, and an entry on each shard that has met the key: all of them the known ones, one the others.
        let entries = made - u64::from(KNOWN) + u64::from(KNOWN) * SHARDS as u64;
        let bound = made * CELL_BYTES_MAX + entries * ENTRY_BYTES_MAX;
        assert!(end as u64 <= bound, "{end} bytes for {made} keys are over {bound}");
    }
}

#[test]
fn a_key_takes_a_cell_on_the_machine_and_an_entry_on_each_shard_that_meets_it() {
    for keys in [10_000, 50_000, 100_000] {
        let before = LIVE.load(Relaxed);
        let mut machine = Machine::new(&format!("rate: {BURST}/d, keys: {keys}"));
        let mut taken = [0; 2];
        for (shard, taken) in taken.iter_mut().enumerate() {
            for key in 0..keys {
                machine.ask(shard, 0x3000_0000 + key, START);
            }
            *taken = LIVE.load(Relaxed) - before;
        }
        let (made, entry) = (machine.made(), taken[1] - taken[0]);
        let each = |bytes: i64| bytes as u64 / made;
        println!(
            "{made} keys: {} bytes each on the machine, {} on a shard",
            each(taken[0] - entry),
            each(entry)
        );
        assert!(each(taken[0] - entry) <= CELL_BYTES_MAX && each(entry) <= ENTRY_BYTES_MAX);
    }
}
