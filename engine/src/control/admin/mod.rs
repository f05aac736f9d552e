//! The administration interface: one listener on the control thread, which shows what the gateway is doing. It reads what
//! control has, counters that shards write and anybody may read, and what a shard shows when its mailbox asks
//! (`upstreams`, bounded). It never waits for a shard longer than [`upstreams::PATIENCE`], and answers that are long are put
//! together on the blocking pool.
//!
//! `gate` says who is let in, `pages` what is answered, `door` takes connections, `live` is what others tell it.

mod door;
mod gate;
mod live;
mod pages;
mod upstreams;

pub use door::Door;
pub use live::Live;
