//! Host patterns and the map from a request's host to the path tables to ask, most exact first.

use hashbrown::HashMap;
use std::fmt;

/// Bytes of a host name (RFC 1035 §2.3.4); longer ones match rules for every host only.
const HOST_BYTES_MAX: usize = 255;

/// Which hosts a rule takes. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Every host, also none.
    Any,
    /// This one, on every port.
    Exact(String),
    /// Every host that ends with this, such as `.example.com`, and has at least one label before it.
    Under(String),
}

impl HostPattern {
    /// Reads `example.com`, `*.example.com`, `192.0.2.1` or `[2001:db8::1]`.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<HostPattern, &'static str> {
        let lower = text.to_ascii_lowercase();
        if lower == "*" {
            return Ok(HostPattern::Any);
        }
        if let Some(address) = lower.strip_prefix('[') {
            let inner = address.strip_suffix(']').ok_or("is not an address in brackets without a port")?;
            let address: std::net::Ipv6Addr =
                inner.parse().map_err(|_| "is not an IPv6 address in brackets")?;
            return Ok(HostPattern::Exact(format!("[{address}]")));
        }
        if let Some(suffix) = lower.strip_prefix('*') {
            let name = suffix.strip_prefix('.').ok_or("has '*' that is not a whole first label")?;
            check_name(name)?;
            return Ok(HostPattern::Under(suffix.to_owned()));
        }
        check_name(&lower)?;
        Ok(HostPattern::Exact(lower))
    }

    /// How exact it is, if it takes this [`plain`] host: the greatest is asked first. For explaining.
    pub(super) fn fit(&self, host: &[u8]) -> Option<usize> {
        match self {
            HostPattern::Any => Some(0),
            HostPattern::Exact(name) => (name.as_bytes() == host).then_some(usize::MAX),
            HostPattern::Under(suffix) => {
                let under = host.len() > suffix.len() && host.ends_with(suffix.as_bytes());
                under.then_some(suffix.len())
            }
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Any => out.write_str("*"),
            HostPattern::Exact(name) => out.write_str(name),
            HostPattern::Under(suffix) => write!(out, "*{suffix}"),
        }
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.contains("://") {
        return Err("names a scheme; a rule takes a host, whatever the scheme");
    }
    if name.contains(':') {
        return Err("names a port; a rule takes a host on every port");
    }
    if name.contains('*') {
        return Err("has '*' that is not a whole first label");
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match name.len() <= HOST_BYTES_MAX && name.split('.').all(label) {
        true => Ok(()),
        false => Err("is not a host name"),
    }
}

/// Host → slots of path tables.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: HashMap<Box<[u8]>, u32>,
    under: HashMap<Box<[u8]>, u32>,
    any: Option<u32>,
}

impl Hosts {
    /// The slot of `pattern`; a new one is `next`.
    pub(super) fn slot(&mut self, pattern: &HostPattern, next: usize) -> u32 {
        let next = u32::try_from(next).expect("hosts are fewer than 4 billion");
        match pattern {
            HostPattern::Any => *self.any.get_or_insert(next),
            HostPattern::Exact(name) => *self.exact.entry(name.as_bytes().into()).or_insert(next),
            HostPattern::Under(suffix) => *self.under.entry(suffix.as_bytes().into()).or_insert(next),
        }
    }

    /// Bytes of the maps with their names.
    pub(super) fn bytes(&self) -> usize {
        let of = |map: &HashMap<Box<[u8]>, u32>| {
            map.allocation_size() + map.keys().map(|name| name.len()).sum::<usize>()
        };
        of(&self.exact) + of(&self.under)
    }

    /// Asks the slots that `host` falls under, most exact first, until one gives an answer.
    #[inline]
    pub(super) fn find<T>(&self, host: &[u8], ask: impl Fn(u32) -> Option<T>) -> Option<T> {
        self.find_named(host, &ask).or_else(|| self.any.and_then(ask))
    }

    #[inline]
    fn find_named<T>(&self, host: &[u8], ask: &impl Fn(u32) -> Option<T>) -> Option<T> {
        if self.exact.is_empty() && self.under.is_empty() {
            return None;
        }
        let host = name(host)?;
        if has_upper(host) {
            return self.find_upper(host, ask);
        }
        self.find_lower(host, ask)
    }

    /// Clients send names in lower case; the copy is kept off their way.
    #[cold]
    fn find_upper<T>(&self, host: &[u8], ask: &impl Fn(u32) -> Option<T>) -> Option<T> {
        let mut lower = [0; HOST_BYTES_MAX];
        let lower = &mut lower[..host.len()];
        lower.copy_from_slice(host);
        lower.make_ascii_lowercase();
        self.find_lower(lower, ask)
    }

    #[inline]
    fn find_lower<T>(&self, host: &[u8], ask: &impl Fn(u32) -> Option<T>) -> Option<T> {
        let exact = self.exact.get(host).and_then(|slot| ask(*slot));
        exact.or_else(|| self.find_under(host, ask))
    }

    /// Wildcards, the longest suffix first. At most one look a label, and labels are at most 127.
    fn find_under<T>(&self, host: &[u8], ask: &impl Fn(u32) -> Option<T>) -> Option<T> {
        if self.under.is_empty() {
            return None;
        }
        // The first byte is skipped: a suffix needs a label before it.
        memchr::memchr_iter(b'.', &host[1..])
            .filter_map(|dot| self.under.get(&host[dot + 1..]))
            .find_map(|slot| ask(*slot))
    }
}

/// Whether any byte is an upper-case letter; eight at a time, the last eight possibly twice.
#[inline]
fn has_upper(host: &[u8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let upper = |eight: &[u8; 8]| {
        let word = u64::from_ne_bytes(*eight);
        // The high bit of a sum is set from 'A' on, and of the other from behind 'Z' on; no byte carries into the next.
        let low = word & (0x7f * EACH);
        let from_a = low + u64::from(0x80 - b'A') * EACH;
        let behind_z = low + u64::from(0x80 - b'Z' - 1) * EACH;
        from_a & !behind_z & !word & (0x80 * EACH) != 0
    };
    match host.last_chunk::<8>() {
        Some(last) => host.chunks_exact(8).any(|eight| eight.first_chunk().is_some_and(upper)) || upper(last),
        None => host.iter().any(u8::is_ascii_uppercase),
    }
}

/// The name in a request's host, in lower case; empty where there is none that a rule could take.
pub(super) fn plain(host: &[u8]) -> Vec<u8> {
    name(host).map(<[u8]>::to_ascii_lowercase).unwrap_or_default()
}

fn name(host: &[u8]) -> Option<&[u8]> {
    let host = without_port(host);
    // An absolute name's closing dot is not a part of the name (RFC 3986 §3.2.2).
    let host = host.strip_suffix(b".").unwrap_or(host);
    (!host.is_empty() && host.len() <= HOST_BYTES_MAX).then_some(host)
}

/// The host without its port: what stands behind the last colon, unless that is within an address in brackets.
fn without_port(host: &[u8]) -> &[u8] {
    // A colon and at most five digits; looking further would meet the colons of an IPv6 address.
    let tail = host.len().saturating_sub(6);
    match host[tail..].iter().rposition(|byte| !byte.is_ascii_digit()) {
        Some(at) if host[tail + at] == b':' => &host[..tail + at],
        _ => host,
    }
}
