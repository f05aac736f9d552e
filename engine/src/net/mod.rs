//! Layer 5, the only room that names monoio and libc. The driver is asked for readiness only; every read and
//! write is a non-blocking call made when it can succeed, so waits hold no buffer and may be dropped.

pub mod body;
pub mod clock;
pub mod dial;
pub mod driver;
pub mod link;
pub mod listener;
pub mod pipe;
pub mod poll;
#[cfg(feature = "sim")]
pub mod sim;
mod socket;
pub mod spawn;
pub mod stream;
mod sys;
mod threads;
pub mod timer;
mod turns;

pub use link::Link;
pub use socket::{Shortage, unix};
pub use stream::Stream;
pub use sys::{append_at_once, interrupt_nobody, raise_descriptor_limit, refused_to_make_files_in};
pub use threads::{affinity, mailbox, offload, ring};
pub use timer::{Deadline, Wheel};
#[cfg(test)]
pub use turns::SHARE_BYTES;
pub use turns::{Intake, must_park, spend};
