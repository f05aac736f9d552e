//! The gateway over real sockets: the built binary, a raw client before it and an origin that misbehaves on demand
//! behind it. A file a family of the rules that keep two readers of one byte stream of one mind.
//!
//! `RINGGATE_TEST_DRIVER=io_uring` or `epoll` runs the tests on one driver; without it each test runs on both.

// The whole crate is a test; clippy knows only functions marked as one.
#![allow(clippy::unwrap_used)]
// Deadlines of tests are real time, and their threads share what pipes say.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod access_log;
mod acme;
mod admin;
mod age;
mod balance;
mod basic;
mod explain;
mod foreign;
mod http2;
mod http2_origins;
mod matching;
mod names;
mod nginx;
mod origin_tls;
mod policies;
mod pool;
mod proxy_protocol;
mod reload;
mod replies;
mod requests;
mod routing;
mod shutdown;
#[path = "../support/mod.rs"]
mod support;
mod timeouts;
mod tls;
mod unix;
