//! Laws of bodies on the move, over loopback sockets and on both drivers.
#![allow(clippy::disallowed_methods)] // a test brings its own clock

mod carry;
mod read;
pub(super) mod rig;
mod shares;
