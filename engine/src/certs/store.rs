//! Which certificate a client is shown: that of the name it asks for, else of the wildcard above it, else the first. Of
//! several for one name (an ECDSA one beside one of RSA) the first whose key the client understands. One that is not obtained
//! yet is passed over, for the wildcard too; where there is no other for the name, none is shown: another name's would tell a client that it is
//! somewhere else. An issuer that looks for a proof is shown that, or nothing.

use super::identity::Identity;
use super::obtained::{ACME_TLS, Obtained, Ordered};
use crate::wire::uri::Authority;
use hashbrown::HashMap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    /// What the last hello on this thread asked for: rustls' unbuffered connections do not tell.
    static ASKED: Cell<Option<Asked>> = const { Cell::new(None) };
}

/// What a hello asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// The host, in lower case.
    pub host: Option<Box<str>>,
    /// Whether it was an issuer's, which looks for a proof and speaks nothing.
    pub proof: bool,
}

/// Certificates by name.
#[derive(Debug)]
pub(super) struct Store {
    certs: Vec<Shown>,
    /// Name to places in `certs`, in file order; wildcards without their `*`.
    exact: HashMap<Box<str>, Vec<u16>>,
    under: HashMap<Box<str>, Vec<u16>>,
}

/// A certificate that is there, or one that may be.
#[derive(Debug)]
enum Shown {
    Always(Arc<CertifiedKey>),
    Once(Arc<Obtained>),
}

impl Shown {
    fn key(&self) -> Option<Arc<CertifiedKey>> {
        match self {
            Shown::Always(key) => Some(key.clone()),
            Shown::Once(obtained) => obtained.key(),
        }
    }
}

impl Store {
    pub(super) fn new(identities: &[Identity], ordered: &[Ordered]) -> Store {
        let always = identities.iter().map(|identity| Shown::Always(identity.key.clone()));
        let once = ordered.iter().map(|ordered| Shown::Once(ordered.obtained.clone()));
        let mut store =
            Store { certs: always.chain(once).collect(), exact: HashMap::new(), under: HashMap::new() };
        let names = identities.iter().map(|identity| identity.names().collect::<Vec<_>>());
        let names =
            names.chain(ordered.iter().map(|ordered| ordered.names.iter().map(|name| &**name).collect()));
        for (place, names) in (0..).zip(names) {
            for name in names {
                let (names, name) = match name.strip_prefix('*') {
                    Some(suffix) => (&mut store.under, suffix),
                    None => (&mut store.exact, name),
                };
                names.entry(name.into()).or_default().push(place);
            }
        }
        store
    }

    /// The places of the certificates for `name`; none asks for the first. Those of the name itself where one is there, or where
    /// no wildcard is above it.
    pub(super) fn places(&self, name: &str) -> Option<&[u16]> {
        let exact = self.exact.get(name);
        if exact.is_some_and(|places| self.there(places).next().is_some()) {
            return exact.map(Vec::as_slice);
        }
        let under = name.find('.').and_then(|dot| self.under.get(&name[dot..]));
        under.or(exact).map(Vec::as_slice)
    }

    /// What can be shown of these places.
    pub(super) fn there(&self, places: &[u16]) -> impl Iterator<Item = Arc<CertifiedKey>> {
        places.iter().filter_map(|place| self.certs.get(usize::from(*place))?.key())
    }

    /// What proves `name` to an issuer that looks for it.
    fn proof(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.exact.get(name)?.iter().find_map(|place| match &self.certs[usize::from(*place)] {
            Shown::Once(obtained) => obtained.proof(name),
            Shown::Always(_) => None,
        })
    }

    /// Takes what the last hello on this thread asked for.
    pub(super) fn asked() -> Option<Asked> {
        ASKED.take()
    }

    /// See [`super::Terms::covers`].
    pub(super) fn covers(&self, asked: &str, host: &[u8]) -> bool {
        if host.is_empty() {
            return true;
        }
        let name = match Authority::parse(host) {
            Some(authority) => authority.host,
            None => return false,
        };
        let name = name.strip_suffix(b".").unwrap_or(name);
        name.eq_ignore_ascii_case(asked.as_bytes())
            || std::str::from_utf8(name).is_ok_and(|name| {
                let name = name.to_ascii_lowercase();
                match (self.places(&name), self.places(asked)) {
                    (Some(places), Some(shown)) => places == shown,
                    // Who asks for a name that is of none is shown the first.
                    (Some(places), None) => places.contains(&0),
                    (None, _) => false,
                }
            })
    }
}

/// Whether it is an issuer's (RFC 8737 §3).
fn looks_for_a_proof(hello: &ClientHello<'_>) -> bool {
    let Some(mut offered) = hello.alpn() else { return false };
    offered.next() == Some(ACME_TLS) && offered.next().is_none()
}

impl ResolvesServerCert for Store {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name: Option<Box<str>> = hello.server_name().map(|name| name.to_ascii_lowercase().into());
        let proof = looks_for_a_proof(&hello);
        ASKED.set(Some(Asked { host: name.clone(), proof }));
        if proof {
            return self.proof(name.as_deref()?);
        }
        let places = name.as_deref().and_then(|name| self.places(name)).unwrap_or(&[0]);
        let there = || self.there(places);
        let understood = |key: &Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        there().find(understood).or_else(|| there().next())
    }
}
