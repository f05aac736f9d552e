//! Path patterns and the tables that find them: exact paths in a hash map; prefixes and templates in a
//! compressed radix tree over bytes, whose nodes may also have a branch that takes one whole segment.

use crate::base::RouteId;
use hashbrown::HashMap;

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

/// The paths of one host.
#[derive(Debug, Default)]
pub(super) struct Paths {
    exact: HashMap<Box<[u8]>, RouteId>,
    /// The tree; its root is the first. Empty when there are only exact paths.
    nodes: Box<[Node]>,
}

/// A node of the tree. `text` leads to it from its parent.
#[derive(Debug)]
struct Node {
    text: Box<[u8]>,
    /// Taken when the path ends here.
    end: Option<Hit>,
    /// Taken when the path ends here or goes on with `/`.
    below: Option<Hit>,
    /// The node behind one whole segment.
    segment: Option<u32>,
    /// First bytes of the children, and the children in the same order.
    firsts: Box<[u8]>,
    children: Box<[u32]>,
}

/// A route and how exact its pattern is.
#[derive(Debug, Clone, Copy)]
struct Hit {
    route: RouteId,
    /// Twice the pattern's length, one more for a template: it outranks a prefix of its own length.
    rank: u32,
}

impl Paths {
    /// The route of the most exact pattern that takes `path`.
    pub(super) fn find(&self, path: &[u8]) -> Option<RouteId> {
        if !self.exact.is_empty()
            && let Some(route) = self.exact.get(path)
        {
            return Some(*route);
        }
        let root = self.nodes.first()?;
        // `OPTIONS *` asks about the server as a whole (RFC 9110 §9.3.7): the rule for every path takes it.
        if path == b"*" {
            return root.below.map(|hit| hit.route);
        }
        let mut best = None;
        self.walk(root, path, &mut best);
        best.map(|hit: Hit| hit.route)
    }

    /// Goes down from `node` with what is left of the path. Each node is met at most once in a look-up, since
    /// what leads to it says which bytes were taken; it recurs only where a segment may be taken two ways.
    fn walk<'t>(&'t self, mut node: &'t Node, mut rest: &[u8], best: &mut Option<Hit>) {
        loop {
            if let Some(hit) = node.below
                && rest.first().is_none_or(|byte| *byte == b'/')
            {
                better(best, hit);
            }
            let Some(first) = rest.first() else {
                if let Some(hit) = node.end {
                    better(best, hit);
                }
                return;
            };
            if let Some(next) = node.segment
                && *first != b'/'
            {
                let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
                self.walk(&self.nodes[next as usize], &rest[end..], best);
            }
            let Some(at) = memchr::memchr(*first, &node.firsts) else { return };
            node = &self.nodes[node.children[at] as usize];
            match rest.strip_prefix(&*node.text) {
                Some(after) => rest = after,
                None => return,
            }
        }
    }
}

/// Keeps the higher rank; of equal ones the earlier in the file, whose id is lower.
fn better(best: &mut Option<Hit>, hit: Hit) {
    let wins = match best {
        None => true,
        Some(have) => (hit.rank, have.route.0) > (have.rank, hit.route.0),
    };
    if wins {
        *best = Some(hit);
    }
}

/// The tree while it grows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    exact: HashMap<Box<[u8]>, RouteId>,
    nodes: Vec<Growing>,
}

#[derive(Debug, Default)]
struct Growing {
    text: Vec<u8>,
    end: Option<Hit>,
    below: Option<Hit>,
    segment: Option<usize>,
    children: Vec<usize>,
}

impl Builder {
    /// Adds a pattern. Of two that take the same paths the first stays.
    pub(super) fn add(&mut self, pattern: &PathPattern, route: RouteId) {
        let (parts, below) = match pattern {
            PathPattern::Exact(path) => {
                self.exact.entry(path.as_bytes().into()).or_insert(route);
                return;
            }
            PathPattern::Segments { parts, below } => (parts, *below),
        };
        if self.nodes.is_empty() {
            self.nodes.push(Growing::default());
        }
        let mut at = 0;
        for part in parts {
            at = match part {
                Part::Text(text) => self.descend(at, text.as_bytes()),
                Part::Segment => self.behind_segment(at),
            };
        }
        let rank = u32::try_from(pattern.length() * 2).unwrap_or(u32::MAX - 1);
        let node = &mut self.nodes[at];
        if below {
            node.below.get_or_insert(Hit { route, rank });
        } else {
            node.end.get_or_insert(Hit { route, rank: rank + 1 });
        }
    }

    fn behind_segment(&mut self, at: usize) -> usize {
        if let Some(next) = self.nodes[at].segment {
            return next;
        }
        self.nodes.push(Growing::default());
        let next = self.nodes.len() - 1;
        self.nodes[at].segment = Some(next);
        next
    }

    /// The node that `text` leads to from `at`; edges are split where texts part.
    fn descend(&mut self, mut at: usize, mut text: &[u8]) -> usize {
        while let Some(first) = text.first() {
            let known = self.nodes[at].children.iter().position(|child| self.nodes[*child].text[0] == *first);
            let Some(position) = known else {
                self.nodes.push(Growing { text: text.to_vec(), ..Growing::default() });
                let leaf = self.nodes.len() - 1;
                self.nodes[at].children.push(leaf);
                return leaf;
            };
            let child = self.nodes[at].children[position];
            let shared = shared_bytes(&self.nodes[child].text, text);
            if shared < self.nodes[child].text.len() {
                let tail = self.nodes[child].text.split_off(shared);
                let head = std::mem::replace(&mut self.nodes[child].text, tail);
                self.nodes.push(Growing { text: head, children: vec![child], ..Growing::default() });
                let middle = self.nodes.len() - 1;
                self.nodes[at].children[position] = middle;
                at = middle;
            } else {
                at = child;
            }
            text = &text[shared..];
        }
        at
    }

    /// Packs the tree for reading.
    pub(super) fn finish(self) -> Paths {
        let index = |node: usize| u32::try_from(node).expect("nodes are fewer than 4 billion");
        let nodes: Vec<Node> = self
            .nodes
            .iter()
            .map(|node| Node {
                text: node.text.as_slice().into(),
                end: node.end,
                below: node.below,
                segment: node.segment.map(index),
                firsts: node.children.iter().map(|child| self.nodes[*child].text[0]).collect(),
                children: node.children.iter().copied().map(index).collect(),
            })
            .collect();
        Paths { exact: self.exact, nodes: nodes.into() }
    }
}

fn shared_bytes(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
