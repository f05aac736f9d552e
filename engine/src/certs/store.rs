//! Which certificate a client is shown: that of the name it asks for, else of the wildcard above it, else the first. Of
//! several for one name (an ECDSA one beside one of RSA) the first whose key the client understands.

use super::identity::Identity;
use crate::wire::uri::Authority;
use hashbrown::HashMap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    /// What the last hello on this thread asked for: rustls' unbuffered connections do not tell.
    static ASKED: Cell<Option<Box<str>>> = const { Cell::new(None) };
}

/// Certificates by name.
#[derive(Debug)]
pub(super) struct Store {
    keys: Vec<Arc<CertifiedKey>>,
    /// Name to places in `keys`, in file order; wildcards without their `*`.
    exact: HashMap<Box<str>, Vec<u16>>,
    under: HashMap<Box<str>, Vec<u16>>,
}

impl Store {
    pub(super) fn new(identities: &[Identity]) -> Store {
        let mut store = Store {
            keys: identities.iter().map(|identity| identity.key.clone()).collect(),
            exact: HashMap::new(),
            under: HashMap::new(),
        };
        for (place, identity) in (0..).zip(identities) {
            for name in identity.names() {
                let (names, name) = match name.strip_prefix('*') {
                    Some(suffix) => (&mut store.under, suffix),
                    None => (&mut store.exact, name),
                };
                names.entry(name.into()).or_default().push(place);
            }
        }
        store
    }

    /// The places of the certificates for `name`; none asks for the first.
    fn places(&self, name: &str) -> Option<&[u16]> {
        let under = || {
            let dot = name.find('.')?;
            self.under.get(&name[dot..])
        };
        self.exact.get(name).or_else(under).map(Vec::as_slice)
    }

    /// Takes what the last hello on this thread asked for.
    pub(super) fn asked() -> Option<Box<str>> {
        ASKED.take()
    }

    /// See [`super::Terms::covers`].
    pub(super) fn covers(&self, asked: &str, host: &[u8]) -> bool {
        let name = match Authority::parse(host) {
            Some(authority) => authority.host,
            None => return false,
        };
        let name = name.strip_suffix(b".").unwrap_or(name);
        name.eq_ignore_ascii_case(asked.as_bytes())
            || std::str::from_utf8(name).is_ok_and(|name| {
                let name = name.to_ascii_lowercase();
                self.places(&name).is_some() && self.places(&name) == self.places(asked)
            })
    }
}

impl ResolvesServerCert for Store {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name: Option<Box<str>> = hello.server_name().map(|name| name.to_ascii_lowercase().into());
        let places = name.as_deref().and_then(|name| self.places(name)).unwrap_or(&[0]);
        ASKED.set(name.clone());
        let understood = |place: &&u16| {
            let key = &self.keys[usize::from(**place)];
            key.key.choose_scheme(hello.signature_schemes()).is_some()
        };
        let place = places.iter().find(understood).or(places.first())?;
        self.keys.get(usize::from(*place)).cloned()
    }
}
