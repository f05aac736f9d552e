//! What a client's certificate says of the client. It was verified before it comes here; what cannot be read all the same
//! lets nobody in.

use super::name;
use crate::base::Certificate;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use std::fmt::Write;
use std::net::IpAddr;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Bytes of a SPIFFE id at most (SPIFFE-ID §2.3).
const SPIFFE_BYTES_MAX: usize = 2048;

/// Alternative names by kind.
#[derive(Default)]
struct Names {
    dns: Vec<String>,
    uri: Vec<String>,
    email: Vec<String>,
    ip: Vec<String>,
}

/// Reads the certificate that a chain (DER) begins with.
pub(super) fn read<'c>(chain: impl Iterator<Item = &'c [u8]> + Clone) -> Option<Certificate> {
    let leaf = chain.clone().next()?;
    let (rest, known) = X509Certificate::from_der(leaf).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut names = Names::default();
    if let Some(given) = known.subject_alternative_name().ok()? {
        for name in &given.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.dns.push(name.to_ascii_lowercase()),
                GeneralName::URI(name) => names.uri.push((*name).to_owned()),
                GeneralName::RFC822Name(name) => names.email.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => names.ip.extend(address(bytes)),
                _ => {}
            }
        }
    }
    let fingerprint = hex(digest(&SHA256, leaf).as_ref());
    let subject = name::text(known.subject());
    let common_name = known.subject().iter_common_name().last();
    let common_name = common_name.and_then(|name| name::string(name.attr_value()));
    // The standard has a single URI; a certificate with several is nobody's.
    let spiffe = match &names.uri[..] {
        [only] if is_spiffe(only) => Some(only.clone()),
        _ => None,
    };
    let marks = marks(&fingerprint, spiffe.as_deref(), &subject, &names);
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("subject", subject.into());
    put("issuer", name::text(known.issuer()).into());
    put("serial", serial(known.raw_serial()).into());
    put("fingerprint", fingerprint.into());
    common_name.map(|name| put("common_name", name.into()));
    spiffe.map(|id| put("spiffe", id.into()));
    let Names { dns, uri, email, ip } = names;
    for (name, list) in [("dns", dns), ("uri", uri), ("email", email), ("ip", ip)] {
        if !list.is_empty() {
            put(name, list.into());
        }
    }
    let chain = chain.map(Box::from).collect();
    let until = known.validity().not_after.timestamp();
    Some(Certificate { claims: Value::Object(claims).to_string().into_bytes().into(), marks, chain, until })
}

fn marks(fingerprint: &str, spiffe: Option<&str>, subject: &str, names: &Names) -> Box<[Box<str>]> {
    let mut marks = vec![format!("sha256:{fingerprint}")];
    marks.extend(spiffe.map(str::to_owned));
    if !subject.is_empty() {
        marks.push(format!("subject:{subject}"));
    }
    marks.extend(names.uri.iter().map(|name| format!("uri:{name}")));
    marks.extend(names.email.iter().map(|name| format!("email:{name}")));
    marks.extend(names.dns.iter().map(|name| format!("dns:{name}")));
    marks.extend(names.ip.iter().map(|address| format!("ip:{address}")));
    marks.into_iter().map(String::into_boxed_str).collect()
}

/// An address as people write it; what has another length than addresses have is none (RFC 5280 §4.2.1.6).
fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
}

/// Whether a URI is a SPIFFE id (SPIFFE-ID §2): a trust domain, and a path without empty or dotted segments.
fn is_spiffe(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("spiffe://").filter(|_| uri.len() <= SPIFFE_BYTES_MAX) else {
        return false;
    };
    let (domain, path) = rest.split_once('/').map_or((rest, None), |(domain, path)| (domain, Some(path)));
    let of_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    let of_segment = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_segment = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(of_segment);
    !domain.is_empty()
        && domain.bytes().all(of_domain)
        && path.is_none_or(|path| path.split('/').all(is_segment))
}

/// A serial number as `openssl x509 -serial` writes it.
fn serial(bytes: &[u8]) -> String {
    let sign = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len().saturating_sub(1));
    bytes[sign..].iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02X}");
        out
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests;
