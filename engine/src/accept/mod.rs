//! Layer 6: from a listening socket to admitted connections. What to do with one is the shard's closure.

mod admit;
mod run;

pub use admit::{Admission, Admit};
pub use run::{Accepted, Arrival, accept};
