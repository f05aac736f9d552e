//! Balancing by what a request carries.

use super::*;
use crate::balance::Why;

#[test]
fn a_key_goes_to_the_same_endpoint_on_every_shard() {
    let seats = equals(Algorithm::ConsistentHash, 20);
    let (mut one, mut other) = (State::new(seats.clone(), 1), State::new(seats, 99));
    let mut chance = Chance(1);
    for _ in 0..1000 {
        let facts = chance.facts(0);
        let later = Facts { now: at(9), random: 0, ..facts };
        assert_eq!(one.pick(facts, None), other.pick(later, None));
    }
}

#[test]
fn only_the_keys_of_an_endpoint_that_is_out_move_and_to_all_others() {
    let mut state = State::new(equals(Algorithm::ConsistentHash, 10), 0);
    let mut chance = Chance(2);
    let facts: Vec<Facts> = (0..10_000).map(|_| chance.facts(0)).collect();
    let before: Vec<usize> = facts.iter().map(|&facts| state.pick(facts, None)).collect();
    state.unreached(4, at(0));
    let mut counts = vec![0; 10];
    for (&facts, &before) in facts.iter().zip(&before) {
        let now = state.pick(facts, None);
        if before == 4 {
            counts[now] += 1;
        } else {
            assert_eq!(now, before, "its endpoint is not out");
        }
    }
    assert_eq!(counts.remove(4), 0);
    let (off, bound) = chi_square(&counts, &[1; 9]);
    assert!(off < bound, "{off} of {bound}: {counts:?}");
}

#[test]
fn a_cookie_brings_a_client_back_and_an_unknown_one_takes_its_turn() {
    let seats = seats(Algorithm::StickyCookie(IdKey::of(b"a key")), &[(1, 0), (1, 0), (1, 0), (1, 1)]);
    let mut state = State::new(seats.clone(), 3);
    // What one shard issues, another reads.
    let ids: Vec<u64> = (0..4).map(|seat| State::new(seats.clone(), 8).id(seat).unwrap()).collect();
    let with = |key| Facts { key, ..Facts::default() };
    for (seat, &id) in ids.iter().enumerate() {
        assert_eq!(state.pick(with(id), None), seat, "its group plays no part");
        assert_eq!(state.explain(with(id))[seat].1, Why::ItsCookie);
    }
    let turns: Vec<usize> = [0, 1, 0].map(|key| state.pick(with(key), None)).to_vec();
    assert!((0..3).all(|seat| turns.contains(&seat)), "{turns:?}");
    state.unreached(2, at(0));
    assert_ne!(state.pick(with(ids[2]), None), 2, "its endpoint is out");
    assert_eq!(State::new(equals(Algorithm::RoundRobin, 2), 0).id(0), None);
}
