//! The administration interface: one listener on the control thread, which shows what the gateway is doing. It reads what
//! control has, counters that shards write and anybody may read, and what a shard shows when its mailbox asks
//! (`upstreams`, bounded). It never waits for a shard longer than [`upstreams::PATIENCE`], and answers that are long are put
//! together on the blocking pool.
//!
//! `gate` says who is let in, `pages` and `scrape` what is answered, `door` takes connections, `orders` what is ordered, `explain` what
//! would become of a request, `live` what the pages see.

pub mod client;
mod door;
mod explain;
mod gate;
mod live;
mod orders;
mod pages;
mod scrape;
mod upstreams;

pub use door::Door;
pub use live::{Host, Live};
