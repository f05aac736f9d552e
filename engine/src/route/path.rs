//! The paths of one host: exact ones in a hash map, prefixes and templates in a tree of segments, expressions in one
//! automaton. Each leads to the rules that ask for it, in order of precedence; those without further conditions are
//! told apart by a bit, so that taking one reads no more than its place.

use super::Match;
use super::Scratch;
use super::automaton::Automaton;
use super::guard::{Guard, Request};
use crate::base::RouteId;
use hashbrown::HashMap;
use segments::Segments;

pub(super) mod grow;
mod pack;
pub(super) mod pattern;
mod segments;

/// The paths of one host.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) exact: HashMap<Box<[u8]>, Hit>,
    /// Bit n is set when an exact path's length is n modulo 64: most others need not be hashed.
    pub(super) exact_lengths: u64,
    pub(super) segments: Segments,
    pub(super) expressions: Option<Box<Regexes>>,
    /// In order of precedence, over all paths of the host.
    pub(super) takers: Box<[Taker]>,
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

    fn place(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn is_guarded(self) -> bool {
        self.0 & 1 != 0
    }
}

/// The bit of `Paths::exact_lengths` for this path.
pub(super) fn length_bit(path: &[u8]) -> u64 {
    1 << (path.len() % 64)
}

impl Paths {
    /// The first rule, in order of precedence, that takes the request. An expression is asked last.
    #[inline]
    pub(super) fn find(&self, request: &Request<'_>) -> Option<Match> {
        let path = request.facts.path;
        let mut best = Hit::NONE;
        if self.exact_lengths & length_bit(path) != 0
            && let Some(hit) = self.exact.get(path)
        {
            self.better(&mut best, *hit, request);
        }
        if best.is_none() {
            self.segments.each(path, |hit| self.better(&mut best, hit, request));
        }
        if best.is_none() {
            best = self.matching(self.expressions.as_ref()?, request);
        }
        let taker = self.takers.get(best.place())?;
        Some(Match { route: taker.route, path: taker.path })
    }

    /// Apart from the way of requests that need no expression.
    #[inline(never)]
    fn matching(&self, expressions: &Regexes, request: &Request<'_>) -> Hit {
        let mut best = Hit::NONE;
        expressions.each(request.facts.path, request.scratch, |hit| self.better(&mut best, hit, request));
        best
    }

    /// Puts the first of the rules from `hit` on that takes the request in the place of `best`, if it is asked
    /// before that.
    #[inline]
    fn better(&self, best: &mut Hit, hit: Hit, request: &Request<'_>) {
        if hit < *best {
            *best = if hit.is_guarded() { self.pass(*best, hit, request) } else { hit };
        }
    }

    #[inline(never)]
    fn pass(&self, best: Hit, mut hit: Hit, request: &Request<'_>) -> Hit {
        while hit < best {
            let taker = &self.takers[hit.place()];
            let guard = &request.guards.list[taker.rule as usize];
            if guard.as_ref().is_none_or(|guard| guard.passes(request)) {
                return hit;
            }
            hit = taker.next;
        }
        best
    }

    /// Every rule that has this path and a guard.
    #[cold]
    pub(super) fn guards<'g>(&'g self, request: &'g Request<'_>, mut visit: impl FnMut(&'g Guard)) {
        let mut all = |mut hit: Hit| {
            while let Some(taker) = self.takers.get(hit.place()) {
                request.guards.list[taker.rule as usize].as_ref().into_iter().for_each(&mut visit);
                hit = taker.next;
            }
        };
        let path = request.facts.path;
        self.exact.get(path).copied().into_iter().for_each(&mut all);
        self.segments.each(path, &mut all);
        if let Some(expressions) = &self.expressions {
            expressions.each(path, request.scratch, all);
        }
    }
}

impl Regexes {
    fn each(&self, path: &[u8], scratch: &Scratch, mut visit: impl FnMut(Hit)) {
        self.automaton.each(path, scratch, |number| visit(self.hits[number]));
    }
}
