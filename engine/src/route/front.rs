//! The gateway as its client sees it: the scheme and the host that the client named. Redirects are built from it,
//! and what an upstream says of itself is mapped back to it.

use crate::wire::uri::Authority;

/// A scheme that this gateway's clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// The scheme's name.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port that need not be named (RFC 9110 §4.2).
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// The gateway as its client sees it.
#[derive(Debug, Clone, Copy)]
pub struct Front<'a> {
    /// The scheme of the client's request.
    pub scheme: Scheme,
    /// `host[:port]` as the client named it; empty when it named none. Valid by grammar.
    pub host: &'a [u8],
}

impl<'a> Front<'a> {
    /// Host and port; none when the client named none.
    pub fn authority(self) -> Option<Authority<'a>> {
        Authority::parse(self.host)
    }

    /// Makes the path that `out` ends with, from byte `from` on, a reference that stays on this front. A path that
    /// begins like an authority must not be taken for one (RFC 3986 §4.2), nor with the backslash that browsers read
    /// as a slash.
    pub fn keep(self, from: usize, out: &mut Vec<u8>) {
        if !matches!(out[from..], [b'/', b'/' | b'\\', ..]) {
            return;
        }
        let parts: [&[u8]; 3] = match self.host.is_empty() {
            true => [b"/.", b"", b""],
            false => [self.scheme.name().as_bytes(), b"://", self.host],
        };
        out.splice(from..from, parts.into_iter().flatten().copied());
    }

    /// Appends `scheme://host`, or nothing when the client named no host.
    pub fn push_origin(self, out: &mut Vec<u8>) {
        if !self.host.is_empty() {
            for part in [self.scheme.name().as_bytes(), b"://", self.host] {
                out.extend_from_slice(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_becomes_another_host() {
        for (host, path, expected) in [
            ("a:81", "/x//y", "/x//y"),
            ("a:81", "//evil/y", "http://a:81//evil/y"),
            ("a:81", "/\\evil", "http://a:81/\\evil"),
            ("", "//evil", "/.//evil"),
            ("", "/x", "/x"),
        ] {
            let mut out = format!("-{path}").into_bytes();
            Front { scheme: Scheme::Http, host: host.as_bytes() }.keep(1, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), format!("-{expected}"));
        }
    }
}
