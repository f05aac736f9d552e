//! Rules → look-up, and what is odd about them. Called by `table` off the shards. *Cost*: about a microsecond a path,
//! and the expressions of each host are compiled together.

use super::Scratch;
use super::automaton::{Automaton, Place, Regex};
use super::guard::condition::Condition;
use super::guard::overlap::{Overlap, overlap};
use super::guard::{Guard, Guards};
use super::host::{HostPattern, Hosts};
use super::path::grow::{Entry, Gathered, Leaf, Weight};
use super::path::pack::Packed;
use super::path::pattern::PathPattern;
use super::path::{OfHost, Paths, Regexes};
use super::{Finding, Lookup, MethodSet, Part, Rule};
use crate::base::RouteId;
use hashbrown::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// Pairs of rules compared at most, each with those of its host and path: a look-up may have any number of them.
const PAIRS_MAX: usize = 1_000_000;

/// Pairs of templates of a host looked at for requests that both take.
const MEETINGS_MAX: usize = 200_000;

/// Numbers look-ups, so that a shard's working memory knows whose it is. 0 is nobody.
static BUILT: AtomicU64 = AtomicU64::new(1);

impl Lookup {
    /// Compiles `rules`, given in file order. Also tells what is odd about them.
    pub fn new(rules: Vec<Rule>) -> (Lookup, Vec<Finding>) {
        let mut build = Build { owner: BUILT.fetch_add(1, Ordering::Relaxed), ..Build::default() };
        build.guards(&rules);
        let mut hosts = Hosts::default();
        let mut gathered: Vec<Gathered<'_>> = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            let any = [HostPattern::Any];
            for host in if rule.hosts.is_empty() { &any[..] } else { &rule.hosts } {
                let slot = hosts.slot(host, gathered.len()) as usize;
                if slot == gathered.len() {
                    gathered.push(Gathered::new());
                }
                for (path, pattern) in (0..).zip(&rule.paths) {
                    let guarded = build.guards.list[number].is_some();
                    let (route, weight) = (rule.route, rule.weight());
                    gathered[slot].add(pattern, Entry { rule: number, path, route, guarded, weight });
                }
            }
        }
        let with_expressions = gathered.iter().filter(|host| !host.expressions().is_empty()).count();
        build.automata = build.guards.automata.len() + with_expressions;
        let mut packed = Packed::default();
        let of_hosts = gathered.iter_mut().map(|host| build.host(host, &mut packed)).collect();
        drop(gathered);
        let (trees, takers) = packed.finish();
        let paths = Paths { hosts: of_hosts, trees, takers };
        let Build { guards, findings, .. } = build;
        (Lookup { hosts, paths, guards, rules }, findings)
    }
}

impl Rule {
    pub(super) fn weight(&self) -> Weight {
        let query = self.conditions.iter().filter(|condition| condition.part == Part::Query).count();
        let listener = !self.listeners.is_empty();
        Weight { listener, method: !self.methods.is_empty(), headers: self.conditions.len() - query, query }
    }
}

/// A look-up while it is built.
#[derive(Default)]
struct Build {
    owner: u64,
    guards: Guards,
    findings: Vec<Finding>,
    known: HashSet<Finding>,
    /// Automata that there will be.
    automata: usize,
    /// Those that have their place.
    placed: usize,
    pairs: usize,
    scratch: Scratch,
}

impl Build {
    /// Compiles what the rules ask for besides host and path.
    fn guards(&mut self, rules: &[Rule]) {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut different: Vec<(&Regex, RouteId)> = Vec::new();
        for rule in rules {
            for expression in rule.conditions.iter().filter_map(Condition::regex) {
                let next = different.len();
                if *places.entry(expression.text()).or_insert(next) == next {
                    different.push((expression, rule.route));
                }
            }
        }
        self.automata = different.len();
        for (expression, route) in different {
            let automaton = self.automaton(&[expression], route);
            self.guards.automata.extend(automaton);
        }
        for rule in rules {
            let methods = self.guards.methods.set(&rule.methods).unwrap_or_else(|| {
                self.findings.push(Finding::TooManyMethods { route: rule.route });
                MethodSet::default()
            });
            let guard = Guard::compile(rule, methods, |expression| places[expression.text()]);
            self.guards.list.push(guard);
        }
    }

    fn automaton(&mut self, expressions: &[&Regex], route: RouteId) -> Option<Automaton> {
        let at = Place { owner: self.owner, place: self.placed, of: self.automata };
        self.placed += 1;
        let automaton = Automaton::compile(expressions, at);
        if automaton.is_none() {
            self.findings.push(Finding::TooLarge { route });
        }
        automaton
    }

    fn host(&mut self, gathered: &mut Gathered<'_>, packed: &mut Packed) -> OfHost {
        self.compare(gathered.sorted());
        let (root, hits) = gathered.pack(packed);
        let mut host = OfHost { root, expressions: None };
        let expressions = gathered.expressions();
        if let Some((_, leaf)) = expressions.first() {
            let route = gathered.sorted()[*leaf].entries[0].route;
            let parsed: Vec<&Regex> = expressions.iter().filter_map(|(pattern, _)| pattern.regex()).collect();
            let hits = expressions.iter().map(|(_, leaf)| hits[*leaf]).collect();
            let automaton = self.automaton(&parsed, route);
            host.expressions = automaton.map(|automaton| Box::new(Regexes { automaton, hits }));
        }
        host
    }

    /// Notes which rules of a host the earlier ones leave nothing to, and which of them only their order tells apart.
    fn compare(&mut self, leaves: &[Leaf<'_>]) {
        let all = leaves.iter().find(|leaf| leaf.pattern.takes_all());
        let all = all.and_then(|leaf| leaf.entries.iter().find(|entry| !entry.guarded));
        for leaf in leaves {
            for (place, later) in leaf.entries.iter().enumerate() {
                match (leaf.pattern, all) {
                    // Whatever an expression may take, the rule for every path has taken before.
                    (PathPattern::Regex(_), Some(all)) => {
                        let path = later.path.into();
                        self.note(Finding::Shadowed { route: later.route, path, by: all.route });
                    }
                    _ => self.compare_one(&leaf.entries[..place], later),
                }
            }
        }
        self.compare_templates(leaves);
    }

    /// Notes which rules take the same requests by templates of which neither is the more exact: `/a/{x}/b` and `/a/b/{x}`.
    /// As far as [`MEETINGS_MAX`] goes: it is a hint.
    fn compare_templates(&mut self, leaves: &[Leaf<'_>]) {
        let mut of_rank: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, leaf) in leaves.iter().enumerate().filter(|(_, leaf)| leaf.pattern.is_template()) {
            of_rank.entry(leaf.pattern.rank()).or_default().push(at);
        }
        let mut ranks: Vec<Vec<usize>> = of_rank.into_values().collect();
        ranks.sort_unstable();
        let pairs = ranks.iter().flat_map(|rank| {
            let pair = |(place, at): (usize, &usize)| {
                rank[..place].iter().map(|first| (*first, *at)).collect::<Vec<_>>()
            };
            rank.iter().enumerate().flat_map(pair)
        });
        for (one, other) in pairs.take(MEETINGS_MAX) {
            if !leaves[one].pattern.meets(leaves[other].pattern) {
                continue;
            }
            for first in &leaves[one].entries {
                for second in &leaves[other].entries {
                    self.meet(first, second);
                }
            }
        }
    }

    /// Notes that only their order tells two rules apart, if it does.
    fn meet(&mut self, one: &Entry, other: &Entry) {
        self.pairs += 1;
        if self.pairs > PAIRS_MAX || one.weight != other.weight || one.route == other.route {
            return;
        }
        let (earlier, later) = if one.rule < other.rule { (one, other) } else { (other, one) };
        let [first, second] = [earlier, later].map(|entry| self.guards.list[entry.rule].as_ref());
        if !matches!(overlap(first, second, &self.guards, &self.scratch), Overlap::Apart) {
            let (route, path, with) = (later.route, later.path.into(), earlier.route);
            self.note(Finding::Ambiguous { route, path, with });
        }
    }

    fn compare_one(&mut self, earlier: &[Entry], later: &Entry) {
        let (route, path) = (later.route, later.path.into());
        let mut shared = None;
        for first in earlier {
            self.pairs += 1;
            if self.pairs > PAIRS_MAX {
                // The first one is told; after it there is no end of them.
                if self.pairs == PAIRS_MAX + 1 {
                    self.findings.push(Finding::NotCompared { route });
                }
                return;
            }
            let [one, other] = [first, later].map(|entry| self.guards.list[entry.rule].as_ref());
            match overlap(one, other, &self.guards, &self.scratch) {
                Overlap::Covered => return self.note(Finding::Shadowed { route, path, by: first.route }),
                Overlap::Shared if first.weight == later.weight => shared = shared.or(Some(first.route)),
                _ => {}
            }
        }
        if let Some(with) = shared {
            self.note(Finding::Ambiguous { route, path, with });
        }
    }

    /// Notes a finding once, on however many hosts it is made.
    fn note(&mut self, finding: Finding) {
        if self.known.insert(finding.clone()) {
            self.findings.push(finding);
        }
    }
}
