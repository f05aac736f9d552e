//! Layer 6: the way to an origin. `call` is the one door: it picks an endpoint, takes a pooled connection or
//! dials one, sends the request and gives the reply's head. Balance, pool and replay stay behind it.

mod attempt;
mod call;
mod carry;
mod connect;
mod http2;
mod lent;
mod pool;
mod shared;
mod slots;
mod station;
mod turn;
mod view;
mod wish;

pub use call::{CallFault, Outgoing, Plan, Reply, Tried, TunnelEnd, TunnelStream, call};
pub use carry::{ReplyBody, Upload};
pub use connect::Leased;
pub use lent::{AskSlot, Lent};
pub use pool::{Conn, Pools, SWEEP_EVERY, Stations};
pub use station::{Picked, SetRef, Station, Stay};
pub use view::{Seat, View};
pub use wish::Asker;

// What a wish is made of. engine/tests/loom_cap.rs compiles its file with loom's in its place.
use std::sync::atomic::AtomicU8;
