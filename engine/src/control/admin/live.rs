//! What the pages show and order: the shards by what they share, everything else by the office and the process.

use super::scrape::AT_ONCE;
use crate::base::counters::Count;
use crate::control::acme::Numbers as Orders;
use crate::control::jwks::Jwks;
use crate::control::office::Office;
use crate::control::store::Numbers;
use crate::net::driver::Driver;
use crate::net::ring::Depth;
use crate::observe::Counts;
use crate::shard::Shared;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::sync::Semaphore;

/// What runs now.
#[derive(Debug)]
pub struct Live {
    /// What the shards share.
    pub shared: Arc<Shared>,
    /// The key sets that are fetched.
    pub jwks: Jwks,
    /// How the gateway stands, and where reloads and the end are ordered.
    pub office: Office,
    /// The process.
    pub host: Host,
    /// Places for those who make a page of metrics.
    pub(super) scrapes: Arc<Semaphore>,
    /// How long the last one was, and a little more.
    pub(super) page_bytes: AtomicUsize,
}

/// What stays the same as long as the process runs.
#[derive(Debug)]
pub struct Host {
    /// Each shard's counters.
    pub counts: Vec<Arc<Counts>>,
    /// How full each shard's ring of log lines is.
    pub log_depths: Vec<Depth>,
    /// Log lines that could not be written.
    pub log_lost: Arc<Count>,
    /// What the shards wait with.
    pub driver: Driver,
    /// Whether io_uring was wanted and did not work.
    pub fell_back: bool,
    /// What is counted of the store that limits are shared through.
    pub store: Arc<Numbers>,
    /// What came of orders for certificates.
    pub orders: Arc<Orders>,
}

impl Live {
    /// Of a process that has just started.
    pub fn new((shared, jwks): (Arc<Shared>, Jwks), office: Office, host: Host) -> Live {
        Live {
            shared,
            jwks,
            office,
            host,
            scrapes: Arc::new(Semaphore::new(AT_ONCE)),
            page_bytes: AtomicUsize::default(),
        }
    }
}
