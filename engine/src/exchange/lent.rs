//! What a shard lends to an exchange. `shard/state` builds it, one a shard.

use super::lasting::Lasting;
use super::onward::forward::Forward;
use super::peer::home::Sleepers;
use super::plan::Asking;
use crate::base::{Activity, UpstreamId};
use crate::mem::Scratches;
use crate::net::offload::Offload;
use crate::observe::timing::SAMPLED;
use crate::observe::{Counts, Lines, Timing};
use crate::policy::{self, Passage};
use crate::route::Scratch;
use crate::route::finder::Caches;
use crate::table::Table;
use crate::upstream::{self, Station, Stations};
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

/// A table as exchanges hold it: the shard owns one `Arc`, exchanges clone the `Rc` around it.
pub type TableRef = Rc<HeldTable>;

/// Who takes a table that nothing on the shard holds any more.
pub type Leave = Rc<dyn Fn(Arc<Table>)>;

/// A table on this shard, with what its upstreams' ids lead to here. When the last exchange on it is over, the table is given
/// to `leave`, which brings it back to control: freeing a large one takes milliseconds.
pub struct HeldTable {
    /// None only while it is dropped.
    table: Option<Arc<Table>>,
    stations: Stations,
    leave: Leave,
}

impl HeldTable {
    /// `table`, and the station of each of its upstreams.
    pub fn new(table: Arc<Table>, stations: Stations, leave: Leave) -> TableRef {
        debug_assert_eq!(table.upstreams.len(), stations.len(), "each upstream has a station");
        Rc::new(HeldTable { table: Some(table), stations, leave })
    }

    /// The table, as it is handed to other threads.
    pub fn shared(&self) -> &Arc<Table> {
        self.table.as_ref().expect("it is taken out when nothing holds it any more")
    }

    /// The station of an upstream of this table.
    pub fn station(&self, id: UpstreamId) -> &Station {
        &self.stations[id.index()]
    }
}

impl Deref for HeldTable {
    type Target = Table;

    fn deref(&self) -> &Table {
        self.shared()
    }
}

impl Drop for HeldTable {
    fn drop(&mut self) {
        if let Some(table) = self.table.take() {
            (self.leave)(table);
        }
    }
}

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
    /// Questions to others that are under way.
    pub asking: Asking,
    /// Threads for what takes long.
    pub offload: Offload,
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
    /// Connections that wait without a buffer.
    pub sleepers: Sleepers,
    /// Takes tables that nothing on this shard holds any more.
    pub leave: Leave,
    /// Whether the process is ending: every answer then closes its connection.
    pub draining: Cell<bool>,
    /// Whether the time to end is over: what still runs is cut, unless it lasts and has a time of its own.
    pub cut: Cell<bool>,
    /// Exchanges that have their own time when it ends.
    pub lasting: Lasting,
    /// Connections whose inner future runs.
    pub busy: Cell<u32>,
    /// Moves on with every head read, and with every exchange that ends.
    pub activity: Activity,
    /// Exchanges begun, of which one in [`SAMPLED`] is timed for metrics.
    pub exchanges: Cell<u32>,
}

impl Lent {
    /// Whether the exchange that begins now is one of those that are timed for metrics.
    #[inline]
    pub(super) fn samples(&self) -> bool {
        let count = self.exchanges.get().wrapping_add(1);
        self.exchanges.set(count);
        count & (SAMPLED - 1) == 1
    }

    /// The table for an exchange that begins now.
    pub fn table(&self) -> TableRef {
        self.table.borrow().clone()
    }
}
