//! Counts of durations in buckets whose width grows with their value: 0.4 % of it, from a nanosecond to centuries,
//! in 114 KiB and without allocation while counting.

use std::time::Duration;

/// Buckets for each doubling of the value, as a power of two.
const PRECISION_BITS: u32 = 8;
const BUCKETS: usize = (64 - PRECISION_BITS as usize + 1) << PRECISION_BITS;

/// Durations counted.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
    sum: u128,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; BUCKETS], total: 0, max: 0, sum: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
        self.sum += u128::from(nanos);
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest; zero when none was counted.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The mean; zero when none was counted.
    pub fn mean(&self) -> Duration {
        let mean = self.sum.checked_div(u128::from(self.total)).unwrap_or(0);
        Duration::from_nanos(mean as u64)
    }

    /// The duration that `share` (0 to 1) of all do not exceed, at most 0.4 % too long; zero when none was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(upper(at).min(self.max));
            }
        }
        Duration::ZERO
    }
}

fn bucket(nanos: u64) -> usize {
    let magnitude = 63 - (nanos | 1).leading_zeros();
    let shift = magnitude.saturating_sub(PRECISION_BITS);
    ((shift as usize) << PRECISION_BITS) + (nanos >> shift) as usize
}

/// The largest value that falls in a bucket.
fn upper(bucket: usize) -> u64 {
    let shift = (bucket >> PRECISION_BITS).saturating_sub(1);
    let mantissa = bucket - (shift << PRECISION_BITS);
    let end = (mantissa as u128 + 1) << shift;
    u64::try_from(end - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_its_bucket_within_its_precision() {
        for power in 0..64 {
            for nanos in
                [(1u64 << power) - 1, 1 << power, (1 << power) + (1 << power) / 3, u64::MAX >> (63 - power)]
            {
                let edge = upper(bucket(nanos));
                assert!(edge >= nanos && (edge - nanos) as f64 <= nanos as f64 / 256.0, "{nanos}: {edge}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.mean()), (Duration::ZERO, Duration::ZERO));
        (1..=1000).for_each(|n| histogram.add(Duration::from_micros(n)));
        let near = |share: f64, micros: u64| {
            let (found, expected) = (histogram.quantile(share).as_nanos() as f64, micros as f64 * 1e3);
            assert!(found >= expected && found <= expected * 1.004, "{share}: {found}");
        };
        near(0.0, 1);
        near(0.5, 500);
        near(0.99, 990);
        assert_eq!(histogram.quantile(1.0), Duration::from_millis(1));
        assert_eq!((histogram.total(), histogram.max()), (1000, Duration::from_millis(1)));
        assert_eq!(histogram.mean(), Duration::from_nanos(500_500));
    }
}
