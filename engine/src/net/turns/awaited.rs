//! Waits that end only when the driver is looked at for real: for a timer of its own, or for a waker of another thread. A
//! shard that spins never parks, and would have them wait for ever.

use std::cell::Cell;

thread_local! {
    static AWAITED: Cell<u32> = const { Cell::new(0) };
}

/// One such wait, until it is dropped.
pub(in crate::net) struct Awaited(());

impl Awaited {
    pub(in crate::net) fn begin() -> Awaited {
        AWAITED.set(AWAITED.get() + 1);
        Awaited(())
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        AWAITED.set(AWAITED.get() - 1);
    }
}

/// Whether a task of this shard waits for something that comes only when the shard parks.
pub fn must_park() -> bool {
    AWAITED.get() > 0
}
