//! What lies between threads: the CPU each is pinned to, a shard's mailbox, the ring to the log thread, threads for what takes long.

pub mod affinity;
pub mod mailbox;
pub mod offload;
pub mod ring;

// What the mailbox is made of. engine/tests/loom_mailbox.rs compiles its file with models of these in their place.
use atomic_waker::AtomicWaker;
use crossbeam::queue::ArrayQueue;
use std::sync::Arc;
