//! From what the operator wrote to what a shard decides by.

use super::cell::bucket::{self, Bucket};
use super::cell::counter::{self, Counter};
use super::cell::fixed::{Fixed, WINDOW_NS_MIN, Windows};
use super::cell::in_flight::InFlight;
use super::cell::leaky::Leaky;
use super::cell::log::{self, Log};
use super::cell::rule::Rule;
use super::fields::Fields;
use super::key::KeyOf;
use super::lease::{Terms, Way};
use super::set::{Set, Sets, Shape};
use super::share::Share;
use super::sync::{Arc, Ordering};
use crate::base::Tick;
use crate::config::policy::limit as config;
use crate::config::units::Rate;
use crate::wire::token::is_token;
use config::{Algorithm, KeyPart};

/// A flaw of one policy: where in it, what is wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Keys from the policy's kind down, such as `plans`, `partner`, `burst`.
    pub at: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

/// Bytes that the rings of a limit's logs may take.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// Keys of a limit at most.
const KEYS_MAX: u32 = 10_000_000;

/// The longest wait in a leaky bucket where none is given.
const WAIT_NS: u64 = 1_000_000_000;

/// Leases: shorter ones would have control ask without pause, longer ones keep tokens from other machines.
const LEASE_NS_MIN: u64 = 20_000_000;
const LEASE_NS_MAX: u64 = 60_000_000_000;

/// Tiers of a limit at most: they are looked through one by one.
const PLANS_MAX: usize = 64;

/// A limit as a table has it.
#[derive(Debug)]
pub struct Limit {
    pub(super) key: KeyOf,
    /// What holds for all others first, then the tiers.
    pub(super) plans: Vec<Plan>,
    pub(super) fields: Fields,
    keys: u32,
}

/// A rate with its cells.
#[derive(Debug)]
pub(super) struct Plan {
    pub tier: Option<Box<str>>,
    pub rule: Rule,
    pub set: Arc<Set>,
    /// What the fields call the limit.
    pub quota: u32,
    /// Seconds in which that quota comes anew; none where it takes less than one.
    pub window: Option<u64>,
    /// What other machines share of it.
    pub share: Option<Arc<Share>>,
}

/// A limit of requests in flight, as a table has it.
#[derive(Debug)]
pub struct InFlightLimit {
    pub(super) key: KeyOf,
    pub(super) rule: Rule,
    pub(super) set: Arc<Set>,
    pub(super) limit: u32,
    keys: u32,
}

/// What is compiled into: whose policy, whether it only watches, the sets and the moment.
#[derive(Debug)]
pub struct Into<'s> {
    /// The policy's name.
    pub name: &'s str,
    /// Whether it is in shadow mode.
    pub shadow: bool,
    /// The sets of the process.
    pub sets: &'s mut Sets,
    /// Whether there is a store to share limits through.
    pub has_store: bool,
    /// Now.
    pub now: Tick,
}

/// A rate that was found good.
struct Draft {
    algorithm: Algorithm,
    count: u32,
    per: u64,
    burst: u32,
    wait: u64,
}

impl Draft {
    /// The rule; none where a number goes past what a cell can hold.
    fn rule(&self, parts: u64, windows: Windows) -> Option<Rule> {
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
    fn share(
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
    fn slots(&self) -> usize {
        match self.algorithm {
            Algorithm::SlidingWindowLog => log::slots(self.count),
            _ => 0,
        }
    }

    /// What the fields call the limit, and the seconds in which it comes anew.
    fn quota(&self, rule: &Rule) -> (u32, Option<u64>) {
        let (quota, nanos) = match rule {
            Rule::Bucket(bucket) => (bucket.burst(), bucket.fill_ns()),
            Rule::Leaky(leaky) => (leaky.depth().saturating_add(1), leaky.drain_ns()),
            _ => (self.count, self.per),
        };
        (quota, (nanos >= 1_000_000_000).then(|| nanos.div_ceil(1_000_000_000)))
    }
}

/// Collects flaws.
struct Check {
    flaws: Vec<Flaw>,
}

impl Check {
    fn flaw(
        &mut self,
        at: &[&str],
        message: impl std::convert::Into<String>,
        fix: impl std::convert::Into<String>,
    ) {
        let at = at.iter().map(|key| (*key).to_owned()).collect();
        self.flaws.push(Flaw { at, message: message.into(), fix: fix.into() });
    }

    fn key(&mut self, key: &[KeyPart], prefix: u32, keys: u32) {
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
    fn shared(&mut self, shared: &config::Shared, drafts: &[(Option<&str>, Draft)], has_store: bool) {
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
    fn rate(&mut self, limit: &config::Limit, at: &[&str], rate: Rate, burst: Option<u32>) -> Draft {
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

impl Limit {
    /// Compiles what was written.
    ///
    /// # Errors
    /// All flaws at once.
    pub fn compile(limit: &config::Limit, into: Into<'_>) -> Result<Limit, Vec<Flaw>> {
        let mut check = Check { flaws: Vec::new() };
        check.key(&limit.key.0, limit.ipv6_prefix, limit.keys);
        if limit.max_wait.is_some() && limit.algorithm != Algorithm::LeakyBucket {
            check.flaw(
                &["max_wait"],
                "'max_wait' belongs to leaky_bucket",
                "remove it, or write 'algorithm: leaky_bucket'",
            );
        }
        if limit.plans.0.len() > PLANS_MAX {
            check.flaw(
                &["plans"],
                format!("there are more than {PLANS_MAX} plans"),
                "let tiers share plans by policies of their own",
            );
        }
        let mut drafts = vec![(None, check.rate(limit, &[], limit.rate, limit.burst))];
        for (tier, plan) in &limit.plans.0 {
            let draft = check.rate(limit, &["plans", tier], plan.rate, plan.burst);
            drafts.push((Some(tier.as_str()), draft));
        }
        if let Some(shared) = &limit.shared {
            check.shared(shared, &drafts, into.has_store);
        }
        if !check.flaws.is_empty() {
            return Err(check.flaws);
        }
        let prefix = u8::try_from(limit.ipv6_prefix).unwrap_or(128);
        let kind = format!("{:?} {:?} {prefix}", limit.algorithm, limit.key.0);
        let Into { name, shadow, sets, now, .. } = into;
        let mut plans = Vec::with_capacity(drafts.len());
        for (tier, draft) in drafts {
            let windows = sets.windows(draft.per);
            let per = match draft.algorithm {
                Algorithm::FixedWindow | Algorithm::SlidingWindowCounter => draft.per,
                _ => 0,
            };
            let shape = Shape {
                name: name.to_owned(),
                tier: tier.map(str::to_owned),
                shadow,
                kind: format!("{kind} {per}"),
                slots: draft.slots(),
                leased: limit.shared.is_some(),
            };
            let rule = |parts| draft.rule(parts, windows).expect("was tried when the rate was looked at");
            let set = sets.take(shape, (draft.count, draft.per), limit.keys, now.0, &rule);
            // The set's parts may be those of an earlier rate, never more than were tried by a power of two.
            let Some(mut rule) = draft.rule(set.parts, windows) else {
                let (message, fix) =
                    ("the bucket takes too long to fill", "write a smaller 'burst' or a higher 'rate'");
                return Err(vec![Flaw { at: vec!["rate".into()], message: message.into(), fix: fix.into() }]);
            };
            if let Rule::Bucket(bucket) = &mut rule
                && set.deepest.fetch_max(bucket.depth(), Ordering::Relaxed) > bucket.depth()
            {
                *bucket = bucket.forgiving();
            }
            let (quota, window) = draft.quota(&rule);
            let share = limit.shared.as_ref();
            let share = share.and_then(|shared| draft.share(shared, &kind, shadow, (set.name(), sets)));
            plans.push(Plan { tier: tier.map(std::convert::Into::into), rule, set, quota, window, share });
        }
        let key = KeyOf::new(&limit.key.0, prefix);
        Ok(Limit { key, plans, fields: Fields::new(name, limit.fields, limit.reset), keys: limit.keys })
    }

    /// Whether it can be decided only when it is known who calls: by its key, or since tiers have plans.
    pub fn needs_principal(&self) -> bool {
        self.key.needs_principal() || self.plans.len() > 1
    }

    /// What the fields of a reply tell.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Makes what a new table changes of kept sets hold: call it when the table is published, not when it is built, since
    /// a table that is refused changes nothing.
    pub fn publish(&self) {
        self.plans.iter().for_each(|plan| plan.set.stripes.resize(self.keys));
    }

    /// The sets it spends from.
    pub fn sets(&self) -> impl Iterator<Item = &Arc<Set>> {
        self.plans.iter().map(|plan| &plan.set)
    }

    /// What other machines share of it, by plan.
    pub fn shares(&self) -> impl Iterator<Item = &Arc<Share>> {
        self.plans.iter().filter_map(|plan| plan.share.as_ref())
    }

    /// The plan of a tier.
    #[inline]
    pub(super) fn plan(&self, tier: Option<&str>) -> usize {
        match tier {
            Some(_) => self.plans.iter().position(|plan| plan.tier.as_deref() == tier).unwrap_or(0),
            None => 0,
        }
    }
}

impl InFlightLimit {
    /// Compiles what was written.
    ///
    /// # Errors
    /// All flaws at once.
    pub fn compile(limit: &config::InFlight, into: Into<'_>) -> Result<InFlightLimit, Vec<Flaw>> {
        let mut check = Check { flaws: Vec::new() };
        check.key(&limit.key.0, limit.ipv6_prefix, limit.keys);
        if limit.limit == 0 {
            check.flaw(&["limit"], "a limit of 0 lets nothing pass", "write 1 or more");
        }
        if !check.flaws.is_empty() {
            return Err(check.flaws);
        }
        let prefix = u8::try_from(limit.ipv6_prefix).unwrap_or(128);
        let kind = format!("in_flight {:?} {prefix}", limit.key.0);
        let shape = Shape {
            name: into.name.to_owned(),
            tier: None,
            shadow: into.shadow,
            kind,
            slots: 0,
            leased: false,
        };
        let rule = Rule::InFlight(InFlight::new(limit.limit));
        let set = into.sets.take(shape, (1, 1), limit.keys, into.now.0, &|_| rule);
        Ok(InFlightLimit {
            key: KeyOf::new(&limit.key.0, prefix),
            rule,
            set,
            limit: limit.limit,
            keys: limit.keys,
        })
    }

    /// Whether it can be decided only when it is known who calls.
    pub fn needs_principal(&self) -> bool {
        self.key.needs_principal()
    }

    /// As [`Limit::publish`].
    pub fn publish(&self) {
        self.set.stripes.resize(self.keys);
    }

    /// The set it spends from.
    pub fn set(&self) -> &Arc<Set> {
        &self.set
    }
}
