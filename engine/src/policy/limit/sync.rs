//! What the cells and their store are made of. A file of its own, so that the model checker can put its own in.

pub use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
pub use std::sync::{Arc, Weak};

/// The lock of a stripe. Held when a shard meets a key for the first time and for a bounded number of steps, never
/// for a key that the shard knows; and by control, for the cells of a stripe, when a reload changes a rate.
#[expect(clippy::disallowed_types, reason = "first sight of a key only; a known key touches no lock")]
pub type Mutex<T> = std::sync::Mutex<T>;
