//! Welch's t between two classes of times, measured in random order.

use std::time::Duration;

/// What is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// One that exists.
    Known,
    /// One that does not.
    Unknown,
}

/// Decisions of a round.
const DECISIONS: usize = 100_000;
/// Of them, the slowest that are left out: whatever else the machine did.
const CROPPED: f64 = 0.10;
/// Beyond this the classes differ.
const T_MAX: f64 = 4.5;
/// Rounds after which a difference that was there in each of them, in one direction, is believed.
const ROUNDS: usize = 5;

/// The t of each round; it ends with the first round that finds none.
#[derive(Debug)]
pub struct Verdict {
    what: &'static str,
    rounds: Vec<f64>,
}

impl Verdict {
    fn leaks(&self) -> bool {
        let positive = self.rounds.iter().all(|t| *t >= T_MAX);
        let negative = self.rounds.iter().all(|t| *t <= -T_MAX);
        positive || negative
    }

    /// Fails if the times tell the classes apart.
    pub fn expect_even(self) {
        assert!(!self.leaks(), "{} can be told by their time: t = {:?}", self.what, self.rounds);
    }

    /// Fails if they do not.
    pub fn expect_leak(self) {
        assert!(self.leaks(), "{} was not found: t = {:?}", self.what, self.rounds);
    }
}

/// Measures `decide`, which gives the time that one decision took; its second argument counts the decisions of a class.
pub fn compare(what: &'static str, mut decide: impl FnMut(Class, usize) -> Duration) -> Verdict {
    let mut verdict = Verdict { what, rounds: Vec::new() };
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..ROUNDS {
        let mut times = Vec::with_capacity(DECISIONS);
        for at in 0..DECISIONS + DECISIONS / 10 {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let random = ringgate::base::hash::mix(seed);
            let class = if random & 1 == 0 { Class::Known } else { Class::Unknown };
            let time = decide(class, (random >> 8) as usize);
            // The first tenth warms caches and predictors.
            if at >= DECISIONS / 10 {
                times.push((class, time.as_nanos() as f64));
            }
        }
        let t = welch(&mut times);
        println!("{what}: t = {t:.2}");
        verdict.rounds.push(t);
        if t.abs() < T_MAX {
            break;
        }
    }
    verdict
}

fn welch(times: &mut Vec<(Class, f64)>) -> f64 {
    times.sort_unstable_by(|one, other| one.1.total_cmp(&other.1));
    let kept = (times.len() as f64 * (1.0 - CROPPED)) as usize;
    // Equal times on both sides of the cut belong together, whichever class they are of.
    let limit = times[kept].1;
    times.retain(|(_, time)| *time <= limit);
    let of = |class: Class| times.iter().filter(move |(of, _)| *of == class).map(|(_, time)| *time);
    let moments = |class: Class| {
        let count = of(class).count() as f64;
        let mean = of(class).sum::<f64>() / count;
        let variance = of(class).map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let (known, unknown) = (moments(Class::Known), moments(Class::Unknown));
    (known.0 - unknown.0) / (known.1 + unknown.1).sqrt()
}

#[test]
fn the_statistic_is_that_of_welch() {
    let mut times: Vec<(Class, f64)> = Vec::new();
    for value in [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4] {
        times.push((Class::Known, value));
    }
    for value in [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.0, 23.9] {
        times.push((Class::Unknown, value));
    }
    // Some far out that are cropped.
    times.extend([(Class::Known, 1e9), (Class::Unknown, 1e9), (Class::Known, 1e9)]);
    // Among 33 the cut is at the 30th smallest, which is the largest of the real ones.
    let t = welch(&mut times);
    assert!((t + 2.70).abs() < 0.2, "{t}");
}
