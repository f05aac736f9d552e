//! Limits that several machines share: what a machine may spend before the store was asked, what it asks for, and how
//! many too many may pass at most. Pure: control carries asks and grants between here and the store.
//!
//! ```text
//! shard:   own limit (`Rule`) and `Lease::spend` ── both must say yes ──▶ pass
//! control: Lease::ask ──▶ Ask ──▶ store: Pot::grant, one script ──▶ Grant ──▶ Lease::granted
//! ```
//! No request waits for the store. A machine spends tokens it was granted, for one lease's time at most; before it has
//! any, a few on credit, which the store charges whatever is left, and which come back only with a grant, so only when all
//! debts are paid. A token is granted once. So of any stretch of time t, M machines together let pass at most
//!
//! > burst + rate × t + rate × lease + M × credit
//!
//! and in the long run exactly the rate. A machine counts by its own limit besides, so that alone it never exceeds it,
//! and goes on by that while the store does not answer, if so configured.

pub mod breaker;
pub mod pot;
#[cfg(test)]
mod tests;
mod words;

pub use breaker::Breaker;
pub use pot::{Ask, Grant, Pot};
pub use words::{Lease, Pays};

use crate::config::policy::limit::Failure;

/// What is shared of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// So many tokens…
    pub count: u32,
    /// …in so many nanoseconds.
    pub per: u64,
    /// The store's bucket.
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

    /// How many more than burst + rate × t may pass of one key in any stretch, on `machines` together, while the store
    /// answers. What `check` prints.
    pub fn overshoot(&self, machines: u32) -> u64 {
        self.leased().saturating_add(u64::from(machines) * u64::from(self.credit()))
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
