//! A rate as it was written, on its way to a rule.

use crate::config::policy::limit as config;
use crate::policy::limit::cell::bucket::Bucket;
use crate::policy::limit::cell::counter::Counter;
use crate::policy::limit::cell::fixed::{Fixed, Windows};
use crate::policy::limit::cell::leaky::Leaky;
use crate::policy::limit::cell::log::{self, Log};
use crate::policy::limit::cell::rule::Rule;
use crate::policy::limit::lease::{Terms, Way};
use crate::policy::limit::set::Sets;
use crate::policy::limit::share::Share;
use crate::policy::limit::sync::Arc;
use config::Algorithm;

/// A rate that was found good.
pub(super) struct Draft {
    pub(super) algorithm: Algorithm,
    pub(super) count: u32,
    /// Nanoseconds.
    pub(super) per: u64,
    pub(super) burst: u32,
    /// Nanoseconds.
    pub(super) wait: u64,
}

impl Draft {
    /// The rule; none where a number goes past what a cell can hold.
    pub(super) fn rule(&self, parts: u64, windows: Windows) -> Option<Rule> {
        Some(match self.algorithm {
            Algorithm::TokenBucket => Rule::Bucket(Bucket::new(self.count, self.per, self.burst, parts)?),
            Algorithm::LeakyBucket => Rule::Leaky(Leaky::new(self.count, self.per, self.burst, self.wait)?),
            Algorithm::FixedWindow => Rule::Fixed(Fixed::new(self.count, windows)),
            Algorithm::SlidingWindowCounter => Rule::Counter(Counter::new(self.count, windows)),
            Algorithm::SlidingWindowLog => Rule::Log(Log::new(self.count, self.per)),
        })
    }

    /// How a store counts it; none where it cannot.
    fn terms(&self, shared: &config::Shared) -> Option<Terms> {
        let (way, burst) = match self.algorithm {
            Algorithm::TokenBucket => (Way::Bucket, self.burst),
            Algorithm::FixedWindow => (Way::Window, self.count),
            Algorithm::SlidingWindowCounter => (Way::Counter, self.count),
            Algorithm::SlidingWindowLog => (Way::Log, self.count),
            Algorithm::LeakyBucket => return None,
        };
        let lease = u64::try_from(shared.lease.0.as_nanos()).unwrap_or(u64::MAX);
        Some(Terms { way, count: self.count, per: self.per, burst, lease })
    }

    /// What other machines share of the plan `name`, whose counts are of this `kind`.
    pub(super) fn share(
        &self,
        shared: &config::Shared,
        kind: &str,
        shadow: bool,
        (name, sets): (&str, &mut Sets),
    ) -> Option<Arc<Share>> {
        let terms = self.terms(shared)?;
        // A bucket's count is of tokens, whatever the rate. That of others is of windows, and of their parts.
        let per = if terms.way == Way::Bucket { 0 } else { self.per };
        let (id, standing, failure) = (sets.share_id(), sets.standing().clone(), shared.failure);
        let kind = format!("{kind} {per} {shadow}").into();
        Some(Arc::new(Share { id, terms, failure, standing, name: name.into(), kind }))
    }

    /// Slots of a cell's ring.
    pub(super) fn slots(&self) -> usize {
        match self.algorithm {
            Algorithm::SlidingWindowLog => log::slots(self.count),
            _ => 0,
        }
    }

    /// What the fields call the limit, and the seconds in which it comes anew.
    pub(super) fn quota(&self, rule: &Rule) -> (u32, Option<u64>) {
        let (quota, nanos) = match rule {
            Rule::Bucket(bucket) => (bucket.burst(), bucket.fill_ns()),
            Rule::Leaky(leaky) => (leaky.queue().saturating_add(1), leaky.drain_ns()),
            _ => (self.count, self.per),
        };
        (quota, (nanos >= 1_000_000_000).then(|| nanos.div_ceil(1_000_000_000)))
    }
}
