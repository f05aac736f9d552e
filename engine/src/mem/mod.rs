//! Layer 1: a shard's buffers. Two classes in LIFO free lists, so that the few in use stay in the second-level
//! cache; an idle connection holds none. A buffer goes back to its list when it is dropped.

mod allocator;
mod buf;
mod pool;
mod scratch;

pub use allocator::give_back_soon;
pub use buf::Buf;
pub use pool::{BULK_BYTES, Class, Pool, SMALL_BYTES};
pub use scratch::{Scratch, Scratches};
