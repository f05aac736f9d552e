//! What a route changes of a request's path before it is sent on, and the way back: which path a client knows for one
//! that the upstream names. Pure: `exchange/onward/forward` asks on the way up, `route/back` on the way down. A rewritten
//! path is canonical like every other, or the request is refused.

mod substitution;
mod template;

#[cfg(test)]
mod tests;

pub use substitution::Substitution;
pub use template::{Pattern, Template};

use super::finder::{Caches, Finder};
use crate::wire::method::Method;
use crate::wire::uri;

/// Bytes of a rewritten path at most: what always fits a buffer with the rest of the head.
const PATH_BYTES_MAX: usize = 48 * 1024;

/// How a path is changed.
#[derive(Debug)]
pub enum Rewrite {
    /// This is taken off the front where it ends at a segment's end. Starts with `/` and does not end with it.
    Strip(String),
    /// The matched prefix, `/p` of a pattern `/p/*`, gives way to another.
    Prefix {
        /// The other one: empty, or starts with `/` and does not end with it.
        to: String,
        /// Segments of the prefix, for each pattern of the match.
        depths: Vec<u16>,
    },
    /// The whole path is made anew, with what the match gave names to.
    Template(Template),
    /// What an expression finds gives way to a text with its groups.
    Regex {
        /// What is looked for.
        expression: Finder,
        /// What takes its place.
        to: Substitution,
    },
}

/// Why a path cannot be rewritten; the client sees 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RewriteFault {
    /// The new path is not in canonical form: parts of the old one came to stand where they mean something else.
    NotCanonical,
    /// The new path is too long.
    TooLong,
    /// The client named no host, which only HTTP/1.0 lets it do, and what it is sent to has none without it.
    NoHost,
}

impl RewriteFault {
    /// The reason as logs show it.
    pub fn reason(self) -> &'static str {
        match self {
            RewriteFault::NotCanonical => "rewrite_not_canonical",
            RewriteFault::TooLong => "rewrite_too_long",
            RewriteFault::NoHost => "host_missing",
        }
    }
}

impl Rewrite {
    /// Appends to `out` what `path` becomes, which pattern `at` of the match took; false when it stays as it is.
    /// `path` is canonical.
    ///
    /// # Errors
    /// See [`RewriteFault`].
    pub fn apply(
        &self,
        at: usize,
        path: &[u8],
        caches: &mut Caches,
        out: &mut Vec<u8>,
    ) -> Result<bool, RewriteFault> {
        let from = out.len();
        match self {
            // The rest of a canonical path from a slash on is one, and so are two put together at a slash.
            Rewrite::Strip(prefix) => {
                let Some(rest) = below(path, prefix.as_bytes()) else { return Ok(false) };
                rooted(&[rest], out);
                return Ok(true);
            }
            Rewrite::Prefix { to, depths } => {
                let matched = front(path, depths.get(at).copied().unwrap_or(0));
                rooted(&[to.as_bytes(), &path[matched..]], out);
                return Ok(true);
            }
            Rewrite::Template(template) => template.fill(at, path, caches, out),
            Rewrite::Regex { expression, to } => {
                let Some(groups) = expression.find(path, caches) else { return Ok(false) };
                let found = groups.range(0).unwrap_or(0..0);
                out.extend_from_slice(&path[..found.start]);
                to.fill(path, &groups, out);
                out.extend_from_slice(&path[found.end..]);
            }
        }
        let made = &out[from..];
        if made.len() > PATH_BYTES_MAX {
            return Err(RewriteFault::TooLong);
        }
        if !uri::is_canonical(made) {
            return Err(RewriteFault::NotCanonical);
        }
        Ok(true)
    }

    /// Appends to `out` the path that a client knows for `named`, which the upstream named in its reply to `asked`;
    /// false where it stays as it is or cannot be told. `asked` is the canonical path before its rewrite, which
    /// pattern `at` took.
    pub fn invert(&self, at: usize, asked: &[u8], named: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Rewrite::Strip(prefix) => {
                below(asked, prefix.as_bytes()).is_some() && put_back(prefix.as_bytes(), named, out)
            }
            Rewrite::Prefix { to, depths } => {
                let matched = &asked[..front(asked, depths.get(at).copied().unwrap_or(0))];
                if to.is_empty() {
                    return put_back(matched, named, out);
                }
                let Some(rest) = below(named, to.as_bytes()) else { return false };
                rooted(&[matched, rest], out);
                true
            }
            Rewrite::Template(template) => template.invert(at, asked, named, out),
            Rewrite::Regex { .. } => false,
        }
    }
}

/// Puts a prefix that was taken off in front again, unless the upstream knows of it and has done so.
fn put_back(prefix: &[u8], named: &[u8], out: &mut Vec<u8>) -> bool {
    if prefix.is_empty() || below(named, prefix).is_some() {
        return false;
    }
    rooted(&[prefix, named], out);
    true
}

/// Appends `parts`, and a slash where they would be nothing.
fn rooted(parts: &[&[u8]], out: &mut Vec<u8>) {
    let from = out.len();
    parts.iter().for_each(|part| out.extend_from_slice(part));
    if out.len() == from {
        out.push(b'/');
    }
}

/// What follows `prefix` in `path`, if it ends at a segment's end.
fn below<'p>(path: &'p [u8], prefix: &[u8]) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(prefix)?;
    if rest.is_empty() || rest[0] == b'/' { Some(rest) } else { None }
}

/// Bytes of the first `depth` segments of `path`, each with its slash.
fn front(path: &[u8], depth: u16) -> usize {
    memchr::memchr_iter(b'/', path).nth(usize::from(depth)).unwrap_or(path.len())
}

/// Segment `index` of `path`.
fn segment(path: &[u8], index: u16) -> &[u8] {
    path.split(|byte| *byte == b'/').nth(usize::from(index) + 1).unwrap_or_default()
}

/// Checks a path as an operator writes it, with every part that is filled in later replaced by some text.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence that begins with the text.
pub fn check_path(text: &str) -> Result<(), &'static str> {
    if !text.starts_with('/') {
        return Err("does not begin with '/'");
    }
    if text.contains(['?', '#']) {
        return Err("holds '?' or '#'; the query stays as it was sent");
    }
    if uri::target(Method::Get, text.as_bytes()).is_none() {
        return Err("holds a byte that no path holds");
    }
    match uri::is_canonical(text.as_bytes()) {
        true => Ok(()),
        false => Err("is not in canonical form"),
    }
}
