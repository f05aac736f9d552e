//! How the tree of a host's prefixes and templates is laid out for reading: nodes and texts in the order in which they
//! are pushed, the children of branching nodes in the hash table.

use super::Hit;
use super::segments::{Literal, Node, Range, Segments, Slot, hash};
use std::num::NonZeroU32;

/// A tree while it is packed.
#[derive(Debug, Default)]
pub(in crate::route) struct Packed {
    nodes: Vec<Node>,
    bytes: Vec<u8>,
}

/// How a node is come to.
#[derive(Debug)]
pub(in crate::route) struct Branch {
    parent: u32,
    /// `/` and a segment, or more of them; empty for the root and behind a segment by name.
    text: String,
}

impl Branch {
    pub(in crate::route) fn root() -> Branch {
        Branch::named(0)
    }

    pub(in crate::route) fn named(parent: u32) -> Branch {
        Branch { parent, text: String::new() }
    }

    pub(in crate::route) fn literal(parent: u32, text: String) -> Branch {
        Branch { parent, text }
    }
}

impl Packed {
    /// Adds a node behind its parent, to have `literals` literal children. Gives its place.
    pub(in crate::route) fn push(&mut self, branch: &Branch, below: Hit, end: Hit, literals: usize) -> u32 {
        let place = count(self.nodes.len());
        if let (Some(parent), Some(child)) =
            (self.nodes.get_mut(branch.parent as usize), NonZeroU32::new(place))
        {
            match parent.literal {
                _ if branch.text.is_empty() => parent.named = Some(child),
                Literal::Many => {}
                _ => parent.literal = Literal::One(place),
            }
        }
        let text = Range { start: count(self.bytes.len()), len: count(branch.text.len()) };
        self.bytes.extend_from_slice(branch.text.as_bytes());
        // The place of an only child is known when it is pushed.
        let literal = if literals > 1 { Literal::Many } else { Literal::None };
        self.nodes.push(Node { below, end, named: None, literal, parent: branch.parent, text });
        place
    }

    pub(in crate::route) fn finish(self) -> Segments {
        let Packed { nodes, bytes } = self;
        let in_table =
            |node: &Node| node.text.len > 0 && matches!(nodes[node.parent as usize].literal, Literal::Many);
        let children = || (0..).zip(&nodes).filter(|(_, node)| in_table(node));
        let mut table = vec![Slot::default(); (2 * children().count()).next_power_of_two()];
        let mask = table.len() - 1;
        for (child, node) in children() {
            let text = &bytes[node.text.start as usize + 1..][..node.text.len as usize - 1];
            let first = text.split(|byte| *byte == b'/').next().unwrap_or_default();
            let hash = hash(node.parent, first);
            let mut place = hash as usize;
            while table[place & mask].child != 0 {
                place += 1;
            }
            table[place & mask] = Slot { tag: Slot::tag(hash), child };
        }
        Segments { nodes: nodes.into(), bytes: bytes.into(), table: table.into() }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("paths are fewer than 4 billion bytes")
}
