//! Layer 7: one request with its reply, whatever protocol carries it. `run` is the path; the files beside it
//! are its stages and what they share.

pub mod answer;
mod ask;
mod client;
mod context;
mod downstream;
mod end;
mod forward;
mod front;
mod lent;
mod mapping;
mod max_forwards;
mod outcome;
mod plan;
mod run;
mod stick;

pub use answer::Answer;
pub use context::{Context, Peer};
pub use downstream::{Begin, Downstream, Replies, ReplyHead};
pub use lent::{Lent, TableRef};
pub use outcome::{Outcome, Tunnel};
pub use run::{refuse, run};
