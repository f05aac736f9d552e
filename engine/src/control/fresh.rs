//! What is fetched again and again because it does not hold for ever: addresses behind names (`resolve`) and key sets
//! (`jwks`). How such a thing stands, when it is fetched ahead of its time, and when once more after a failure. Pure: chance
//! is an argument.

use std::time::Duration;

/// How it stands with what is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not fetched yet.
    New,
    /// The last fetch gave it.
    Good,
    /// The last fetch failed; what was fetched before is used.
    Stale,
    /// There is nothing to use.
    Lost,
}

impl Standing {
    /// How it stands after a fetch that failed, where something from before `is_left`.
    pub fn after_failure(is_left: bool) -> Standing {
        if is_left { Standing::Stale } else { Standing::Lost }
    }
}

/// 80 to 90 % of a time: what holds for it is fetched again then. `chance` is any number, so that gateways and the many
/// things of one do not move in step.
pub fn ahead(span: Duration, chance: u64) -> Duration {
    span.mul_f64(0.8 + 0.1 * (chance % 1024) as f64 / 1024.0)
}

/// How long to wait after a failure that came behind `failures` others: the `first` time, doubled by each of them up to
/// `most`, and of that 80 to 90 %.
pub fn pause((first, most): (Duration, Duration), failures: u32, chance: u64) -> Duration {
    ahead((first * 2u32.pow(failures.min(8))).min(most), chance)
}
