//! What lies between threads: the CPU each is pinned to, a shard's mailbox, the ring to the log thread.

pub mod affinity;
pub mod mailbox;
pub mod ring;
