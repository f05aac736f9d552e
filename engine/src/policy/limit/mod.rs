//! How often, and how many at once: limits that are exact on the whole machine, whatever shard a request lands on.
//!
//! ```text
//! config ── Limit::compile (takes its Set from Sets, by name) ──▶ Limit in the table
//! Facts ── key ── hash ──▶ Cells (a shard's) ── Local ─ Stripes ──▶ Cell ◀── Rule: spend · peek · refund
//!                            └──▶ Decision: pass, wait, the tightest Quota ──▶ fields
//! ```
//! `cell` holds the algorithms, `store` finds a key's cell, `key` makes keys, `set` keeps the cells of a name over
//! reloads, `compile` reads the configuration, `shard` decides, `fields` tells the client, `lease` counts what several
//! machines share and `share` decides by it. Pure: time is an argument, and the cells are lent.

pub mod cell;
pub mod compile;
pub mod fields;
pub mod key;
pub mod lease;
pub mod set;
pub mod shard;
pub mod share;
pub mod store;
mod sync;
#[cfg(test)]
mod tests;

pub use compile::{Flaw, InFlightLimit, Limit};
pub use key::{Facts, Seed};
pub use set::{Set, Sets};
pub use shard::{Cells, Decision, Guard, Quota, Spent};
pub use share::{Share, Standing, Tell, Want};
