//! What control collects for one page.

use crate::observe::Counts;
use crate::observe::metrics::meters::Listed;
use std::sync::Arc;

/// What control collects for one page.
#[derive(Debug)]
pub struct Snapshot {
    /// Names and their cells.
    pub listed: Listed,
    /// Each shard's counters.
    pub counts: Vec<Arc<Counts>>,
    /// Each shard's numbers of now.
    pub shards: Vec<ShardNow>,
    /// Listeners of the current table, with the connections open and the most there may be.
    pub listeners: Vec<(String, u32, u32)>,
    /// The same of their tunnels.
    pub tunnels: Vec<(String, u32, u32)>,
    /// Its upstreams, likewise.
    pub upstreams: Vec<(String, u32, u32)>,
    /// Certificates of its listeners: the listener, the certificate's file, and the last second since 1970 at which it is
    /// valid.
    pub certificates: Vec<(String, String, u64)>,
    /// Orders for certificates that were issued, and that failed.
    pub orders: [u64; 2],
    /// The store that limits are shared through; none where there is none.
    pub store: Option<StoreNow>,
    /// Its policies, in file order.
    pub policies: Vec<PolicyNow>,
    /// The number of the current table.
    pub generation: u64,
    /// Tables that are in use.
    pub generations: u64,
    /// When the current table was published, in milliseconds since 1970.
    pub generation_unix_ms: u64,
    /// Reloads that took effect.
    pub reloads: u64,
    /// Reloads that were refused.
    pub refusals: u64,
    /// Whether the end has begun.
    pub is_draining: bool,
    /// Log lines that could not be written.
    pub log_lost: u64,
    /// What the shards wait with.
    pub driver: String,
    /// Whether another driver was wanted and did not work.
    pub fell_back: bool,
    /// The process; none where the system does not tell.
    pub process: Option<Process>,
}

/// A policy now.
#[derive(Debug, Clone, Default)]
pub struct PolicyNow {
    /// Its name.
    pub name: String,
    /// Requests that passed.
    pub passed: u64,
    /// Requests that it refused, by the reason of the access log; those that there were.
    pub refused: Vec<(&'static str, u64)>,
    /// Requests that it would have refused, had it not been in shadow mode.
    pub shadowed: u64,
    /// The key set that is fetched for it, if one is.
    pub keys: Option<KeysNow>,
    /// The cells of a limit.
    pub limit: Option<LimitNow>,
}

/// What a limit counts in.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitNow {
    /// Keys that have a cell.
    pub keys: u64,
    /// Keys that may have one.
    pub room: u64,
    /// Requests of keys without one.
    pub shared: u64,
}

/// A key set that is fetched.
#[derive(Debug, Clone, Default)]
pub struct KeysNow {
    /// Its address.
    pub address: String,
    /// Keys in it.
    pub keys: u64,
    /// Microseconds since they were fetched; none where there are none.
    pub age_micros: Option<u64>,
    /// Fetches that failed since then.
    pub failures: u64,
}

impl PolicyNow {
    /// Series of a policy at most: a number each, a reason each, and three of its key set or its cells.
    pub const SERIES: usize = 16;
}

/// The store of shared limits now.
#[derive(Debug, Clone, Default)]
pub struct StoreNow {
    /// Whether it works.
    pub works: bool,
    /// Keys that are looked after.
    pub keys: u64,
    /// Questions for a key that it answered.
    pub answered: u64,
    /// Rounds of questions.
    pub rounds: u64,
    /// Microseconds that they took.
    pub micros: u64,
    /// Faults by kind.
    pub faults: Vec<(&'static str, u64)>,
    /// Keys that were turned away.
    pub turned_away: u64,
}

/// A shard now.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShardNow {
    /// Client connections.
    pub connections: u64,
    /// Messages in its mailbox.
    pub mailbox: u64,
    /// Batches of log lines on their way to the log thread.
    pub log_batches: u64,
}

/// The process, as the system tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Process {
    /// CPU time used, in microseconds.
    pub cpu_micros: u64,
    /// Memory in use.
    pub resident_bytes: u64,
    /// Descriptors open.
    pub open_fds: u64,
    /// Descriptors that may be open; none for no limit.
    pub max_fds: Option<u64>,
    /// Its start, in microseconds since 1970.
    pub start_unix_micros: u64,
    /// Threads.
    pub threads: u64,
}
