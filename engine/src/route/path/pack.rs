//! How the trees are laid out for reading: nodes in the order in which they are pushed, host by host, the children of
//! branching nodes in the hash table.

use super::trees::{Front, Slot, Trees, hash};
use super::{Known, Taker};

/// Trees and rules while they are packed.
#[derive(Debug, Default)]
pub(in crate::route) struct Packed {
    bytes: Vec<u8>,
    /// Those for the table: the hash of parent and first segment, and the place.
    children: Vec<(u64, u32)>,
    /// Those of all hosts, one host behind the other.
    pub(in crate::route) takers: Vec<Taker>,
}

/// How a node is come to.
#[derive(Debug)]
pub(in crate::route) struct Branch {
    /// None for a root.
    parent: Option<u32>,
    /// `/` and a segment, or more of them; empty for a root and behind a segment by name.
    text: String,
}

impl Branch {
    pub(in crate::route) fn root() -> Branch {
        Branch { parent: None, text: String::new() }
    }

    pub(in crate::route) fn named(parent: u32) -> Branch {
        Branch { parent: Some(parent), text: String::new() }
    }

    pub(in crate::route) fn literal(parent: u32, text: String) -> Branch {
        Branch { parent: Some(parent), text }
    }
}

impl Packed {
    /// Adds a node behind its parent, to have `literals` literal children. Gives its place.
    pub(in crate::route) fn push(
        &mut self,
        branch: &Branch,
        [below, end]: [Option<Known>; 2],
        literals: usize,
    ) -> u32 {
        let place = count(self.bytes.len());
        if let Some(parent) = branch.parent {
            self.lead(parent, place, &branch.text);
        }
        let mut len = count(branch.text.len());
        assert!(len <= Front::LEN_MAX, "paths are far shorter");
        for (leaf, bit) in [(below, Front::BELOW), (end, Front::END)] {
            len |= if leaf.is_some() { bit } else { 0 };
        }
        // The place of an only child is known when it is pushed.
        let literal = if literals > 1 { Front::MANY } else { 0 };
        let front = Front { literal, named: 0, parent: branch.parent.unwrap_or(place), len };
        self.bytes.extend_from_slice(&front.write());
        for leaf in [below, end].into_iter().flatten() {
            self.bytes.extend_from_slice(&leaf.write());
        }
        self.bytes.extend_from_slice(branch.text.as_bytes());
        place
    }

    /// Lets `parent` lead to a child.
    fn lead(&mut self, parent: u32, child: u32, text: &str) {
        let number = |at: usize| parent as usize + 4 * at..parent as usize + 4 * at + 4;
        let (literal, named) = (number(0), number(1));
        if text.is_empty() {
            self.bytes[named].copy_from_slice(&child.to_le_bytes());
        } else if self.bytes[literal.clone()] == Front::MANY.to_le_bytes() {
            let first = text[1..].split('/').next().unwrap_or_default();
            self.children.push((hash(parent, first.as_bytes()), child));
        } else {
            self.bytes[literal].copy_from_slice(&child.to_le_bytes());
        }
    }

    pub(in crate::route) fn finish(self) -> (Trees, Box<[Taker]>) {
        let mut table = vec![Slot::default(); (2 * self.children.len()).next_power_of_two()];
        let mask = table.len() - 1;
        for (hash, child) in self.children {
            let mut place = hash as usize;
            while table[place & mask].child != 0 {
                place += 1;
            }
            table[place & mask] = Slot { tag: Slot::tag(hash), child };
        }
        (Trees { bytes: self.bytes.into(), table: table.into() }, self.takers.into())
    }
}

/// A number of rules or bytes.
pub(in crate::route) fn count(number: usize) -> u32 {
    u32::try_from(number).expect("paths are fewer than 4 billion bytes")
}
