//! What of a limit that works is probably not meant.

use super::{Flaw, Limit, Plan};
use crate::config::policy::limit as config;
use crate::policy::limit::cell::rule::Rule;

impl Limit {
    /// What of it, as it was `given`, is probably not meant.
    pub fn doubts(&self, given: &config::Limit) -> Vec<Flaw> {
        let mut doubts = Vec::new();
        if !given.plans.0.is_empty() && !self.key.needs_principal() {
            doubts.push(Flaw {
                at: vec!["plans".into()],
                message: "a limit with plans is asked once it is known who calls: failed sign-ins are not counted by it".into(),
                fix: "attach a limit without 'plans' besides, or write 'tier' into 'key' where that is meant".into(),
            });
        }
        let bursts = std::iter::once(given.burst).chain(given.plans.0.iter().map(|(_, plan)| plan.burst));
        doubts.extend(self.plans.iter().zip(bursts).filter_map(|(plan, burst)| never_waits(plan, burst?)));
        doubts
    }
}

/// A leaky bucket in which fewer can wait than its `burst` says.
fn never_waits(plan: &Plan, burst: u32) -> Option<Flaw> {
    let Rule::Leaky(leaky) = &plan.rule else { return None };
    let queue = leaky.queue();
    if queue >= burst {
        return None;
    }
    let millis = leaky.wait_ns(burst).div_ceil(1_000_000);
    let wait = if millis % 1000 == 0 { format!("{}s", millis / 1000) } else { format!("{millis}ms") };
    let at = plan.tier.iter().flat_map(|tier| ["plans", tier]).chain(["burst"]);
    Some(Flaw {
        at: at.map(str::to_owned).collect(),
        message: format!(
            "no more than {queue} of {burst} ever wait: a further one would wait longer than 'max_wait'"
        ),
        fix: format!("write 'max_wait: {wait}', or 'burst: {queue}'"),
    })
}
