//! PEM (RFC 7468) → keys: public keys, certificates and PKCS#1 keys of RSA, as people paste them: with text around,
//! indented, with either kind of line end, several in one file. Of a certificate only the key is taken: who is trusted
//! is said by the configuration, not by its dates. Called at load.

use super::der::{Der, INTEGER, OID, SEQUENCE, VERSION};
use super::{Algorithm, Algorithms, Key};
use crate::policy::auth::base64url;

/// What is wrong with a file of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFlaw {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
    /// What to do.
    pub fix: String,
}

const FIX: &str = "give a public key or a certificate, such as `openssl pkey -in key.pem -pubout` prints";

/// The keys of `text`, in order.
///
/// # Errors
/// The first block that is no public key, or that there is none.
pub fn public_keys(text: &[u8]) -> Result<Vec<Key>, PemFlaw> {
    let flaw = |line: usize, message: String| PemFlaw { line: line + 1, message, fix: FIX.into() };
    let text = String::from_utf8_lossy(text);
    let mut keys = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(label) = boundary(line, "BEGIN") else { continue };
        let mut body = String::new();
        loop {
            let Some((_, line)) = lines.next() else {
                return Err(flaw(number, format!("this block does not end with -----END {label}-----")));
            };
            match boundary(line, "END") {
                Some(end) if end == label => break,
                Some(_) => {
                    return Err(flaw(number, format!("this block does not end with -----END {label}-----")));
                }
                None => body.extend(line.chars().filter(|char| !char.is_whitespace())),
            }
        }
        let body = body.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let der = base64url::decode(body.as_bytes());
        let der = der.ok_or_else(|| flaw(number, "what stands in this block is not base64".into()))?;
        keys.push(key(label, &der).map_err(|message| flaw(number, message))?);
    }
    match keys.is_empty() {
        true => Err(flaw(0, "there is no block that begins with -----BEGIN".into())),
        false => Ok(keys),
    }
}

/// The label of a line that begins or ends a block.
fn boundary<'l>(line: &'l str, which: &str) -> Option<&'l str> {
    line.trim().strip_prefix("-----")?.strip_prefix(which)?.strip_prefix(' ')?.strip_suffix("-----")
}

fn key(label: &str, der: &[u8]) -> Result<Key, String> {
    match label {
        "PUBLIC KEY" => spki(Der(der)),
        "CERTIFICATE" | "X509 CERTIFICATE" => certificate(Der(der)),
        "RSA PUBLIC KEY" => rsa(Der(der)),
        _ if label.contains("PRIVATE KEY") => {
            Err(format!("this is a {label}; only its public half is wanted"))
        }
        _ => Err(format!("'{label}' is not a kind of block that holds a public key")),
    }
}

/// The key of a certificate (RFC 5280 §4.1).
fn certificate(mut outer: Der<'_>) -> Result<Key, String> {
    let key = || -> Option<Der<'_>> {
        let mut body = outer.sequence()?.sequence()?;
        body.take(VERSION);
        body.take(INTEGER)?;
        // Signature algorithm, issuer, validity, subject.
        for _ in 0..4 {
            body.take(SEQUENCE)?;
        }
        Some(body)
    };
    let mut key = key;
    spki(key().ok_or("this is not a certificate")?)
}

/// A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). What follows it is of no interest.
fn spki(mut outer: Der<'_>) -> Result<Key, String> {
    let mut parts = || {
        let mut info = outer.sequence()?;
        let mut algorithm = info.sequence()?;
        Some((algorithm.take(OID)?, algorithm, info.bits()?))
    };
    let (kind, mut parameters, bits) = parts().ok_or("this is not a public key")?;
    match kind {
        // rsaEncryption; id-RSASSA-PSS, whose keys serve nothing else (RFC 4055 §1.2).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => rsa(Der(bits)),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0a] => {
            let pss = Algorithms::of(&[Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512]);
            rsa(Der(bits)).map(|key| key.only(pss))
        }
        // id-ecPublicKey with a named curve (RFC 5480 §2.1).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => match parameters.take(OID) {
            Some([0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]) => Key::p256(bits),
            Some([0x2b, 0x81, 4, 0, 0x22]) => Key::p384(bits),
            _ => Err("this key is on a curve that is not supported; P-256 and P-384 are".into()),
        },
        [0x2b, 0x65, 0x70] => Key::ed25519(bits),
        _ => Err("this key is of a kind that is not supported: RSA, P-256, P-384 and Ed25519 are".into()),
    }
}

/// An RSAPublicKey (RFC 8017 §A.1.1).
fn rsa(mut outer: Der<'_>) -> Result<Key, String> {
    let mut parts = || {
        let mut numbers = outer.sequence()?;
        let pair = (numbers.unsigned()?, numbers.unsigned()?);
        numbers.is_empty().then_some(pair)
    };
    let (n, e) = parts().ok_or("this is not an RSA public key")?;
    Key::rsa(n, e)
}
