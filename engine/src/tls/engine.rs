//! The two kinds of rustls connections, driven alike.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::UnbufferedStatus;

/// One end of a session.
pub(super) trait Engine {
    /// What rustls keeps for this end.
    type Data;

    /// Whether a peer may go without saying so. Browsers do; a server that does may have been cut off, and what it sent
    /// would look whole where its end is the end of the connection (RFC 8446 §6.1).
    const MAY_VANISH: bool;

    /// Goes on with the records in `bytes`.
    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Engine for UnbufferedServerConnection {
    type Data = ServerConnectionData;
    const MAY_VANISH: bool = true;

    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(bytes)
    }
}

impl Engine for UnbufferedClientConnection {
    type Data = ClientConnectionData;
    const MAY_VANISH: bool = false;

    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(bytes)
    }
}
