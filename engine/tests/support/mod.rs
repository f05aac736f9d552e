//! What tests over real sockets share: the built binary as a gateway on a free loopback port, a raw client, the
//! tearing of messages at every byte, and the three fresh requests that follow each hostile exchange. Nothing here
//! sleeps: whatever is waited for has a condition and a deadline.

mod client;
mod fresh;
mod gateway;
mod lines;
mod reply;
mod setup;
mod torn;

pub use client::{Client, End};
pub use fresh::{Ids, barrier, three_fresh};
pub use gateway::{Gateway, run_to_end, run_with};
pub use lines::Lines;
pub use reply::{Delimited, Reply, Whole};
pub use setup::{Driver, Setup, each_driver};
pub use torn::{torn_over, torn_reply, torn_request};

use std::time::Duration;

/// How long anything may take that is waited for: far more than it needs, so that a slow machine fails no test.
pub const PATIENCE: Duration = Duration::from_secs(20);
