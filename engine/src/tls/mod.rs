//! Layer 5: TLS over a stream of `net`, in both roles. A handshake gives a stream that reads and writes plain text, and what
//! was agreed; nobody above names a record. rustls' unbuffered interface is driven over pooled buffers: one task owns the
//! session, and no call waits, so that dropping any future loses nothing. `certs` makes the terms.

mod buffers;
mod engine;
mod handshake;
mod seal;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod wrong;

pub use handshake::{Handshake, Progress, Refused, accept, dial};
pub use wrong::Wrong;
