//! The exact paths, prefixes and templates of all hosts: a tree for each host, with a node for each segment. A node with
//! one literal child knows it; the children of those with more lie in one open hash table for all trees, by parent and
//! segment. So a look-up costs by the segments of the path, whatever the number of patterns.
//!
//! Among many thousand patterns a look-up waits for memory, not for instructions: each node lies with its text and with
//! what it leads to in one run of bytes, and behind its parent, so that a way down is read from few lines of the cache.

use super::{Hit, Known};
use crate::base::RouteId;
use crate::route::Match;

/// The trees, packed for reading.
#[derive(Debug, Default)]
pub(in crate::route) struct Trees {
    /// The nodes. A place is the number of its first byte.
    pub(in crate::route) bytes: Box<[u8]>,
    /// Nodes by parent and first segment, probed in turn. At most half of the places are taken.
    pub(in crate::route) table: Box<[Slot]>,
}

/// A place of the table.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::route) struct Slot {
    /// Tells most nodes apart without a look at them.
    pub(in crate::route) tag: u32,
    /// 0, a root, for a free place.
    pub(in crate::route) child: u32,
}

impl Slot {
    /// The half of a hash that is not used to find the place.
    #[inline]
    pub(in crate::route) fn tag(hash: u64) -> u32 {
        (hash >> 32) as u32
    }
}

/// The front of a node: four numbers of four bytes. Behind it come the leaves it has, `below` first, and its text.
#[derive(Debug, Clone, Copy)]
pub(in crate::route) struct Front {
    /// Where literal segments lead: the one child, [`Front::MANY`] for those in the table, 0 for none.
    pub(in crate::route) literal: u32,
    /// The node behind one whole segment; 0 for none.
    pub(in crate::route) named: u32,
    /// Its own place for a root.
    pub(in crate::route) parent: u32,
    /// Bytes of the text that leads here from the parent: `/segment`, more of them where nothing branches off. None
    /// behind a segment by name, and for a root. The highest bits tell which leaves there are.
    pub(in crate::route) len: u32,
}

impl Front {
    pub(in crate::route) const MANY: u32 = u32::MAX;
    /// Taken when the path ends here or goes on with `/`.
    pub(in crate::route) const BELOW: u32 = 1 << 31;
    /// Taken when the path ends here.
    pub(in crate::route) const END: u32 = 1 << 30;
    pub(in crate::route) const LEN_MAX: u32 = Front::END - 1;
    /// Bytes of one.
    pub(in crate::route) const BYTES: usize = 16;

    #[inline]
    fn read(bytes: &[u8; Front::BYTES]) -> Front {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Front { literal: number(0), named: number(4), parent: number(8), len: number(12) }
    }

    pub(in crate::route) fn write(self) -> [u8; Front::BYTES] {
        let mut bytes = [0; Front::BYTES];
        for (four, number) in bytes.chunks_mut(4).zip([self.literal, self.named, self.parent, self.len]) {
            four.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

impl Known {
    /// Bytes of one.
    pub(in crate::route) const BYTES: usize = 10;

    #[inline]
    fn read(bytes: &[u8; Known::BYTES]) -> Known {
        let [a, b, c, d, e, f, g, h, i, j] = *bytes;
        let route = RouteId(u32::from_le_bytes([e, f, g, h]));
        Known {
            hit: Hit(u32::from_le_bytes([a, b, c, d])),
            found: Match { route, path: u16::from_le_bytes([i, j]) },
        }
    }

    pub(in crate::route) fn write(self) -> [u8; Known::BYTES] {
        let [a, b, c, d] = self.hit.0.to_le_bytes();
        let [e, f, g, h] = self.found.route.0.to_le_bytes();
        let [i, j] = self.found.path.to_le_bytes();
        [a, b, c, d, e, f, g, h, i, j]
    }
}

/// A node as it is met.
#[derive(Debug, Clone, Copy)]
struct Node<'t> {
    front: Front,
    /// From behind the front.
    rest: &'t [u8],
}

impl<'t> Node<'t> {
    #[inline]
    fn below(self) -> Option<Known> {
        (self.front.len & Front::BELOW != 0).then(|| self.leaf(0))
    }

    #[inline]
    fn end(self) -> Option<Known> {
        let below = usize::from(self.front.len & Front::BELOW != 0);
        (self.front.len & Front::END != 0).then(|| self.leaf(below))
    }

    #[inline]
    fn leaf(self, number: usize) -> Known {
        let leaf = self.rest[number * Known::BYTES..].first_chunk();
        Known::read(leaf.expect("a node says which leaves it has"))
    }

    #[inline]
    fn text(self) -> &'t [u8] {
        let leaves = (self.front.len >> 30).count_ones() as usize;
        &self.rest[leaves * Known::BYTES..][..(self.front.len & Front::LEN_MAX) as usize]
    }

    /// What is left of `path` behind the text, which must end with one of its segments.
    #[inline]
    fn behind(self, path: &[u8]) -> Option<&[u8]> {
        let after = path.strip_prefix(self.text())?;
        after.first().is_none_or(|byte| *byte == b'/').then_some(after)
    }
}

impl Trees {
    /// Visits what every pattern of the tree with this root leads to that takes `path`.
    #[inline]
    pub(in crate::route) fn each(&self, root: u32, path: &[u8], mut visit: impl FnMut(Known)) {
        // `OPTIONS *` asks about the server as a whole (RFC 9110 §9.3.7): the rule for every path takes it.
        if path == b"*" {
            return self.node(root).below().into_iter().for_each(visit);
        }
        self.walk(self.node(root), root, path, &mut visit);
    }

    /// Goes down from a node with what is left of the path: nothing, or `/` and more. Each node is met at most once
    /// in a look-up, since what leads to it says which segments were taken; it recurs only where one may be taken
    /// two ways.
    #[inline]
    fn walk<'t>(&'t self, mut node: Node<'t>, mut at: u32, mut rest: &[u8], visit: &mut impl FnMut(Known)) {
        loop {
            if let Some(leaf) = node.below() {
                visit(leaf);
            }
            if rest.is_empty() {
                return node.end().into_iter().for_each(visit);
            }
            if node.front.named != 0 {
                let end = segment_end(rest);
                if end > 1 {
                    self.fork(node.front.named, &rest[end..], visit);
                }
            }
            let next = match node.front.literal {
                0 => return,
                Front::MANY => self.child(at, rest),
                next => {
                    let node = self.node(next);
                    node.behind(rest).map(|after| (node, next, after))
                }
            };
            let Some(next) = next else { return };
            (node, at, rest) = next;
        }
    }

    #[inline(never)]
    fn fork(&self, at: u32, rest: &[u8], visit: &mut impl FnMut(Known)) {
        self.walk(self.node(at), at, rest, visit);
    }

    #[inline]
    fn node(&self, at: u32) -> Node<'_> {
        let (front, rest) = self.bytes[at as usize..].split_first_chunk().expect("a place is that of a node");
        Node { front: Front::read(front), rest }
    }

    #[inline]
    fn child<'r>(&self, parent: u32, path: &'r [u8]) -> Option<(Node<'_>, u32, &'r [u8])> {
        let hash = hash(parent, &path[1..segment_end(path)]);
        let (mut place, mask) = (hash as usize, self.table.len() - 1);
        loop {
            let Slot { tag, child } = self.table[place & mask];
            if child == 0 {
                return None;
            }
            if tag == Slot::tag(hash) {
                let node = self.node(child);
                if node.front.parent == parent
                    && let Some(after) = node.behind(path)
                {
                    return Some((node, child, after));
                }
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
