//! A certificate with its chain and its key, from two PEM files (RFC 7468). What cannot serve is refused with what is wrong
//! with it, since a client would only see that the handshake failed.

use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A certificate that can be shown, with its key.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    names: Vec<Box<str>>,
    not_before: i64,
    not_after: i64,
}

/// Why two files are no identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The certificate, as the rest of a sentence that begins with its file.
    Cert(String),
    /// The key, likewise.
    Key(String),
}

/// Why a file is no PEM, as the rest of a sentence that begins with it.
pub(super) fn no_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("ends before -----END {}----- (is it cut off?)", String::from_utf8_lossy(end_marker))
        }
        error => format!("is not PEM: {error}"),
    }
}

impl Identity {
    /// Reads a certificate with its chain, and its key.
    ///
    /// # Errors
    /// Which of the two cannot be used, and why.
    pub fn read(cert: &[u8], key: &[u8]) -> Result<Identity, Unfit> {
        let identity = Identity::made(cert, key)?;
        match identity.key.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(identity),
            Err(_) => Err(Unfit::Key("is not the key of the certificate".into())),
        }
    }

    /// As [`Identity::read`], of what was made here: the key is not held to the certificate, which may have a critical
    /// extension that verifiers do not know.
    ///
    /// # Errors
    /// As there.
    pub fn made(cert: &[u8], key: &[u8]) -> Result<Identity, Unfit> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(cert)
            .collect::<Result<_, _>>()
            .map_err(|error| Unfit::Cert(no_pem(&error)))?;
        let Some(leaf) = chain.first() else {
            return Err(Unfit::Cert("holds no certificate".into()));
        };
        let known = X509Certificate::from_der(leaf)
            .map_err(|_| Unfit::Cert("begins with a certificate that cannot be read".into()))?
            .1;
        let names = names(&known);
        let (not_before, not_after) =
            (known.validity().not_before.timestamp(), known.validity().not_after.timestamp());
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            Unfit::Key(match error {
                pem::Error::NoItemsFound => "holds no private key without a password".into(),
                error => no_pem(&error),
            })
        })?;
        let signer = any_supported_type(&key).map_err(|_| {
            Unfit::Key("is neither an RSA, an ECDSA (P-256, P-384) nor an Ed25519 key".into())
        })?;
        let key = CertifiedKey::new(chain, signer);
        Ok(Identity { key: Arc::new(key), names, not_before, not_after })
    }

    /// The host names it is good for, in lower case, `*.` before a suffix.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Whether a client could ask for it by a name: one without a wildcard, or with one in the place of its first label.
    pub fn is_named(&self) -> bool {
        self.names().any(|name| !name.strip_prefix("*.").unwrap_or(name).contains('*'))
    }

    /// Whether each of its names is one of those `before` it with the same kind of key: then clients are shown those.
    pub fn is_hidden_by(&self, before: &[Identity]) -> bool {
        let is_shown_by = |name: &str, other: &Identity| {
            other.kind() == self.kind() && other.names().any(|known| known == name)
        };
        !self.names.is_empty() && self.names().all(|name| before.iter().any(|other| is_shown_by(name, other)))
    }

    /// What a client has to understand to be shown it.
    fn kind(&self) -> Option<SignatureScheme> {
        let all = [
            SignatureScheme::ED25519,
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::RSA_PKCS1_SHA256,
        ];
        self.key.key.choose_scheme(&all).map(|signer| signer.scheme())
    }

    /// The time from which on it is valid, and the last one at which it is: seconds since 1970.
    pub fn validity(&self) -> (i64, i64) {
        (self.not_before, self.not_after)
    }
}

/// Host names among the alternative names; the common name counts for nothing (RFC 9525 §6.3).
fn names(cert: &X509Certificate<'_>) -> Vec<Box<str>> {
    let Ok(Some(names)) = cert.subject_alternative_name() else { return Vec::new() };
    let host = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(host).collect()
}
