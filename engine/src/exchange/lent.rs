//! What a shard lends to an exchange. `shard/state` builds it, one a shard.

use super::forward::Forward;
use crate::mem::Scratches;
use crate::net::offload::Offload;
use crate::observe::{Counts, Lines};
use crate::policy::{self, Passage};
use crate::route::Scratch;
use crate::route::finder::Caches;
use crate::table::Table;
use crate::upstream;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// A table as exchanges hold it: the shard owns one `Arc`, exchanges clone the `Rc` around it.
pub type TableRef = Rc<Arc<Table>>;

/// What a shard lends to an exchange.
pub struct Lent {
    /// The table that new exchanges take; one that runs keeps its own.
    pub table: RefCell<TableRef>,
    /// What calls need.
    pub upstream: upstream::Lent,
    /// Log lines on their way to the log thread.
    pub lines: RefCell<Lines>,
    /// Working memory for the forwarded head.
    pub forwards: Scratches<Forward>,
    /// What the policies of one exchange say.
    pub passages: Scratches<Passage>,
    /// What of policies belongs to this shard.
    pub policies: RefCell<policy::Shard>,
    /// Threads for what takes long.
    pub offload: Offload,
    /// Working memory of route look-ups.
    pub routing: Scratch,
    /// Working memory for regular expressions.
    pub caches: RefCell<Caches>,
    /// This shard's counters.
    pub counts: Arc<Counts>,
    /// Its number.
    pub shard: u16,
    /// Whether the process is ending: every answer then closes its connection.
    pub draining: Cell<bool>,
    /// Connections whose inner future runs.
    pub busy: Cell<u32>,
    /// Moves on with every head read: how the shard knows that it is active.
    pub activity: Cell<u64>,
}

impl Lent {
    /// The table for an exchange that begins now.
    pub fn table(&self) -> TableRef {
        self.table.borrow().clone()
    }
}
