//! Durations counted in dense arrays of one shard: an index by shifts, two plain adds, no float. Two widths: [`Fine`] has
//! four buckets a doubling and single microseconds up to 8, for what there is a handful of; [`Coarse`] one a doubling from
//! 64 µs on, for what there is one of a route.

use crate::base::counters::Tally;

/// How durations fall into buckets.
pub trait Scale {
    /// Buckets, the last of which has no upper bound.
    const BUCKETS: usize;

    /// The bucket of a duration.
    fn bucket(micros: u64) -> usize;

    /// The upper bound of a bucket in microseconds, itself not in it; none for the last.
    fn bound(bucket: usize) -> Option<u64>;
}

/// 1 µs to 67 s: microseconds up to 8, then steps of a quarter to an eighth of the value.
#[derive(Debug)]
pub struct Fine;

/// 64 µs to 67 s by doublings.
#[derive(Debug)]
pub struct Coarse;

/// The exponent at which both scales end: 2^26 µs.
const TOP: u32 = 26;
/// Buckets of [`Fine`] a doubling, as a power of two.
const PARTS: u32 = 2;
/// The exponent of the first bound of [`Coarse`].
const FIRST: u32 = 6;

/// Buckets of [`Fine`].
pub const FINE: usize = (((TOP - PARTS) as usize + 1) << PARTS) + 1;
/// Buckets of [`Coarse`].
pub const COARSE: usize = (TOP - FIRST) as usize + 2;

impl Scale for Fine {
    const BUCKETS: usize = FINE;

    #[inline]
    fn bucket(micros: u64) -> usize {
        let shift = (63 - (micros | (1 << PARTS)).leading_zeros()) - PARTS;
        ((shift << PARTS) as usize + (micros >> shift) as usize).min(FINE - 1)
    }

    fn bound(bucket: usize) -> Option<u64> {
        let parts = 1 << PARTS;
        let shift = (bucket / parts).saturating_sub(1);
        (bucket < FINE - 1).then(|| ((bucket - shift * parts) as u64 + 1) << shift)
    }
}

impl Scale for Coarse {
    const BUCKETS: usize = COARSE;

    #[inline]
    fn bucket(micros: u64) -> usize {
        ((64 - (micros >> FIRST).leading_zeros()) as usize).min(COARSE - 1)
    }

    fn bound(bucket: usize) -> Option<u64> {
        (bucket < COARSE - 1).then(|| 1 << (FIRST as usize + bucket))
    }
}

/// One shard's counts of durations by a [`Scale`] of `N` buckets.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    buckets: [Tally; N],
    sum_micros: Tally,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Histogram { buckets: std::array::from_fn(|_| Tally::default()), sum_micros: Tally::default() }
    }
}

impl Histogram<FINE> {
    /// Counts one duration.
    #[inline]
    pub fn count(&self, micros: u64) {
        self.put(Fine::bucket(micros), micros);
    }
}

impl Histogram<COARSE> {
    /// Counts one duration.
    #[inline]
    pub fn count(&self, micros: u64) {
        self.put(Coarse::bucket(micros), micros);
    }
}

impl<const N: usize> Histogram<N> {
    #[inline]
    fn put(&self, bucket: usize, micros: u64) {
        self.buckets[bucket].add(1);
        self.sum_micros.add(micros);
    }

    /// Adds it to `sum`.
    pub fn merge(&self, sum: &mut Merged<N>) {
        for (merged, own) in sum.buckets.iter_mut().zip(&self.buckets) {
            *merged += own.now();
        }
        sum.sum_micros += self.sum_micros.now();
    }
}

/// The histograms of all shards together.
#[derive(Debug, Clone)]
pub struct Merged<const N: usize> {
    /// Counts by bucket.
    pub buckets: [u64; N],
    /// The sum of all durations.
    pub sum_micros: u64,
}

impl<const N: usize> Default for Merged<N> {
    fn default() -> Self {
        Merged { buckets: [0; N], sum_micros: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_value_lies_below_its_bound_and_not_below_the_one_before<S: Scale>() {
        let edges =
            (0..64).flat_map(|power| [(1u64 << power) - 1, 1 << power, (1 << power) + (1 << power) / 3]);
        for micros in edges.chain(0..5000).chain([u64::MAX]) {
            let bucket = S::bucket(micros);
            assert!(S::bound(bucket).is_none_or(|bound| micros < bound), "{micros} in {bucket}");
            let before = bucket.checked_sub(1).and_then(S::bound);
            assert!(before.is_none_or(|before| micros >= before), "{micros} in {bucket}");
        }
        assert_eq!((S::bucket(u64::MAX), S::bound(S::BUCKETS - 1)), (S::BUCKETS - 1, None));
        let bounds: Vec<u64> = (0..S::BUCKETS - 1).map(|bucket| S::bound(bucket).unwrap()).collect();
        assert!(bounds.is_sorted() && bounds.last() == Some(&(1 << TOP)), "{bounds:?}");
    }

    #[test]
    fn both_scales_hold_every_duration() {
        every_value_lies_below_its_bound_and_not_below_the_one_before::<Fine>();
        every_value_lies_below_its_bound_and_not_below_the_one_before::<Coarse>();
    }

    #[test]
    fn the_fine_scale_tells_single_microseconds_and_then_a_quarter() {
        let widths: Vec<u64> =
            (1..FINE - 1).map(|at| Fine::bound(at).unwrap() - Fine::bound(at - 1).unwrap()).collect();
        assert!(widths[..7].iter().all(|width| *width == 1), "{widths:?}");
        for (at, width) in widths.iter().enumerate().skip(7) {
            let lower = Fine::bound(at).unwrap();
            assert!(width * 4 <= lower, "{width} at {lower}");
        }
        assert_eq!((Coarse::bound(0), Coarse::bound(1)), (Some(64), Some(128)));
    }

    #[test]
    fn what_shards_counted_is_one_sum() {
        let (one, two, mut sum) =
            (Histogram::<COARSE>::default(), Histogram::<COARSE>::default(), Merged::default());
        [10, 100].iter().for_each(|micros| one.count(*micros));
        two.count(100);
        one.merge(&mut sum);
        two.merge(&mut sum);
        assert_eq!((sum.buckets[0], sum.buckets[1], sum.sum_micros), (1, 2, 210));
    }
}
