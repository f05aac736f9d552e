//! Layer 10: the control thread (tokio, current-thread) does all that is not a request: reading configuration,
//! starting and ending shards, signals, the names and files of endpoints, the demo. The log file has a thread of its own.

pub mod acme;
pub mod admin;
mod bind;
mod budget;
pub mod check;
pub use admin::client;
mod courier;
pub mod demo;
pub mod diagnostics;
pub mod explain;
mod fresh;
pub mod jwks;
pub mod load;
pub mod logs;
pub mod notify;
pub mod office;
pub mod probe;
mod reach;
pub mod reference;
mod resolve;
mod run;
pub mod store;
pub mod token;

pub use run::{Refused, Start, run};
