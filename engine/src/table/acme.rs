//! Certificates that the gateway obtains by itself: who issues them, which they are, and what issuers are answered that look
//! whether a name is served here. Control obtains them (`control/acme`).

use crate::certs::{Obtained, OriginTerms, Tokens};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// All of a table.
#[derive(Debug, Default)]
pub struct Acme {
    /// The certificates to be obtained, each once, whatever number of listeners shows it.
    pub orders: Vec<Order>,
    /// What issuers are answered by http; none where no name is proved that way. The same in every generation.
    pub tokens: Option<Arc<Tokens>>,
}

/// A certificate to be obtained and renewed.
#[derive(Debug, Clone)]
pub struct Order {
    /// Who issues it. The same handle in every generation in which it is equal.
    pub issuer: Arc<Issuer>,
    /// The names it is for, in lower case.
    pub names: Box<[Box<str>]>,
    /// Where handshakes find it; the same in every generation that has a certificate of these names.
    pub obtained: Arc<Obtained>,
}

impl Order {
    /// The file that keeps it with its key.
    pub fn file(&self) -> PathBuf {
        self.issuer.folder.join(format!("{}.pem", self.names.first().map_or("", |name| &**name)))
    }

    /// Its names as people read them.
    pub fn shown(&self) -> String {
        self.names.join(", ")
    }
}

/// Who issues certificates.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The name that the operator gave it.
    pub name: String,
    /// The address of its directory.
    pub directory: String,
    /// The folder of its account and of its certificates.
    pub folder: PathBuf,
    /// Where it may write to.
    pub contact: Vec<String>,
    /// How it sees that a name is served here.
    pub challenge: Challenge,
    /// The terms of handshakes with its server.
    pub terms: OriginTerms,
    /// The account there that a new one belongs to.
    pub external: Option<ExternalAccount>,
    /// How long before its end a certificate is renewed; a third of its lifetime where it is not said.
    pub renew_before: Option<Duration>,
}

impl PartialEq for Issuer {
    fn eq(&self, other: &Issuer) -> bool {
        self.terms.is(&other.terms)
            && self.parts() == other.parts()
            && self.external == other.external
            && self.renew_before == other.renew_before
    }
}

impl Issuer {
    fn parts(&self) -> (&str, &str, &PathBuf, &[String], Challenge) {
        (&self.name, &self.directory, &self.folder, &self.contact, self.challenge)
    }
}

/// How an issuer sees that a name is served here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// By a request for http.
    Http,
    /// By a handshake.
    Handshake,
}

/// An account at an issuer, with a key that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    /// The name of its key.
    pub kid: String,
    /// The key.
    pub key: Vec<u8>,
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalAccount({})", self.kid)
    }
}
