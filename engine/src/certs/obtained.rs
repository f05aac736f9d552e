//! A certificate that the gateway obtains by itself, as handshakes find it. It takes the place of the one before while
//! connections come and go, on all shards at once and without a new table. Beside it stands what an issuer is shown that
//! looks whether a name is served here, for as long as it may look (RFC 8737). A handshake costs one look at a pointer.

use super::identity::Identity;
use arc_swap::ArcSwapOption;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an issuer's handshake offers to speak, and nothing beside it (RFC 8737 §3).
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// By the name that they prove.
type Proofs = HashMap<Box<str>, Arc<CertifiedKey>>;

/// A certificate that may not be there yet.
#[derive(Debug, Default)]
pub struct Obtained {
    shown: ArcSwapOption<Shown>,
    proofs: ArcSwapOption<Proofs>,
}

/// A certificate, and the file that keeps what its order gave: which issuer's it is, and of which order.
#[derive(Debug)]
struct Shown {
    identity: Identity,
    of: PathBuf,
}

impl Obtained {
    /// Has handshakes show this one from now on, of the order that `file` keeps.
    pub fn show(&self, identity: Identity, file: &Path) {
        self.shown.store(Some(Arc::new(Shown { identity, of: file.to_owned() })));
    }

    /// Shows what `other` shows, until there is another.
    pub fn begin_with(&self, other: &Obtained) {
        self.shown.store(other.shown.load_full());
    }

    /// The first and the last second since 1970 at which it is valid; none where there is none.
    pub fn validity(&self) -> Option<(i64, i64)> {
        self.shown.load().as_ref().map(|shown| shown.identity.validity())
    }

    /// Likewise, none where what is shown is of another order than `file` keeps.
    pub fn validity_of(&self, file: &Path) -> Option<(i64, i64)> {
        self.shown.load().as_ref().filter(|shown| shown.of == file).map(|shown| shown.identity.validity())
    }

    /// How many of `names` what is shown is for, and the last second since 1970 at which it is valid; none where it is for none.
    pub fn shares(&self, names: &[Box<str>]) -> Option<(usize, i64)> {
        let shown = self.shown.load();
        let identity = &shown.as_ref()?.identity;
        let count = names.iter().filter(|name| identity.names().any(|has| *has == ***name)).count();
        (count > 0).then(|| (count, identity.validity().1))
    }

    /// What is shown; none before it was obtained.
    pub(super) fn key(&self) -> Option<Arc<CertifiedKey>> {
        self.shown.load().as_ref().map(|shown| shown.identity.key.clone())
    }

    /// Shows `proof` to whoever looks for the proof of `name`, until what this gives is dropped.
    pub fn prove(self: &Arc<Obtained>, name: &str, proof: &Identity) -> Proof {
        self.change(|proofs| drop(proofs.insert(name.into(), proof.key.clone())));
        Proof { of: self.clone(), name: name.into() }
    }

    /// The proof of a name; none where nobody is to look for one.
    pub(super) fn proof(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.proofs.load().as_ref()?.get(name).cloned()
    }

    fn change(&self, change: impl Fn(&mut Proofs)) {
        self.proofs.rcu(|known| {
            let mut proofs = known.as_deref().cloned().unwrap_or_default();
            change(&mut proofs);
            (!proofs.is_empty()).then(|| Arc::new(proofs))
        });
    }
}

/// A proof that is shown until it is dropped.
#[derive(Debug)]
pub struct Proof {
    of: Arc<Obtained>,
    name: Box<str>,
}

impl Drop for Proof {
    fn drop(&mut self) {
        self.of.change(|proofs| drop(proofs.remove(&self.name)));
    }
}

/// A certificate that a listener is to show once it was obtained, and for which names.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The names, in lower case.
    pub names: Box<[Box<str>]>,
    /// The certificate.
    pub obtained: Arc<Obtained>,
    /// Whether its names are proved within handshakes.
    pub by_handshake: bool,
}
