//! What is known of a request when policies are asked. All of it is borrowed for the one call.

use crate::base::{Certificate, ClientAddr, Tick};
use crate::policy::fields::{Identity, Sent};
use crate::wire::cookie::cookie;
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use crate::wire::uri::{Authority, is_named};
use std::net::IpAddr;

/// What is known of a request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'r> {
    /// Its head.
    pub head: Head<'r>,
    /// The names of its fields that are the gateway's alone.
    pub ours: &'r Identity,
    /// How long its body is, as the protocol that brought it tells: its fields need not.
    pub length: Length,
    /// Its canonical path, without the query.
    pub path: &'r [u8],
    /// The named segments of the pattern that took the path.
    pub parameters: &'r [Parameter],
    /// The client as trusted proxies tell it; none behind a Unix socket that tells of none.
    pub client: Option<IpAddr>,
    /// Where the connection came from, or whom its PROXY header named.
    pub peer: ClientAddr,
    /// The certificate that the client of the connection showed.
    pub certificate: Option<&'r Certificate>,
    /// The scheme and host that the client named.
    pub is_https: bool,
    /// The host that the client named, with its port.
    pub host: &'r [u8],
    /// The listener's name.
    pub listener: &'r str,
    /// The route's name; empty where none was found.
    pub route: &'r str,
    /// The request's id.
    pub request_id: &'r [u8],
    /// When the policies are asked: one moment for all that are asked without a wait between them. Limits count by it.
    pub now: Tick,
    /// The same by the wall clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// When the exchange must be over: nobody waits for a turn that comes later.
    pub by: Tick,
}

/// A named segment of a path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Box<str>,
    /// Which segment it is, from 0.
    pub segment: u16,
}

impl<'r> Facts<'r> {
    /// What the client may say of itself.
    pub fn sent(&self) -> Sent<'r> {
        Sent::new(self.head, self.ours)
    }

    /// The segment that the route's pattern names so.
    pub fn parameter(&self, name: &str) -> Option<&'r [u8]> {
        let parameter = self.parameters.iter().find(|parameter| *parameter.name == *name)?;
        self.path.split(|byte| *byte == b'/').skip(1).nth(usize::from(parameter.segment))
    }

    /// The host that the client named as routes compare it: in lower case, without its port and without the dot that closes an
    /// absolute name. *Cost*: an allocation; for conditions, which copy what they read anyway.
    pub fn plain_host(&self) -> Vec<u8> {
        let host = Authority::parse(self.host).map_or(self.host, |authority| authority.host);
        host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase()
    }

    /// The raw value of the first query parameter of this name, percent-encoding included. Its name is compared decoded, as
    /// origins read it.
    pub fn query(&self, name: &[u8]) -> Option<&'r [u8]> {
        let pairs = self.head.query()?.split(|byte| *byte == b'&');
        let mut values = pairs.filter_map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            is_named(&pair[..end], name).then(|| pair.get(end + 1..).unwrap_or_default())
        });
        values.next()
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &[u8]) -> Option<&'r [u8]> {
        cookie(self.head, name)
    }
}
