//! Whose turn it is on a shard: how many exchanges begin in a row, how a task goes to the back of the queue, and when the
//! shard has to park.

pub(super) mod awaited;
mod bell;
mod intake;
pub(super) mod share;
pub(super) mod turnstile;

pub use awaited::must_park;
pub use intake::Intake;
#[cfg(test)]
pub use share::SHARE_BYTES;
pub use share::spend;
