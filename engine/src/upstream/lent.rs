//! What a shard lends to a call. `shard/state` builds it.

use super::pool::Pools;
use super::wish::Asker;
use crate::mem::{Pool, Scratches};
use crate::net::pipe::Pipes;
use crate::net::{Intake, Shortage, Wheel};
use crate::observe::Counts;
use crate::table::Endpoint;
use crate::wire::head::Lines;
use std::cell::Cell;
use std::sync::Arc;

/// Asks every other shard for a slot of an upstream, by its name.
pub type AskSlot = Box<dyn Fn(&str, &Asker)>;

/// What a shard lends to a call.
pub struct Lent {
    /// Buffers.
    pub buffers: Pool,
    /// Scratch for parsed heads.
    pub lines: Scratches<Lines>,
    /// Pipes for large bodies.
    pub pipes: Pipes,
    /// Deadlines.
    pub wheel: Wheel,
    /// How many exchanges begin in a row.
    pub intake: Intake,
    /// Whether what was polled just now has waited so long that its client may have gone: it goes on when that was looked at.
    pub doubts: Cell<bool>,
    /// The stations of the table that is served now.
    pub pools: Pools,
    /// This shard's counters.
    pub counts: Arc<Counts>,
    /// The shard's number.
    pub shard: usize,
    /// Seed of the shard's pseudo-random numbers.
    pub random: Cell<u64>,
    /// Asks the other shards for a slot of the upstream named, when its cap is reached.
    pub ask_slot: AskSlot,
    /// Tells control that no socket could be opened, for want of this.
    pub short: Box<dyn Fn(&'static str)>,
    /// Tells control that no connection to the endpoint could be made: its name may stand for another address by now.
    pub unreachable: Box<dyn Fn(&Endpoint)>,
}

impl Lent {
    /// No socket could be opened for want of `what`: control is told, and where descriptors lack, one connection that is idle
    /// is given up. False when none was.
    pub fn gives_up_for(&self, what: Shortage) -> bool {
        (self.short)(what.name());
        what != Shortage::Memory && self.pools.give_up_one()
    }

    /// The next pseudo-random number (xorshift64*): for balancing and ids, never for secrets.
    pub fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
