//! Path patterns, as they are written in a route's `match`.

/// Segments of a pattern, so that a walk down the tree is bounded.
const SEGMENTS_MAX: usize = 64;

/// Which paths a rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// This one.
    Exact(String),
    /// Segments, some of them by name; with `below`, all that lies below too.
    Segments {
        /// What must be there, in turn.
        parts: Vec<Part>,
        /// Whether the pattern ended with `/*`.
        below: bool,
    },
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// These bytes. Never two in a row.
    Text(String),
    /// One segment, not empty. Its name plays no part in matching.
    Segment,
}

impl PathPattern {
    /// Reads `/exact`, `/prefix/*`, `/users/{id}/orders` or `/users/{id}/*`.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<PathPattern, &'static str> {
        if !text.starts_with('/') {
            return Err("does not begin with '/'");
        }
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'?' || byte == b'#') {
            return Err("holds a byte that no path holds");
        }
        let (body, below) = match text.strip_suffix("/*") {
            Some(body) => (body, true),
            None => (text, false),
        };
        if body.contains('*') {
            return Err("has '*' elsewhere than as its last segment");
        }
        if !below && !body.contains(['{', '}']) {
            return Ok(PathPattern::Exact(body.to_owned()));
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        for segment in body.split('/').skip(1) {
            literal.push('/');
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
                if name.is_empty() || !name.bytes().all(named) {
                    return Err("has a segment whose name is not made of letters, digits, '_' and '-'");
                }
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Segment);
            } else if segment.contains(['{', '}']) {
                return Err("has braces that are not a whole segment");
            } else {
                literal.push_str(segment);
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        match parts.len() <= SEGMENTS_MAX {
            true => Ok(PathPattern::Segments { parts, below }),
            false => Err("has too many named segments"),
        }
    }

    /// Bytes that are given by the pattern: the more, the more exact.
    pub(super) fn length(&self) -> usize {
        match self {
            PathPattern::Exact(path) => path.len(),
            PathPattern::Segments { parts, .. } => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.len(),
                    Part::Segment => 0,
                })
                .sum(),
        }
    }
}
