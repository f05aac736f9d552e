//! Who need not move does not: keys when endpoints come and go, and what is known of endpoints that stay.

use super::*;
use crate::balance::consistent_hash::{Maglev, SLOTS};
use std::time::Duration;

fn table(names: &[String], weight: impl Fn(usize) -> u32) -> Vec<String> {
    let members: Vec<(u16, &str, u32)> =
        names.iter().enumerate().map(|(at, name)| (at as u16, name.as_str(), weight(at))).collect();
    Maglev::new(&members).slots().iter().map(|&seat| names[usize::from(seat)].clone()).collect()
}

fn names(len: usize) -> Vec<String> {
    (0..len).map(|index| format!("10.0.{}.{index}:8080", index % 7)).collect()
}

/// The share of all keys, exactly: each slot stands for as many.
fn moved(one: &[String], other: &[String]) -> f64 {
    one.iter().zip(other).filter(|(one, other)| one != other).count() as f64 / SLOTS as f64
}

#[test]
fn one_endpoint_more_or_less_moves_at_most_a_fifth_more_than_its_share() {
    let mut before = table(&names(2), |_| 1);
    for len in 3..=50 {
        let now = table(&names(len), |_| 1);
        let moved = moved(&before, &now) * len as f64;
        assert!((0.99..=1.2).contains(&moved), "{len} endpoints, one less: {moved} shares");
        before = now;
    }
    for (len, gone) in [(3, 0), (10, 0), (10, 5), (50, 0), (50, 25)] {
        let all = names(len);
        let mut rest = all.clone();
        rest.remove(gone);
        let moved = moved(&table(&all, |_| 1), &table(&rest, |_| 1)) * len as f64;
        assert!((0.99..=1.2).contains(&moved), "{gone} of {len} less: {moved} shares");
    }
}

#[test]
fn a_table_hangs_on_names_and_not_on_their_order() {
    let (names, mut turned) = (names(9), names(9));
    turned.reverse();
    assert_eq!(table(&names, |_| 1), table(&turned, |_| 1));
}

#[test]
fn slots_follow_weights_and_a_light_endpoint_has_some() {
    let names = names(4);
    let weights = [3, 1, 4, 0x1000];
    let slots = table(&names, |at| weights[at]);
    for (name, weight) in names.iter().zip(weights) {
        let share = slots.iter().filter(|owner| *owner == name).count() as f64 / SLOTS as f64;
        let expected = f64::from(weight) / f64::from(weights.iter().sum::<u32>());
        assert!(share > 0.0 && (share - expected).abs() < 1e-4, "{name}: {share} of {expected}");
    }
}

#[test]
fn an_endpoint_that_stays_keeps_what_is_known_of_it() {
    for algorithm in ALL {
        let mut state = State::new(equals(algorithm, 3), 0);
        for seat in [0, 2, 2] {
            state.begin(seat);
        }
        state.measured(2, Duration::from_millis(5), at(1));
        state.unreached(2, at(1));
        state.reseat(equals(algorithm, 4), &[Some(2), None, None, Some(0)]);
        assert_eq!([0, 1, 2, 3].map(|seat| state.active(seat)), [2, 0, 0, 1], "{algorithm:?}");
        assert_eq!([0, 1, 2, 3].map(|seat| state.is_marked(seat)), [true, false, false, false]);
        for seat in [0, 0, 3] {
            state.end(seat);
        }
        let mut chance = Chance(3);
        let picks: Vec<usize> = (0..500).map(|_| state.pick(chance.facts(2), None)).collect();
        assert!(!picks.contains(&0) && (1..4).all(|seat| picks.contains(&seat)), "{algorithm:?}");
        state.reseat(equals(algorithm, 1), &[None]);
        assert_eq!(state.pick(Facts::default(), None), 0, "{algorithm:?}");
    }
}

#[test]
fn a_new_endpoint_is_not_flooded_while_others_are_known() {
    let mut state = State::new(equals(Algorithm::PeakEwma, 4), 0);
    (0..4).for_each(|seat| state.measured(seat, Duration::from_millis(20), at(0)));
    state.reseat(equals(Algorithm::PeakEwma, 5), &[Some(0), Some(1), Some(2), Some(3), None]);
    let mut chance = Chance(5);
    for _ in 0..100 {
        let picked = state.pick(chance.facts(1), None);
        state.begin(picked);
    }
    assert_eq!(state.active(4), 1, "one exchange until it has answered");
}
