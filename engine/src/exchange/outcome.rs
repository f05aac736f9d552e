//! How an exchange leaves its downstream connection.

use crate::mem::Buf;
use crate::upstream::{Leased, TunnelEnd};

/// How an exchange leaves its downstream connection.
pub enum Outcome<'a> {
    /// Ready for the next one.
    Reuse,
    /// To be closed: the reply is whole, or visibly cut.
    Close,
    /// To be reset: a close would look like the end of a reply that was cut.
    Reset,
    /// Switched to another protocol: `conn/upgrade` carries bytes both ways. Boxed, for few exchanges do.
    Tunnel(Box<Tunnel<'a>>),
}

/// The upstream's side of a tunnel.
pub struct Tunnel<'a> {
    /// The connection or the stream.
    pub end: TunnelEnd,
    /// What the upstream sent behind its 101.
    pub first: Buf,
    /// Keeps the endpoint's count and the connection's slot.
    pub leased: Leased<'a>,
}
