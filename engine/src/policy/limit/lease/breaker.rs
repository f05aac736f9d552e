//! Whether the store is asked now: after each failure it is left alone for a moment, after some in a row for a while. Then
//! it is tried once.
//!
//! ```text
//! working ── failures in a row ──▶ open ── its time is over ──▶ one try ── answered ──▶ working
//!                                   ▲────────────── failed ───────┘
//! ```

/// Failures in a row that open it.
const FAILURES: u32 = 3;

/// From one of these to the next.
const PAUSE_NS: u64 = 10_000_000;

/// How long it stays open: twice as long each time, within these. The longest is short enough that a store that comes
/// back is found within a second.
const OPEN_NS_MIN: u64 = 100_000_000;
const OPEN_NS_MAX: u64 = 500_000_000;

/// The state of one store; control has it, and publishes whether the store works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    open_for: u64,
    /// Before it the store is not asked.
    until: u64,
}

impl Breaker {
    /// Whether the store counts as working: what shards go by.
    pub fn is_working(&self) -> bool {
        self.failures < FAILURES
    }

    /// Whether the store failed when it was asked last.
    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// From when on it is asked.
    pub fn until(&self) -> u64 {
        self.until
    }

    /// The store has answered.
    pub fn answered(&mut self) {
        *self = Breaker::default();
    }

    /// The store has not. `chance` is any number: of machines that lost it together, each comes back at its own moment.
    pub fn failed(&mut self, now: u64, chance: u64) {
        self.failures = self.failures.saturating_add(1);
        let wait = if self.is_working() {
            PAUSE_NS
        } else {
            self.open_for = (self.open_for * 2).clamp(OPEN_NS_MIN, OPEN_NS_MAX);
            self.open_for
        };
        // Three quarters of it to all of it.
        self.until = now.saturating_add(wait - wait / 4 * (chance % 1024) / 1024);
    }
}
