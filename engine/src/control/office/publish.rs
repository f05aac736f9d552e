//! What the shards serve. A table is sent to every shard at once, in order with all else they are told; old ones come back
//! when nothing on a shard holds them any more, and are freed here. Nothing in this file waits for a file or a name.

use super::{Living, Phase, Refusal, Status};
use crate::base::counters::Capped;
use crate::base::{ListenerId, UpstreamId};
use crate::config::Problems;
use crate::control::bind::{Fresh, Listening};
use crate::control::courier::Couriers;
use crate::control::diagnostics::tell;
use crate::control::probe::Probes;
use crate::control::resolve::{Keeper, Names};
use crate::net::clock;
use crate::shard::{Message, Moves, Next, Report, Shared};
use crate::table::{Listener, Table};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What is published, and all that is not gone yet.
#[derive(Debug)]
pub struct Published {
    /// What the shards share.
    pub shared: Arc<Shared>,
    /// Who checks endpoints.
    probes: Probes,
    /// The listening sockets.
    pub listening: Listening,
    table: Arc<Table>,
    living: Vec<Alive>,
    status: watch::Sender<Arc<Status>>,
    /// The way to each shard for what must not be lost.
    couriers: Couriers,
}

/// A table that some shard holds, or may still take.
#[derive(Debug)]
struct Alive {
    table: Arc<Table>,
    about: Living,
}

/// How a gateway that serves its first `table` stands.
pub fn first(table: &Arc<Table>, config: Value, shards: usize) -> Status {
    Status {
        table: table.clone(),
        config: Arc::new(config),
        living: vec![living(table, shards)],
        reloads: 0,
        refusals: 0,
        refused: None,
        phase: Phase::Serving,
    }
}

fn living(table: &Table, shards: usize) -> Living {
    let held_by = (0..shards).collect();
    Living { generation: table.generation, since_unix_ms: clock::unix_ms(), until_unix_ms: None, held_by }
}

impl Published {
    /// The first `table`, which the shards were started with; its endpoints are checked from now on.
    pub async fn first(
        shared: Arc<Shared>,
        listening: Listening,
        table: Arc<Table>,
        couriers: Couriers,
        status: watch::Sender<Arc<Status>>,
    ) -> Published {
        let probes = Probes::start();
        probes.follow(&table).await;
        let about = living(&table, shared.mailboxes.len());
        let living = vec![Alive { table: table.clone(), about }];
        Published { shared, probes, listening, table, living, status, couriers }
    }

    /// Has `names` kept, and what changes behind them published.
    pub fn keeper(&self, names: Names) -> Keeper {
        Keeper::of(names, (self.shared.clone(), self.couriers.clone(), self.probes.clone()))
    }

    /// The table published last.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Sends `table`, with the sockets that were bound for it, to every shard. It may be some milliseconds before all have
    /// it: see [`Published::is_served`]. `config` is what it was compiled from, without its secrets.
    pub async fn publish(&mut self, mut table: Table, config: Value, mut fresh: Fresh) {
        keep_equal_endpoints(&self.table, &mut table);
        table.arm_for_good(&self.shared.meters);
        self.probes.follow(&table).await;
        let table = Arc::new(table);
        // From here on nothing can refuse it: what it changes of limits that go on by name holds.
        table.policies.publish();
        table.policies.take_over(&clock::now);
        let opened = std::mem::take(&mut fresh.of);
        let mut moves = moves(&self.table, &table);
        moves.sockets = self.listening.take(&table, fresh);
        let moves = Arc::new(moves);
        let now = clock::unix_ms();
        for alive in self.living.iter_mut().filter(|alive| alive.about.until_unix_ms.is_none()) {
            alive.about.until_unix_ms = Some(now);
        }
        let about = living(&table, self.shared.mailboxes.len());
        self.living.push(Alive { table: table.clone(), about });
        self.table = table.clone();
        let mut opened = opened.into_iter();
        self.couriers.tell(|_| {
            let opened = opened.next().unwrap_or_default();
            Message::Table(Box::new(Next { table: table.clone(), moves: moves.clone(), opened }))
        });
        self.tell(|status| {
            status.config = Arc::new(config);
            status.reloads += 1;
            status.refused = None;
        });
    }

    /// Has every shard take what waits in its accept queues and then no more, and end within the time of its `exchanges`, or
    /// that of `lasting` ones.
    pub fn drain(&mut self, exchanges: Duration, lasting: Option<Duration>) {
        self.enter(Phase::Draining);
        // The files of Unix sockets go first.
        self.listening = Listening::default();
        self.couriers.tell(|_| Message::Drain { exchanges, lasting });
    }

    /// Whether every shard serves the table published last.
    pub fn is_served(&self) -> bool {
        (0..self.shared.mailboxes.len()).all(|shard| self.shared.serving(shard) >= self.table.generation)
    }

    /// A shard reports. Gives back what is not for this room.
    pub fn told(&mut self, report: Report) -> Option<Report> {
        match report {
            Report::Serving => {}
            Report::Left(shard, table) => self.left(shard, table),
            Report::Deaf { shard, listener, error } => {
                let error = error.to_string();
                tell!(
                    ListenerFailed,
                    { shard, listener, error },
                    "shard {shard} takes no connections of listener {listener}: {error}"
                );
            }
            other @ (Report::Unreachable(_) | Report::Keys(..) | Report::Short(_)) => return Some(other),
        }
        None
    }

    fn left(&mut self, shard: usize, left: Arc<Table>) {
        let find = |alive: &Alive| alive.about.generation == left.generation;
        // A shard that was handed a connection of a table it had left may leave it twice.
        let Some(at) = self.living.iter().position(find) else { return free(left) };
        let alive = &mut self.living[at];
        alive.about.held_by.retain(|other| *other != shard);
        if alive.about.held_by.is_empty() {
            let Alive { table, .. } = self.living.remove(at);
            free(table);
        }
        free(left);
        self.tell(|_| {});
    }

    /// A reload was refused.
    pub fn refuse(&self, problems: Problems) {
        self.tell(|status| {
            status.refusals += 1;
            status.refused = Some(Refusal { at_unix_ms: clock::unix_ms(), problems });
        });
    }

    /// The gateway comes to another phase of its life.
    pub fn enter(&self, phase: Phase) {
        self.tell(|status| status.phase = phase);
    }

    fn tell(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(|status| {
            let mut next = Status::clone(status);
            next.table = self.table.clone();
            next.living = self.living.iter().map(|alive| alive.about.clone()).collect();
            change(&mut next);
            *status = Arc::new(next);
        });
    }

    /// The tables that something still holds, newest first.
    pub fn alive(&self) -> Vec<Arc<Table>> {
        self.living.iter().rev().map(|alive| alive.table.clone()).collect()
    }
}

/// Has the counts of names go on that `table` has, the one before it has not, and one of `alive` has: connections that were
/// opened under them are still counted there.
pub fn older_counts(alive: &[Arc<Table>], table: &mut Table) {
    for older in alive {
        let upstreams: HashMap<&str, &Arc<Capped>> =
            older.upstreams.iter().map(|known| (known.name.as_str(), &known.count)).collect();
        for upstream in table.upstreams.iter_mut().filter(|new| Arc::strong_count(&new.count) == 1) {
            if let Some(known) = upstreams.get(upstream.name.as_str()) {
                upstream.count = Arc::clone(known);
            }
        }
        let listeners: HashMap<&str, &Listener> =
            older.listeners.iter().map(|known| (known.name.as_str(), known)).collect();
        for listener in table.listeners.iter_mut().filter(|new| Arc::strong_count(&new.count) == 1) {
            if let Some(known) = listeners.get(listener.name.as_str()) {
                listener.count = Arc::clone(&known.count);
                listener.tunnels = Arc::clone(&known.tunnels);
                listener.handshakes = Arc::clone(&known.handshakes);
            }
        }
    }
}

/// What of `table` was in the one before, by name; see [`Listener::continues`].
fn moves(before: &Table, table: &Table) -> Moves {
    let upstreams: HashMap<&str, UpstreamId> =
        before.upstreams.iter().map(|upstream| (upstream.name.as_str(), upstream.id)).collect();
    let listener = |new: &Listener| {
        let at = before.listeners.iter().position(|known| new.continues(known));
        at.map(|at| ListenerId(at as u32))
    };
    Moves {
        upstreams: table.upstreams.iter().map(|new| upstreams.get(new.name.as_str()).copied()).collect(),
        listeners: table.listeners.iter().map(listener).collect(),
        sockets: Vec::new(),
    }
}

/// An upstream whose endpoints and balancing are as before keeps the set itself, by which a shard knows that nothing changed.
fn keep_equal_endpoints(before: &Table, table: &mut Table) {
    let known: HashMap<&str, usize> =
        before.upstreams.iter().enumerate().map(|(at, upstream)| (upstream.name.as_str(), at)).collect();
    for upstream in &mut table.upstreams {
        let Some(known) = known.get(upstream.name.as_str()).map(|at| &before.upstreams[*at]) else {
            continue;
        };
        if known.balance == upstream.balance && known.endpoints[..] == upstream.endpoints[..] {
            upstream.endpoints = known.endpoints.clone();
        }
    }
}

/// Lets go of a table elsewhere: a large one takes a while to free, whoever has it last.
fn free(table: Arc<Table>) {
    drop(tokio::task::spawn_blocking(move || drop(table)));
}
