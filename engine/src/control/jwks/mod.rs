//! Key sets by address, fetched while the gateway runs: before their time is over, and once when a token names a key that
//! is not known. One task for the process; what it fetches is sent to every shard as a whole set, so that no request
//! waits for more than a hint. A server that cannot be reached is told once, counted, and tried again; until it answers
//! the last good set holds, or nobody is let in.
//!
//! `held` remembers and decides when, `fetch` asks, this file is the task.

mod fetch;
mod held;

use super::courier::Couriers;
use super::diagnostics::tell;
use super::fresh::Standing;
use crate::base::Tick;
use crate::net::clock;
use crate::policy::auth::keys::{KeyAddress, News};
use crate::shard::Message;
use crate::table::{Resolver, Table};
use fetch::{Fetched, fetch};
use held::{Held, KEPT};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Questions that wait at most; a hint that finds no room is lost, since it comes again.
const ASKS: usize = 256;
/// An hour is as good as never, and a time that any timer takes.
const IDLE: Duration = Duration::from_secs(3600);

/// What the task is told.
#[derive(Debug)]
enum Ask {
    /// These are the addresses from now on.
    Follow(Vec<KeyAddress>, Resolver),
    /// A token names a key that the set of this address has not, as a shard sees it after so many fetches.
    Hurry(Arc<str>, u64),
}

/// How it stands with a key set, for whoever shows it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What the shards are told of it.
    pub news: News,
    /// When it was fetched; none where there is none.
    pub since: Option<Tick>,
    /// Fetches that failed since the last good one.
    pub failures: u32,
}

/// The task. Cloning it clones a handle; it ends with the last one.
#[derive(Debug, Clone)]
pub struct Jwks {
    asks: mpsc::Sender<Ask>,
    seen: watch::Receiver<Arc<Vec<Seen>>>,
}

impl Jwks {
    /// Starts the task; it fetches what `table` names and sends it to the shards.
    pub fn start(table: &Table, couriers: Couriers) -> Jwks {
        let (asks, asked) = mpsc::channel(ASKS);
        let (show, seen) = watch::channel(Arc::default());
        let mut sets = Sets {
            couriers,
            rule: table.gateway.resolver.clone(),
            sets: Vec::new(),
            running: JoinSet::new(),
            show,
        };
        sets.follow(addresses(table), table.gateway.resolver.clone());
        tokio::spawn(sets.keep(asked));
        Jwks { asks, seen }
    }

    /// `table` is served now.
    pub async fn follow(&self, table: &Table) {
        let ask = Ask::Follow(addresses(table), table.gateway.resolver.clone());
        let _ = self.asks.send(ask).await;
    }

    /// A token names a key that the set of this address has not, as a shard sees it that knows of so many fetches.
    pub fn hurry(&self, address: Arc<str>, number: u64) {
        let _ = self.asks.try_send(Ask::Hurry(address, number));
    }

    /// How it stands with each key set: its age and failed fetches.
    pub fn seen(&self) -> Arc<Vec<Seen>> {
        self.seen.borrow().clone()
    }
}

/// The addresses of a table's policies, each once.
fn addresses(table: &Table) -> Vec<KeyAddress> {
    let mut found: Vec<KeyAddress> = Vec::new();
    for address in table.policies.key_addresses() {
        if !found.iter().any(|known| known.text == address.text) {
            found.push(address.clone());
        }
    }
    found
}

/// What the task works with.
struct Sets {
    couriers: Couriers,
    rule: Resolver,
    sets: Vec<Set>,
    running: JoinSet<(Arc<str>, Result<Fetched, String>)>,
    show: watch::Sender<Arc<Vec<Seen>>>,
}

/// One address.
struct Set {
    address: KeyAddress,
    held: Held,
    /// Whether no policy asks for it any more.
    gone: bool,
    /// Whether the shards have still to be told.
    is_news: bool,
}

impl Set {
    /// What shards are told of it.
    fn news(&self) -> News {
        News {
            address: self.address.text.clone(),
            keys: self.held.keys().cloned(),
            again: self.held.again(),
            number: self.held.ended(),
            gone: self.gone,
        }
    }
}

impl Sets {
    async fn keep(mut self, mut asked: mpsc::Receiver<Ask>) {
        loop {
            let now = clock::now();
            self.begin(now);
            self.lapse(now);
            self.send();
            let wake = self.wake(now).since(now);
            tokio::select! {
                Some(done) = self.running.join_next() => self.told(done.ok()),
                ask = asked.recv() => match ask {
                    Some(Ask::Follow(addresses, rule)) => self.follow(addresses, rule),
                    Some(Ask::Hurry(address, number)) => self.hurry(&address, number),
                    None => return,
                },
                () = tokio::time::sleep(wake) => {}
            }
            self.tell();
        }
    }

    fn find(&mut self, address: &str) -> Option<&mut Set> {
        self.sets.iter_mut().find(|set| *set.address.text == *address)
    }

    fn follow(&mut self, addresses: Vec<KeyAddress>, rule: Resolver) {
        self.rule = rule;
        for set in &mut self.sets {
            let gone = !addresses.contains(&set.address);
            if gone != set.gone {
                (set.gone, set.is_news) = (gone, true);
            }
        }
        for address in addresses {
            if self.find(&address.text).is_none() {
                let held = Held::new(clock::now());
                self.sets.push(Set { address, held, gone: false, is_news: false });
            }
        }
    }

    fn hurry(&mut self, address: &str, number: u64) {
        // A shard that knows of fewer fetches has the news of the others on its way.
        if let Some(set) = self.find(address).filter(|set| set.held.ended() <= number) {
            set.held.hurry(clock::now());
        }
    }

    /// Begins the fetches that are due.
    fn begin(&mut self, now: Tick) {
        for set in self.sets.iter_mut().filter(|set| !set.gone && set.held.due() <= now) {
            set.held.fetches();
            let (address, rule) = (set.address.clone(), self.rule.clone());
            self.running.spawn(async move {
                let text = address.text.clone();
                // A task of its own, so that a panic in a library is a failed fetch and not a set fetched no more.
                let fetched = tokio::spawn(async move { fetch(&address, &rule).await }).await;
                (text, fetched.unwrap_or_else(|error| Err(error.to_string())))
            });
        }
    }

    /// A fetch ended.
    fn told(&mut self, done: Option<(Arc<str>, Result<Fetched, String>)>) {
        // The task around a fetch does not panic; and of an address that nobody asks for any more nothing is wanted.
        let Some((address, result)) = done else { return };
        let Some(set) = self.find(&address) else { return };
        let (before, version) = (set.held.standing(), set.held.keys().map(|keys| *keys.version()));
        let chance = RandomState::new().hash_one(&address);
        let address = set.address.shown.clone();
        let now = clock::now();
        let failed = match result {
            Ok(Fetched { keys, skipped, lifetime }) => {
                set.held.told(Some((keys.clone(), lifetime)), now, chance);
                if version != Some(*keys.version()) || before != Standing::Good {
                    let (count, skipped) = (keys.keys().len(), skipped.join("; "));
                    let also =
                        if skipped.is_empty() { String::new() } else { format!("; of them, {skipped}") };
                    tell!(
                        KeySetFetched,
                        { address = %address, keys = count, skipped },
                        "{count} keys are fetched from {address}{also}"
                    );
                }
                None
            }
            Err(error) => {
                set.held.told(None, now, chance);
                Some(error)
            }
        };
        set.is_news = true;
        let Some(error) = failed else { return };
        match (before, set.held.standing()) {
            (before, after) if before == after => {}
            (_, Standing::Stale) => tell!(
                KeySetStale,
                { address = %address, error },
                "keys cannot be fetched from {address}, the last ones are used for {KEPT:?} at most: {error}"
            ),
            _ => tell!(
                KeySetLost,
                { address = %address, error },
                "keys cannot be fetched from {address}, and nobody is let in by them until they can: {error}"
            ),
        }
    }

    /// Drops sets that are too old.
    fn lapse(&mut self, now: Tick) {
        for set in &mut self.sets {
            if set.held.lapse(now) {
                set.is_news = true;
                let address = &set.address.shown;
                tell!(KeySetExpired, { address = %address }, "the keys of {address} are too old to be used");
            }
        }
    }

    /// Tells the shards what is new, and forgets what nobody asks for any more.
    fn send(&mut self) {
        for set in &mut self.sets {
            if std::mem::take(&mut set.is_news) {
                let news = set.news();
                self.couriers.tell(|_| Message::Keys(news.clone()));
            }
        }
        self.sets.retain(|set| !set.gone);
    }

    /// When something is to be done at the latest.
    fn wake(&self, now: Tick) -> Tick {
        let of = |set: &Set| set.held.due().min(set.held.lapses());
        self.sets.iter().map(of).min().unwrap_or(Tick::NEVER).min(now.after(IDLE))
    }

    /// Shows how it stands.
    fn tell(&self) {
        let seen =
            |set: &Set| Seen { news: set.news(), since: set.held.since(), failures: set.held.failures() };
        self.show.send_replace(Arc::new(self.sets.iter().filter(|set| !set.gone).map(seen).collect()));
    }
}
