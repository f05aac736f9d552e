//! Each endpoint gets its share.

use super::*;
use std::time::Duration;

const REQUESTS: usize = 10_000;

/// Requests one after the other, each answered after a millisecond.
fn counts(algorithm: Algorithm, weights: &[u32], requests: usize) -> Vec<usize> {
    let of: Vec<(u32, u32)> = weights.iter().map(|&weight| (weight, 0)).collect();
    let mut chance = Chance(7);
    let mut state = State::new(seats(algorithm, &of), chance.next());
    let mut counts = vec![0; weights.len()];
    for request in 0..requests {
        let picked = state.pick(chance.facts(request as u64), None);
        state.begin(picked);
        state.measured(picked, Duration::from_millis(1), at(request as u64 + 1));
        state.end(picked);
        counts[picked] += 1;
    }
    counts
}

#[test]
fn turns_give_each_endpoint_its_weight_exactly() {
    for algorithm in
        [Algorithm::RoundRobin, Algorithm::LeastConnections, Algorithm::StickyCookie(IdKey::ZERO)]
    {
        assert_eq!(counts(algorithm, &[1, 1, 1], 3 * 3333), [3333; 3], "{algorithm:?}");
        assert_eq!(counts(algorithm, &[5, 1, 2], 8000), [5000, 1000, 2000], "{algorithm:?}");
        assert_eq!(counts(algorithm, &[1; 200], REQUESTS), [50; 200], "{algorithm:?}");
        assert_eq!(counts(algorithm, &[1000, 1], 10_010), [10_000, 10], "{algorithm:?}");
        assert_eq!(counts(algorithm, &[7], 10), [10], "{algorithm:?}");
    }
}

#[test]
fn chance_and_keys_give_each_endpoint_its_weight_within_the_bound_of_chance() {
    for algorithm in [Algorithm::PeakEwma, Algorithm::ConsistentHash] {
        let weighted: Vec<u32> = (0..20).map(|index| 1 + index % 4).collect();
        for weights in [&[1; 3][..], &[1; 10], &[1; 50], &weighted] {
            // By latency, weights count where there is much to do or much to choose from.
            if algorithm == Algorithm::PeakEwma && weights.iter().any(|&weight| weight != 1) {
                continue;
            }
            let counts = counts(algorithm, weights, REQUESTS);
            let (off, bound) = chi_square(&counts, weights);
            assert!(off < bound, "{algorithm:?} {}: {off} of {bound}: {counts:?}", weights.len());
        }
    }
}

#[test]
fn busy_endpoints_hold_exchanges_by_weight() {
    for algorithm in [Algorithm::LeastConnections, Algorithm::PeakEwma] {
        let mut chance = Chance(9);
        let mut state = State::new(seats(algorithm, &[(1, 0), (2, 0), (5, 0)]), 0);
        (0..3).for_each(|seat| state.measured(seat, Duration::from_millis(1), at(0)));
        for _ in 0..800 {
            let picked = state.pick(chance.facts(0), None);
            state.begin(picked);
        }
        let active = [0, 1, 2].map(|seat| state.active(seat));
        for (active, expected) in active.iter().zip([100_u32, 200, 500]) {
            assert!(active.abs_diff(expected) <= 5, "{algorithm:?}: {active} of {expected}");
        }
    }
}

#[test]
fn the_least_loaded_for_its_weight_is_taken() {
    let mut state = State::new(seats(Algorithm::LeastConnections, &[(1, 0), (2, 0)]), 0);
    for _ in 0..9 {
        let picked = state.pick(Facts::default(), None);
        state.begin(picked);
    }
    assert_eq!((state.active(0), state.active(1)), (3, 6));
    (0..4).for_each(|_| state.end(1));
    assert_eq!(state.pick(Facts::default(), None), 1);
}

#[test]
fn no_endpoint_has_two_turns_while_equals_wait() {
    let mut state = State::new(equals(Algorithm::RoundRobin, 4), 3);
    let picks: Vec<usize> = (0..8).map(|_| state.pick(Facts::default(), None)).collect();
    let mut round = picks[..4].to_vec();
    round.sort_unstable();
    assert_eq!(round, [0, 1, 2, 3]);
    assert_eq!(picks[..4], picks[4..]);
}
