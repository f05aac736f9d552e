//! Names and files of endpoints, kept current while the gateway runs. `control/run` has them settled before any listener
//! opens, for [`START`] at most, and then kept: what changes is published to every shard as a whole set. Requests never
//! wait for any of it. A configuration of addresses alone has no [`Names`] and costs nothing. A reload settles what is new
//! beside those that are kept, and takes over from them when it is published.
//!
//! `name` remembers, `lookup` asks, `lists` watches files, `site` makes and publishes sets, `keeper` is the task.

mod keeper;
mod lists;
mod lookup;
mod name;
mod site;

pub use keeper::{Keeper, Seen};
pub use lists::{Stamp, problems, read_into, stamp};
pub use lookup::{Lookups, addresses};

use super::courier::Couriers;
use super::diagnostics::{endpoints_refused, tell};
use super::fresh::Standing;
use super::probe::Probes;
use crate::base::Tick;
use crate::net::clock;
use crate::shard::Shared;
use crate::table::endpoints::Found;
use crate::table::{Resolver, Source, Table, Target};
use keeper::Ask;
use lists::{List, watch};
use name::{Answer, Name};
use site::Site;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

/// The start waits for names for this long at most.
const START: Duration = Duration::from_secs(2);
/// Names looked up at the same time.
const LOOKUPS_AT_ONCE: usize = 128;
/// Lists that have been read and not been taken, at most.
const NEWS: usize = 16;

/// The names and files of a table's endpoints.
#[derive(Debug)]
pub struct Names {
    rule: Resolver,
    names: HashMap<Target, Known>,
    sites: Vec<Site>,
    running: JoinSet<(Target, Result<Answer, String>)>,
    /// The names that `running` asks for.
    running_for: HashSet<Target>,
    lookups: Result<Lookups, String>,
    /// The files, each with the index of its site.
    lists: Vec<(usize, List)>,
}

/// A name, the addresses in use, and the sites that use it.
#[derive(Debug)]
struct Known {
    name: Name,
    found: Vec<Found>,
    users: Vec<usize>,
}

impl Names {
    /// Those of `table`, settled: its files are read and every name is looked up once, within [`START`]. `table` is given
    /// the endpoints found until then. None where every endpoint is an address in the configuration.
    pub async fn settled(table: &mut Table) -> Option<Names> {
        let mut names = Names::of(table)?;
        names.settle(table).await;
        Some(names)
    }

    fn of(table: &Table) -> Option<Names> {
        let sites: Vec<Site> = table.upstreams.iter().filter_map(Site::of).collect();
        if sites.is_empty() {
            return None;
        }
        let rule = table.gateway.resolver.clone();
        let lookups = Lookups::new(&rule);
        let (names, running, lists) = (HashMap::new(), JoinSet::new(), Vec::new());
        let running_for = HashSet::new();
        let mut names = Names { rule, names, sites, running, running_for, lookups, lists };
        names.index();
        Some(names)
    }

    async fn settle(&mut self, table: &mut Table) {
        let by = Instant::now() + START;
        self.read_files(by).await;
        loop {
            self.ask(clock::now());
            let asked = self.names.values().all(|known| known.name.standing() != Standing::New);
            if asked || self.running.is_empty() {
                break;
            }
            match timeout_at(by, self.running.join_next()).await {
                Ok(Some(done)) => drop(self.told(done)),
                _ => break,
            }
        }
        for site in 0..self.sites.len() {
            self.reassemble(site);
            let site = &self.sites[site];
            if site.set().is_empty() {
                let upstream = site.name();
                tell!(UpstreamEmpty, { upstream }, "upstream {upstream} has no endpoint yet: it answers 503");
            }
            if let Some(upstream) = table.upstreams.iter_mut().find(|upstream| upstream.name == site.name()) {
                upstream.endpoints = site.set().clone();
            }
        }
    }

    /// Those of `table`, which is to take the place of another one whose names are as `seen`: what is known of a name, and
    /// what a file said last, is not asked for again. Settled as [`Names::settled`].
    pub async fn next(table: &mut Table, seen: &Seen) -> Option<Names> {
        let mut names = Names::of(table)?;
        for site in &mut names.sites {
            if let Some(listed) = site.file.as_ref().and_then(|file| seen.lists.get(file)) {
                site.list(listed.clone());
            }
        }
        names.index();
        names.learn(&seen.names);
        names.settle(table).await;
        Some(names)
    }

    /// Takes over from `old`, which is kept no more: what it came to know since it was seen, and the sets that shards have.
    /// `table` is given the endpoints as they are now.
    pub fn take_over(&mut self, old: Names, table: &mut Table) {
        self.learn(&old.seen().names);
        let now = clock::now();
        for (target, known) in &mut self.names {
            // Whoever asks other servers, or asked when the old ones stopped, is still without an answer.
            let asks = !self.running_for.contains(target);
            if old.names.contains_key(target) && (old.rule != self.rule || asks) {
                known.name.again(now, old.rule != self.rule);
            }
        }
        for site in 0..self.sites.len() {
            self.reassemble(site);
            let site = &mut self.sites[site];
            if let Some(old) = old.sites.iter().find(|old| old.name() == site.name()) {
                site.keep_equal(old);
            }
            if let Some(upstream) = table.upstreams.iter_mut().find(|upstream| upstream.name == site.name()) {
                upstream.endpoints = site.set().clone();
            }
        }
    }

    /// What is known now.
    fn seen(&self) -> Seen {
        let name = |(target, known): (&Target, &Known)| (target.clone(), known.name.clone());
        let list = |site: &Site| site.file.clone().map(|file| (file, site.listed().to_vec()));
        Seen {
            names: self.names.iter().map(name).collect(),
            lists: self.sites.iter().filter_map(list).collect(),
        }
    }

    fn learn(&mut self, names: &HashMap<Target, Name>) {
        for (target, known) in &mut self.names {
            if let Some(name) = names.get(target) {
                known.name = name.clone();
                known.found = known.name.found();
            }
        }
    }

    /// Keeps them current until told to stop, or nobody is left to tell it.
    async fn keep(
        mut self,
        (shared, couriers, probes): (Arc<Shared>, Couriers, Probes),
        mut asked: Receiver<Ask>,
    ) {
        let (sites, lists): (Vec<usize>, Vec<List>) = std::mem::take(&mut self.lists).into_iter().unzip();
        let mut news = watched(lists);
        loop {
            let wake = self.wake();
            let mut changed = Vec::new();
            tokio::select! {
                Some(done) = self.running.join_next() => changed.extend(self.told(done)),
                ask = asked.recv() => match ask {
                    Some(Ask::Hurry(target)) => self.hurry(&target),
                    // Whoever asked may have gone meanwhile.
                    Some(Ask::Seen(tell)) => drop(tell.send(self.seen())),
                    Some(Ask::Stop(tell)) => return drop(tell.send(self)),
                    None => return,
                },
                Some((list, sources)) = news.recv() => changed.extend(self.listed(sites[list], sources)),
                () = tokio::time::sleep(wake.since(clock::now())) => {}
            }
            // What else is ready is taken at once, so that many answers make one set.
            while let Some(done) = self.running.try_join_next() {
                changed.extend(self.told(done));
            }
            let now = clock::now();
            changed.extend(self.lapse(now));
            self.ask(now);
            changed.sort_unstable();
            changed.dedup();
            for site in changed {
                let before = self.sites[site].set().clone();
                if self.reassemble(site) {
                    self.sites[site].show(&probes).await;
                    self.sites[site].publish(&shared, &couriers);
                    before.leave();
                    let (upstream, endpoints) = (self.sites[site].name(), self.sites[site].set().len());
                    tell!(EndpointsChanged, { upstream, endpoints }, "upstream {upstream} has {endpoints} endpoints");
                    // A set may take milliseconds to make, and there may be many.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    async fn read_files(&mut self, by: Instant) {
        let file = |(at, site): (usize, &Site)| site.file.clone().map(|path| (at, List::new(path)));
        let lists = |sites: &[Site]| sites.iter().enumerate().filter_map(file).collect::<Vec<_>>();
        self.lists = lists(&self.sites);
        let mut unread = lists(&self.sites);
        let reading = tokio::task::spawn_blocking(move || {
            let read: Vec<_> = unread.iter_mut().map(|(at, list)| (*at, list.read())).collect();
            (unread, read)
        });
        // A disk that hangs keeps nothing waiting: the files are then read when they can be.
        let Ok(Ok((lists, read))) = timeout_at(by, reading).await else { return };
        self.lists = lists;
        for (site, read) in read {
            match read {
                Ok(sources) => drop(self.listed(site, sources)),
                Err(problems) => problems.iter().for_each(endpoints_refused),
            }
        }
    }

    /// Which sites use which names; names that none uses any more are forgotten.
    fn index(&mut self) {
        self.names.values_mut().for_each(|known| known.users.clear());
        for (index, site) in self.sites.iter().enumerate() {
            for target in site.names() {
                let new = || Known { name: Name::new(), found: Vec::new(), users: Vec::new() };
                self.names.entry(target.clone()).or_insert_with(new).users.push(index);
            }
        }
        self.names.retain(|_, known| !known.users.is_empty());
    }

    /// A site's file says this now. Gives the site.
    fn listed(&mut self, site: usize, sources: Vec<Source>) -> Option<usize> {
        self.sites[site].list(sources);
        self.index();
        Some(site)
    }

    /// Begins the lookups that are due, as many as may run: first those that have waited longest.
    fn ask(&mut self, now: Tick) {
        let due = self.names.iter().filter(|(_, known)| known.name.due() <= now);
        let mut due: Vec<(Tick, Target)> =
            due.map(|(target, known)| (known.name.due(), target.clone())).collect();
        due.sort_unstable_by_key(|(due, _)| *due);
        due.truncate(LOOKUPS_AT_ONCE.saturating_sub(self.running.len()));
        if !due.is_empty() && !self.lookups.as_ref().is_ok_and(Lookups::are_current) {
            self.lookups = Lookups::new(&self.rule);
        }
        for (_, target) in due {
            if let Some(known) = self.names.get_mut(&target) {
                known.name.asks(now);
            }
            let lookups = self.lookups.clone();
            self.running_for.insert(target.clone());
            self.running.spawn(async move {
                let asked = target.clone();
                // A task of its own, so that a panic in the library is a failed lookup and not a name asked no more.
                let lookup = tokio::spawn(async move { lookups?.find(&asked).await });
                (target, lookup.await.unwrap_or_else(|error| Err(error.to_string())))
            });
        }
    }

    /// When something is to be done at the latest. Looks at every name: with ten thousand of them that is still less
    /// than one lookup costs.
    fn wake(&self) -> Tick {
        let full = self.running.len() >= LOOKUPS_AT_ONCE;
        let due = |known: &Known| if full { Tick::NEVER } else { known.name.due() };
        let next = |known: &Known| due(known).min(known.name.lapses(&self.rule));
        // An hour is as good as never, and a time that any timer takes.
        let idle = clock::now().after(Duration::from_secs(3600));
        self.names.values().map(next).min().unwrap_or(idle).min(idle)
    }

    /// A lookup ended. Gives the sites that it concerns.
    fn told(&mut self, done: Result<(Target, Result<Answer, String>), JoinError>) -> Vec<usize> {
        // Neither is to be expected: the task cannot panic, and a name that no site uses any more is forgotten.
        let Ok((target, answer)) = done else { return Vec::new() };
        self.running_for.remove(&target);
        let Some(known) = self.names.get_mut(&target) else { return Vec::new() };
        let before = known.name.standing();
        let (answer, trouble) = match answer {
            Ok(answer) => (Some(answer), String::new()),
            Err(trouble) => (None, trouble),
        };
        let chance = RandomState::new().build_hasher().finish();
        known.name.told(answer, clock::now(), &self.rule, chance);
        known.found = known.name.found();
        match (before, known.name.standing()) {
            (before, after) if before == after => {}
            (_, Standing::Stale) => tell!(
                NameStale,
                { name = %target, error = trouble },
                "{target} cannot be resolved, its last addresses are used for {:?} past their time: {trouble}",
                self.rule.stale
            ),
            (_, Standing::Lost) => {
                tell!(NameLost, { name = %target, error = trouble }, "{target} cannot be resolved: {trouble}");
            }
            (Standing::New, _) => {}
            (_, _) => tell!(NameFound, { name = %target }, "{target} is resolved again"),
        }
        known.users.clone()
    }

    /// Drops addresses that were stale for too long. Gives the sites that had them.
    fn lapse(&mut self, now: Tick) -> Vec<usize> {
        let mut changed = Vec::new();
        for (target, known) in &mut self.names {
            if known.name.lapses(&self.rule) > now {
                continue;
            }
            let before = known.name.standing();
            known.name.lapse(now, &self.rule);
            known.found = known.name.found();
            changed.extend(&known.users);
            if known.name.standing() != before {
                tell!(NameExpired, { name = %target }, "{target} has no address any more");
            }
        }
        changed
    }

    fn hurry(&mut self, target: &Target) {
        if let Some(known) = self.names.get_mut(target) {
            known.name.hurry(clock::now());
        }
    }

    fn reassemble(&mut self, site: usize) -> bool {
        let known = |target: &Target| self.names.get(target).map_or(&[][..], |known| &known.found);
        self.sites[site].reassemble(known)
    }
}

fn watched(lists: Vec<List>) -> Receiver<(usize, Vec<Source>)> {
    let (sender, receiver) = mpsc::channel(NEWS);
    if !lists.is_empty() {
        tokio::spawn(watch(lists, sender));
    }
    receiver
}
