//! What went wrong in an exchange: whose fault, and what kind. Leaves return it or
//! an enum of their own; `exchange/answer` is the one place that turns a fault into a status and a log reason.

/// Who broke the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The downstream peer: a client's fault, 4xx.
    Client,
    /// The upstream peer: 502 or 504.
    Upstream,
    /// This process: 503 or 500.
    Us,
}

/// What happened, independent of protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The peer reset or closed the connection in mid-message.
    Cut,
    /// The peer sent bytes that break the protocol.
    Malformed,
    /// A deadline passed.
    Timeout,
    /// No connection could be made.
    Connect,
    /// A limit of ours was reached.
    Limit,
}

/// A fault with its side and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Who broke it.
    pub side: Side,
    /// What happened.
    pub kind: Kind,
}

impl Fault {
    /// A fault of `side` of `kind`.
    pub const fn new(side: Side, kind: Kind) -> Fault {
        Fault { side, kind }
    }
}
