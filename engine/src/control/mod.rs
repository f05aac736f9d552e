//! Layer 10: the control thread (tokio, current-thread) does all that is not a request: reading configuration,
//! starting and ending shards, signals, the names and files of endpoints, the demo. The log file has a thread of its own.

pub mod admin;
mod bind;
mod budget;
pub mod check;
pub mod client;
pub mod demo;
mod desk;
pub mod explain;
pub mod load;
pub mod logs;
pub mod office;
mod publish;
mod reload;
pub mod resolve;
mod run;
mod watch;

pub use run::{Refused, Start, run};
