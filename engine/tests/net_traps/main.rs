//! The traps of the runtime, each as a law that `net` holds on both drivers, over real loopback sockets. The peer
//! is a blocking socket, on a thread of its own where both ends must act at once.
#![allow(clippy::disallowed_methods)] // a test brings its own clock

mod accepts;
mod blocked;
mod dials;
mod intake;
mod mailboxes;
mod rig;
mod spliced;
mod tasks;
mod timers;
mod unix;
mod waits;
