//! A key's cell: a few atomic words shared by all shards, and the algorithms that move them. A file an algorithm; each
//! has the verbs `spend`, `peek` and `refund`, and says since when a cell is at rest: a cell at rest is not to be told
//! from a fresh one, so forgetting it changes no verdict.
//!
//! Time is an argument: nanoseconds of the monotonic clock. Shards read it one after the other and a thread may
//! be held up behind its reading, so every algorithm takes a time that lies behind the cell's for the cell's own.

pub mod bucket;
pub mod counter;
pub mod fixed;
pub mod in_flight;
pub mod leaky;
pub mod log;
pub mod rule;

use super::lease::Lease;
use super::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// What a key has spent. On cache lines of its own, since shards write it.
#[derive(Debug)]
#[repr(align(64))]
pub struct Cell {
    /// The first word of the algorithm; most need no other.
    pub a: AtomicU64,
    /// The second one.
    pub b: AtomicU64,
    /// Times it was used, as far as shards have told.
    pub uses: AtomicU32,
    /// Whether it is kept while it rests, since its key came back several times.
    pub known: AtomicBool,
    /// The ring of a log; empty for the others.
    pub ring: Box<[AtomicU64]>,
    /// What other machines granted of it; none where the limit is this machine's alone.
    pub lease: Option<Box<Lease>>,
}

impl Cell {
    /// A cell whose log has `slots` slots. It has to be made fresh by its rule.
    pub fn new(slots: usize) -> Cell {
        Cell {
            a: AtomicU64::new(0),
            b: AtomicU64::new(0),
            uses: AtomicU32::new(0),
            known: AtomicBool::new(false),
            ring: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            lease: None,
        }
    }

    /// The same with a lease.
    pub fn leased(slots: usize) -> Cell {
        Cell { lease: Some(Box::default()), ..Cell::new(slots) }
    }

    /// Counts `uses` more, up to a bound.
    pub fn used(&self, uses: u32) {
        let before = self.uses.load(Ordering::Relaxed);
        self.uses.store(before.saturating_add(uses), Ordering::Relaxed);
    }
}

/// What a cell says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// Whether it passes.
    pub pass: bool,
    /// Nanoseconds: until a request that passes may go on, and until one that is refused would pass.
    pub wait: u64,
    /// How many more would pass now, behind this one.
    pub remaining: u32,
    /// Nanoseconds until the count starts anew (windows) or all is there again (buckets).
    pub reset: u64,
    /// What a refund needs to know.
    pub mark: u64,
}
