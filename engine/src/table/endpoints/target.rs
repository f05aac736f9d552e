//! The text of an endpoint's address, read: `host:port`, an address, `srv:NAME` or `unix:PATH`.

use crate::base::Address;
use crate::base::address::{UNIX, UNIX_PATH_BYTES_MAX};
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Where an endpoint is, or the name that it is found behind. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// An address: there is nothing to look up.
    Address(Address),
    /// A host name and the port to call on each of its addresses.
    Host(Arc<str>, u16),
    /// A service, whose SRV records name hosts and ports (RFC 2782).
    Service(Arc<str>),
}

/// Bytes of a name, and of a label of it (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

impl Target {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong, as the end of "'text' is …", and the fix.
    pub fn parse(text: &str) -> Result<Target, (&'static str, String)> {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            if addr.port() == 0 || addr.ip().is_unspecified() {
                let fix = "write the server's own address and port, such as 10.0.0.7:8080";
                return Err(("is not where a server listens", fix.to_owned()));
            }
            return Ok(Target::Address(addr.into()));
        }
        if let Some(name) = text.strip_prefix("srv:") {
            let parts = name.strip_suffix('.').unwrap_or(name).split('.').take(2);
            let is_service = is_name(name) && parts.filter(|part| part.starts_with('_')).count() == 2;
            return match is_service {
                true => Ok(Target::Service(name.into())),
                false => Err((
                    "is not a service",
                    "write srv:_SERVICE._PROTOCOL.NAME, such as srv:_http._tcp.internal".into(),
                )),
            };
        }
        if let Some(path) = text.strip_prefix(UNIX) {
            // Whoever knows a folder that a relative path starts at has joined them before.
            let is_whole = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
            return match is_whole && path.len() <= UNIX_PATH_BYTES_MAX {
                true => Ok(Target::Address(Address::Unix(Path::new(path).into()))),
                false => {
                    let fix = format!("write a whole path of {UNIX_PATH_BYTES_MAX} bytes at most");
                    Err(("names no socket", fix))
                }
            };
        }
        host_and_port(text).map_err(|fix| ("is not a host and a port", fix))
    }

    /// Whether there is nothing to look up.
    pub fn is_address(&self) -> bool {
        matches!(self, Target::Address(_))
    }
}

/// As it was written.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Address(addr) => addr.fmt(out),
            Target::Host(host, port) => write!(out, "{host}:{port}"),
            Target::Service(name) => write!(out, "srv:{name}"),
        }
    }
}

fn host_and_port(text: &str) -> Result<Target, String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        let port = if scheme == "https" { 443 } else { 80 };
        let full = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        return Err(format!("write it without scheme and path: {full}"));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("a port is missing: {text}:80?"));
    };
    match port.parse::<u16>() {
        Ok(port @ 1..) if is_name(host) => Ok(Target::Host(host.into(), port)),
        _ => Err("write host:port, such as orders.internal:8080, 10.0.0.7:8080 or [::1]:8080".to_owned()),
    }
}

/// Whether a text is a name that may be looked up.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(good)
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // Digits and dots only are a mistyped address: no such domain exists (RFC 3696 §2).
    let is_numeric = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    name.len() <= NAME_BYTES_MAX && !is_numeric && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_as_written() {
        for text in [
            "10.0.0.7:80",
            "[::1]:80",
            "a.test:80",
            "a.test.:80",
            "a_b:1",
            "srv:_http._tcp.a.test",
            "unix:/run/a",
        ] {
            assert_eq!(Target::parse(text).map(|target| target.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        let long = format!("{}:80", "a".repeat(64));
        for text in [
            "",
            ":80",
            "a",
            "a:0",
            "a:65536",
            "a..b:80",
            "a b:80",
            "10.0.0:80",
            "10.0.0.700:80",
            "::1:80",
            "srv:",
            "srv:a.test",
            "srv:_http.a.test",
            "10.0.0.7:0",
            "0.0.0.0:80",
            "[::]:80",
            "unix:a",
            "unix:/",
            &long,
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }
}
