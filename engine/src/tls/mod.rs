//! Layer 5: TLS over a stream of `net`. A handshake gives a stream that reads and writes plain text, and what was agreed;
//! nobody above names a record. rustls' unbuffered interface is driven over pooled buffers: one task owns the session,
//! and no call waits, so that dropping any future loses nothing. `certs` makes the terms.

mod accept;
mod session;

pub use accept::{Refused, accept};
