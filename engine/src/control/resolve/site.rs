//! One upstream whose endpoints may change: what they are made of, and the set that was published last.

use crate::control::courier::Couriers;
use crate::control::probe::Probes;
use crate::shard::{Message, Shared};
use crate::table::endpoints::{Found, assemble};
use crate::table::{Balance, Endpoints, Source, Target, Upstream};
use std::path::PathBuf;
use std::sync::Arc;

/// One upstream.
#[derive(Debug)]
pub struct Site {
    upstream: Arc<str>,
    written: Vec<Source>,
    /// What its file says.
    listed: Vec<Source>,
    balance: Balance,
    /// Its file.
    pub file: Option<PathBuf>,
    set: Arc<Endpoints>,
}

impl Site {
    /// The site of `upstream`; none when all its endpoints are addresses in the configuration.
    pub fn of(upstream: &Upstream) -> Option<Site> {
        if upstream.file.is_none() && upstream.sources.iter().all(|source| source.target.is_address()) {
            return None;
        }
        Some(Site {
            upstream: upstream.name.as_str().into(),
            written: upstream.sources.clone(),
            listed: Vec::new(),
            balance: upstream.balance.clone(),
            file: upstream.file.clone(),
            set: upstream.endpoints.clone(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.upstream
    }

    /// Its endpoints.
    pub fn set(&self) -> &Arc<Endpoints> {
        &self.set
    }

    /// Its file says this now.
    pub fn list(&mut self, sources: Vec<Source>) {
        self.listed = sources;
    }

    /// What its file said last.
    pub fn listed(&self) -> &[Source] {
        &self.listed
    }

    /// Goes on with the set of `old`, if its own is the same: then nothing changes for the shards.
    pub fn keep_equal(&mut self, old: &Site) {
        if old.balance == self.balance && old.set[..] == self.set[..] {
            self.set = old.set.clone();
        }
    }

    /// The names that its endpoints are behind.
    pub fn names(&self) -> impl Iterator<Item = &Target> {
        self.written
            .iter()
            .chain(&self.listed)
            .map(|source| &source.target)
            .filter(|target| !target.is_address())
    }

    /// Makes its set anew of what is `known`; true if it is another than before.
    pub fn reassemble<'a>(&mut self, known: impl Fn(&Target) -> &'a [Found]) -> bool {
        let set = assemble(self.written.iter().chain(&self.listed), known);
        if set[..] == self.set[..] {
            return false;
        }
        self.set = Endpoints::new(set, &self.balance);
        true
    }

    /// Has the set checked as the one before it.
    pub async fn show(&self, probes: &Probes) {
        probes.show(&self.upstream, &self.set).await;
    }

    /// Tells every shard of the set.
    pub fn publish(&self, shared: &Shared, couriers: &Couriers) {
        self.set.arm(&self.upstream, &mut shared.meters.arm());
        couriers.tell(|_| Message::Endpoints(self.upstream.clone(), self.set.clone()));
    }
}
