//! A moment as a value: nanoseconds on the shard's monotonic clock. Whoever decides takes a `Tick` as an
//! argument, so that tests and simulations bring their own time.

use std::time::Duration;

/// A moment on the monotonic clock, in nanoseconds. `Tick::NEVER` compares later than all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub u64);

impl Tick {
    /// A moment that never comes; what a timeout of `none` ends at.
    pub const NEVER: Tick = Tick(u64::MAX);

    /// This moment and `span` later, saturating at [`Tick::NEVER`].
    pub fn after(self, span: Duration) -> Tick {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Tick(self.0.saturating_add(nanos))
    }

    /// As [`Tick::after`]; `None` gives [`Tick::NEVER`].
    pub fn after_some(self, span: Option<Duration>) -> Tick {
        span.map_or(Tick::NEVER, |span| self.after(span))
    }

    /// When what began at this moment and may live for `age` is old: up to a tenth sooner, by the ten top bits of `dice`, so
    /// that those which began together do not all end at once.
    pub fn old_at(self, age: Duration, dice: u64) -> Tick {
        self.after(age - age / 10 * (dice >> 54) as u32 / 1024)
    }

    /// Time from `earlier` to this moment; zero if it lies before it.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
