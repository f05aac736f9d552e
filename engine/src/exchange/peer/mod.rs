//! Whose exchange it is: where the connection belongs (`home`), who the client is behind proxies (`client`), and what it
//! called the gateway (`front`). [`Peer`] is what is known of the connection itself.

pub(super) mod client;
pub(super) mod front;
pub(super) mod home;

use crate::base::{ClientAddr, Generation, ListenerId};
use crate::route::front::Scheme;
use crate::table::Table;

/// What is known of a downstream connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its listener.
    pub listener: ListenerId,
    /// Where the client is: the peer's address, or the one that a PROXY header named in its place.
    pub addr: ClientAddr,
    /// Whether its forwarding fields are believed.
    pub trusted: bool,
    /// Whether it must send a PROXY header before its first request.
    pub announces: bool,
    /// Whether no request has come on it.
    pub is_new: bool,
    /// The scheme that its own connection speaks.
    pub scheme: Scheme,
    /// The generation that the listener's id and the trust are of.
    generation: Generation,
}

impl Peer {
    /// A peer that connected to `listener` from `addr`, as `table` sees it.
    pub fn new(table: &Table, listener: ListenerId, addr: ClientAddr) -> Peer {
        let required = &table.listeners[listener.index()].proxy_protocol;
        let announces = required.as_ref().is_some_and(|from| from.hold(addr));
        let trusted = table.gateway.trusted.hold(addr);
        let is_plain = table.listeners[listener.index()].tls.is_none();
        let scheme = if is_plain { Scheme::Http } else { Scheme::Https };
        Peer { listener, addr, trusted, announces, is_new: true, scheme, generation: table.generation }
    }

    /// The same connection as `table` sees it, where its listener is `listener`.
    pub fn on(self, table: &Table, listener: ListenerId) -> Peer {
        if self.generation == table.generation {
            return self;
        }
        let trusted = table.gateway.trusted.hold(self.addr);
        Peer { listener, trusted, generation: table.generation, ..self }
    }

    /// The same connection once its PROXY header has come, which named `client`, or nobody.
    pub fn announced(self, table: &Table, client: Option<ClientAddr>) -> Peer {
        let addr = client.unwrap_or(self.addr);
        Peer { addr, trusted: table.gateway.trusted.hold(addr), announces: false, ..self }
    }
}
