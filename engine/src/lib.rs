//! Ringgate: an API gateway with one pinned io_uring shard a CPU. The rooms in the order a request meets them;
//! a room imports only from rooms below it (docs/ARCHITECTURE.md has the table, `tools tidy` enforces it).

pub mod control;
pub mod observe;

pub mod net {
    //! Stands in for the room until it is there.
    pub mod ring;
}

pub mod mem;

pub mod base;
