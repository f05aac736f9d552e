//! What a task may carry at once. Where both ends of a body are ready all the time, as with a fast download, whoever carries
//! it would hold the shard to the end of it.

use super::turnstile::give_way;
use std::cell::Cell;

/// Bytes that a task carries in a row: some 50 microseconds, with TLS twice that.
pub const SHARE_BYTES: u64 = 256 * 1024;

thread_local! {
    /// What is left of the share of the task that runs. Not the task's own: there are ten thousand of them.
    static LEFT: Cell<u64> = const { Cell::new(SHARE_BYTES) };
}

/// A task is polled: it has waited, and has a whole share again.
pub(in crate::net) fn begin() {
    LEFT.set(SHARE_BYTES);
}

/// The [guarded](crate::net::spawn::spawn_guarded) task that runs has carried so many bytes: once its share is used up, others
/// go first.
pub async fn spend(bytes: u64) {
    let left = LEFT.get().saturating_sub(bytes);
    LEFT.set(left);
    if left == 0 {
        give_way().await;
    }
}
