//! The third backend, for tests only (cargo feature `sim`): a virtual clock, sockets in memory and a scheduler
//! that draws its next task from a seed, all on one thread. What runs over it is the real shard code; the same
//! seed gives the same run. `net`'s hooks ask [`active`] and fall through to the system when no run is on.
//!
//! The network behaves as Linux does where a proxy can tell: bounded room, short reads and writes, delay, half
//! close, a reset that may take unread bytes with it, a reset in answer to bytes for a closed socket.

mod connection;
mod dial;
mod listener;
mod random;
mod run;
mod sleep;
mod socket;
mod weather;
mod world;

#[cfg(test)]
mod tests;

pub use dial::{connect, dial};
pub use listener::{Accepts, Listener, listen, refuse, swallow};
pub use random::Random;
pub use run::{Report, Setup, Stuck, run};
pub use sleep::{Sleep, sleep};
pub use socket::Socket;
pub use weather::Weather;
pub use world::{active, coarse_now, open_sockets, spawn, virtual_now};
