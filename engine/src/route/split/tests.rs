use super::*;
use crate::route::Told;
use crate::route::finder::Slots;
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, request};
use std::collections::HashMap;

const REQUESTS: u32 = 10_000;

/// A generator with a fixed seed: a failure shows again.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        hash::mix(self.0)
    }
}

/// Sides by name and weight; a side's upstream is the number in its name.
fn sides(weights: &[(u32, u32)]) -> Vec<Target> {
    let side = |(number, weight): &(u32, u32)| Target {
        upstream: UpstreamId(*number),
        weight: *weight,
        name: hash::stable(format!("upstream-{number}").as_bytes()),
        when: None,
    };
    weights.iter().map(side).collect()
}

fn choose(split: &Split, fields: &str, draws: &mut Draws) -> Choice {
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut lines = Lines::new();
    request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("parses");
    split.choose(Head::new(text.as_bytes(), &lines), &mut Caches::default(), &mut || draws.next())
}

fn by_field() -> Option<Sticky> {
    Some(Sticky::Field("X-User".into()))
}

/// How often each upstream was chosen, by its number.
fn counts(chosen: impl Iterator<Item = Choice>) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    chosen.for_each(|choice| *counts.entry(choice.upstream.0).or_default() += 1);
    counts
}

/// Each side has its share of [`REQUESTS`] within five standard deviations of the binomial draw: a sound split fails
/// by chance once in a million runs, and the seed is fixed.
fn assert_shares(counts: &HashMap<u32, u32>, weights: &[(u32, u32)]) {
    let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
    for (number, weight) in weights {
        let share = f64::from(*weight) / f64::from(sum);
        let expected = share * f64::from(REQUESTS);
        let deviation = (expected * (1.0 - share)).sqrt();
        let found = f64::from(counts.get(number).copied().unwrap_or(0));
        assert!((found - expected).abs() <= 5.0 * deviation, "{number}: {found} of {expected}");
    }
}

const WEIGHTS: &[&[(u32, u32)]] = &[
    &[(0, 1), (1, 1)],
    &[(0, 90), (1, 10)],
    &[(0, 1), (1, 2), (2, 3), (3, 4)],
    &[(0, 99), (1, 1)],
    &[(0, 3_000_000_000), (1, 1_000_000_000)],
];

// Gateway API, HTTPBackendRef.weight: "Weight specifies the proportion of requests forwarded to the referenced
// backend. This is computed as weight/(sum of all weights in this BackendRefs list)."
#[test]
fn a_side_gets_its_weight_of_the_sum_of_weights() {
    for weights in WEIGHTS {
        let (split, mut draws) = (Split::new(sides(weights), None), Draws(7));
        assert_shares(&counts((0..REQUESTS).map(|_| choose(&split, "", &mut draws))), weights);
    }
}

// "If weight is set to 0, no traffic should be forwarded for this entry."
#[test]
fn weight_0_sends_nothing() {
    for sticky in [None, by_field()] {
        let (split, mut draws) = (Split::new(sides(&[(0, 0), (1, 5), (2, 0), (3, 5)]), sticky), Draws(8));
        let each = (0..REQUESTS).map(|user| choose(&split, &format!("X-User: {user}\r\n"), &mut draws));
        let counts = counts(each);
        assert!(!counts.contains_key(&0) && !counts.contains_key(&2), "{counts:?}");
    }
}

// "If only one backend is specified and it has a weight greater than 0, 100% of the traffic is forwarded to that
// backend."
#[test]
fn one_backend_gets_everything_without_a_draw() {
    let split = Split::new(sides(&[(4, 7)]), None);
    assert_eq!(split.only(), Some(UpstreamId(4)));
}

#[test]
fn sticky_keys_spread_by_weight() {
    for weights in WEIGHTS {
        let (split, mut draws) = (Split::new(sides(weights), by_field()), Draws(9));
        let each = (0..REQUESTS).map(|user| choose(&split, &format!("X-User: user-{user}\r\n"), &mut draws));
        assert_shares(&counts(each), weights);
    }
}

/// The sides of the same keys before and after a reload.
fn moves(before: &[(u32, u32)], after: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let splits = [before, after].map(|weights| Split::new(sides(weights), by_field()));
    let side = |split: &Split, user| choose(split, &format!("X-User: {user}\r\n"), &mut Draws(1)).upstream.0;
    let each = (0..REQUESTS).map(|user| (side(&splits[0], user), side(&splits[1], user)));
    each.filter(|(before, after)| before != after).collect()
}

/// No more than `share` of the keys moved, and five standard deviations; at least half of it, since a side that
/// grows has to get its keys from somewhere.
fn assert_moved(moved: &[(u32, u32)], share: f64) {
    let expected = share * f64::from(REQUESTS);
    let bound = expected + 5.0 * (expected * (1.0 - share)).sqrt();
    let found = moved.len() as f64;
    assert!(found <= bound && found >= expected / 2.0, "{found} of {expected} moved");
}

#[test]
fn a_new_weight_moves_only_the_share_that_must_move() {
    for (old, new) in [(10, 20), (20, 10), (1, 50), (50, 1), (10, 0), (0, 10)] {
        let moved = moves(&[(0, 100 - old), (1, old)], &[(0, 100 - new), (1, new)]);
        assert_moved(&moved, f64::from(u32::abs_diff(old, new)) / 100.0);
        let to = u32::from(new > old);
        assert!(moved.iter().all(|(_, after)| *after == to), "all moves are towards the side that grew");
    }
}

#[test]
fn a_side_more_takes_its_share_and_moves_nobody_else() {
    let before = [(0, 1), (1, 1), (2, 1)];
    let after = [(3, 1), (2, 1), (0, 1), (1, 1)];
    let moved = moves(&before, &after);
    assert_moved(&moved, 0.25);
    assert!(moved.iter().all(|(_, after)| *after == 3));
    let back = moves(&after, &before);
    assert!(back.len() == moved.len() && back.iter().all(|(before, _)| *before == 3));
}

#[test]
fn the_order_of_the_file_and_a_factor_on_all_weights_move_nobody() {
    assert_eq!(moves(&[(0, 9), (1, 1)], &[(1, 1), (0, 9)]), []);
    assert_eq!(moves(&[(0, 9), (1, 1)], &[(0, 900), (1, 100)]), []);
}

/// Written down: another release has to send the same clients the same way.
#[test]
fn a_key_keeps_its_side_from_release_to_release() {
    let split = Split::new(sides(&[(0, 5), (1, 3), (2, 2)]), by_field());
    let side = |user| choose(&split, &format!("X-User: {user}\r\n"), &mut Draws(1)).upstream.0;
    let found: Vec<u32> = ["ann", "bob", "cem", "dora", "eve", "finn", "gil", "hana"].map(side).to_vec();
    assert_eq!(found, [2, 0, 0, 0, 1, 1, 0, 1]);
}

#[test]
fn a_missing_cookie_is_issued_and_honoured_from_then_on() {
    let sticky = Sticky::Cookie { name: "side".into(), max_age: Some(3600) };
    let (split, mut draws) = (Split::new(sides(&[(0, 1), (1, 1)]), Some(sticky.clone())), Draws(3));
    let mut both = [0, 0];
    for fields in ["", "Cookie: other=1\r\n", "Cookie: side=\r\n"].iter().cycle().take(60) {
        let first = choose(&split, fields, &mut draws);
        let mut cookie = Vec::new();
        sticky.set_cookie(first.issue.expect("one is issued"), &mut cookie);
        let cookie = String::from_utf8(cookie).expect("is text");
        let (pair, attributes) = cookie.split_once("; ").expect("has attributes");
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=3600");
        assert_eq!(pair.len(), "side=".len() + 16, "{pair}");
        let again = choose(&split, &format!("Cookie: a=b; {pair}\r\n"), &mut draws);
        assert_eq!(again, Choice { upstream: first.upstream, issue: None });
        both[first.upstream.index()] += 1;
    }
    assert!(both[0] > 10 && both[1] > 10, "{both:?}");
}

#[test]
fn without_its_field_the_side_is_drawn_and_nothing_is_issued() {
    let (split, mut draws) = (Split::new(sides(&[(0, 1), (1, 1)]), by_field()), Draws(5));
    let chosen: Vec<Choice> = (0..REQUESTS).map(|_| choose(&split, "", &mut draws)).collect();
    assert!(chosen.iter().all(|choice| choice.issue.is_none()));
    assert_shares(&counts(chosen.into_iter()), &[(0, 1), (1, 1)]);
}

fn when(fields: &[(&str, &str)], cookies: &[(&str, &str)]) -> Option<When> {
    let (mut when, mut slots) = (When::default(), Slots::new(1));
    for (name, value) in fields {
        when.field(name, value, Told::Whole, &mut slots).expect("is a value");
    }
    for (name, value) in cookies {
        when.cookie(name, value, Told::Whole, &mut slots).expect("is a value");
    }
    Some(when)
}

#[test]
fn a_target_takes_what_fits_its_when_before_anything_is_drawn() {
    let mut targets = sides(&[(0, 1), (1, 0), (2, 0), (3, 0), (4, 0)]);
    targets[4].when = when(&[("x-joined", "a, b")], &[]);
    targets[1].when = when(&[("X-Canary", "always")], &[]);
    targets[2].when = when(&[("Authorization", "regex:Bearer beta-.*")], &[("beta", "*")]);
    targets[3].when = when(&[], &[("beta", "regex:[0-9]+")]);
    let split = Split::new(targets, Some(Sticky::Cookie { name: "side".into(), max_age: None }));
    for (fields, side, issues) in [
        ("", 0, true),
        ("X-Canary: always\r\n", 1, false),
        ("x-canary: never\r\n", 0, true),
        ("X-Canary: never\r\nX-Canary: always\r\n", 0, true),
        ("X-Joined: a\r\nX-Joined: b\r\n", 4, false),
        ("X-Canary: always\r\nCookie: beta=1\r\n", 1, false),
        ("Authorization: Bearer beta-7\r\n", 0, true),
        ("Authorization: Bearer beta-7\r\nCookie: beta=\r\n", 2, false),
        ("Cookie: a=1; beta=17\r\n", 3, false),
        ("Cookie: beta=x\r\nCookie: beta=17\r\n", 0, true),
        ("Cookie: beta=17x\r\n", 0, true),
        ("Cookie: Beta=17; side=1\r\n", 0, false),
    ] {
        let chosen = choose(&split, fields, &mut Draws(1));
        assert_eq!((chosen.upstream.0, chosen.issue.is_some()), (side, issues), "{fields:?}");
    }
}

/// What decides, the side and each side's reason.
fn explained(split: &Split, fields: &str) -> (String, usize, Vec<String>) {
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut lines = Lines::new();
    request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("parses");
    let told = split.explain(Head::new(text.as_bytes(), &lines), &mut Caches::default());
    (told.by.to_string(), told.at, told.sides.iter().map(|side| side.why.to_string()).collect())
}

#[test]
fn each_side_is_told_with_its_reason() {
    let mut targets = sides(&[(0, 90), (1, 0), (2, 10), (3, 0)]);
    targets[1].when = when(&[("X-Canary", "always")], &[("beta", "*")]);
    targets[2].when = when(&[("X-Two", "2")], &[]);
    let cookie = Sticky::Cookie { name: "side".into(), max_age: None };
    let none = "has no weight";
    let split = Split::new(targets, Some(cookie));
    for (fields, by, at, why) in [
        (
            "",
            "by a new cookie side, drawn by weight",
            0,
            ["90 of 100", "wants header X-Canary = always", "10 of 100", none],
        ),
        (
            "X-Canary: always\r\nX-Two: 2\r\n",
            "by its 'when'",
            2,
            [
                "another's 'when' fits",
                "wants cookie beta present",
                "taken: its 'when' fits",
                "another's 'when' fits",
            ],
        ),
        (
            "X-Canary: always\r\nCookie: beta=\r\n",
            "by its 'when'",
            1,
            [
                "another's 'when' fits",
                "taken: its 'when' fits",
                "wants header X-Two = 2",
                "another's 'when' fits",
            ],
        ),
        (
            "Cookie: side=a\r\n",
            "by the cookie side",
            0,
            [
                "taken: the sticky key is its own",
                "wants header X-Canary = always",
                "the sticky key is another's",
                none,
            ],
        ),
    ] {
        assert_eq!(
            explained(&split, fields),
            (by.to_owned(), at, why.map(String::from).to_vec()),
            "{fields:?}"
        );
    }
    let only = Split::new(sides(&[(7, 1)]), None);
    assert_eq!(explained(&only, ""), ("the only one".to_owned(), 0, vec!["taken: the only one".to_owned()]));
    let drawn = Split::new(sides(&[(0, 1), (1, 3)]), by_field());
    assert_eq!(
        explained(&drawn, ""),
        ("drawn by weight".to_owned(), 1, vec!["1 of 4".to_owned(), "3 of 4".to_owned()])
    );
}

#[test]
fn what_is_explained_is_what_is_chosen() {
    let mut targets = sides(&[(0, 5), (1, 0), (2, 3)]);
    targets[1].when = when(&[("X-Canary", "regex:[a-m].*")], &[]);
    let split = Split::new(targets, by_field());
    for number in 0..1000 {
        for fields in [
            format!("X-User: {number}\r\n"),
            format!("X-User: {number}\r\nX-Canary: {}\r\n", ["a", "z"][number % 2]),
        ] {
            let at = explained(&split, &fields).1;
            let chosen = choose(&split, &fields, &mut Draws(number as u64));
            assert_eq!(split.targets()[at].upstream, chosen.upstream, "{fields}");
        }
    }
}
