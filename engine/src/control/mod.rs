//! Layer 10: the control thread (tokio, current-thread) does all that is not a request: reading configuration,
//! starting and ending shards, signals, the names and files of endpoints, the demo. The log file has a thread of its own.

pub mod admin;
mod bind;
pub mod check;
pub mod demo;
pub mod load;
pub mod logs;
pub mod resolve;
mod run;

pub use run::{Refused, run};
