//! Tickets, by which a client comes back without a whole handshake (RFC 5077, RFC 8446 §4.6.1).

use rustls::server::ProducesTickets;
use std::sync::Arc;

/// Tickets that are good only where the same is asked of clients: one of a listener that asks for no certificate must not
/// lead past another one that does, whoever made the keys.
#[derive(Debug)]
pub(super) struct Kin {
    kin: [u8; 16],
    tickets: Arc<dyn ProducesTickets>,
}

impl Kin {
    pub(super) fn new(kin: [u8; 16], tickets: Arc<dyn ProducesTickets>) -> Kin {
        Kin { kin, tickets }
    }
}

impl ProducesTickets for Kin {
    fn enabled(&self) -> bool {
        self.tickets.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.tickets.encrypt(&[&self.kin, plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.tickets.decrypt(cipher)?;
        // What was sealed is nobody's guess, so that it may be compared as it is.
        plain.strip_prefix(&self.kin).map(<[u8]>::to_vec)
    }
}
