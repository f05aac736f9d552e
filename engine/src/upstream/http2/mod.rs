//! HTTP/2 to an origin: connections that many exchanges share, and one try of a request on a stream of them.

mod attempt;
mod head;
mod keepalive;
mod mux;

pub use attempt::attempt;
pub use mux::{Mux, Stream};
