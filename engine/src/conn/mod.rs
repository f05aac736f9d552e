//! Layer 8: downstream connections. The outer future waits without a buffer; the inner one, boxed when bytes
//! come, serves exchanges until the grace passes without one.

mod answer;
mod head;
mod http1;
mod http2;
mod idle;
mod linger;
mod misdirected;
mod proxied;
mod secured;
mod upgrade;
mod watch;

pub use idle::{GRACE, connection};
pub use linger::turn_away;
pub use secured::secured;
