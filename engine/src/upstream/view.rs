//! What a shard shows of its upstreams when control asks. A look copies numbers and clones one `Arc` an upstream; control
//! asks for few upstreams at a time, so that no request waits long behind it.

use super::pool::Pools;
use super::station::SetRef;
use crate::base::Tick;
use crate::table::Endpoints;
use std::sync::Arc;

/// One upstream on one shard, at one moment.
#[derive(Debug)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Its endpoints.
    pub set: Arc<Endpoints>,
    /// What the shard has with each of them, in order.
    pub seats: Vec<Seat>,
    /// Exchanges that wait for a place under its cap.
    pub waiting: usize,
}

/// What a shard has with one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Exchanges that run.
    pub active: u32,
    /// Connections that are parked.
    pub idle: u32,
    /// Whether it could not be reached when it was tried last, and until when it is left alone for that.
    pub marked_until: Option<Tick>,
    /// Whether its health checks fail.
    pub is_out: bool,
}

/// What a shard has with all endpoints together whose names are past the cap of series: they share their cells, which show
/// one number.
#[derive(Debug, Default)]
pub struct Together {
    has: [u64; 4],
    /// One of them.
    one: Option<(SetRef, usize)>,
}

impl Together {
    /// Adds what it has with the endpoint at `at` of `set`.
    #[cold]
    pub fn add(&mut self, set: &SetRef, at: usize, has: [u64; 4]) {
        self.has.iter_mut().zip(has).for_each(|(sum, one)| *sum += one);
        self.one.get_or_insert_with(|| (set.clone(), at));
    }

    /// Shows the sum.
    pub fn show(self, shard: usize) {
        if let Some(cells) = self.one.as_ref().and_then(|(set, at)| set.cells(*at, shard)) {
            cells.show(self.has);
        }
    }
}

impl Pools {
    /// Up to `count` upstreams from index `from` on.
    pub fn views(&self, from: usize, count: usize) -> Vec<View> {
        self.stations().iter().skip(from).take(count).map(|station| station.view()).collect()
    }
}
