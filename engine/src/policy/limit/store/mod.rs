//! Where the cells of a limit are: a map of all of them in stripes, shared by the shards, and a shard's own map of
//! those it has met.
//!
//! ```text
//! shard:  Local ── known key: one look-up ──▶ Arc<Cell> ◀── compare-and-swap, no lock
//!           │ unknown: once a shard and key
//!           ▼
//! all:    Stripes (lock) ── has it? a free one? one at rest that no shard holds? ── else the overflow cell
//! ```
//! That a shard holds a cell is its `Arc`: a stripe gives a cell to another key only if it has the only reference, which
//! `Arc::get_mut` proves. So no request can spend from a cell that is being given away, and no tag is checked on the way.
//! A shard lets go of cells at rest a few at a time, when it meets a new key and when it is told to.

pub mod local;
pub mod stripes;

use super::cell::{Cell, Said, rule};
use super::lease::Lease;
use super::sync::{Arc, AtomicU32, AtomicU64, Mutex, Ordering};

/// A key, hashed with a secret of the process into 128 bits: nobody can choose two that meet, and by chance two of a
/// thousand million meet once in 10²⁰ processes. So keys are not kept, and a cell's size does not depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub u64, pub u64);

/// A key that came back so often is known: it keeps its cell for a while though it rests.
pub const KNOWN_USES: u32 = 4;

/// How long.
pub const KEEP_NS: u64 = 600 * 1_000_000_000;
