//! Whose turn it is on a shard: how many exchanges begin in a row, and how a task goes to the back of the queue.

mod intake;
pub(super) mod turnstile;

pub use intake::Intake;
