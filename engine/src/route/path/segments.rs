//! The prefixes and templates of one host: a tree with a node for each segment. A node with one literal child knows
//! it; the children of those with more lie in one open hash table for the whole tree, by parent and segment. So a
//! look-up costs by the segments of the path, whatever the number of patterns.

use super::Hit;
use std::num::NonZeroU32;

/// The tree, packed for reading.
#[derive(Debug, Default)]
pub(in crate::route) struct Segments {
    /// The root is the first. Empty when there is no pattern.
    pub(in crate::route) nodes: Box<[Node]>,
    /// The texts of all nodes.
    pub(in crate::route) bytes: Box<[u8]>,
    /// Nodes by parent and first segment, probed in turn. At most half of the places are taken.
    pub(in crate::route) table: Box<[Slot]>,
}

/// A place of the table.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::route) struct Slot {
    /// Tells most nodes apart without a look at them.
    pub(in crate::route) tag: u32,
    /// 0, the root, for a free place.
    pub(in crate::route) child: u32,
}

impl Slot {
    /// The half of a hash that is not used to find the place.
    #[inline]
    pub(in crate::route) fn tag(hash: u64) -> u32 {
        (hash >> 32) as u32
    }
}

/// A node of the tree.
#[derive(Debug)]
pub(in crate::route) struct Node {
    /// Taken when the path ends here or goes on with `/`.
    pub(in crate::route) below: Hit,
    /// Taken when the path ends here.
    pub(in crate::route) end: Hit,
    /// The node behind one whole segment.
    pub(in crate::route) named: Option<NonZeroU32>,
    /// Where literal segments lead.
    pub(in crate::route) literal: Literal,
    pub(in crate::route) parent: u32,
    /// What leads here from the parent: `/segment`, more of them where nothing branches off. Empty behind a segment
    /// by name.
    pub(in crate::route) text: Range,
}

/// The literal children of a node.
#[derive(Debug, Clone, Copy)]
pub(in crate::route) enum Literal {
    None,
    One(u32),
    /// In the table.
    Many,
}

/// A run of `Segments::bytes`.
#[derive(Debug, Clone, Copy)]
pub(in crate::route) struct Range {
    pub(in crate::route) start: u32,
    pub(in crate::route) len: u32,
}

impl Segments {
    /// Visits what every pattern that takes `path` leads to.
    #[inline]
    pub(in crate::route) fn each(&self, path: &[u8], mut visit: impl FnMut(Hit)) {
        let Some(root) = self.nodes.first() else { return };
        // `OPTIONS *` asks about the server as a whole (RFC 9110 §9.3.7): the rule for every path takes it.
        if path == b"*" {
            return visit(root.below);
        }
        self.walk(0, path, &mut visit);
    }

    /// Goes down from a node with what is left of the path: nothing, or `/` and more. Each node is met at most once
    /// in a look-up, since what leads to it says which segments were taken; it recurs only where one may be taken
    /// two ways.
    #[inline]
    fn walk(&self, mut at: u32, mut rest: &[u8], visit: &mut impl FnMut(Hit)) {
        loop {
            let node = &self.nodes[at as usize];
            visit(node.below);
            if rest.is_empty() {
                return visit(node.end);
            }
            if let Some(next) = node.named {
                let end = segment_end(rest);
                if end > 1 {
                    self.fork(next.get(), &rest[end..], visit);
                }
            }
            let next = match node.literal {
                Literal::None => return,
                Literal::One(next) => self.behind(next, rest).map(|after| (next, after)),
                Literal::Many => self.child(at, rest),
            };
            let Some((next, after)) = next else { return };
            (at, rest) = (next, after);
        }
    }

    #[inline(never)]
    fn fork(&self, at: u32, rest: &[u8], visit: &mut impl FnMut(Hit)) {
        self.walk(at, rest, visit);
    }

    /// What is left of `rest` behind the text of a node, which must end with one of its segments.
    #[inline]
    fn behind<'r>(&self, node: u32, rest: &'r [u8]) -> Option<&'r [u8]> {
        let text = self.nodes[node as usize].text;
        let after = rest.strip_prefix(&self.bytes[text.start as usize..][..text.len as usize])?;
        after.first().is_none_or(|byte| *byte == b'/').then_some(after)
    }

    #[inline]
    fn child<'r>(&self, parent: u32, rest: &'r [u8]) -> Option<(u32, &'r [u8])> {
        let hash = hash(parent, &rest[1..segment_end(rest)]);
        let (mut place, mask) = (hash as usize, self.table.len() - 1);
        loop {
            let Slot { tag, child } = self.table[place & mask];
            if child == 0 {
                return None;
            }
            if tag == Slot::tag(hash)
                && self.nodes[child as usize].parent == parent
                && let Some(after) = self.behind(child, rest)
            {
                return Some((child, after));
            }
            place += 1;
        }
    }
}

/// Where the segment ends that begins with the `/` of `rest`. Segments are short: a loop is sooner done than a call.
#[inline]
fn segment_end(rest: &[u8]) -> usize {
    rest[1..].iter().position(|byte| *byte == b'/').map_or(rest.len(), |at| at + 1)
}

/// Of a child's place in the table. It mixes every byte, eight at a time; those who write patterns are trusted not to
/// look for collisions, and whoever sends paths cannot make any.
#[inline]
pub(in crate::route) fn hash(parent: u32, segment: &[u8]) -> u64 {
    let state = u64::from(parent) << 32 | segment.len() as u64;
    let (first, last) = match (segment.first_chunk::<8>(), segment.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (segment.first_chunk::<4>(), segment.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
            }
            _ => (segment.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
        },
    };
    let mut state = folded(state ^ first);
    if segment.len() > 16 {
        for eight in segment[8..].chunks_exact(8) {
            state = folded(state ^ eight.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight)));
        }
    }
    folded(state ^ last)
}

/// Both halves of the product with an odd constant, the golden ratio's.
#[inline]
fn folded(word: u64) -> u64 {
    let product = u128::from(word) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}
