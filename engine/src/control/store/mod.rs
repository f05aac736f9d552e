//! Limits that machines share: one task asks the store for leases of the keys that shards want, over one connection, one
//! round of questions at a time. No request waits for any of it: shards spend what was granted, and go by whether the store
//! works. A store that does not answer is told once, counted, and tried again; until then limits hold as each policy says.
//!
//! ```text
//! shard ── Want ──▶ Keys ── due ──▶ round: one call of the script for up to 64 keys of a limit ──▶ Redis
//!                    ▲───────────── Grant ────────────────────────────────────────────────────────┘
//! ```
//! `keys` remembers which and when, `script` is how the store is asked, `link` the connection, this file the task.

mod fault;
mod keys;
mod link;
pub mod script;

pub use fault::Kind;

use super::diagnostics::tell;
use crate::base::Tick;
use crate::base::counters::Tally;
use crate::net::clock;
use crate::net::mailbox::Mailbox;
use crate::policy::limit::lease::{Ask, Breaker, Grant};
use crate::policy::limit::{Standing, Want};
use crate::table::{self, Resolver, Table};
use crate::wire::resp::{self, Reply};
use fault::Fault;
use keys::{Asked, Keys};
use link::Link;
use script::{By, KEYS_MAX};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Keys of one round at most.
const ROUND_KEYS: usize = 2048;
/// A store that is not asked for so long is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(1);
/// From one event that tells of a lost store to the next.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// An hour is as good as never, and a time that any timer takes.
const IDLE: Duration = Duration::from_secs(3600);
/// Tables that wait to be followed.
const ORDERS: usize = 4;

/// What is counted of the store. The task alone writes it.
#[derive(Debug, Default)]
pub struct Numbers {
    /// Whether there is one that limits are shared through: 1 or 0.
    pub used: Tally,
    /// Whether it works: 1 or 0.
    pub working: Tally,
    /// Keys that are looked after.
    pub keys: Tally,
    /// Questions for a key that were answered.
    pub answered: Tally,
    /// Microseconds from sending a round's questions to its last answer, summed.
    pub micros: Tally,
    /// Rounds.
    pub rounds: Tally,
    /// Faults of each kind.
    pub faults: [Tally; Kind::ALL.len()],
    /// Keys that were turned away, since too many came at once.
    pub turned_away: Tally,
}

/// What the task goes by.
#[derive(Debug, Clone, PartialEq)]
struct Followed {
    store: table::Store,
    rule: Resolver,
}

/// The task. It ends with its handle.
#[derive(Debug)]
pub struct Store {
    orders: mpsc::Sender<Option<Followed>>,
}

/// The store of a table, if any limit is shared through it.
fn followed(table: &Table) -> Option<Followed> {
    table.policies.shares().next()?;
    let (store, rule) = (table.gateway.store.clone()?, table.gateway.resolver.clone());
    Some(Followed { store, rule })
}

impl Store {
    /// Starts the task for `table`. Shards tell it of keys by `wants`.
    pub fn start(table: &Table, wants: Arc<Mailbox<Want>>, numbers: Arc<Numbers>) -> Store {
        let (orders, ordered) = mpsc::channel(ORDERS);
        let mut asking = Asking {
            followed: None,
            standing: table.policies.ground.sets.standing().clone(),
            wants,
            numbers,
            keys: Keys::default(),
            link: None,
            breaker: Breaker::default(),
            answered: clock::now(),
            told: None,
            lost: false,
        };
        asking.follow(followed(table));
        tokio::spawn(asking.keep(ordered));
        Store { orders }
    }

    /// `table` is served now.
    pub async fn follow(&self, table: &Table) {
        let _ = self.orders.send(followed(table)).await;
    }
}

/// What the task works with.
struct Asking {
    followed: Option<Followed>,
    standing: Arc<Standing>,
    wants: Arc<Mailbox<Want>>,
    numbers: Arc<Numbers>,
    keys: Keys,
    link: Option<Link>,
    breaker: Breaker,
    /// When the store answered last.
    answered: Tick,
    /// When it was told last that it does not.
    told: Option<Tick>,
    /// Whether it is told and holds still.
    lost: bool,
}

impl Asking {
    async fn keep(mut self, mut orders: mpsc::Receiver<Option<Followed>>) {
        loop {
            let now = clock::now();
            let wake = self.wake(now);
            if wake <= now && self.followed.is_some() {
                self.round(now).await;
                self.show();
                // Whoever else has something to do on this thread is not kept waiting by keys without end.
                tokio::task::yield_now().await;
            }
            let wait = self.wake(clock::now()).since(clock::now());
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(followed) => self.follow(followed),
                    None => return,
                },
                want = self.wants.recv() => self.wanted(want),
                () = tokio::time::sleep(wait) => {}
            }
            self.show();
        }
    }

    /// When something is to be done at the latest.
    fn wake(&self, now: Tick) -> Tick {
        if self.followed.is_none() {
            return now.after(IDLE);
        }
        // A store that failed is tried whether or not anybody wants anything.
        let due = match self.breaker.has_failed() {
            true => now,
            false => self.keys.due().min(self.answered.after(SILENCE)),
        };
        due.max(Tick(self.breaker.until()))
    }

    fn follow(&mut self, followed: Option<Followed>) {
        if self.followed == followed {
            return;
        }
        self.followed = followed;
        (self.link, self.breaker, self.lost, self.told) = (None, Breaker::default(), false, None);
        self.keys.clear();
        self.standing.set_working(true);
        // It is tried at once.
        self.answered = Tick::default();
        self.show();
    }

    /// Takes in what shards want.
    fn wanted(&mut self, first: Want) {
        let now = clock::now();
        let wants = self.wants.clone();
        // As many as there is room for: a flood that goes on does not keep the round from beginning.
        let more = std::iter::from_fn(|| wants.try_recv()).take(ROUND_KEYS);
        for want in std::iter::once(first).chain(more) {
            match &self.followed {
                Some(followed) if self.breaker.is_working() => {
                    self.keys.take(&followed.store.prefix, want, now);
                }
                _ => want.lease().leave(want.share.id),
            }
        }
    }

    /// Asks for all keys that are due, and takes in what is answered.
    async fn round(&mut self, now: Tick) {
        let Some(Followed { store, rule }) = self.followed.clone() else { return };
        let mut asked = self.keys.ask(ROUND_KEYS, now);
        asked.sort_by_key(|asked| asked.want.share.id);
        if asked.is_empty() && !self.breaker.has_failed() && self.answered.after(SILENCE) > now {
            return;
        }
        let mut told = Told::default();
        let result = self.exchange(&store, &rule, &asked, &mut told).await;
        let now = clock::now();
        asked[told.done..].iter().for_each(|asked| self.keys.unanswered(asked, now));
        match result {
            Ok(()) => self.works(&store, now),
            Err(fault) => self.fails(&store, &fault, now),
        }
    }

    /// One round over the connection, which is made if there is none. `told` is what came of it.
    async fn exchange(
        &mut self,
        store: &table::Store,
        rule: &Resolver,
        asked: &[Asked],
        told: &mut Told,
    ) -> Result<(), Fault> {
        let mut link = match self.link.take().filter(|link| !link.is_broken()) {
            Some(link) => link,
            None => Link::open(store, rule).await?,
        };
        let begun = clock::now();
        let within = store.timeout;
        let all = timeout(within, async {
            match (asked.is_empty(), self.breaker.has_failed()) {
                (false, _) => self.ask(&mut link, asked, told).await,
                // One that takes no writes answers this as ever.
                (true, false) => ping(&mut link).await,
                (true, true) => probe(&mut link, &store.prefix).await,
            }
        });
        all.await.map_err(|_| Fault::timeout(within))??;
        self.numbers.rounds.add(1);
        self.numbers.micros.add(u64::try_from(clock::now().since(begun).as_micros()).unwrap_or(u64::MAX));
        // A connection that failed in between is not kept: answers of this round could be taken for the next one's.
        self.link = Some(link);
        Ok(())
    }

    async fn ask(&mut self, link: &mut Link, asked: &[Asked], told: &mut Told) -> Result<(), Fault> {
        let mut out = Vec::new();
        let calls: Vec<&[Asked]> = calls(asked).collect();
        for call in &calls {
            script::call(By::Digest(link.digest()), &call[0].want.share.terms, &questions(call), &mut out);
        }
        link.send(&out).await?;
        // A store that was restarted, or another one in its place, has not the script: it is sent once more.
        let mut again: Vec<&[Asked]> = Vec::new();
        for call in calls {
            match link.reply(|reply| answered(reply, call)).await?? {
                // `done` counts from the front, so what follows a call that is sent again cannot be taken in.
                _ if !again.is_empty() => again.push(call),
                Answered::NoScript => again.push(call),
                answered => self.take(call, answered, told),
            }
        }
        out.clear();
        for call in &again {
            script::call(By::Text, &call[0].want.share.terms, &questions(call), &mut out);
        }
        if !again.is_empty() {
            link.send(&out).await?;
        }
        for call in again {
            match link.reply(|reply| answered(reply, call)).await?? {
                Answered::NoScript => return Err(Fault::said(b"NOSCRIPT")),
                answered => self.take(call, answered, told),
            }
        }
        match told.fault.take() {
            None => Ok(()),
            // It works, and of some keys it cannot tell.
            Some(fault) if told.works => {
                self.count(&fault);
                Ok(())
            }
            Some(fault) => Err(fault),
        }
    }

    /// Takes in what is answered to a call. One that fails, or a key, does not keep the others from what they were granted:
    /// the store has charged them with it.
    fn take(&mut self, call: &[Asked], answered: Answered, told: &mut Told) {
        let now = clock::now();
        told.done += call.len();
        match answered {
            Answered::Granted(grants) => {
                told.works = true;
                for (asked, grant) in call.iter().zip(&grants) {
                    match grant {
                        Some(grant) => {
                            self.keys.granted(asked, grant, now);
                            self.numbers.answered.add(1);
                        }
                        None => {
                            self.keys.untold(asked, now);
                            told.fault.get_or_insert_with(Fault::foreign);
                        }
                    }
                }
            }
            Answered::Unable(fault) => {
                call.iter().for_each(|asked| self.keys.untold(asked, now));
                told.fault.get_or_insert(fault);
            }
            Answered::NoScript => debug_assert!(false, "such a call is sent again"),
        }
    }

    fn count(&self, fault: &Fault) {
        let at = Kind::ALL.iter().position(|kind| *kind == fault.kind).unwrap_or(0);
        self.numbers.faults[at].add(1);
    }

    fn works(&mut self, store: &table::Store, now: Tick) {
        self.breaker.answered();
        self.answered = now;
        self.standing.set_working(true);
        if std::mem::take(&mut self.lost) {
            tell!(StoreFound, { store = %store }, "{store} answers again: limits are shared");
        }
    }

    fn fails(&mut self, store: &table::Store, fault: &Fault, now: Tick) {
        self.count(fault);
        let worked = self.breaker.is_working();
        self.breaker.failed(now.0, RandomState::new().hash_one(now.0));
        if self.breaker.is_working() {
            return;
        }
        if worked {
            self.standing.set_working(false);
            self.keys.clear();
        }
        // One that comes and goes is told now and then, whatever its turns.
        if !self.lost && self.told.is_none_or(|told| told.after(TOLD_EVERY) <= now) {
            (self.lost, self.told) = (true, Some(now));
            let (kind, error) = (fault.kind.name(), fault.to_string());
            tell!(
                StoreLost,
                { store = %store, kind, error },
                "{store} does not answer, limits are not shared until it does: {error}"
            );
        }
    }

    /// Shows how it stands.
    fn show(&self) {
        let numbers = &self.numbers;
        numbers.used.set(u64::from(self.followed.is_some()));
        numbers.working.set(u64::from(self.followed.is_some() && self.breaker.is_working()));
        numbers.keys.set(self.keys.len() as u64);
        numbers.turned_away.set(self.standing.turned_away());
    }
}

/// Asks whether the store is there.
async fn ping(link: &mut Link) -> Result<(), Fault> {
    let mut out = Vec::new();
    resp::command(&[b"PING"], &mut out);
    link.send(&out).await?;
    let pong = link.reply(|reply| match reply {
        Reply::Status(b"PONG") => Ok(()),
        Reply::Error(said) => Err(Fault::said(said)),
        _ => Err(Fault::garbled()),
    });
    pong.await?
}

/// Asks a store that failed whether it can do what is asked of it: to grant, of keys that nobody is counted by.
async fn probe(link: &mut Link, prefix: &str) -> Result<(), Fault> {
    let (mut out, probes) = (Vec::new(), script::probes(prefix));
    probes.iter().for_each(|probe| probe.call(&mut out));
    link.send(&out).await?;
    for probe in &probes {
        let granted = link.reply(|reply| match (reply, probe.granted(reply)) {
            (Reply::Error(said), _) => Err(Fault::said(said)),
            (_, Some(true)) => Ok(()),
            (_, Some(false)) => Err(Fault::foreign()),
            (_, None) => Err(Fault::garbled()),
        });
        granted.await??;
    }
    Ok(())
}

/// Cuts what is asked into calls: keys of one limit, no more than a call may have. They are sorted by limit before.
fn calls(asked: &[Asked]) -> impl Iterator<Item = &[Asked]> {
    asked
        .chunk_by(|one, other| Arc::ptr_eq(&one.want.share, &other.want.share))
        .flat_map(|limit| limit.chunks(KEYS_MAX))
}

fn questions(call: &[Asked]) -> Vec<(&[u8], Ask)> {
    call.iter().map(|asked| (&*asked.name, asked.ask)).collect()
}

/// What came of a round.
#[derive(Debug, Default)]
struct Told {
    /// Keys that were answered, from the front.
    done: usize,
    /// Whether a call was granted anything, or nothing.
    works: bool,
    /// Why keys were not told of, the first reason of the round.
    fault: Option<Fault>,
}

/// What is answered to a call.
enum Answered {
    /// To each key what it is granted; none of one that holds something else.
    Granted(Vec<Option<Grant>>),
    /// The store cannot tell, of these keys.
    Unable(Fault),
    /// It has not the script.
    NoScript,
}

/// What `reply` says to a call.
///
/// # Errors
/// When no other call can be answered either.
fn answered(reply: &Reply<'_>, call: &[Asked]) -> Result<Answered, Fault> {
    match reply {
        Reply::Error(said) if said.starts_with(b"NOSCRIPT") => Ok(Answered::NoScript),
        Reply::Error(said) => match Fault::said(said) {
            fault if fault.kind == Kind::Error => Ok(Answered::Unable(fault)),
            fault => Err(fault),
        },
        reply => match script::grants(reply, &questions(call)) {
            Some((_, grants)) => Ok(Answered::Granted(grants)),
            None => Err(Fault::garbled()),
        },
    }
}
