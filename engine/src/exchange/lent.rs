//! What a shard lends to an exchange. `shard/state` builds it, one a shard.

use super::forward::Forward;
use crate::mem::Scratches;
use crate::observe::timing::SAMPLED;
use crate::observe::{Counts, Lines, Timing};
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
    /// Working memory for the time of exchanges that are timed.
    pub timings: Scratches<Timing>,
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
    /// Exchanges begun, of which one in [`SAMPLED`] is timed for metrics.
    pub exchanges: Cell<u32>,
}

impl Lent {
    /// Whether the exchange that begins now is one of those that are timed for metrics.
    #[inline]
    pub(super) fn samples(&self) -> bool {
        let count = self.exchanges.get().wrapping_add(1);
        self.exchanges.set(count);
        count & (SAMPLED - 1) == 0
    }

    /// The table for an exchange that begins now.
    pub fn table(&self) -> TableRef {
        self.table.borrow().clone()
    }
}
