//! Laws of balancing, over virtual time and a seeded chance.

mod failover;
mod keys;
mod moves;
mod shards;
mod shares;

use super::{Algorithm, Facts, IdKey, Seat, Seats, State};
use crate::base::Tick;
use crate::base::hash::mix;
use std::sync::Arc;

const ALL: [Algorithm; 5] = [
    Algorithm::RoundRobin,
    Algorithm::LeastConnections,
    Algorithm::PeakEwma,
    Algorithm::ConsistentHash,
    Algorithm::StickyCookie(IdKey::ZERO),
];

/// Seats by weight and priority, named by their index.
fn seats(algorithm: Algorithm, of: &[(u32, u32)]) -> Arc<Seats> {
    let names: Vec<String> = (0..of.len()).map(|index| format!("10.0.0.{index}:8080")).collect();
    let seat = |(name, &(weight, priority))| Seat { name, weight, priority };
    let seats: Vec<Seat<'_>> = names.iter().map(String::as_str).zip(of).map(seat).collect();
    Arc::new(Seats::compile(algorithm, &seats))
}

/// `len` equals.
fn equals(algorithm: Algorithm, len: usize) -> Arc<Seats> {
    seats(algorithm, &vec![(1, 0); len])
}

/// Chance, from a seed that is the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A request of any client at `ms`.
    fn facts(&mut self, ms: u64) -> Facts {
        Facts { key: self.next(), now: at(ms), random: self.next() }
    }
}

fn at(ms: u64) -> Tick {
    Tick(ms * 1_000_000)
}

/// How far `counts` are from `weights`, and how far they may be: the chi-square statistic, and the value that it
/// exceeds by chance once in a thousand (Wilson and Hilferty's approximation of the quantile).
fn chi_square(counts: &[usize], weights: &[u32]) -> (f64, f64) {
    let (all, sum) =
        (counts.iter().sum::<usize>() as f64, weights.iter().map(|&w| f64::from(w)).sum::<f64>());
    let off = |(&count, &weight): (&usize, &u32)| {
        let expected = all * f64::from(weight) / sum;
        (count as f64 - expected).powi(2) / expected
    };
    let freedom = (counts.len() - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    let quantile = freedom * (1.0 - spread + 3.0902 * spread.sqrt()).powi(3);
    (counts.iter().zip(weights).map(off).sum(), quantile)
}

/// The approximation is good to three hundredths.
#[test]
fn the_quantile_is_the_one_of_the_tables() {
    for (len, expected) in [(3, 13.82), (10, 27.88), (50, 85.35)] {
        let (_, quantile) = chi_square(&vec![1; len], &vec![1; len]);
        assert!((quantile / expected - 1.0).abs() < 0.03, "{len}: {quantile}");
    }
}
