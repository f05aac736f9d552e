//! Layer 7: one request with its reply, whatever protocol carries it. `run` is the path; the files beside it
//! are its stages and what they share.

pub mod answer;
mod context;
mod deadline;
mod downstream;
mod end;
mod find;
mod grpc;
mod lasting;
mod lent;
mod onward;
mod outcome;
mod peer;
mod plan;
mod refuse;
mod run;
mod timed;
mod write;

/// What the path asks on its way, for explaining a request without an exchange.
pub mod parts {
    pub use super::end::https::elsewhere;
    pub use super::end::{last_hop, location};
    pub use super::onward::call::offered;
    pub use super::onward::forward::{client_ip, host, target};
    pub use super::onward::max_forwards::ends_here;
    pub use super::onward::stick::{Part, key, part};
    pub use super::peer::front::front;
    pub use super::plan::{Asked, reason};
}

pub use answer::Answer;
pub use context::Context;
pub use downstream::{Begin, Downstream, Replies, ReplyHead};
pub use lasting::{Cut, Lasting, until_the_end};
pub use lent::{HeldTable, Leave, Lent, TableRef};
pub use outcome::{Outcome, Tunnel};
pub use peer::Peer;
pub use peer::home::{Home, Sleepers, Tells};
pub use plan::{AskKeys, Asking};
pub use refuse::refuse;
pub use run::run;
