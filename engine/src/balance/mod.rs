//! Layer 3: which endpoint takes the next exchange. Pure: the state that changes is lent in, and so are time and
//! chance. `pick` is the door; a file an algorithm, `marks` for endpoints that could not be reached, `health` for those whose
//! checks fail.
//!
//! ```text
//! Seat (name, weight, priority) ── Seats::compile, once a table ──▶ Arc<Seats>, the same for all shards
//!                                                                       │
//! Facts (key, now, random) ──▶ State::pick ──▶ begin · measured · end ──┘ one State a shard
//! ```

mod consistent_hash;
mod explain;
mod health;
mod least_connections;
mod marks;
mod peak_ewma;
pub mod pick;
mod round_robin;
mod seats;
mod sticky_cookie;
#[cfg(test)]
mod tests;

pub use explain::Why;
pub use health::{Board, Checked, Rule};
pub use pick::{Facts, State};
pub use seats::{Algorithm, Avoid, SEATS_MAX, Seat, Seats};
pub use sticky_cookie::{ID_BYTES, IdKey, id_of_text, text_of_id};
