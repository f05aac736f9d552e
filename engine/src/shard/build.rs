//! From a setup to a running thread.

use super::inbox::{Message, Report};
use super::run::run;
use crate::base::counters::Capped;
use crate::base::{Generation, ListenerId, SocketId};
use crate::net::driver::{self, Driver};
use crate::net::listener::Bound;
use crate::net::mailbox::Mailbox;
use crate::net::offload::Offload;
use crate::net::{affinity, ring};
use crate::observe::{Counts, Meters};
use crate::policy::limit::Want;
use crate::table::Table;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::thread::{self, JoinHandle};

/// Messages a shard's mailbox holds at most; a sender that finds it full keeps what it wanted to hand over.
const MAILBOX: usize = 1024;
/// Reports of all shards that control has not read yet, at most.
const REPORTS: usize = 1024;
/// Keys of shared limits that control has not taken in yet, at most; one that finds no room is decided without the store.
const WANTS: usize = 4096;

/// A shard's downstream connections, those on their way to it included, in a cache line of its own.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct Load(pub AtomicU32);

/// What the shards of a process share.
#[derive(Debug)]
pub struct Shared {
    /// One mailbox a shard.
    pub mailboxes: Vec<Arc<Mailbox<Message>>>,
    /// What the shards tell control.
    pub reports: Arc<Mailbox<Report>>,
    /// Keys of limits that other machines share, which control is to look after.
    pub wants: Arc<Mailbox<Want>>,
    /// Connections of each shard.
    pub loads: Vec<Load>,
    /// The generation that each shard serves.
    serving: Vec<AtomicU64>,
    /// Whether a shard has been told to end: from then on none hands connections to another.
    pub ending: AtomicBool,
    /// Downstream connections of the process.
    pub connections: Arc<Capped>,
    /// Threads for what takes long.
    pub offload: Offload,
    /// Names that metrics are counted of. Only control takes it.
    pub meters: Meters,
}

impl Shared {
    /// For `shards` shards.
    pub fn new(shards: usize) -> Arc<Shared> {
        Arc::new(Shared {
            mailboxes: (0..shards).map(|_| Mailbox::new(MAILBOX)).collect(),
            reports: Mailbox::new(REPORTS),
            wants: Mailbox::new(WANTS),
            loads: (0..shards).map(|_| Load::default()).collect(),
            serving: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            ending: AtomicBool::new(false),
            connections: Arc::default(),
            offload: Offload::default(),
            meters: Meters::new(shards),
        })
    }

    /// The generation that `shard` serves; 0 before it runs.
    pub fn serving(&self, shard: usize) -> Generation {
        Generation(self.serving[shard].load(Acquire))
    }

    /// `shard` serves `generation` from now on.
    pub(super) fn serves(&self, shard: usize, generation: Generation) {
        self.serving[shard].store(generation.0, Release);
        let _ = self.reports.send(Report::Serving);
    }
}

/// What one shard is made of.
#[derive(Debug)]
pub struct Setup {
    /// Its number.
    pub index: usize,
    /// The CPU it is pinned to.
    pub cpu: usize,
    /// Its driver.
    pub driver: Driver,
    /// Its first table.
    pub table: Arc<Table>,
    /// What it shares.
    pub shared: Arc<Shared>,
    /// Its counters.
    pub counts: Arc<Counts>,
    /// Its listening sockets, each with its listener.
    pub listeners: Vec<(SocketId, ListenerId, Bound)>,
    /// Seed of its pseudo-random numbers.
    pub seed: u64,
}

/// Starts the shard's thread; its log lines go to `log`. It ends when the shard has drained.
///
/// # Errors
/// When the thread cannot be made; the thread's own result is that of building its driver.
pub fn start(setup: Setup, log: ring::Sender) -> io::Result<JoinHandle<io::Result<()>>> {
    thread::Builder::new().name(format!("shard-{}", setup.index)).spawn(move || {
        affinity::pin(setup.cpu);
        driver::run(setup.driver, run(setup, log))?
    })
}
