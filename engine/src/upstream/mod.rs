//! Layer 6: the way to an origin. `call` is the one door: it picks an endpoint, takes a pooled connection or
//! dials one, sends the request and gives the reply's head. Balance, pool and replay stay behind it.

mod attempt;
mod call;
mod connect;
mod lent;
mod pool;
mod station;
mod view;

pub use call::{CallFault, Outgoing, Plan, Reply, Tried, call};
pub use connect::Leased;
pub use lent::Lent;
pub use pool::{Conn, Pools, SWEEP_EVERY};
pub use station::{Picked, SetRef, Stay};
pub use view::{Seat, View};
