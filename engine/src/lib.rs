//! Ringgate: an API gateway with one pinned io_uring shard a CPU. The rooms in the order a request meets them;
//! a room imports only from rooms below it (docs/ARCHITECTURE.md has the table, `tools tidy` enforces it).

// The road: the only async code that runs for a request.
pub mod accept;
pub mod conn;
pub mod exchange;
pub mod upstream;

// The deciders: pure.
pub mod balance;
pub mod certs;
pub mod observe;
pub mod policy;
pub mod route;

// The ground.
pub mod base;
pub mod mem;
pub mod net;
pub mod tls;
pub mod wire;

// The office.
pub mod config;
pub mod control;
pub mod shard;
pub mod table;
