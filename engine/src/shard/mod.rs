//! Layer 9: one pinned thread with its own runtime, connections, pools, buffers, timers and counters.

mod build;
mod doors;
mod drain;
mod follow;
mod inbox;
mod place;
mod run;
mod spin;
mod state;

pub use build::{Setup, Shared, start};
pub use inbox::{Look, Looked, Message, Moves, Next, Report};
pub use run::{TURNED_AWAY_MAX, housekeeping};
pub use state::lent;
