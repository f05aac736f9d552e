//! Layer 7: one request with its reply, whatever protocol carries it. `run` is the path; the files beside it
//! are its stages and what they share.

pub mod answer;
mod client;
mod context;
mod downstream;
mod end;
mod forward;
mod front;
mod home;
mod lent;
mod mapping;
mod max_forwards;
mod outcome;
mod run;
mod stick;

/// What the path asks on its way, for explaining a request without an exchange.
pub mod parts {
    pub use super::end::{last_hop, location};
    pub use super::forward::{client_ip, target};
    pub use super::front::front;
    pub use super::max_forwards::ends_here;
    pub use super::run::allowed_upgrade;
    pub use super::stick::{Part, key, part};
}

pub use answer::Answer;
pub use context::{Context, Peer};
pub use downstream::{Begin, Downstream, Replies, ReplyHead};
pub use home::{Home, Sleepers};
pub use lent::{Held, Leave, Lent, TableRef};
pub use outcome::{Outcome, Tunnel};
pub use run::{refuse, run};
