//! Layer 5, the only room that names monoio and libc. The driver is asked for readiness only; every read and
//! write is a non-blocking call made when it can succeed, so waits hold no buffer and may be dropped.

pub mod affinity;
pub mod body;
pub mod clock;
pub mod dial;
pub mod driver;
pub mod link;
pub mod listener;
pub mod mailbox;
pub mod pipe;
pub mod ring;
#[cfg(feature = "sim")]
pub mod sim;
pub mod spawn;
pub mod stream;
mod sys;
pub mod timer;
mod turnstile;

pub use link::Link;
pub use stream::Stream;
pub use sys::raise_descriptor_limit;
pub use timer::{Deadline, Wheel};
