//! The paths of one host while they are gathered: rules by pattern, patterns by segment.

use super::pack::{Branch, Packed, count};
use super::pattern::{PathPattern, Segment};
use super::{Hit, Known, Taker};
use crate::base::RouteId;
use hashbrown::HashMap;
use std::cmp::Reverse;

/// The paths of one host while they are gathered. `p` is how long the patterns live.
#[derive(Debug)]
pub(in crate::route) struct Gathered<'p> {
    expressions: HashMap<&'p str, usize>,
    /// The root is the first.
    nodes: Vec<Growing<'p>>,
    /// Nodes by parent and segment.
    children: HashMap<(usize, &'p str), usize>,
    /// One for each different pattern.
    leaves: Vec<Leaf<'p>>,
}

/// A pattern, and the rules that ask for it.
#[derive(Debug)]
pub(in crate::route) struct Leaf<'p> {
    pub(in crate::route) pattern: &'p PathPattern,
    /// In order of precedence once they are sorted.
    pub(in crate::route) entries: Vec<Entry>,
}

/// A rule's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::route) struct Entry {
    /// The rule's place in the file's order.
    pub(in crate::route) rule: usize,
    /// Which of its paths.
    pub(in crate::route) path: u16,
    pub(in crate::route) route: RouteId,
    /// Whether it asks for more than host and path.
    pub(in crate::route) guarded: bool,
    pub(in crate::route) weight: Weight,
}

/// How much a rule asks for: of rules with equal paths, the one that asks for more is asked first. Whether it names a
/// listener, whether it names methods, then fields and cookies, then parameters of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::route) struct Weight {
    pub(in crate::route) listener: bool,
    pub(in crate::route) method: bool,
    pub(in crate::route) headers: usize,
    pub(in crate::route) query: usize,
}

#[derive(Debug, Default)]
struct Growing<'p> {
    end: Option<usize>,
    below: Option<usize>,
    named: Option<usize>,
    literals: Vec<(&'p str, usize)>,
}

impl<'p> Gathered<'p> {
    pub(in crate::route) fn new() -> Gathered<'p> {
        Gathered {
            expressions: HashMap::new(),
            nodes: vec![Growing::default()],
            children: HashMap::new(),
            leaves: Vec::new(),
        }
    }

    /// Adds a rule's path. A path that the rule has already is passed over.
    pub(in crate::route) fn add(&mut self, pattern: &'p PathPattern, entry: Entry) {
        let next = self.leaves.len();
        let leaf = match pattern {
            PathPattern::Exact(path) => {
                let at = self.descend(path.split('/').skip(1).map(Some));
                *self.nodes[at].end.get_or_insert(next)
            }
            PathPattern::Regex(expression) => *self.expressions.entry(expression.text()).or_insert(next),
            PathPattern::Segments { segments, below } => {
                let at = self.descend(segments.iter().map(|segment| match segment {
                    Segment::Text(text) => Some(text.as_str()),
                    Segment::Named(_) => None,
                }));
                let node = &mut self.nodes[at];
                *if *below { &mut node.below } else { &mut node.end }.get_or_insert(next)
            }
        };
        if leaf == next {
            self.leaves.push(Leaf { pattern, entries: Vec::new() });
        }
        let entries = &mut self.leaves[leaf].entries;
        if entries.last().is_none_or(|last| last.rule != entry.rule) {
            entries.push(entry);
        }
    }

    /// The node at the end of these segments, those by name being none.
    fn descend(&mut self, segments: impl Iterator<Item = Option<&'p str>>) -> usize {
        let mut at = 0;
        for segment in segments {
            let next = self.nodes.len();
            let child = match segment {
                Some(text) => *self.children.entry((at, text)).or_insert(next),
                None => *self.nodes[at].named.get_or_insert(next),
            };
            if child == next {
                self.nodes.push(Growing::default());
                if let Some(text) = segment {
                    self.nodes[at].literals.push((text, next));
                }
            }
            at = child;
        }
        at
    }

    /// The patterns, each with its rules in order of precedence.
    pub(in crate::route) fn sorted(&mut self) -> &[Leaf<'p>] {
        for leaf in &mut self.leaves {
            // Stable: of equal weights the first in the file stays first.
            leaf.entries.sort_by_key(|entry| Reverse(entry.weight));
        }
        &self.leaves
    }

    /// The different expressions, in the order in which [`Gathered::pack`] gives their hits.
    pub(in crate::route) fn expressions(&self) -> Vec<(&'p PathPattern, usize)> {
        let mut leaves: Vec<usize> = self.expressions.values().copied().collect();
        leaves.sort_unstable();
        leaves.into_iter().map(|leaf| (self.leaves[leaf].pattern, leaf)).collect()
    }

    /// Packs all but the expressions behind the hosts before. Gives the root, and what each leaf leads to. After
    /// [`Gathered::sorted`].
    pub(in crate::route) fn pack(&self, packed: &mut Packed) -> (u32, Vec<Hit>) {
        let hits = self.takers(&mut packed.takers);
        let root = self.tree(&hits, packed);
        (root, hits)
    }

    /// Puts all rules in order of precedence behind those of other hosts, chained by leaf. Gives the first of each leaf.
    fn takers(&self, takers: &mut Vec<Taker>) -> Vec<Hit> {
        let leaves = self.leaves.iter().enumerate();
        let mut all: Vec<(u32, usize, Entry)> = leaves
            .flat_map(|(leaf, of)| {
                let rank = of.pattern.rank();
                of.entries.iter().map(move |entry| (rank, leaf, *entry))
            })
            .collect();
        all.sort_by_key(|(rank, _, entry)| (Reverse(*rank), Reverse(entry.weight), entry.rule, entry.path));
        let before = takers.len();
        let mut firsts = vec![Hit::NONE; self.leaves.len()];
        for (place, (_, leaf, entry)) in all.iter().enumerate().rev() {
            let next = std::mem::replace(&mut firsts[*leaf], Hit::of(before + place, entry.guarded));
            takers.push(Taker { route: entry.route, rule: count(entry.rule), next, path: entry.path });
        }
        takers[before..].reverse();
        firsts
    }

    fn tree(&self, hits: &[Hit], packed: &mut Packed) -> u32 {
        // Depth first, so that the nodes of one way down lie side by side.
        let mut waiting = vec![(0, Branch::root())];
        let mut root = None;
        while let Some((at, branch)) = waiting.pop() {
            let growing = &self.nodes[at];
            let leaves = [growing.below, growing.end].map(|leaf| {
                let hit = hits[leaf?];
                Some(Known { hit, found: packed.takers.get(hit.place())?.found() })
            });
            let place = packed.push(&branch, leaves, growing.literals.len());
            root.get_or_insert(place);
            waiting.extend(growing.named.map(|child| (child, Branch::named(place))));
            for (text, child) in growing.literals.iter().rev() {
                let (text, child) = self.straight(text, *child);
                waiting.push((child, Branch::literal(place, text)));
            }
        }
        root.expect("the root is the first")
    }

    /// Follows a literal child as long as nothing ends there or branches off.
    fn straight(&self, text: &str, mut at: usize) -> (String, usize) {
        let mut all = format!("/{text}");
        loop {
            match &self.nodes[at] {
                Growing { end: None, below: None, named: None, literals } if literals.len() == 1 => {
                    let (text, next) = literals[0];
                    all.push('/');
                    all.push_str(text);
                    at = next;
                }
                _ => return (all, at),
            }
        }
    }
}
