//! The one place that reads a clock. `coarse` costs 4 ns and moves once a scheduler tick: deadlines read it.
//! `now` costs 25 ns: at most four stamps a request, and one each time its policies are asked. In a simulation both
//! give the virtual time.

use super::sys;
use crate::base::Tick;

/// The monotonic clock, precise.
pub fn now() -> Tick {
    #[cfg(feature = "sim")]
    if let Some(tick) = super::sim::virtual_now() {
        return tick;
    }
    Tick(sys::clock(libc::CLOCK_MONOTONIC))
}

/// The monotonic clock as of the last scheduler tick (1 to 10 ms ago).
pub fn coarse() -> Tick {
    #[cfg(feature = "sim")]
    if let Some(tick) = super::sim::coarse_now() {
        return tick;
    }
    Tick(sys::clock(libc::CLOCK_MONOTONIC_COARSE))
}

/// Wall clock in milliseconds since 1970, coarse.
pub fn unix_ms() -> u64 {
    #[cfg(feature = "sim")]
    if let Some(tick) = super::sim::virtual_now() {
        return tick.0 / 1_000_000;
    }
    sys::clock(libc::CLOCK_REALTIME_COARSE) / 1_000_000
}
