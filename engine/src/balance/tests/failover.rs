//! Endpoints that are out: avoided by a call, left alone after they could not be reached, waiting for their group's time.

use super::*;
use crate::balance::Why;

/// Picks of `requests` at `ms`, sorted, each once.
fn picked(state: &mut State, ms: u64, requests: usize) -> Vec<usize> {
    let mut chance = Chance(ms);
    let mut picks: Vec<usize> = (0..requests).map(|_| state.pick(chance.facts(ms), None)).collect();
    picks.sort_unstable();
    picks.dedup();
    picks
}

#[test]
fn an_avoided_endpoint_is_picked_only_when_all_are() {
    for algorithm in ALL {
        let (mut state, mut chance) = (State::new(equals(algorithm, 3), 5), Chance(1));
        for _ in 0..20 {
            assert_eq!(state.pick(chance.facts(0), Some(&|seat| seat != 1)), 1, "{algorithm:?}");
        }
        assert!(state.pick(chance.facts(0), Some(&|_| true)) < 3, "{algorithm:?}");
    }
}

#[test]
fn an_endpoint_that_could_not_be_reached_is_left_alone_and_then_tried_by_one() {
    for algorithm in ALL {
        let mut state = State::new(equals(algorithm, 3), 5);
        state.unreached(1, at(0));
        assert_eq!(picked(&mut state, 999, 200), [0, 2], "{algorithm:?}");
        let mut chance = Chance(8);
        let tries = (0..200).filter(|_| state.pick(chance.facts(1000), None) == 1).count();
        assert_eq!(tries, 1, "{algorithm:?}: one exchange tries it");
        state.unreached(1, at(1001));
        assert_eq!(picked(&mut state, 3000, 200), [0, 2], "{algorithm:?}: two seconds this time");
        state.reached(1);
        assert_eq!(picked(&mut state, 3000, 200), [0, 1, 2], "{algorithm:?}");
    }
}

#[test]
fn when_all_are_left_alone_all_are_tried() {
    for algorithm in ALL {
        let mut state = State::new(seats(algorithm, &[(1, 0), (1, 0), (1, 1)]), 5);
        (0..3).for_each(|seat| state.unreached(seat, at(0)));
        assert_eq!(picked(&mut state, 1, 200), [0, 1], "{algorithm:?}: by priority, as if none were");
    }
}

#[test]
fn a_group_serves_while_one_of_it_can_and_again_when_one_is_back() {
    for algorithm in ALL {
        let of = [(1, 7), (1, 0), (1, 3), (1, 0), (1, 3)];
        let mut state = State::new(seats(algorithm, &of), 5);
        assert_eq!(picked(&mut state, 0, 200), [1, 3], "{algorithm:?}");
        state.unreached(1, at(0));
        assert_eq!(picked(&mut state, 1, 200), [3], "{algorithm:?}");
        state.unreached(3, at(0));
        assert_eq!(picked(&mut state, 1, 200), [2, 4], "{algorithm:?}");
        state.unreached(2, at(1));
        state.unreached(4, at(1));
        assert_eq!(picked(&mut state, 2, 200), [0], "{algorithm:?}");
        state.reached(3);
        assert_eq!(picked(&mut state, 3, 200), [3], "{algorithm:?}");
    }
}

#[test]
fn a_call_turns_to_the_next_group_after_three_tries_in_one() {
    for algorithm in ALL {
        let of: Vec<(u32, u32)> = (0..10).map(|seat| (1, u32::from(seat >= 8))).collect();
        let (mut state, mut chance) = (State::new(seats(algorithm, &of), 5), Chance(2));
        let mut tried = Vec::new();
        for _ in 0..4 {
            let avoid = |seat: usize| tried.contains(&seat);
            let pick = state.pick(chance.facts(0), if tried.is_empty() { None } else { Some(&avoid) });
            state.unreached(pick, at(0));
            tried.push(pick);
        }
        assert!(tried[..3].iter().all(|&seat| seat < 8) && tried[3] >= 8, "{algorithm:?}: {tried:?}");
    }
}

#[test]
fn the_turns_of_a_dead_endpoint_are_shared_out_to_all() {
    let mut state = State::new(equals(Algorithm::RoundRobin, 5), 5);
    state.unreached(2, at(0));
    let mut counts = [0; 5];
    (0..4000).for_each(|_| counts[state.pick(Facts::default(), None)] += 1);
    assert_eq!(counts, [1000, 1000, 0, 1000, 1000]);
}

#[test]
fn explain_says_what_a_pick_then_does_and_spends_nothing() {
    for algorithm in ALL {
        let of = [(1, 0), (1, 0), (1, 0), (1, 1)];
        let (mut state, mut chance) = (State::new(seats(algorithm, &of), 5), Chance(4));
        state.unreached(1, at(0));
        for request in 0..50 {
            let facts = chance.facts(request);
            let told = state.explain(facts);
            assert_eq!(told, state.explain(facts), "{algorithm:?}");
            let picked = state.pick(facts, None);
            let chosen: Vec<usize> =
                told.iter().filter(|(_, why)| why.is_picked()).map(|&(seat, _)| seat).collect();
            assert_eq!(chosen, [picked], "{algorithm:?}");
            assert_eq!(told[1].1, Why::Down(at(1000)));
            assert_eq!(told[3].1, Why::Spare);
            state.begin(picked);
        }
        let alone = State::new(equals(algorithm, 1), 0);
        assert_eq!(alone.explain(Facts::default()), [(0, Why::Alone)]);
    }
}
