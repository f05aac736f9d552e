//! The paths of all hosts: exact ones, prefixes and templates in a tree of segments for each host, expressions in one
//! automaton each. Each leads to the rules that ask for it, in order of precedence; those without further conditions
//! are told apart by a bit, so that taking one reads no more than its place.

use super::Match;
use super::Scratch;
use super::automaton::Automaton;
use super::guard::{Guard, Request};
use crate::base::RouteId;
use trees::Trees;

pub(super) mod grow;
pub(super) mod pack;
pub(super) mod pattern;
pub(super) mod trees;

/// The paths of all hosts.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) hosts: Vec<OfHost>,
    pub(super) trees: Trees,
    /// One host behind the other; in order of precedence over all paths of a host.
    pub(super) takers: Box<[Taker]>,
}

/// The paths of one host.
#[derive(Debug)]
pub(super) struct OfHost {
    /// Of its tree.
    pub(super) root: u32,
    pub(super) expressions: Option<Box<Regexes>>,
}

/// The expressions of a host.
#[derive(Debug)]
pub(super) struct Regexes {
    pub(super) automaton: Automaton,
    /// What each leads to.
    pub(super) hits: Box<[Hit]>,
}

/// A rule that asks for a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taker {
    pub(super) route: RouteId,
    /// The rule's place in the file's order, which is its guard's too.
    pub(super) rule: u32,
    /// The rule with the same path that is asked after it.
    pub(super) next: Hit,
    /// Which of the rule's paths.
    pub(super) path: u16,
}

/// The place of a taker, and in its lowest bit whether it has a guard. The smaller of two is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit(u32);

impl Hit {
    /// Nobody; greater than all others.
    pub(super) const NONE: Hit = Hit(u32::MAX);

    pub(super) fn of(place: usize, guarded: bool) -> Hit {
        let place = u32::try_from(place).ok().filter(|place| *place < u32::MAX / 2);
        Hit(place.expect("rules are fewer than 2 billion") << 1 | u32::from(guarded))
    }

    pub(super) fn is_none(self) -> bool {
        self == Hit::NONE
    }

    pub(super) fn place(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn is_guarded(self) -> bool {
        self.0 & 1 != 0
    }
}

impl Taker {
    pub(super) fn found(&self) -> Match {
        Match { route: self.route, path: self.path }
    }
}

/// What a path leads to, with what the first of its rules gives, so that the rule need not be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) hit: Hit,
    pub(super) found: Match,
}

impl Known {
    const NONE: Known = Known { hit: Hit::NONE, found: Match { route: RouteId(0), path: 0 } };
}

impl Paths {
    /// The host's first rule, in order of precedence, that takes the request. An expression is asked last.
    #[inline]
    pub(super) fn find(&self, host: u32, request: &Request<'_>) -> Option<Match> {
        let host = &self.hosts[host as usize];
        let mut best = Known::NONE;
        self.trees.each(host.root, request.facts.path, |leaf| self.better(&mut best, leaf, request));
        if best.hit.is_none() {
            best = self.matching(host.expressions.as_ref()?, request);
        }
        (!best.hit.is_none()).then_some(best.found)
    }

    /// Apart from the way of requests that need no expression.
    #[inline(never)]
    fn matching(&self, expressions: &Regexes, request: &Request<'_>) -> Known {
        let mut best = Known::NONE;
        expressions.each(request.facts.path, request.scratch, |hit| {
            let found = self.takers[hit.place()].found();
            self.better(&mut best, Known { hit, found }, request);
        });
        best
    }

    /// Puts the first of the rules from that of `leaf` on that takes the request in the place of `best`, if it is
    /// asked before that.
    #[inline]
    fn better(&self, best: &mut Known, leaf: Known, request: &Request<'_>) {
        if leaf.hit < best.hit {
            *best = if leaf.hit.is_guarded() { self.pass(*best, leaf.hit, request) } else { leaf };
        }
    }

    #[inline(never)]
    fn pass(&self, best: Known, mut hit: Hit, request: &Request<'_>) -> Known {
        while hit < best.hit {
            let taker = &self.takers[hit.place()];
            let guard = &request.guards.list[taker.rule as usize];
            if guard.as_ref().is_none_or(|guard| guard.passes(request)) {
                return Known { hit, found: taker.found() };
            }
            hit = taker.next;
        }
        best
    }

    /// Every rule of the host that has this path and a guard.
    #[cold]
    pub(super) fn guards<'g>(
        &'g self,
        host: u32,
        request: &'g Request<'_>,
        mut visit: impl FnMut(&'g Guard),
    ) {
        let host = &self.hosts[host as usize];
        let mut all = |mut hit: Hit| {
            while let Some(taker) = self.takers.get(hit.place()) {
                request.guards.list[taker.rule as usize].as_ref().into_iter().for_each(&mut visit);
                hit = taker.next;
            }
        };
        let path = request.facts.path;
        self.trees.each(host.root, path, |leaf| all(leaf.hit));
        if let Some(expressions) = &host.expressions {
            expressions.each(path, request.scratch, all);
        }
    }
}

impl Regexes {
    fn each(&self, path: &[u8], scratch: &Scratch, mut visit: impl FnMut(Hit)) {
        self.automaton.each(path, scratch, |number| visit(self.hits[number]));
    }
}
