//! Regular expressions over bytes: read and bounded where they are written, then many of them in one automaton that
//! walks a text once and tells all that match the whole of it. The automaton is built while it runs, into a cache of
//! bounded size that a shard lends, so that compiling is soon done and searching needs no lock.

use regex_automata::hybrid::dfa::{Builder, Cache, DFA};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;
use scratch::Scratch;
use std::borrow::Cow;

pub(super) mod scratch;

/// Bytes of an expression's text.
const TEXT_BYTES_MAX: usize = 4096;

/// Bytes that one expression may compile to.
const EXPRESSION_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that the expressions of one automaton may compile to together.
const AUTOMATON_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes that the caches of all automata of a look-up may grow to on each shard, and the least that one gets.
const CACHE_BYTES: usize = 32 * 1024 * 1024;
const CACHE_BYTES_MIN: usize = 64 * 1024;

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The byte of the text at fault.
    pub at: usize,
    /// What is wrong, as the rest of a sentence that begins with the text.
    pub reason: Cow<'static, str>,
}

impl From<&'static str> for Unread {
    fn from(reason: &'static str) -> Unread {
        Unread { at: 0, reason: reason.into() }
    }
}

/// A regular expression that has been read. It matches whole texts, byte by byte: `.`, `\w` and classes know ASCII
/// only, as a canonical path does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regex {
    text: String,
    parsed: Hir,
}

impl Regex {
    /// Reads an expression and compiles it once, so that a faulty or too large one is told with its place.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Regex, Unread> {
        if text.is_empty() {
            return Err("is an empty expression".into());
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err("is an expression of over 4096 bytes".into());
        }
        let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
        let parsed = parser.parse(text).map_err(unread)?;
        let automaton = compiled(&[&parsed], EXPRESSION_BYTES_MAX, CACHE_BYTES_MIN);
        automaton.ok_or("is an expression too large to compile")?;
        Ok(Regex { text: text.to_owned(), parsed })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches the whole of `text`. Compiles it: for explaining, never for a request.
    pub(super) fn takes(&self, text: &[u8]) -> bool {
        let one = Automaton::compile(&[self], Place { owner: 0, place: 0, of: 1 });
        one.is_some_and(|automaton| automaton.is_match(text, &Scratch::default()))
    }
}

fn unread(error: regex_syntax::Error) -> Unread {
    let (at, kind) = match &error {
        regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
        regex_syntax::Error::Translate(error) => (error.span().start.offset, error.kind().to_string()),
        _ => (0, "it is refused".to_owned()),
    };
    Unread { at, reason: format!("is not a regular expression: {kind}").into() }
}

/// An automaton's place among those of its look-up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The look-up.
    pub(super) owner: u64,
    /// The automaton's number.
    pub(super) place: usize,
    /// How many there are.
    pub(super) of: usize,
}

/// Several expressions at once.
#[derive(Debug)]
pub(super) struct Automaton {
    dfa: DFA,
    pub(super) owner: u64,
    pub(super) place: usize,
}

impl Automaton {
    /// Compiles `expressions`. None when they are too large together.
    pub(super) fn compile(expressions: &[&Regex], at: Place) -> Option<Automaton> {
        let parsed: Vec<&Hir> = expressions.iter().map(|expression| &expression.parsed).collect();
        let cache_bytes = cache_bytes(at.of);
        let dfa = compiled(&parsed, AUTOMATON_BYTES_MAX, cache_bytes)?;
        Some(Automaton { dfa, owner: at.owner, place: at.place })
    }

    /// Its bytes, without its caches.
    pub(super) fn bytes(&self) -> usize {
        self.dfa.memory_usage() + self.dfa.get_nfa().memory_usage()
    }

    /// An empty cache for it.
    pub(super) fn cache(&self) -> Cache {
        self.dfa.create_cache()
    }

    /// Tells the number of each expression that matches the whole of `text`, in no order. *Cost*: one step a byte
    /// once the cache is warm; a step that was never taken builds a state, at worst as large as all expressions.
    pub(super) fn each(&self, text: &[u8], scratch: &Scratch, mut visit: impl FnMut(usize)) {
        scratch.with(self, |cache| {
            let Some(end) = self.run(text, cache) else { return };
            for index in 0..self.dfa.match_len(cache, end) {
                visit(self.dfa.match_pattern(cache, end, index).as_usize());
            }
        });
    }

    /// Whether any expression matches the whole of `text`.
    pub(super) fn is_match(&self, text: &[u8], scratch: &Scratch) -> bool {
        scratch.with(self, |cache| self.run(text, cache).is_some())
    }

    /// The state behind the whole of `text`, if it is one that matches. Errors are for automata that may give up,
    /// and for bytes at which one stops; this one was built without either.
    fn run(&self, text: &[u8], cache: &mut Cache) -> Option<regex_automata::hybrid::LazyStateID> {
        let start = start::Config::new().anchored(Anchored::Yes);
        let mut state = self.dfa.start_state(cache, &start).ok()?;
        for byte in text {
            state = self.dfa.next_state(cache, state, *byte).ok()?;
            if state.is_dead() {
                return None;
            }
        }
        // A match is seen one step late, so here those that end at the end of the text and no others.
        let end = self.dfa.next_eoi_state(cache, state).ok()?;
        end.is_match().then_some(end)
    }
}

/// Bytes that the cache of one of `automata` automata may grow to.
fn cache_bytes(automata: usize) -> usize {
    (CACHE_BYTES / automata.max(1)).max(CACHE_BYTES_MIN)
}

/// Bytes that the caches of so many automata may grow to on each shard.
pub(super) fn cache_bytes_max(automata: usize) -> usize {
    automata * cache_bytes(automata)
}

fn compiled(parsed: &[&Hir], bytes_max: usize, cache_bytes: usize) -> Option<DFA> {
    let config = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(bytes_max))
        .which_captures(thompson::WhichCaptures::None);
    let nfa: NFA = thompson::Compiler::new().configure(config).build_many_from_hir(parsed).ok()?;
    let config = DFA::config()
        .match_kind(MatchKind::All)
        .cache_capacity(cache_bytes)
        // A state may hold a part of every expression; the least that serves is bounded by the limit above.
        .skip_cache_capacity_check(true);
    Builder::new().configure(config).build_from_nfa(nfa).ok()
}
