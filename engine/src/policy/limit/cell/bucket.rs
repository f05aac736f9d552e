//! The token bucket, as GCRA: the word is the moment at which the bucket is full again ("theoretical arrival time").
//! A bucket that is first spent from at t₀ gives burst + ⌊rate × (t − t₀)⌋ tokens until t if it never fills up.
//!
//! The word counts in parts of a nanosecond, so that a token takes a whole number of them: 3/s is a token each
//! 333,333,333 ⅓ ns, a billion thirds. It wraps round after more than two years and is compared by difference.

use super::super::sync::{AtomicU64, Ordering::Relaxed};
use super::Said;

/// Parts of a nanosecond at most: a word then goes wrong only for a bucket that nobody touched for over a year.
pub const PARTS_MAX: u64 = 256;

/// How long a bucket may take to fill, in parts: a quarter of what a word holds.
const DEPTH_MAX: u128 = 1 << 62;

/// A token bucket's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Parts of a nanosecond.
    parts: u64,
    /// Parts that one token takes.
    step: u64,
    /// Parts that a full bucket takes.
    depth: u64,
    /// How much more may be owed before it is forgiven.
    grace: u64,
    burst: u32,
}

/// What a bucket that a reload made smaller may owe past its depth before that is forgiven: more than any thread is
/// held up behind its clock, since to one that is, the others' spending looks the same.
const GRACE_NS: u64 = 10_000_000_000;

/// Into how many parts a nanosecond is cut for `count` tokens in `per` nanoseconds, so that a token takes a whole
/// number of parts. Where that would be more than [`PARTS_MAX`], as for 999/s, a token takes up to a part too long.
pub fn parts(count: u32, per: u64) -> u64 {
    let reduced = u64::from(count) / gcd(u64::from(count), per);
    if reduced <= PARTS_MAX { PARTS_MAX / reduced * reduced } else { PARTS_MAX }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Bucket {
    /// The rule of `count` tokens in `per` nanoseconds and a capacity of `burst`. `parts` is that of the bucket's
    /// cells, which a reload keeps. A token never takes less than its time. None if it takes too long to fill.
    pub fn new(count: u32, per: u64, burst: u32, parts: u64) -> Option<Bucket> {
        let step = (u128::from(per) * u128::from(parts)).div_ceil(u128::from(count.max(1)));
        let depth = step.checked_mul(u128::from(burst)).filter(|depth| *depth <= DEPTH_MAX)?;
        let (step, depth) = (u64::try_from(step).ok()?, u64::try_from(depth).ok()?);
        (burst > 0 && step > 0).then_some(Bucket { parts, step, depth, grace: u64::MAX - depth, burst })
    }

    /// The same for cells that were spent from by a deeper bucket: what is owed past this one's depth is forgiven, or a
    /// client would wait for as long as the deeper one takes to fill.
    pub fn forgiving(self) -> Bucket {
        Bucket { grace: GRACE_NS * self.parts, ..self }
    }

    /// Whether a word means the same by the other rule.
    pub fn reads_as(&self, other: &Bucket) -> bool {
        (self.step, self.depth) == (other.step, other.depth)
    }

    /// Has a word that was written by the rule `before` owe as many tokens by this one, and no more than all it holds. Others
    /// may spend meanwhile: what they have spent by then is taken over too.
    pub fn take_over(&self, word: &AtomicU64, before: &Bucket, now: &dyn Fn() -> u64) {
        let mut seen = word.load(Relaxed);
        loop {
            let at = now().wrapping_mul(self.parts);
            let ahead = self.ahead(seen, at);
            if ahead == 0 {
                return;
            }
            let owed = (u128::from(ahead) * u128::from(self.step)).div_ceil(u128::from(before.step));
            let owed = u64::try_from(owed).unwrap_or(u64::MAX).min(self.depth);
            match word.compare_exchange_weak(seen, at.wrapping_add(owed), Relaxed, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// Parts that a full bucket takes.
    pub fn depth(&self) -> u64 {
        self.depth
    }

    /// The bucket's capacity.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Nanoseconds in which an empty bucket fills.
    pub fn fill_ns(&self) -> u64 {
        self.depth.div_ceil(self.parts)
    }

    /// How far the word lies ahead of now, in parts; nothing for a full bucket.
    fn ahead(&self, word: u64, at: u64) -> u64 {
        u64::try_from(word.wrapping_sub(at).cast_signed()).unwrap_or(0)
    }

    fn said(&self, pass: bool, ahead: u64, mark: u64) -> Said {
        let left = self.depth.saturating_sub(ahead);
        // What is missing of a whole token, and what is owed besides.
        let missing = if pass { 0 } else { ahead.saturating_sub(self.depth - self.step) };
        Said {
            pass,
            wait: missing.div_ceil(self.parts),
            remaining: u32::try_from(left / self.step).unwrap_or(u32::MAX),
            reset: ahead.div_ceil(self.parts),
            mark,
        }
    }

    /// Takes a token if there is one. One load and one compare-and-swap; again when another shard was first.
    #[inline]
    pub fn spend(&self, word: &AtomicU64, now: u64) -> Said {
        let at = now.wrapping_mul(self.parts);
        let mut seen = word.load(Relaxed);
        loop {
            let ahead = self.ahead(seen, at);
            if ahead > self.depth - self.step {
                if ahead <= self.depth.saturating_add(self.grace) {
                    return self.said(false, ahead, 0);
                }
                let lowered = at.wrapping_add(self.depth);
                match word.compare_exchange_weak(seen, lowered, Relaxed, Relaxed) {
                    Ok(_) => return self.said(false, self.depth, 0),
                    Err(other) => seen = other,
                }
                continue;
            }
            let full = at.wrapping_add(ahead + self.step);
            match word.compare_exchange_weak(seen, full, Relaxed, Relaxed) {
                Ok(_) => return self.said(true, ahead + self.step, full),
                Err(other) => seen = other,
            }
        }
    }

    /// What [`Bucket::spend`] would say.
    pub fn peek(&self, word: &AtomicU64, now: u64) -> Said {
        let ahead = self.ahead(word.load(Relaxed), now.wrapping_mul(self.parts));
        let pass = ahead <= self.depth - self.step;
        self.said(pass, if pass { ahead + self.step } else { ahead }, 0)
    }

    /// Gives back the token whose spending said `mark`. Nothing is given back when the bucket was full in the
    /// meantime, since then the token has come back by itself: the word no longer lies whole tokens from the mark.
    pub fn refund(&self, word: &AtomicU64, mark: u64) {
        let mut seen = word.load(Relaxed);
        while seen.wrapping_sub(mark).cast_signed() % self.step.cast_signed() == 0 {
            let less = seen.wrapping_sub(self.step);
            match word.compare_exchange_weak(seen, less, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// For how long the bucket has been full.
    pub fn rest(&self, word: &AtomicU64, now: u64) -> Option<u64> {
        let behind = now.wrapping_mul(self.parts).wrapping_sub(word.load(Relaxed)).cast_signed();
        u64::try_from(behind).ok().map(|behind| behind / self.parts)
    }

    /// Fills the bucket of a cell that nobody else has.
    pub fn fresh(&self, word: &AtomicU64, now: u64) {
        word.store(now.wrapping_mul(self.parts), Relaxed);
    }
}
