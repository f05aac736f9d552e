//! Certificates of clients (mutual TLS). The handshake has verified them; here a certificate becomes a caller: named by what
//! the policy says, and by the consumer that has it. What it says are claims like those of a token.

use super::denial::{Challenge, Denial};
use super::document::{Kind, Value};
use super::principal::{Marks, Method, Principal};
use super::registry::Registry;
use super::{ClaimPath, Outcome};
use crate::base::Certificate;
use crate::config::policy::{CertificateFields, CertificateName, Mtls as Given};
use crate::config::read::{Part, Pointer};
use crate::policy::fault::{Faults, FieldName};
use crate::wire::edits::Edits;

/// A policy that asks for a certificate.
#[derive(Debug)]
pub struct Mtls {
    user: &'static str,
    consumers_only: bool,
    challenge: Challenge,
    /// Fields in which the certificates themselves are sent on.
    whole: Box<[(Form, FieldName)]>,
}

/// A form of certificates in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The client's own, as `Client-Cert` has it (RFC 9440 §2.2).
    Own,
    /// Those that came with it, as `Client-Cert-Chain` has them (RFC 9440 §2.3).
    Chain,
    /// The client's own in PEM, percent-encoded: what nginx and Envoy send.
    Pem,
}

/// Claims sent on, each in a field of its own.
pub type Forwarded = Box<[(ClaimPath, FieldName)]>;

impl Mtls {
    /// Compiles `given`; notes what is wrong with it.
    pub fn compile(given: &Given, at: &Pointer, faults: &mut Faults) -> (Mtls, Forwarded) {
        let at = at.key("forward");
        let CertificateFields {
            subject,
            issuer,
            common_name,
            serial,
            fingerprint,
            spiffe,
            dns,
            uri,
            email,
            ip,
            certificate,
            chain,
            pem,
        } = &given.forward;
        let mut field = |key: &str, name: &Option<String>| {
            name.as_ref().and_then(|name| faults.field(at.key(key), Part::Value, name))
        };
        let claims = [
            ("subject", subject),
            ("issuer", issuer),
            ("common_name", common_name),
            ("serial", serial),
            ("fingerprint", fingerprint),
            ("spiffe", spiffe),
            ("dns", dns),
            ("uri", uri),
            ("email", email),
            ("ip", ip),
        ];
        let claims = claims.into_iter().filter_map(|(key, name)| {
            let name = field(key, name)?;
            Some((ClaimPath::new(key).expect("a word is a way"), name))
        });
        let forwarded: Forwarded = claims.collect();
        let whole =
            [(Form::Own, "certificate", certificate), (Form::Chain, "chain", chain), (Form::Pem, "pem", pem)];
        let whole = whole.into_iter().filter_map(|(form, key, name)| Some((form, field(key, name)?)));
        let mtls = Mtls {
            user: match given.user {
                CertificateName::Subject => "subject",
                CertificateName::CommonName => "common_name",
                CertificateName::Spiffe => "spiffe",
                CertificateName::Dns => "dns",
                CertificateName::Uri => "uri",
                CertificateName::Email => "email",
                CertificateName::Ip => "ip",
                CertificateName::Fingerprint => "fingerprint",
            },
            consumers_only: given.consumers_only,
            challenge: Challenge::certificate(&given.realm),
            whole: whole.collect(),
        };
        (mtls, forwarded)
    }

    /// Decides by the certificate of the connection. `space` is working memory. *Cost*: its claims are parsed, and one look-up
    /// for each of its names until one is a consumer's; no allocation when warm.
    pub fn decide(
        &self,
        certificate: Option<&Certificate>,
        registry: &Registry,
        principal: &mut Principal,
        space: &mut Vec<u8>,
    ) -> Outcome {
        principal.clear();
        let Some(certificate) = certificate else { return Outcome::Absent };
        let consumer = registry.of_certificate(certificate);
        if consumer.is_none() && self.consumers_only {
            return Outcome::Denied(Denial::Certificate);
        }
        space.clear();
        space.extend_from_slice(&certificate.claims);
        if let Some(consumer) = consumer {
            // What it was granted stands behind what its certificate says, in the place of the closing brace.
            space.pop();
            space.extend_from_slice(consumer.grants());
        }
        if principal.claims_mut().read(space).is_err() {
            return Outcome::Denied(Denial::CertificateName);
        }
        let claim = |name: &str| principal.claims().member(name.as_bytes());
        let named = claim(self.user).and_then(|value| match value.kind() {
            Kind::Array => value.items().next(),
            _ => Some(value),
        });
        let Some(named) = named.filter(|name| name.string().is_some_and(|name| !name.is_empty())) else {
            principal.clear();
            return Outcome::Denied(Denial::CertificateName);
        };
        let place = |name| claim(name).map(Value::place);
        let marks = Marks { subject: Some(named.place()), scopes: place("scope"), roles: place("roles") };
        principal.admit(Method::Mtls, marks);
        if let Some(consumer) = consumer {
            principal.set_consumer(consumer.name(), consumer.tier());
        }
        Outcome::Known
    }

    /// Sends the certificates themselves on, in the fields that are asked for. `value` is working memory.
    pub fn tell(&self, certificate: &Certificate, edits: &mut Edits, value: &mut Vec<u8>) {
        let Some((own, others)) = certificate.chain.split_first() else { return };
        for (form, name) in &self.whole {
            value.clear();
            match form {
                Form::Own => binary(own, value),
                Form::Chain => {
                    for (at, other) in others.iter().enumerate() {
                        value.extend_from_slice(if at > 0 { b", " } else { b"" });
                        binary(other, value);
                    }
                }
                Form::Pem => pem(own, value),
            }
            if !value.is_empty() {
                edits.set(name.name(), value);
            }
        }
    }

    /// The fields in which the certificates themselves are sent on.
    pub fn fields(&self) -> impl Iterator<Item = &FieldName> {
        self.whole.iter().map(|(_, name)| name)
    }

    /// What a caller without a certificate is asked for.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }
}

/// A byte sequence (RFC 8941 §3.3.5).
fn binary(der: &[u8], out: &mut Vec<u8>) {
    out.push(b':');
    base64(der, |byte| out.push(byte));
    out.push(b':');
}

/// Bytes that a line of PEM holds (RFC 7468 §2).
const LINE: usize = 48;

/// PEM with everything escaped that may not stand in a URI's query as it is.
fn pem(der: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"-----BEGIN%20CERTIFICATE-----%0A");
    for line in der.chunks(LINE) {
        base64(line, |byte| match byte {
            b'+' => out.extend_from_slice(b"%2B"),
            b'/' => out.extend_from_slice(b"%2F"),
            b'=' => out.extend_from_slice(b"%3D"),
            byte => out.push(byte),
        });
        out.extend_from_slice(b"%0A");
    }
    out.extend_from_slice(b"-----END%20CERTIFICATE-----%0A");
}

/// Base64 with padding (RFC 4648 §4), a character at a time.
fn base64(bytes: &[u8], mut put: impl FnMut(u8)) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            put(if at > three.len() { b'=' } else { digit });
        }
    }
}

#[cfg(test)]
mod tests;
