//! Path patterns, as they are written in a route's `match`.

use crate::route::automaton::{Regex, Unread};
use crate::wire::uri;
use std::cmp::Ordering;
use std::fmt::{self, Write};

/// Segments of a pattern, so that a walk down the tree is bounded.
const SEGMENTS_MAX: usize = 64;

/// Which paths a rule takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// This one.
    Exact(String),
    /// Segments, some of them by name; with `below`, all that lies below too.
    Segments {
        /// What must be there, in turn.
        segments: Vec<Segment>,
        /// Whether the pattern ended with `/*`.
        below: bool,
    },
    /// What an expression matches as a whole.
    Regex(Regex),
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This one, possibly empty.
    Text(String),
    /// Any that is not empty. Its name plays no part in matching.
    Named(String),
}

impl PathPattern {
    /// Reads `/exact`, `/prefix/*`, `/users/{id}/orders`, `/users/{id}/*` or `regex:EXPRESSION`. Paths are matched in canonical
    /// form, so that what is in no such form would match nothing.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<PathPattern, Unread> {
        if let Some(expression) = text.strip_prefix("regex:") {
            let at = text.len() - expression.len();
            let parsed = Regex::parse(expression);
            return parsed.map(PathPattern::Regex).map_err(|unread| Unread { at: at + unread.at, ..unread });
        }
        if !text.starts_with('/') {
            return Err("does not begin with '/'".into());
        }
        if let Some(at) = text.bytes().position(|byte| !may_stand(byte)) {
            return Err(Unread { at, reason: "holds a byte that no path holds".into() });
        }
        if !uri::is_canonical(text.as_bytes()) {
            return Err("is not in canonical form, so that no path equals it".into());
        }
        let (body, below) = match text.strip_suffix("/*") {
            Some(body) => (body, true),
            None => (text, false),
        };
        if body.contains('*') {
            return Err("has '*' elsewhere than as its last segment".into());
        }
        if !below && !body.contains(['{', '}']) {
            return Ok(PathPattern::Exact(body.to_owned()));
        }
        let segments: Vec<Segment> = body.split('/').skip(1).map(segment).collect::<Result<_, _>>()?;
        let named = segments.iter().filter(|segment| matches!(segment, Segment::Named(_))).count();
        match named <= SEGMENTS_MAX {
            true => Ok(PathPattern::Segments { segments, below }),
            false => Err("has too many named segments".into()),
        }
    }

    /// The canonical spelling of what `text` seems to mean, where it is another one.
    pub fn spelt(text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let is_escape = |at: usize| matches!(bytes.get(at + 1..at + 3), Some([a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
        let mut escaped = String::with_capacity(text.len());
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                // What stands behind one of these is no part of a path.
                b'?' | b'#' => return None,
                b'%' if !is_escape(at) => escaped.push_str("%25"),
                byte if may_stand(*byte) => escaped.push(char::from(*byte)),
                byte => drop(write!(escaped, "%{byte:02X}")),
            }
        }
        let mut room = Vec::new();
        let canonical = uri::canonical(escaped.as_bytes(), &mut room).ok()?;
        let spelt = String::from_utf8_lossy(canonical).into_owned();
        (spelt != text && PathPattern::parse(&spelt).is_ok()).then_some(spelt)
    }

    /// How exact it is: of two patterns of one host that take a path, the one with the higher rank is asked first.
    /// An exact one, then by the bytes that are given, a template before a prefix of its own length, then expressions.
    pub(in crate::route) fn rank(&self) -> u32 {
        match self {
            PathPattern::Exact(_) => u32::MAX,
            PathPattern::Segments { segments, below } => {
                let given = |segment: &Segment| match segment {
                    Segment::Text(text) => 1 + text.len(),
                    Segment::Named(_) => 1,
                };
                let bytes: usize = segments.iter().map(given).sum();
                u32::try_from(2 * bytes + 1 + usize::from(!below)).unwrap_or(u32::MAX - 1)
            }
            PathPattern::Regex(_) => 0,
        }
    }

    /// Whether some path is taken by both, where both are made of segments and one has a named one: others meet only where they
    /// are the same, or of different rank.
    pub(in crate::route) fn meets(&self, other: &PathPattern) -> bool {
        let (
            PathPattern::Segments { segments: one, below },
            PathPattern::Segments { segments: two, below: too },
        ) = (self, other)
        else {
            return false;
        };
        let is_long_enough = match one.len().cmp(&two.len()) {
            Ordering::Less => *below,
            Ordering::Equal => true,
            Ordering::Greater => *too,
        };
        is_long_enough
            && one.iter().zip(two).all(|pair| match pair {
                (Segment::Text(one), Segment::Text(two)) => one == two,
                (Segment::Text(text), Segment::Named(_)) | (Segment::Named(_), Segment::Text(text)) => {
                    !text.is_empty()
                }
                (Segment::Named(_), Segment::Named(_)) => true,
            })
    }

    /// Whether it has a named segment.
    pub(in crate::route) fn is_template(&self) -> bool {
        let is_named = |segment: &Segment| matches!(segment, Segment::Named(_));
        matches!(self, PathPattern::Segments { segments, .. } if segments.iter().any(is_named))
    }

    /// The expression it is, if it is one.
    pub(in crate::route) fn regex(&self) -> Option<&Regex> {
        if let PathPattern::Regex(expression) = self { Some(expression) } else { None }
    }

    /// Whether it takes every path, and `*`.
    pub(in crate::route) fn takes_all(&self) -> bool {
        matches!(self, PathPattern::Segments { segments, below: true } if segments.is_empty())
    }

    /// Whether it takes `path`, found the slow way: for explaining.
    pub(in crate::route) fn takes(&self, path: &[u8]) -> bool {
        if path == b"*" {
            return self.takes_all();
        }
        match self {
            PathPattern::Exact(exact) => exact.as_bytes() == path,
            PathPattern::Segments { segments, below } => {
                let mut given = path.split(|byte| *byte == b'/').skip(1);
                let fits = segments.iter().all(|segment| match (segment, given.next()) {
                    (Segment::Text(text), Some(given)) => text.as_bytes() == given,
                    (Segment::Named(_), Some(given)) => !given.is_empty(),
                    (_, None) => false,
                });
                fits && (*below || given.next().is_none())
            }
            PathPattern::Regex(expression) => expression.takes(path),
        }
    }
}

/// Whether a pattern may hold `byte`: braces stand round names, and in no path.
fn may_stand(byte: u8) -> bool {
    uri::is_path_byte(byte) || matches!(byte, b'{' | b'}')
}

fn segment(text: &str) -> Result<Segment, Unread> {
    if let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        return match !name.is_empty() && name.bytes().all(named) {
            true => Ok(Segment::Named(name.to_owned())),
            false => Err("has a segment whose name is not made of letters, digits, '_' and '-'".into()),
        };
    }
    match text.contains(['{', '}']) {
        true => Err("has braces that are not a whole segment".into()),
        false => Ok(Segment::Text(text.to_owned())),
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathPattern::Exact(path) => out.write_str(path),
            PathPattern::Segments { segments, below } => {
                for segment in segments {
                    match segment {
                        Segment::Text(text) => write!(out, "/{text}")?,
                        Segment::Named(name) => write!(out, "/{{{name}}}")?,
                    }
                }
                if *below { out.write_str("/*") } else { Ok(()) }
            }
            PathPattern::Regex(expression) => write!(out, "regex:{}", expression.text()),
        }
    }
}
