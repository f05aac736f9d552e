//! Whether the store is asked at all: after some failures in a row it is left alone for a while, then asked once.
//!
//! ```text
//! working ── failures in a row ──▶ open ── its time is over ──▶ one try ── answered ──▶ working
//!                                   ▲────────────── failed ───────┘
//! ```

/// Failures in a row that open it.
const FAILURES: u32 = 3;

/// How long it stays open: twice as long each time, within these.
const OPEN_NS_MIN: u64 = 100_000_000;
const OPEN_NS_MAX: u64 = 500_000_000;

/// The state of one store; control has it, and publishes whether the store works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    open_for: u64,
    open_until: u64,
    trying: bool,
}

impl Breaker {
    /// Whether the store counts as working: what shards go by.
    pub fn is_working(&self) -> bool {
        self.failures < FAILURES
    }

    /// Whether to ask it now. While it is open, one who is told so is the try, and must tell how it went.
    pub fn may_ask(&mut self, now: u64) -> bool {
        if self.is_working() {
            return true;
        }
        let turn = now >= self.open_until && !self.trying;
        self.trying |= turn;
        turn
    }

    /// The store has answered.
    pub fn answered(&mut self) {
        *self = Breaker::default();
    }

    /// The store has not.
    pub fn failed(&mut self, now: u64) {
        self.failures = self.failures.saturating_add(1);
        self.trying = false;
        if !self.is_working() {
            self.open_for = (self.open_for * 2).clamp(OPEN_NS_MIN, OPEN_NS_MAX);
            self.open_until = now.saturating_add(self.open_for);
        }
    }
}
