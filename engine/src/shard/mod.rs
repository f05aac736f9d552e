//! Layer 9: one pinned thread with its own runtime, connections, pools, buffers, timers and counters.

mod build;
mod drain;
mod inbox;
mod place;
mod run;
mod spin;
mod state;

pub use build::{Setup, Shared, start};
pub use inbox::{Look, Looked, Message, Report};
pub use run::housekeeping;
pub use state::lent;
