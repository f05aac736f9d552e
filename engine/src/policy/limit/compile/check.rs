//! What is wrong with a limit as it was written.

use super::Flaw;
use super::draft::Draft;
use crate::config::policy::limit as config;
use crate::config::units::Rate;
use crate::policy::limit::cell::fixed::{WINDOW_NS_MIN, Windows};
use crate::policy::limit::cell::{bucket, counter, log};
use crate::wire::token::is_token;
use config::{Algorithm, KeyPart};

/// Bytes that the rings of a limit's logs may take.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// Keys of a limit at most.
const KEYS_MAX: u32 = 10_000_000;

/// The longest wait in a leaky bucket where none is given.
const WAIT_NS: u64 = 1_000_000_000;

/// Leases: shorter ones would have control ask without pause, longer ones keep tokens from other machines.
const LEASE_NS_MIN: u64 = 20_000_000;
const LEASE_NS_MAX: u64 = 60_000_000_000;

/// Slots that the rings of so many keys may have.
pub(super) fn slots_max(keys: u32) -> usize {
    usize::try_from(LOG_BYTES_MAX / 8 / u64::from(keys.max(1))).unwrap_or(usize::MAX)
}

/// Collects flaws.
#[derive(Default)]
pub(super) struct Check {
    pub(super) flaws: Vec<Flaw>,
}

impl Check {
    pub(super) fn flaw(&mut self, at: &[&str], message: impl Into<String>, fix: impl Into<String>) {
        let at = at.iter().map(|key| (*key).to_owned()).collect();
        self.flaws.push(Flaw { at, message: message.into(), fix: fix.into() });
    }

    pub(super) fn key(&mut self, key: &[KeyPart], prefix: u32, keys: u32) {
        for part in key {
            if let KeyPart::Header(name) = part
                && !is_token(name.as_bytes())
            {
                self.flaw(
                    &["key"],
                    format!("'{name}' is not the name of a field"),
                    "use letters, digits, '-' and '_'",
                );
            }
        }
        if !(1..=128).contains(&prefix) {
            self.flaw(
                &["ipv6_prefix"],
                format!("{prefix} is no length of an IPv6 prefix"),
                "write 1 to 128, such as 64",
            );
        }
        if !(1..=KEYS_MAX).contains(&keys) {
            self.flaw(
                &["keys"],
                format!("{keys} keys cannot be counted apart"),
                format!("write 1 to {KEYS_MAX}"),
            );
        }
    }

    /// Looks at what is shared of rates that are good by themselves.
    pub(super) fn shared(
        &mut self,
        shared: &config::Shared,
        drafts: &[(Option<&str>, Draft)],
        has_store: bool,
    ) {
        let lease = u64::try_from(shared.lease.0.as_nanos()).unwrap_or(u64::MAX);
        if !has_store {
            self.flaw(
                &["shared"],
                "there is no store to share a limit through",
                "write 'store: { address: \"redis://HOST:6379\" }' under 'gateway', or remove 'shared'",
            );
        }
        if !(LEASE_NS_MIN..=LEASE_NS_MAX).contains(&lease) {
            self.flaw(&["shared", "lease"], "a lease lasts from 20ms to 1m", "write a time such as 1s");
        }
        let windowed = |algorithm| !matches!(algorithm, Algorithm::TokenBucket | Algorithm::LeakyBucket);
        for (_, draft) in drafts {
            if draft.algorithm == Algorithm::LeakyBucket {
                self.flaw(
                    &["shared"],
                    "a leaky bucket cannot be shared: machines have no common queue",
                    "remove 'shared', or write 'algorithm: token_bucket'",
                );
                return;
            }
            if draft.per % 1000 != 0 {
                self.flaw(&["shared"], "a shared rate counts in whole microseconds", "write another 'rate'");
            }
            if windowed(draft.algorithm) && lease > draft.per {
                self.flaw(
                    &["shared", "lease"],
                    "the lease is longer than the window",
                    "write a shorter one: a tenth of the window is usual",
                );
                return;
            }
        }
    }

    /// Looks at a rate of `limit`, its own or a plan's at `at`.
    pub(super) fn rate(
        &mut self,
        limit: &config::Limit,
        at: &[&str],
        rate: Rate,
        burst: Option<u32>,
    ) -> Draft {
        let before = self.flaws.len();
        let spot = |key: &'static str| [at, &[key]].concat();
        let algorithm = limit.algorithm;
        let bucket = matches!(algorithm, Algorithm::TokenBucket | Algorithm::LeakyBucket);
        let per = u64::try_from(rate.per.as_nanos()).unwrap_or(u64::MAX);
        if burst.is_some() && !bucket {
            self.flaw(
                &spot("burst"),
                "'burst' belongs to token_bucket and leaky_bucket",
                "remove it: a window's limit is its rate",
            );
        }
        if burst == Some(0) && algorithm == Algorithm::TokenBucket {
            self.flaw(&spot("burst"), "a bucket of 0 lets nothing pass", "write 1 or more");
        }
        let windowed = matches!(algorithm, Algorithm::FixedWindow | Algorithm::SlidingWindowCounter);
        if windowed && per < WINDOW_NS_MIN {
            self.flaw(
                &spot("rate"),
                "a window is one second long at least",
                "write N/s or longer, or take token_bucket or sliding_window_log",
            );
        }
        if algorithm == Algorithm::SlidingWindowCounter && rate.count > counter::LIMIT_MAX {
            self.flaw(
                &spot("rate"),
                format!("a counter counts to {}", counter::LIMIT_MAX),
                "take fixed_window",
            );
        }
        if algorithm == Algorithm::SlidingWindowLog {
            let bytes = log::slots(rate.count) as u64 * 8 * u64::from(limit.keys);
            if rate.count > log::LIMIT_MAX {
                let message = format!("a log holds {} requests at most", log::LIMIT_MAX);
                self.flaw(&spot("rate"), message, "take sliding_window_counter");
            } else if bytes > LOG_BYTES_MAX {
                let message =
                    format!("logs of {} for {} keys may take {} MiB", rate.count, limit.keys, bytes >> 20);
                let keys = LOG_BYTES_MAX / (log::slots(rate.count) as u64 * 8);
                self.flaw(
                    &spot("rate"),
                    message,
                    format!("write 'keys: {keys}' or less, or take sliding_window_counter"),
                );
            }
        }
        let wait =
            limit.max_wait.map_or(WAIT_NS, |wait| u64::try_from(wait.0.as_nanos()).unwrap_or(u64::MAX));
        let draft = Draft { algorithm, count: rate.count, per, burst: burst.unwrap_or(rate.count), wait };
        let probe = draft.rule(bucket::parts(rate.count, per), Windows { per: per.max(1), offset: 0 });
        if self.flaws.len() == before && probe.is_none() {
            let spot = if burst.is_some() { spot("burst") } else { spot("rate") };
            self.flaw(
                &spot,
                "the bucket takes more than half a year to fill",
                "write a smaller 'burst' or a higher 'rate'",
            );
        }
        draft
    }
}
