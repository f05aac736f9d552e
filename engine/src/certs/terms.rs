//! The terms on which a listener shakes hands: TLS 1.2 with AEAD suites and 1.3 (RFC 9325), rustls on ring. Tickets
//! for later sessions are sealed with keys that all shards share: those of files, else some that change by themselves.

use super::clients::{Clients, told};
use super::identity::Identity;
use super::kin::Kin;
use super::obtained::{ACME_TLS, Ordered};
use super::store::{Asked, Store};
use super::tickets::Keys;
use crate::base::Certificate;
use rustls::ServerConfig;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use std::sync::Arc;

/// Tickets that a client of TLS 1.3 is given: one for each connection that it may open at once.
const TICKETS: usize = 2;

/// What tickets are sealed with.
#[derive(Debug)]
pub enum Sealing {
    /// Keys of the process's own, which change by themselves.
    Own,
    /// Keys that others have too.
    Shared(Keys),
    /// Nothing: there are no tickets.
    Off,
}

/// The terms of one listener; cloning them clones a handle.
#[derive(Debug, Clone)]
pub struct Terms {
    config: Arc<ServerConfig>,
    store: Arc<Store>,
    /// None where there are no tickets.
    tickets: Option<Arc<dyn ProducesTickets>>,
    /// Whether their keys change by themselves, and are the process's alone.
    are_own: bool,
    clients: Option<Clients>,
}

impl Terms {
    /// Terms with these certificates, and those that are obtained, the first of which is shown where none fits; offers these
    /// protocols (RFC 7301), the first preferred. Clients are asked for certificates as `clients` says. Tickets are sealed as
    /// `sealing` says. Tickets given out by `previous` stay good, unless
    /// others vouch for clients now: a ticket holds what a client was believed, and would have it believed again.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(
        (identities, ordered): (&[Identity], &[Ordered]),
        protocols: &[&[u8]],
        clients: Option<Clients>,
        sealing: Sealing,
        previous: Option<&Terms>,
    ) -> Result<Terms, &'static str> {
        let are_own = matches!(sealing, Sealing::Own);
        let tickets: Option<Arc<dyn ProducesTickets>> = match (sealing, previous) {
            (Sealing::Off, _) => None,
            (Sealing::Shared(keys), _) => Some(Arc::new(keys)),
            (Sealing::Own, Some(previous)) if previous.are_own => previous.tickets.clone(),
            (Sealing::Own, _) => Some(Ticketer::new().map_err(|_| "the system gives no random numbers")?),
        };
        let store = Arc::new(Store::new(identities, ordered));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("the provider has suites of both versions");
        let config = match &clients {
            Some(clients) => config.with_client_cert_verifier(clients.verifier.clone()),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(store.clone());
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        if ordered.iter().any(|ordered| ordered.by_handshake) {
            // Last: what else a client offers is spoken instead.
            config.alpn_protocols.push(ACME_TLS.to_vec());
        }
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        if let Some(tickets) = &tickets {
            config.ticketer = Arc::new(Kin::new(clients.clone(), tickets.clone()));
            config.send_tls13_tickets = TICKETS;
        }
        Ok(Terms { config: Arc::new(config), store, tickets, are_own, clients })
    }

    /// As rustls takes them.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The number of what clients are asked for: another one asks, or believes, otherwise.
    pub fn number(&self) -> u64 {
        self.clients.as_ref().map_or(0, Clients::number)
    }

    /// Whether clients are asked for certificates.
    pub fn ask(&self) -> bool {
        self.clients.is_some()
    }

    /// Whether a client that showed this certificate, or none, would be let in now.
    pub fn admit(&self, certificate: Option<&Certificate>) -> bool {
        let chain =
            certificate.into_iter().flat_map(|certificate| certificate.chain.iter().map(|der| &**der));
        self.clients.as_ref().is_none_or(|clients| clients.admit(chain, UnixTime::now()))
    }

    /// What a client's chain says of it, whose first certificate was verified when the chain came; none where it cannot be
    /// read.
    pub fn told(chain: &[CertificateDer<'_>]) -> Option<Certificate> {
        told(chain)
    }

    /// What a client asked for in the records which this thread has just processed; none where they held no hello.
    pub fn asked() -> Option<Asked> {
        Store::asked()
    }

    /// Whether a client that asked for `asked` (in lower case) may speak of `host`, `host[:port]` as it names it: the same
    /// host, or one for which it would have been shown the same certificates (RFC 9110 §7.4). Who names none, as HTTP/1.0 may,
    /// speaks of none that is another's.
    pub fn covers(&self, asked: &str, host: &[u8]) -> bool {
        self.store.covers(asked, host)
    }
}
