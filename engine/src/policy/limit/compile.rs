//! From what the operator wrote to what a shard decides by.

mod check;
mod doubt;
mod draft;

use super::cell::in_flight::InFlight;
use super::cell::rule::Rule;
use super::fields::Fields;
use super::key::KeyOf;
use super::set::{Set, Sets, Shape, Wanted};
use super::share::Share;
use super::sync::{Arc, Ordering};
use crate::base::Tick;
use crate::config::policy::limit as config;
use check::Check;
use config::Algorithm;

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

impl Limit {
    /// Compiles what was written.
    ///
    /// # Errors
    /// All flaws at once.
    pub fn compile(limit: &config::Limit, into: Into<'_>) -> Result<Limit, Vec<Flaw>> {
        let mut check = Check::default();
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
                // What a log holds are moments, which any window counts.
                _ => 0,
            };
            let shape = Shape {
                name: name.to_owned(),
                tier: tier.map(str::to_owned),
                shadow,
                kind: format!("{kind} {per}"),
                leased: limit.shared.is_some(),
            };
            let rule = |parts| draft.rule(parts, windows).expect("was tried when the rate was looked at");
            let slots = (draft.slots(), check::slots_max(limit.keys));
            let wanted = Wanted { count: draft.count, per: draft.per, keys: limit.keys, slots, now: now.0 };
            let set = sets.take(shape, &wanted, &rule);
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

    /// Has what is owed of buckets whose rate is another one now count by that: call it when a table that follows another
    /// one is published, and only then.
    pub fn take_over(&self, now: &dyn Fn() -> Tick) {
        self.plans.iter().for_each(|plan| plan.set.take_over(&plan.rule, &|| now().0));
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
        let mut check = Check::default();
        check.key(&limit.key.0, limit.ipv6_prefix, limit.keys);
        if limit.limit == 0 {
            check.flaw(&["limit"], "a limit of 0 lets nothing pass", "write 1 or more");
        }
        if !check.flaws.is_empty() {
            return Err(check.flaws);
        }
        let prefix = u8::try_from(limit.ipv6_prefix).unwrap_or(128);
        let kind = format!("in_flight {:?} {prefix}", limit.key.0);
        let shape =
            Shape { name: into.name.to_owned(), tier: None, shadow: into.shadow, kind, leased: false };
        let rule = Rule::InFlight(InFlight::new(limit.limit));
        let wanted = Wanted { count: 1, per: 1, keys: limit.keys, slots: (0, 0), now: into.now.0 };
        let set = into.sets.take(shape, &wanted, &|_| rule);
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
