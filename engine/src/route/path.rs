//! The paths of one host: exact ones in a hash map; prefixes and templates in a compressed radix tree over bytes,
//! whose nodes may also have a branch that takes one whole segment.

use super::Match;
use hashbrown::HashMap;
use std::num::NonZeroU32;

/// The paths of one host.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) exact: HashMap<Box<[u8]>, Match>,
    /// Bit n is set when an exact path's length is n modulo 64: most others need not be hashed.
    pub(super) exact_lengths: u64,
    /// The tree, breadth first: its root is the first, the children of a node lie side by side. Empty when
    /// there are only exact paths.
    pub(super) nodes: Box<[Node]>,
    /// The texts of all nodes and the first bytes of their children.
    pub(super) bytes: Box<[u8]>,
}

/// A node of the tree. `text` leads to it from its parent.
#[derive(Debug)]
pub(super) struct Node {
    /// Taken when the path ends here.
    pub(super) end: Option<Hit>,
    /// Taken when the path ends here or goes on with `/`.
    pub(super) below: Option<Hit>,
    /// The node behind one whole segment.
    pub(super) segment: Option<NonZeroU32>,
    /// The first of the children.
    pub(super) children: u32,
    pub(super) text: Range,
    /// The first bytes of the children, in their order.
    pub(super) firsts: Range,
}

/// A run of `Paths::bytes`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// A route and how exact its pattern is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) route: Match,
    /// Twice the pattern's length, one more for a template: it outranks a prefix of its own length.
    pub(super) rank: u32,
}

/// The bit of `Paths::exact_lengths` for this path.
pub(super) fn length_bit(path: &[u8]) -> u64 {
    1 << (path.len() % 64)
}

impl Paths {
    /// The route of the most exact pattern that takes `path`.
    pub(super) fn find(&self, path: &[u8]) -> Option<Match> {
        if self.exact_lengths & length_bit(path) != 0
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
                // Segments are short: a loop is sooner done than a call of memchr.
                let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
                self.walk(&self.nodes[next.get() as usize], &rest[end..], best);
            }
            let firsts = self.run(node.firsts);
            let Some(at) = firsts.iter().position(|byte| byte == first) else { return };
            node = &self.nodes[node.children as usize + at];
            match rest.strip_prefix(self.run(node.text)) {
                Some(after) => rest = after,
                None => return,
            }
        }
    }

    fn run(&self, range: Range) -> &[u8] {
        &self.bytes[range.start as usize..][..range.len as usize]
    }
}

/// Keeps the higher rank; of equal ones the earlier in the file, whose id is lower.
fn better(best: &mut Option<Hit>, hit: Hit) {
    let wins = match best {
        None => true,
        Some(have) => (hit.rank, have.route.route.0) > (have.rank, hit.route.route.0),
    };
    if wins {
        *best = Some(hit);
    }
}
