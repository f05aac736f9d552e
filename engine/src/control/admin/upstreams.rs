//! `/upstreams`: what every shard has with every endpoint, asked by its mailbox and merged by name and address. A few
//! upstreams are asked for at a time, so that no request on a shard waits long behind the answer; a shard that does not
//! answer in time is named, and the others are shown.

use super::live::Live;
use crate::base::Tick;
use crate::net::clock;
use crate::net::mailbox::Mailbox;
use crate::shard::{Look, Looked, Message, Shared};
use crate::table::{Endpoints, Upstream};
use crate::upstream::View;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest wait for all shards together.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Upstreams that a shard shows at once: some ten microseconds for four endpoints each.
const AT_ONCE: usize = 64;

/// What the shards showed.
#[derive(Debug, Default)]
pub struct Seen {
    /// By shard and generation.
    pub generations: Vec<(usize, u64)>,
    upstreams: HashMap<String, Merged>,
    /// Shards that did not answer in time.
    pub silent: Vec<usize>,
}

#[derive(Debug)]
struct Merged {
    /// The set of the shard that answered last.
    set: Arc<Endpoints>,
    waiting: usize,
    seats: HashMap<String, Sum>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    active: u64,
    idle: u64,
    /// Shards that leave it alone now, and until when the last of them does.
    marked: u64,
    out: bool,
    until: Tick,
}

/// Asks every shard for its generation only.
pub async fn generations(shared: &Shared) -> Seen {
    let mut seen = Seen::default();
    ask(shared, (0..shared.mailboxes.len()).collect(), 0, 0, Instant::now() + PATIENCE, &mut seen).await;
    seen
}

/// Asks every shard for everything.
pub async fn look(shared: &Shared) -> Seen {
    let by = Instant::now() + PATIENCE;
    let mut seen = Seen::default();
    let mut asked: BTreeSet<usize> = (0..shared.mailboxes.len()).collect();
    let mut from = 0;
    while !asked.is_empty() {
        asked = ask(shared, asked, from, AT_ONCE, by, &mut seen).await;
        from += AT_ONCE;
    }
    seen
}

/// Asks some shards; gives those that have more to show.
async fn ask(
    shared: &Shared,
    mut asked: BTreeSet<usize>,
    from: usize,
    count: usize,
    by: Instant,
    seen: &mut Seen,
) -> BTreeSet<usize> {
    let to = Mailbox::new(asked.len());
    let mut more = BTreeSet::new();
    asked.retain(|&shard| {
        let sent = shared.mailboxes[shard].send(Message::Look(Look { from, count, to: to.clone() }));
        if sent.is_err() {
            seen.silent.push(shard);
        }
        sent.is_ok()
    });
    while !asked.is_empty() {
        let Ok(Looked { shard, generation, upstreams }) = timeout_at(by, to.recv()).await else {
            seen.silent.extend(&asked);
            break;
        };
        asked.remove(&shard);
        if from == 0 {
            seen.generations.push((shard, generation.0));
        }
        if count > 0 && upstreams.len() == count {
            more.insert(shard);
        }
        let now = clock::coarse();
        upstreams.into_iter().for_each(|view| seen.add(view, now));
    }
    more
}

impl Seen {
    fn add(&mut self, view: View, now: Tick) {
        let new = || Merged { set: view.set.clone(), waiting: 0, seats: HashMap::new() };
        let merged = self.upstreams.entry(view.name).or_insert_with(new);
        merged.waiting += view.waiting;
        for (endpoint, seat) in view.set.iter().zip(&view.seats) {
            let sum = merged.seats.entry(endpoint.name.clone()).or_default();
            sum.active += u64::from(seat.active);
            sum.idle += u64::from(seat.idle);
            sum.out |= seat.is_out;
            if let Some(until) = seat.marked_until.filter(|until| *until > now) {
                sum.marked += 1;
                sum.until = sum.until.max(until);
            }
        }
        merged.set = view.set;
    }

    /// The endpoints of an upstream as the shards have them.
    pub fn endpoints(&self, upstream: &str) -> Option<&Arc<Endpoints>> {
        self.upstreams.get(upstream).map(|merged| &merged.set)
    }

    /// The page. `now` is the moment that marks are counted from.
    pub fn told(mut self, live: &Live, now: Tick) -> Value {
        let status = live.office.status();
        self.silent.sort_unstable();
        let upstreams = status.table.upstreams.iter().map(|upstream| self.upstream(upstream, now));
        json!({
            "generation": status.table.generation.0,
            "upstreams": upstreams.collect::<Vec<_>>(),
            "silent_shards": self.silent,
        })
    }

    fn upstream(&self, upstream: &Upstream, now: Tick) -> Value {
        let merged = self.upstreams.get(&upstream.name);
        let set = merged.map_or(&upstream.endpoints, |merged| &merged.set);
        let endpoints = set.iter().map(|endpoint| {
            let sum = merged.and_then(|merged| merged.seats.get(&endpoint.name)).copied().unwrap_or_default();
            json!({
                "address": endpoint.name,
                "host": &*endpoint.host,
                "weight": endpoint.weight,
                "priority": endpoint.priority,
                "active": sum.active,
                "idle_connections": sum.idle,
                "checks_fail": sum.out,
                "marked_by_shards": sum.marked,
                "marked_for_ms": sum.until.since(now).as_millis() as u64,
            })
        });
        json!({
            "name": upstream.name,
            "balance": upstream.balance.algorithm.name(),
            "connections": upstream.count.now(),
            "connections_max": upstream.connections,
            "waiting": merged.map_or(0, |merged| merged.waiting),
            "endpoints": endpoints.collect::<Vec<_>>(),
        })
    }
}
