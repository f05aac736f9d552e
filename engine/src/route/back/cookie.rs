//! Path and Domain of an upstream's cookies, in the client's words.

use super::{Back, Inside, ip_of};
use crate::wire::token::trim;
use crate::wire::uri::Authority;

impl<'a, I: Iterator<Item = Inside<'a>> + Clone> Back<'a, I> {
    /// Appends what a Set-Cookie of `value` is to the client; false when it stays. Its Path is mapped like a URL's,
    /// its Domain goes when it names the upstream and not the client's host: the cookie is then the client's host's.
    pub fn cookie(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let from = out.len();
        let mut changed = false;
        // `__Host-` promises Path=/ (RFC 6265bis §4.1.3.2); the client drops it with any other.
        let fixed = value.starts_with(b"__Host-");
        for (index, part) in value.split(|byte| *byte == b';').enumerate() {
            let (name, of) = attribute(part);
            if index > 0 && name.eq_ignore_ascii_case(b"domain") && self.is_internal(of) {
                changed = true;
                continue;
            }
            if index > 0 {
                out.push(b';');
            }
            let start = out.len();
            if index > 0 && !fixed && name.eq_ignore_ascii_case(b"path") && of.starts_with(b"/") {
                out.extend_from_slice(b" Path=");
                let path = out.len();
                if self.path(of, out) {
                    changed = true;
                    // `/api/` would not take `/api` itself (RFC 6265 §5.1.4).
                    if of == b"/" && out.len() > path + 1 && out.ends_with(b"/") {
                        out.pop();
                    }
                    continue;
                }
                out.truncate(start);
            }
            out.extend_from_slice(part);
        }
        if !changed {
            out.truncate(from);
        }
        changed
    }

    /// Whether a cookie's Domain is the upstream's and not the client's.
    fn is_internal(&self, domain: &[u8]) -> bool {
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        let host = |authority: &'a [u8]| Authority::parse(authority).map(|authority| authority.host);
        let takes = |host: Option<&[u8]>| host.is_some_and(|host| covers(domain, host));
        let ip = ip_of(domain);
        !domain.is_empty()
            && !takes(host(self.front.host))
            && (takes(host(self.sent))
                || self
                    .inside
                    .clone()
                    .any(|one| takes(host(one.name)) || ip.is_some() && one.addr.map(|addr| addr.ip()) == ip))
    }
}

/// An attribute's name and value, without surrounding whitespace.
fn attribute(part: &[u8]) -> (&[u8], &[u8]) {
    match part.iter().position(|byte| *byte == b'=') {
        Some(equals) => (trim(&part[..equals]), trim(&part[equals + 1..])),
        None => (trim(part), b""),
    }
}

/// Whether a cookie for `domain` is sent to `host` (RFC 6265 §5.1.3).
fn covers(domain: &[u8], host: &[u8]) -> bool {
    let Some(split) = host.len().checked_sub(domain.len()) else { return false };
    host[split..].eq_ignore_ascii_case(domain)
        && (split == 0 || host[split - 1] == b'.' && ip_of(host).is_none())
}
