//! The tree of a host's paths while it grows, and how it is packed for reading.

use super::Match;
use super::path::{Hit, Node, Paths, Range, length_bit};
use super::pattern::{Part, PathPattern};
use hashbrown::HashMap;
use std::num::NonZeroU32;

/// The tree while it grows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    exact: HashMap<Box<[u8]>, Match>,
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
    pub(super) fn add(&mut self, pattern: &PathPattern, route: Match) {
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
        let exact_lengths = self.exact.keys().fold(0, |bits, path| bits | length_bit(path));
        let mut bytes = Vec::new();
        let mut nodes = Vec::with_capacity(self.nodes.len());
        // Nodes in the order they will lie in; one that is reached gets the next place.
        let mut order: Vec<usize> = if self.nodes.is_empty() { Vec::new() } else { vec![0] };
        while let Some(growing) = order.get(nodes.len()).map(|at| &self.nodes[*at]) {
            let text = push_run(&mut bytes, growing.text.iter().copied());
            let firsts = growing.children.iter().map(|child| self.nodes[*child].text[0]);
            let firsts = push_run(&mut bytes, firsts);
            let children = count(order.len());
            order.extend(&growing.children);
            let segment = growing.segment.and_then(|_| NonZeroU32::new(count(order.len())));
            order.extend(growing.segment);
            nodes.push(Node { end: growing.end, below: growing.below, segment, children, text, firsts });
        }
        Paths { exact: self.exact, exact_lengths, nodes: nodes.into(), bytes: bytes.into() }
    }
}

fn push_run(bytes: &mut Vec<u8>, run: impl Iterator<Item = u8>) -> Range {
    let start = bytes.len();
    bytes.extend(run);
    Range { start: count(start), len: count(bytes.len() - start) }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("paths are fewer than 4 billion bytes")
}

fn shared_bytes(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
