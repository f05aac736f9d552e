//! What an upstream's reply says of places, as the client has to hear it: an internal address gives way to the host
//! that the client named, a path that the route rewrote to the one that the client knows. Foreign URLs stay. Pure:
//! `exchange/onward/mapping` gives it the values of Location, Content-Location, Refresh and Set-Cookie.

mod cookie;

use super::front::Front;
use super::rewrite::Rewrite;
use crate::wire::token::trim;
use crate::wire::uri::Authority;
use std::net::{IpAddr, SocketAddr};

/// One endpoint, as an upstream may name it.
#[derive(Debug, Clone, Copy)]
pub struct Inside<'a> {
    /// `host:port` as configured.
    pub name: &'a [u8],
    /// The address that is dialled, where there is one.
    pub addr: Option<SocketAddr>,
}

/// The way back of one exchange. `I` gives the endpoints of its upstream.
#[derive(Debug, Clone)]
pub struct Back<'a, I> {
    /// The gateway as the client sees it.
    pub front: Front<'a>,
    /// The Host that the upstream was sent.
    pub sent: &'a [u8],
    /// The port of the scheme that the upstream speaks: 80, or 443 with TLS.
    pub port: u16,
    /// The upstream's endpoints.
    pub inside: I,
    /// How the path was rewritten.
    pub path: Option<Rewritten<'a>>,
}

/// A path that was rewritten.
#[derive(Debug, Clone, Copy)]
pub struct Rewritten<'a> {
    /// How.
    pub by: &'a Rewrite,
    /// Which pattern of the match took the path.
    pub at: usize,
    /// The canonical path before.
    pub asked: &'a [u8],
}

impl<'a, I: Iterator<Item = Inside<'a>> + Clone> Back<'a, I> {
    /// Appends what the reference `value` is to the client; false when it stays as it is.
    pub fn url(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let from = out.len();
        let mapped = match absolute(value) {
            Some(scheme_len) => self.absolute(value, scheme_len, out),
            None => self.rooted(value, out),
        };
        if !mapped {
            out.truncate(from);
        }
        mapped
    }

    /// A reference that names no host.
    fn rooted(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let from = out.len();
        let (path, tail) = split_path(value);
        if !path.starts_with(b"/") || !self.path(path, out) {
            return false;
        }
        self.front.keep(from, out);
        out.extend_from_slice(tail);
        true
    }

    /// A reference that names a host, behind `scheme_len` bytes.
    fn absolute(&self, value: &[u8], scheme_len: usize, out: &mut Vec<u8>) -> bool {
        let rest = &value[scheme_len..];
        let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b'\\');
        let (authority, rest) = rest.split_at(rest.iter().position(ends).unwrap_or(rest.len()));
        // Nobody who is redirected needs the credentials before an internal host.
        let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or(authority);
        let Some(named) = Authority::parse(host) else { return false };
        let (path, tail) = split_path(rest);
        let path = if path.is_empty() { b"/" } else { path };
        if self.is_inside(named) {
            self.front.push_origin(out);
            let from = out.len();
            if !self.path(path, out) {
                out.extend_from_slice(path);
            }
            if self.front.host.is_empty() {
                self.front.keep(from, out);
            }
        } else {
            // The client's own host in another scheme may be meant: `https` to leave plain HTTP. The path is ours.
            out.extend_from_slice(&value[..scheme_len + authority.len()]);
            if !same(host, self.front.host) || !self.path(path, out) {
                return false;
            }
        }
        out.extend_from_slice(tail);
        true
    }

    /// Appends what a Refresh of `value` is to the client, such as `5; url=/x`; false when it stays.
    pub fn refresh(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(at) = value.windows(4).position(|four| four.eq_ignore_ascii_case(b"url=")) else {
            return false;
        };
        let (front, url) = value.split_at(at + 4);
        let url = trim(url);
        let quote = matches!(url.first(), Some(b'"' | b'\'')) && url.len() > 1 && url.last() == url.first();
        let bare = if quote { &url[1..url.len() - 1] } else { url };
        let from = out.len();
        out.extend_from_slice(front);
        if !self.url(bare, out) {
            out.truncate(from);
            return false;
        }
        true
    }

    fn path(&self, named: &[u8], out: &mut Vec<u8>) -> bool {
        self.path.is_some_and(|Rewritten { by, at, asked }| by.invert(at, asked, named, out))
    }

    /// Whether `named` is an endpoint, or the Host that was sent in place of the client's.
    fn is_inside(&self, named: Authority<'_>) -> bool {
        let port_fits = |port: Option<u16>| named.port.is_none() || named.port == port;
        if !same(self.sent, self.front.host)
            && let Some(sent) = Authority::parse(self.sent)
            && sent.host.eq_ignore_ascii_case(named.host)
            && port_fits(sent.port.or(Some(self.port)))
        {
            return true;
        }
        let ip = ip_of(named.host);
        let is_one = self.inside.clone().any(|one| {
            let by_name = Authority::parse(one.name)
                .is_some_and(|known| known.host.eq_ignore_ascii_case(named.host) && port_fits(known.port));
            by_name || one.addr.is_some_and(|addr| Some(addr.ip()) == ip && port_fits(Some(addr.port())))
        });
        // A client that named an endpoint's own address knows it.
        is_one
            && !self
                .front
                .authority()
                .is_some_and(|front| front.host.eq_ignore_ascii_case(named.host) && front.port == named.port)
    }
}

/// Bytes of `scheme://` or `//` at the front of a reference that names a host.
fn absolute(value: &[u8]) -> Option<usize> {
    let begins =
        |prefix: &[u8]| value.get(..prefix.len()).is_some_and(|front| front.eq_ignore_ascii_case(prefix));
    [&b"http://"[..], b"https://", b"//"].into_iter().find(|prefix| begins(prefix)).map(<[u8]>::len)
}

/// A reference's path, and what follows it.
fn split_path(reference: &[u8]) -> (&[u8], &[u8]) {
    let end = reference.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(reference.len());
    reference.split_at(end)
}

fn same(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The address that a host is, brackets or not.
fn ip_of(host: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(host).ok()?;
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests;
