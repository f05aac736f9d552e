//! Which certificates of clients are taken: those that a bundle of authorities vouches for and no list revokes. Whether a
//! client must show one is part of it. Each such set has a number: what was proven under another one is proven again.

use super::client;
use super::identity::no_pem;
use crate::base::Certificate;
use ring::digest::{Context, SHA256};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertRevocationListError, RootCertStore};
use std::sync::Arc;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate, X509Version};

const ISSUING_DISTRIBUTION_POINT: Oid<'static> = oid!(2.5.29.28);

/// Whether a client must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// It may decline.
    Optional,
    /// It is refused without one.
    Required,
}

/// The certificates of clients that are taken.
#[derive(Debug, Clone)]
pub struct Clients {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    asks: Asks,
    /// Of the authorities and whether a certificate is required: who was let in by tickets comes by the same number.
    pub(super) kin: [u8; 16],
    /// The same and of the lists of revoked ones.
    number: u64,
    /// What the lists say of themselves: issuer, and the second since 1970 at which the next one is due.
    lists: Vec<(String, Option<i64>)>,
    authorities: Vec<String>,
}

/// Why files give no set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The bundle, as the rest of a sentence that begins with its file.
    Bundle(String),
    /// The list of this number, likewise.
    List(usize, String),
}

impl Clients {
    /// Those for which `bundle` vouches (PEM) and which none of `lists` revokes (PEM or DER). Of several lists of one scope the
    /// newest counts, wherever it stands: files of old lists may be left where new ones are put.
    ///
    /// # Errors
    /// Which of the files cannot be used, and why.
    pub fn read(asks: Asks, bundle: &[u8], lists: &[&[u8]]) -> Result<Clients, Unusable> {
        let provider = &Arc::new(default_provider());
        let authorities: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(bundle)
            .collect::<Result<_, _>>()
            .map_err(|error| Unusable::Bundle(no_pem(&error)))?;
        let (mut roots, mut subjects) = (RootCertStore::empty(), Vec::new());
        for authority in &authorities {
            let place = subjects.len() + 1;
            let unread =
                || Unusable::Bundle(format!("holds a certificate that cannot be read, number {place}"));
            let known = X509Certificate::from_der(authority).map_err(|_| unread())?.1;
            // One that vouches for itself alone may stand here for its client.
            if !known.is_ca() && known.subject() != known.issuer() {
                let name = super::name::text(known.subject());
                let why = format!("holds a certificate that may vouch for none, number {place}: {name}");
                return Err(Unusable::Bundle(why));
            }
            subjects.push(super::name::text(known.subject()));
            roots.add(authority.clone()).map_err(|_| unread())?;
        }
        let mut kept = Vec::<(Said, CertificateRevocationListDer<'static>)>::new();
        for (index, list) in lists.iter().enumerate() {
            for list in all(list).map_err(|why| Unusable::List(index, why))? {
                let unread = |_| Unusable::List(index, "holds a list that cannot be read".into());
                let read = CertificateRevocationList::from_der(&list).map_err(unread)?.1;
                let said = Said::of(&read);
                // Tried alone, so that the one at fault is named.
                let alone = builder(&roots, vec![list.clone()], asks, provider).build();
                if let Err(VerifierBuilderError::InvalidCrl(error)) = alone {
                    return Err(Unusable::List(index, why(&error, &read)));
                }
                // Whoever verifies looks at one of a scope, the first.
                match kept.iter_mut().find(|(other, _)| other.scope == said.scope) {
                    Some(other) if said.is_newer_than(&other.0) => *other = (said, list),
                    Some(_) => {}
                    None => kept.push((said, list)),
                }
            }
        }
        // Those that say of all certificates come first: they are asked before those that say of some.
        kept.sort_by_key(|(said, _)| !said.scope.1.is_empty());
        let (told, revoked): (Vec<Said>, Vec<_>) = kept.into_iter().unzip();
        let told = told.into_iter().map(|said| (said.issuer, said.next)).collect();
        let (kin, number) = numbers(asks, &authorities, &revoked);
        let verifier = builder(&roots, revoked, asks, provider).build().map_err(|error| match error {
            VerifierBuilderError::NoRootAnchors => Unusable::Bundle("holds no certificate".into()),
            error => Unusable::Bundle(format!("cannot be used: {error}")),
        })?;
        Ok(Clients { verifier, asks, kin, number, lists: told, authorities: subjects })
    }

    /// Authorities of which there is no list although there are some: all that they vouch for is refused.
    pub fn unlisted(&self) -> impl Iterator<Item = &str> {
        let is_listed = |name: &str| self.lists.iter().any(|(issuer, _)| issuer == name);
        let unlisted = self.authorities.iter().map(String::as_str).filter(move |name| !is_listed(name));
        unlisted.filter(|_| !self.lists.is_empty())
    }

    /// Lists that were to be renewed before `now`, in seconds since 1970, by their issuers: until they are, all that those
    /// vouch for is refused.
    pub fn overdue(&self, now: i64) -> impl Iterator<Item = (&str, i64)> {
        let due = self.lists.iter().filter_map(|(issuer, next)| Some((issuer.as_str(), (*next)?)));
        due.filter(move |(_, next)| *next < now)
    }

    /// The number of these terms.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether a client with this chain (DER) is let in now.
    pub(super) fn admit<'c>(&self, mut chain: impl Iterator<Item = &'c [u8]>, now: UnixTime) -> bool {
        let Some(leaf) = chain.next() else { return self.asks == Asks::Optional };
        let between: Vec<CertificateDer<'_>> = chain.map(CertificateDer::from).collect();
        self.verifier.verify_client_cert(&CertificateDer::from(leaf), &between, now).is_ok()
    }
}

/// Why a list cannot be used, as the rest of a sentence that begins with its file.
fn why(error: &CertRevocationListError, list: &CertificateRevocationList<'_>) -> String {
    use CertRevocationListError as E;
    let what = match error {
        _ if list.version() != Some(X509Version::V2) => "is not of version 2 with a number (RFC 5280 §5)",
        E::BadSignature => "has a signature that proves nothing",
        E::InvalidCrlNumber => "has a number that is none",
        E::InvalidRevokedCertSerialNumber => "revokes a number that no certificate has",
        E::IssuerInvalidForCrl => "is of an authority that may sign none",
        E::UnsupportedCriticalExtension => "has a critical extension that is not known",
        E::UnsupportedDeltaCrl => "tells only what has changed: give the whole one",
        E::UnsupportedIndirectCrl => "is not of the authority whose certificates it revokes",
        E::UnsupportedRevocationReason => "revokes for a reason that is not known",
        _ => "cannot be used",
    };
    format!("holds a list that {what}")
}

/// What a list says of itself.
struct Said {
    /// Its issuer and its issuing distribution point (DER): what tells lists of one issuer apart that each say of other
    /// certificates (RFC 5280 §5.2.5).
    scope: (Vec<u8>, Vec<u8>),
    issuer: String,
    /// As bytes that are compared from the front (RFC 5280 §5.2.3).
    number: Option<Vec<u8>>,
    made: i64,
    next: Option<i64>,
}

impl Said {
    fn of(list: &CertificateRevocationList<'_>) -> Said {
        let point = list.extensions().iter().find(|extension| extension.oid == ISSUING_DISTRIBUTION_POINT);
        Said {
            scope: (
                list.issuer().as_raw().to_vec(),
                point.map(|point| point.value.to_vec()).unwrap_or_default(),
            ),
            issuer: super::name::text(list.issuer()),
            number: list.crl_number().map(|number| number.to_bytes_be()),
            made: list.last_update().timestamp(),
            next: list.next_update().map(|at| at.timestamp()),
        }
    }

    /// By their numbers, else by when they were made.
    fn is_newer_than(&self, other: &Said) -> bool {
        match (&self.number, &other.number) {
            (Some(own), Some(others)) => (own.len(), own) > (others.len(), others),
            _ => self.made > other.made,
        }
    }
}

/// What the certificates of a client say of it.
pub(super) fn told(chain: &[CertificateDer<'_>]) -> Option<Certificate> {
    client::read(chain.iter().map(|certificate| &**certificate))
}

/// An authority without a list, or with one that is overdue, is not believed: who revokes means to be asked.
fn builder(
    roots: &RootCertStore,
    lists: Vec<CertificateRevocationListDer<'static>>,
    asks: Asks,
    provider: &Arc<CryptoProvider>,
) -> rustls::server::ClientCertVerifierBuilder {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone());
    let builder = builder.with_crls(lists).enforce_revocation_expiration();
    if asks == Asks::Optional { builder.allow_unauthenticated() } else { builder }
}

/// The lists of a file, which is PEM or one list of DER.
fn all(file: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    if file.first() == Some(&0x30) {
        return Ok(vec![file.to_vec().into()]);
    }
    let lists: Result<Vec<_>, pem::Error> = CertificateRevocationListDer::pem_slice_iter(file).collect();
    match lists {
        Ok(lists) if lists.is_empty() => Err("holds no list of revoked certificates".into()),
        Ok(lists) => Ok(lists),
        Err(error) => Err(no_pem(&error)),
    }
}

fn numbers(
    asks: Asks,
    authorities: &[CertificateDer<'_>],
    lists: &[CertificateRevocationListDer<'_>],
) -> ([u8; 16], u64) {
    let mut context = Context::new(&SHA256);
    context.update(&[if asks == Asks::Required { 2 } else { 1 }]);
    let part = |context: &mut Context, bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    authorities.iter().for_each(|authority| part(&mut context, authority));
    let digest = context.clone().finish();
    let mut kin = [0; 16];
    kin.copy_from_slice(&digest.as_ref()[..16]);
    context.update(b"lists");
    lists.iter().for_each(|list| part(&mut context, list));
    let digest = context.finish();
    let mut number = [0; 8];
    number.copy_from_slice(&digest.as_ref()[..8]);
    (kin, u64::from_be_bytes(number))
}
