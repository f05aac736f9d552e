//! A shard's main future: listeners, mailbox, timers and housekeeping, until it has drained.

use super::build::{Setup, Shared};
use super::doors::Door;
use super::drain::{Ending, ended};
use super::follow::{Early, LINGER};
use super::inbox::{Look, Looked, Message};
use super::{spin, state};
use crate::accept::{Accepted, Admission};
use crate::base::ListenerId;
use crate::base::counters::{Capped, Slot};
use crate::conn::{connection, secured, turn_away};
use crate::exchange::{Context, Home, Lent, Peer};
use crate::net::spawn::{Either, beside, race, spawn, spawn_guarded};
use crate::net::{Stream, clock, ring};
use crate::observe::Reason;
use crate::upstream::SWEEP_EVERY;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often log lines are handed over at the latest.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Free buffers and scratch kept by a shard that is quiet.
const KEPT_WHEN_QUIET: usize = 16;
/// Connections past a cap that are open at once, so that their clients read why they are refused.
pub const TURNED_AWAY_MAX: u32 = 64;

/// One shard's handles.
pub(super) struct Shard {
    pub lent: Rc<Lent>,
    pub shared: Arc<Shared>,
    pub index: usize,
    /// By `ListenerId` of the table that is served.
    pub homes: RefCell<Vec<Rc<Home>>>,
    pub doors: RefCell<Vec<Rc<Door>>>,
    pub early: RefCell<Vec<Early>>,
    /// Whether a task spins.
    pub spinning: Cell<bool>,
    /// Connections past a cap that are still open.
    pub turned_away: Arc<Capped>,
    pub ending: Ending,
}

pub async fn run(setup: Setup, log: ring::Sender) -> io::Result<()> {
    let lent = state::lent(&setup, log);
    let Setup { index, shared, listeners, table, .. } = setup;
    let homes = (0..table.listeners.len()).map(|at| Home::new(ListenerId(at as u32))).collect();
    let shard = Rc::new(Shard {
        lent,
        shared,
        index,
        homes: RefCell::new(homes),
        doors: RefCell::default(),
        early: RefCell::default(),
        spinning: Cell::new(false),
        turned_away: Arc::default(),
        ending: Ending::default(),
    });
    spawn(shard.lent.upstream.wheel.clone().drive());
    for opened in listeners {
        shard.open(&table, opened)?;
    }
    shard.shared.serves(index, table.generation);
    shard.spin();
    drop(table);
    spawn(housekeeping(shard.lent.clone()));
    let mailbox = shard.shared.mailboxes[index].clone();
    let within = loop {
        if let Either::First(within) | Either::Second(Some(within)) =
            race(shard.ending.begun_within(), async { shard.told(mailbox.recv().await) }).await
        {
            break within;
        }
    };
    shard.leave(within);
    // What other shards handed over before they heard of the end is still served.
    let left_over = async {
        loop {
            shard.told(mailbox.recv().await);
        }
    };
    let open = || shard.shared.loads[index].0.load(Relaxed);
    beside(ended(&shard.lent, open, within), left_over, &Cell::<Option<()>>::new(None)).await;
    shard.lent.lines.borrow_mut().flush();
    Ok(())
}

impl Shard {
    /// Acts on a message; gives the time to drain in when told to.
    pub(super) fn told(self: &Rc<Self>, message: Message) -> Option<Duration> {
        match message {
            Message::Serve(table, id, accepted, admission) => self.handed(table, id, accepted, admission),
            Message::Table(next) => {
                self.follow(*next);
                self.spin();
            }
            Message::Evict(name, asker) => self.lent.upstream.pools.evict_named(&name, asker),
            Message::Endpoints(name, set) => self.lent.upstream.pools.replace(&name, &set),
            Message::Keys(news) => {
                let address = news.address.clone();
                self.lent.policies.borrow_mut().fetched.take(news);
                self.lent.asking.keys.land(&*address, ());
            }
            Message::Look(look) => self.show(look),
            Message::Drain { exchanges, lasting } => {
                self.lent.lasting.end_at(clock::now().after(lasting.unwrap_or(exchanges)));
                return Some(exchanges);
            }
        }
        None
    }

    /// The shard ends: no more connections are taken, and those that are open leave as they fall silent.
    fn leave(&self, within: Duration) {
        self.lent.draining.set(true);
        self.shared.ending.store(true, Relaxed);
        self.ending.begin(within);
        self.close_doors();
        let by = clock::now().after(LINGER.min(within));
        self.homes.borrow().iter().for_each(|home| home.leave(by));
        self.lent.sleepers.hurry();
    }

    /// Spins from now on, if the table wants it and no task does so yet.
    fn spin(self: &Rc<Self>) {
        if self.lent.table().gateway.spin.is_some() && !self.spinning.replace(true) {
            spawn(spin::spin(self.clone()));
        }
    }

    fn show(&self, look: Look) {
        let upstreams = self.lent.upstream.pools.views(look.from, look.count);
        let generation = self.lent.table.borrow().generation;
        let _ = look.to.send(Looked { shard: self.index, generation, upstreams });
    }

    /// Serves a connection that is counted among this shard's already.
    pub(super) fn serve(self: &Rc<Self>, home: &Rc<Home>, accepted: Accepted, admission: Admission) {
        self.lent.counts.connections_accepted.add(1);
        let open = Open { shard: self.clone(), _admission: admission };
        let Ok(stream) = Stream::adopt(accepted.fd) else { return };
        let (table, listener) = home.now(&self.lent);
        let peer = Peer::new(&table, listener, accepted.peer);
        let ended = move |ended: Result<(), _>| {
            if ended.is_err() {
                open.shard.lent.counts.panics.add(1);
            }
            drop(open);
        };
        let (lent, home) = (self.lent.clone(), home.clone());
        match table.listeners[listener.index()].tls.clone() {
            None => spawn_guarded(connection(stream, lent, home, peer), ended),
            Some(terms) => spawn_guarded(secured(stream, terms, lent, home, peer), ended),
        }
    }

    /// Tells a client past a cap so, without reading what it asks for, and has it recorded.
    pub(super) fn refuse(&self, home: &Home, accepted: Accepted) {
        let (table, listener) = home.now(&self.lent);
        let peer = Peer::new(&table, listener, accepted.peer);
        let ctx = Context::new(&self.lent, &table, peer, None, clock::now());
        ctx.reason.set(Reason::ConnectionCap);
        // A client that waits for a handshake would not understand it.
        let is_plain = table.listeners[listener.index()].tls.is_none();
        if is_plain && let Ok(stream) = Stream::adopt(accepted.fd) {
            if stream.try_write(REFUSAL).is_ok() {
                ctx.status.set(503);
                ctx.bytes_out.set(REFUSAL_BODY_BYTES);
            }
            // Closed at once, it would be reset by what the client sends, and the answer be lost. Of a flood only the first
            // are waited for.
            match Slot::take(self.turned_away.clone(), TURNED_AWAY_MAX) {
                None => stream.shutdown_write(),
                Some(place) => {
                    let lent = self.lent.clone();
                    let counts = lent.counts.clone();
                    spawn_guarded(turn_away(stream, lent), move |ended| {
                        if ended.is_err() {
                            counts.panics.add(1);
                        }
                        drop(place);
                    });
                }
            }
        }
    }
}

/// What a connection past a cap is told: written before anything is known of it, so it is always the same.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
Content-Length: 91\r\nRetry-After: 1\r\nProxy-Status: ringgate; error=connection_limit_reached\r\n\
Connection: close\r\n\r\n\
{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"reason\":\"connection_cap\"}";

/// Of them, those of the body.
const REFUSAL_BODY_BYTES: u64 = 91;

/// A connection that is counted until it ends, however it ends.
struct Open {
    shard: Rc<Shard>,
    _admission: Admission,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shard.lent.counts.connections_closed.add(1);
        self.shard.shared.loads[self.shard.index].0.fetch_sub(1, Relaxed);
    }
}

/// Cells of limits that are looked at with each flush: those at rest are given back for other keys.
const CELLS_AT_ONCE: usize = 256;

/// Flushes log lines, sweeps pools and, after a quiet while, gives memory back; for as long as the shard runs.
pub async fn housekeeping(lent: Rc<Lent>) {
    let next = lent.upstream.wheel.deadline();
    let mut since_sweep = Duration::ZERO;
    let mut seen = lent.activity.beats();
    loop {
        next.set(clock::coarse().after(FLUSH_EVERY));
        next.wait().await;
        lent.lines.borrow_mut().flush();
        lent.counts.laps.add(1);
        lent.policies.borrow_mut().cells.sweep(clock::now(), CELLS_AT_ONCE);
        since_sweep += FLUSH_EVERY;
        if since_sweep < SWEEP_EVERY {
            continue;
        }
        since_sweep = Duration::ZERO;
        lent.upstream.pools.sweep(clock::coarse());
        if std::mem::replace(&mut seen, lent.activity.beats()) == lent.activity.beats() {
            lent.upstream.buffers.shrink(KEPT_WHEN_QUIET, 1);
            lent.upstream.lines.shrink(KEPT_WHEN_QUIET);
            lent.forwards.shrink(KEPT_WHEN_QUIET);
            lent.passages.shrink(KEPT_WHEN_QUIET);
            lent.timings.shrink(KEPT_WHEN_QUIET);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{REFUSAL, REFUSAL_BODY_BYTES};

    #[test]
    fn the_refusal_states_its_own_length() {
        let text = std::str::from_utf8(REFUSAL).expect("is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("has a head and a body");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
        assert_eq!(body.len() as u64, REFUSAL_BODY_BYTES);
    }
}
