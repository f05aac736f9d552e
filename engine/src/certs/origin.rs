//! The terms on which an upstream's connections shake hands: whom to believe, under which name, and what to show. TLS 1.2
//! with AEAD suites and 1.3 (RFC 9325), rustls on ring. Tickets of sessions are kept with the terms, for all shards.

use super::identity::{Identity, no_pem};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// Tickets kept: eight for each name that an upstream is called by, as rustls divides them.
const TICKETS: usize = 8 * 256;

/// Certificates that vouch for others.
#[derive(Debug, Clone)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Reads a PEM file of certificates.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the file.
    pub fn read(pem: &[u8]) -> Result<Roots, String> {
        let mut store = RootCertStore::empty();
        for (cert, number) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            let cert = cert.map_err(|error| no_pem(&error))?;
            let added = store.add(cert);
            added.map_err(|_| format!("holds a certificate, number {number}, that cannot be read"))?;
        }
        if store.is_empty() {
            return Err("holds no certificate".into());
        }
        Ok(Roots(Arc::new(store)))
    }

    /// Of certificates as the system has them; what cannot be read among them is passed over. None when none is left.
    pub fn of(certs: Vec<Vec<u8>>) -> Option<Roots> {
        let mut store = RootCertStore::empty();
        let (taken, _) = store.add_parsable_certificates(certs.into_iter().map(CertificateDer::from));
        (taken > 0).then(|| Roots(Arc::new(store)))
    }
}

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Those that one of these vouches for, and that are good for the name.
    Roots(Roots),
    /// All: there is no telling who it is.
    Anyone,
}

/// What a server proves to be: a host name, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(ServerName<'static>);

impl Name {
    /// Reads a host name, without the dot that may end it, or an address; none where it is neither.
    pub fn parse(text: &str) -> Option<Name> {
        let text = text.strip_suffix('.').unwrap_or(text);
        ServerName::try_from(text.to_ascii_lowercase()).ok().map(Name)
    }
}

/// The terms of one upstream; cloning them clones a handle.
#[derive(Debug, Clone)]
pub struct OriginTerms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<ClientConfig>,
    name: Option<Name>,
    trust: Trust,
    shown: Option<Vec<CertificateDer<'static>>>,
}

impl OriginTerms {
    /// Terms by which those of `trust` are believed. `name` takes the place of the name that an endpoint has; `shown` is what
    /// is shown to those that ask; `protocols` are offered (RFC 7301), the first preferred. Equal terms are those that
    /// `previous` were, with all tickets.
    pub fn new(
        trust: Trust,
        name: Option<Name>,
        shown: Option<&Identity>,
        protocols: &[&[u8]],
        previous: Option<&OriginTerms>,
    ) -> OriginTerms {
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let chain = shown.map(|identity| identity.key.cert.clone());
        let kept = previous.filter(|OriginTerms(known)| {
            known.config.alpn_protocols == protocols
                && known.name == name
                && known.trust.is(&trust)
                && known.shown == chain
        });
        if let Some(kept) = kept {
            return kept.clone();
        }
        let provider: Arc<CryptoProvider> = Arc::new(default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("the provider has suites of both versions");
        let config = match &trust {
            Trust::Roots(roots) => config.with_root_certificates(roots.0.clone()),
            Trust::Anyone => config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone)),
        };
        let mut config = match shown {
            Some(identity) => {
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone())))
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = protocols;
        config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(TICKETS)));
        OriginTerms(Arc::new(Inner { config: Arc::new(config), name, trust, shown: chain }))
    }

    /// As rustls takes them.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.0.config.clone()
    }

    /// The name under which an endpoint has to prove itself that was reached as `host`; none where that is no name.
    pub fn name(&self, host: &str) -> Option<ServerName<'static>> {
        self.0.name.clone().or_else(|| Name::parse(host)).map(|Name(name)| name)
    }

    /// Whether these are the same terms, and not only equal ones.
    pub fn is(&self, other: &OriginTerms) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether who answers has to prove who it is.
    pub fn verifies(&self) -> bool {
        matches!(self.0.trust, Trust::Roots(_))
    }
}

impl Trust {
    fn is(&self, other: &Trust) -> bool {
        match (self, other) {
            (Trust::Roots(one), Trust::Roots(other)) => one.0.roots == other.0.roots,
            (Trust::Anyone, Trust::Anyone) => true,
            _ => false,
        }
    }
}

/// Believes everybody. The signatures of a handshake are not looked at either: they prove that who answers has the key of a
/// certificate that proves nothing.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
