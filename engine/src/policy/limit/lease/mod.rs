//! Limits that several machines share: what a machine may spend before the store was asked, what it asks for, and how
//! many too many may pass at most. Pure: control carries asks and grants between here and the store.
//!
//! ```text
//! shard:   own limit (`Rule`) and `Lease::spend` ── both must say yes ──▶ pass
//! control: Lease::ask ──▶ Ask ──▶ store: Pot::grant, one script ──▶ Grant ──▶ Lease::granted
//! ```
//! No request waits for the store. A machine spends tokens it was granted, for one lease's time at most; before it has
//! any, a few on credit, which the store charges whatever is left, and which come back only with a grant, so only when all
//! debts are paid. A token is granted once. [`Terms::overshoot`] is what follows of it. A machine counts by its own limit
//! besides, so that alone it never exceeds it, and goes on by that while the store does not answer, if so configured.

pub mod breaker;
pub mod pot;
mod words;

pub use breaker::Breaker;
pub use pot::{Ask, Grant, Pot};
pub use words::{Lease, Pays};

use crate::config::policy::limit::Failure;

/// How the store counts a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A token bucket.
    Bucket,
    /// A fixed window.
    Window,
    /// A sliding window counter.
    Counter,
    /// A sliding window log, in [`pot::SLOTS`] slots of a window.
    Log,
}

/// What is shared of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How the store counts.
    pub way: Way,
    /// So many tokens…
    pub count: u32,
    /// …in so many nanoseconds, whole microseconds.
    pub per: u64,
    /// The store's bucket; of windows the count.
    pub burst: u32,
    /// Nanoseconds for which a granted token may be spent.
    pub lease: u64,
}

impl Terms {
    /// Tokens of the rate in one lease's time, rounded up.
    fn leased(&self) -> u64 {
        let tokens = (u128::from(self.lease) * u128::from(self.count)).div_ceil(u128::from(self.per.max(1)));
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }

    /// Tokens of a key that a machine may spend before the store has granted any: a lease's worth, at least one, so that
    /// who keeps to the rate is not refused for coming first, and never more than the bucket.
    pub fn credit(&self) -> u32 {
        u32::try_from(self.leased()).unwrap_or(u32::MAX).clamp(1, self.burst.max(1))
    }

    /// Tokens that a machine may hold at once. Of a log no more than a lease's worth: what is held when a stretch begins
    /// passes in it besides all that is granted in it.
    fn held(&self) -> u32 {
        match self.way {
            Way::Log => self.credit(),
            _ => self.burst,
        }
    }

    /// How many more than the limit may pass of one key on `machines` together while the store answers. What `check`
    /// prints. More than what:
    ///
    /// - *bucket*: in any stretch of time t, burst + rate × t. What was granted in the lease's time before the stretch may
    ///   be spent in it, and each machine's credit.
    /// - *window, counter*: N in a window of the store's clock. What a window granted ends with it, so only credit is left.
    /// - *log*: N in any stretch of the window's length. Each machine may hold a lease's worth when it begins, and has its
    ///   credit.
    ///
    /// Shards do not appear in it: those of a machine spend from one lease.
    pub fn overshoot(&self, machines: u32) -> u64 {
        let credits = u64::from(machines) * u64::from(self.credit());
        match self.way {
            Way::Bucket => self.leased().saturating_add(credits),
            Way::Window | Way::Counter => credits,
            Way::Log => credits + u64::from(machines) * u64::from(self.held()),
        }
    }

    /// How many times the limit may pass while the store does not answer; none where there is no bound.
    pub fn overshoot_alone(&self, machines: u32, failure: Failure) -> Option<u32> {
        match failure {
            Failure::Local => Some(machines),
            Failure::Open => None,
            Failure::Closed => Some(0),
        }
    }
}

/// Whether a request passes: `local` is what the machine's own limit says, `pays` what the lease does, `working`
/// whether the store answers.
pub fn passes(local: bool, pays: Pays, working: bool, failure: Failure) -> bool {
    match (working, failure) {
        (true, _) => local && pays != Pays::Nothing,
        (false, Failure::Local) => local,
        (false, Failure::Open) => true,
        (false, Failure::Closed) => local && pays == Pays::Lease,
    }
}
