//! Whom a ticket lets in: nobody but who would be let in without it. What a ticket says of a client is held to what is asked
//! now, before its handshake goes by it: a client that is not let in any more has a whole handshake, in which it may show
//! another certificate, or is told what is wrong with its own. So no new ticket is ever given to it either.

use super::clients::Clients;
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;
use std::sync::Arc;

/// Tickets that are good only where the same is asked of clients: one of a listener that asks for no certificate must not
/// lead past another one that does, whoever made the keys.
#[derive(Debug)]
pub(super) struct Kin {
    clients: Option<Clients>,
    tickets: Arc<dyn ProducesTickets>,
}

impl Kin {
    pub(super) fn new(clients: Option<Clients>, tickets: Arc<dyn ProducesTickets>) -> Kin {
        Kin { clients, tickets }
    }

    /// What a session begins with that is sealed.
    fn mark(&self) -> [u8; 16] {
        self.clients.as_ref().map_or([0; 16], |clients| clients.kin)
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
        self.tickets.encrypt(&[&self.mark(), plain].concat())
    }

    /// *Cost*: where clients are asked, one verification.
    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.tickets.decrypt(cipher)?;
        // What was sealed is nobody's guess, so that it may be compared as it is.
        let session = plain.strip_prefix(&self.mark())?;
        if let Some(clients) = &self.clients
            && !clients.admit(chain(session)?.into_iter(), UnixTime::now())
        {
            return None;
        }
        Some(session.to_vec())
    }
}

/// The certificates (DER) of a client in a session as rustls writes it (`ServerSessionValue`), which tells nobody of them. None
/// where it is written otherwise: then no ticket is good, and a test says so.
fn chain(session: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = session;
    if number(&mut rest, 1)? == 1 {
        // The name that was asked for.
        prefixed(&mut rest, 1)?;
    }
    // The version and the suite, the secret, whether it is an extended one.
    bytes(&mut rest, 4)?;
    prefixed(&mut rest, 1)?;
    bytes(&mut rest, 1)?;
    let mut chain = Vec::new();
    if number(&mut rest, 1)? == 1 {
        let mut list = prefixed(&mut rest, 3)?;
        while !list.is_empty() {
            chain.push(prefixed(&mut list, 3)?);
        }
    }
    Some(chain)
}

fn bytes<'s>(rest: &mut &'s [u8], count: usize) -> Option<&'s [u8]> {
    let (front, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(front)
}

/// A number of this many bytes, which are few.
fn number(rest: &mut &[u8], size: usize) -> Option<usize> {
    Some(bytes(rest, size)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// Bytes behind their number, which takes `size` bytes.
fn prefixed<'s>(rest: &mut &'s [u8], size: usize) -> Option<&'s [u8]> {
    let count = number(rest, size)?;
    bytes(rest, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As rustls writes it: asked for `a.test` or not, with these certificates or none.
    fn session(asks: bool, chain: Option<&[&[u8]]>) -> Vec<u8> {
        let name: &[u8] = if asks { b"\x01\x06a.test" } else { b"\x00" };
        let mut out = [name, b"\x03\x04\x13\x01\x03abc\x01"].concat();
        match chain {
            None => out.push(0),
            Some(chain) => {
                let list: Vec<u8> =
                    chain.iter().flat_map(|der| [&[0, 0, der.len() as u8], *der].concat()).collect();
                out.extend([1, 0, 0, list.len() as u8]);
                out.extend(list);
            }
        }
        [&out[..], b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02"].concat()
    }

    #[test]
    fn the_certificates_of_a_session_are_found() {
        let two: &[&[u8]] = &[b"leaf", b"authority"];
        for asks in [false, true] {
            assert_eq!(chain(&session(asks, None)), Some(vec![]));
            assert_eq!(chain(&session(asks, Some(&[]))), Some(vec![]));
            assert_eq!(chain(&session(asks, Some(two))), Some(two.to_vec()));
        }
        assert_eq!(chain(b""), None);
        assert_eq!(chain(&session(true, Some(two))[..24]), None);
    }

    proptest! {
        #[test]
        fn nothing_that_is_sealed_ends_the_process(session: Vec<u8>) {
            let _ = chain(&session);
        }
    }
}
