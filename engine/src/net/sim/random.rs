//! Pseudo-random draws (splitmix64): every choice of a run comes from one of these, never from the system.

use std::cell::Cell;
use std::ops::Range;

/// A stream of pseudo-random numbers that its seed determines.
#[derive(Debug)]
pub struct Random(Cell<u64>);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Random {
        Random(Cell::new(seed))
    }

    /// The next number.
    pub fn draw(&self) -> u64 {
        let x = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(x);
        let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw() % bound }
    }

    /// A number of `range`; its start when it is empty.
    pub fn within(&self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// True in `percent` of all draws.
    pub fn chance(&self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// One of `choices`, which must not be empty.
    pub fn one_of<'a, T>(&self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}
