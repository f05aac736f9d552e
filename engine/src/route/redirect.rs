//! Where a redirecting route sends its clients. Pure: `exchange/end` asks. The rules for what is left out are those
//! of the Gateway API's HTTPRequestRedirectFilter, but that the port a client is on is the one it named: behind a
//! translated address the listener's own would lead nowhere.

use super::finder::Caches;
use super::front::{Front, Scheme};
use super::rewrite::{Rewrite, RewriteFault};
use crate::wire::uri::Authority;

/// A redirect.
#[derive(Debug)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Where to.
    pub to: Destination,
}

/// Where a redirect leads.
#[derive(Debug)]
pub enum Destination {
    /// To this reference, as it stands.
    Fixed(String),
    /// To the request's own URL with some of its parts changed; the query stays.
    Parts {
        /// The scheme.
        scheme: Option<Scheme>,
        /// The host, without a port.
        host: Option<String>,
        /// The port.
        port: Option<u16>,
        /// What becomes of the path.
        path: Option<Rewrite>,
    },
}

/// What a redirect is made from.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The gateway as the client sees it.
    pub front: Front<'a>,
    /// The canonical path.
    pub path: &'a [u8],
    /// The query as received.
    pub query: Option<&'a [u8]>,
    /// Which pattern of the match took the path.
    pub at: usize,
}

impl Redirect {
    /// Appends the Location (RFC 9110 §10.2.2).
    ///
    /// # Errors
    /// When the new path cannot stand, or the client named no host and is to go to another scheme or port of it.
    pub fn location(
        &self,
        asked: Asked<'_>,
        caches: &mut Caches,
        out: &mut Vec<u8>,
    ) -> Result<(), RewriteFault> {
        let (scheme, host, port, path) = match &self.to {
            Destination::Fixed(to) => {
                out.extend_from_slice(to.as_bytes());
                return Ok(());
            }
            Destination::Parts { scheme, host, port, path } => {
                (*scheme, host.as_deref(), *port, path.as_ref())
            }
        };
        let named = asked.front.authority();
        let Some(host) = host.map(str::as_bytes).or(named.map(|named| named.host)) else {
            // Without a host to name, the client stays where it is: another scheme or port would be lost, and it would be sent
            // here again.
            if port.is_some() || scheme.is_some_and(|scheme| scheme != asked.front.scheme) {
                return Err(RewriteFault::NoHost);
            }
            let from = out.len();
            new_path(path, asked, caches, out)?;
            asked.front.keep(from, out);
            query(asked, out);
            return Ok(());
        };
        let port = port.or_else(|| implied_port(scheme, named));
        let scheme = scheme.unwrap_or(asked.front.scheme);
        for part in [scheme.name().as_bytes(), b"://", host] {
            out.extend_from_slice(part);
        }
        if let Some(port) = port.filter(|port| *port != scheme.default_port()) {
            out.push(b':');
            out.extend_from_slice(itoa::Buffer::new().format(port).as_bytes());
        }
        new_path(path, asked, caches, out)?;
        query(asked, out);
        Ok(())
    }
}

/// The port where none is given: with a scheme its own, else the one that the client is on.
fn implied_port(scheme: Option<Scheme>, named: Option<Authority<'_>>) -> Option<u16> {
    match scheme {
        Some(scheme) => Some(scheme.default_port()),
        None => named.and_then(|named| named.port),
    }
}

fn new_path(
    path: Option<&Rewrite>,
    asked: Asked<'_>,
    caches: &mut Caches,
    out: &mut Vec<u8>,
) -> Result<(), RewriteFault> {
    // `OPTIONS *` has no path.
    let (kept, asterisk) = (asked.path, asked.path == b"*");
    let changed = match path {
        Some(path) if !asterisk => path.apply(asked.at, kept, caches, out)?,
        _ => false,
    };
    if !changed {
        out.extend_from_slice(if asterisk { b"/" } else { kept });
    }
    Ok(())
}

fn query(asked: Asked<'_>, out: &mut Vec<u8>) {
    if let Some(query) = asked.query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

#[cfg(test)]
mod tests;
