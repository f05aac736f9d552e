//! Ringgate: an API gateway with one pinned io_uring shard a CPU. The rooms in the order a request meets them;
//! a room imports only from rooms below it (docs/ARCHITECTURE.md has the table, `tools tidy` enforces it).

pub mod base;
pub mod config;
pub mod mem;
pub mod observe;
pub mod route;
pub mod table;
