//! Regular expressions whose groups are wanted, or that are asked one by one: those of rewrites and of a split's
//! conditions. Without a lock: what a search writes to is lent by the shard, not kept in a pool that threads share.
//! Time is linear in the text. `table` compiles and numbers them, so that a shard's caches are found by index.

use regex_automata::meta::{Cache, Config, Regex};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Input, PatternID};
use regex_syntax::hir::{Hir, Look};
use std::ops::Range;

/// Bytes of one compiled expression at most.
const EXPRESSION_BYTES_MAX: usize = 1024 * 1024;

/// Hands out the numbers of one generation's expressions.
#[derive(Debug)]
pub struct Slots {
    generation: u64,
    next: usize,
}

impl Slots {
    /// Numbers for the expressions of `generation`.
    pub fn new(generation: u64) -> Slots {
        Slots { generation, next: 0 }
    }
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Finder {
    regex: Regex,
    is_anchored: bool,
    generation: u64,
    slot: usize,
}

impl Finder {
    /// Compiles `text`, to be found anywhere. Bytes are matched, not characters: paths and fields are ASCII, or of no
    /// known coding.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn compile(text: &str, slots: &mut Slots) -> Result<Finder, String> {
        let is_anchored = text.starts_with('^') && !text.contains('|');
        Finder::of(&read(text)?, is_anchored, slots)
    }

    fn of(parsed: &Hir, is_anchored: bool, slots: &mut Slots) -> Result<Finder, String> {
        // The lazy DFA is left out: its cache takes megabytes, which short texts never repay.
        let config = Config::new()
            .utf8_empty(false)
            .hybrid(false)
            .dfa(false)
            .nfa_size_limit(Some(EXPRESSION_BYTES_MAX))
            .onepass_size_limit(Some(EXPRESSION_BYTES_MAX));
        let built = Regex::builder().configure(config).build_from_hir(parsed);
        let regex = built.map_err(|_| "is too large a regular expression".to_owned())?;
        let slot = slots.next;
        slots.next += 1;
        Ok(Finder { regex, is_anchored, generation: slots.generation, slot })
    }

    /// Compiles `text`, to match whole texts only.
    ///
    /// # Errors
    /// As [`Finder::compile`].
    pub fn whole(text: &str, slots: &mut Slots) -> Result<Finder, String> {
        // Joined once it is read: what is no expression must not become one by text that is put around it, nor a comment at its
        // end take that text in.
        let whole = Hir::concat(vec![Hir::look(Look::Start), read(text)?, Hir::look(Look::End)]);
        Finder::of(&whole, true, slots)
    }

    /// Whether it is found in `text`.
    pub fn is_match(&self, text: &[u8], caches: &mut Caches) -> bool {
        let input = Input::new(text).earliest(true);
        self.regex.search_half_with(caches.of(self), &input).is_some()
    }

    /// Where it is first found in `text`, with its groups.
    pub fn find<'c>(&self, text: &[u8], caches: &'c mut Caches) -> Option<Groups<'c>> {
        let mut groups = std::mem::take(&mut caches.groups);
        groups.clear();
        groups.resize(self.regex.group_info().slot_len(), None);
        let found = self.regex.search_slots_with(caches.of(self), &Input::new(text), &mut groups);
        caches.groups = groups;
        found.map(|_| Groups(&caches.groups))
    }

    /// Whether it is known to be found at the front only.
    pub fn is_anchored(&self) -> bool {
        self.is_anchored
    }

    /// Number of its groups; group 0 is the whole match.
    pub fn group_count(&self) -> usize {
        self.regex.captures_len()
    }

    /// The number of the group named `name`.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.regex.group_info().to_index(PatternID::ZERO, name)
    }
}

fn read(text: &str) -> Result<Hir, String> {
    let syntax = syntax::Config::new().utf8(false).unicode(false);
    syntax::parse_with(text, &syntax)
        .map_err(|error| format!("is no regular expression: {}", last_line(&error.to_string())))
}

/// The parser's messages draw the place of the fault over several lines; the last one says what it is.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// Where the groups of a match lie.
#[derive(Debug)]
pub struct Groups<'c>(&'c [Option<NonMaxUsize>]);

impl Groups<'_> {
    /// The range of a group; none if it took no part in the match.
    pub fn range(&self, group: usize) -> Option<Range<usize>> {
        let end = |at: usize| self.0.get(at).copied().flatten().map(NonMaxUsize::get);
        Some(end(group * 2)?..end(group * 2 + 1)?)
    }
}

/// A shard's working memory for the expressions of one generation. Each is made at its first use.
#[derive(Debug, Default)]
pub struct Caches {
    /// Room for a value that has to be put together.
    pub room: Vec<u8>,
    generation: u64,
    caches: Vec<Option<Box<Cache>>>,
    groups: Vec<Option<NonMaxUsize>>,
}

impl Caches {
    fn of(&mut self, expression: &Finder) -> &mut Cache {
        // Exchanges that began before a reload may take turns with later ones for a while: correct, if slow.
        if self.generation != expression.generation {
            self.generation = expression.generation;
            self.caches.clear();
        }
        if self.caches.len() <= expression.slot {
            self.caches.resize_with(expression.slot + 1, || None);
        }
        self.caches[expression.slot].get_or_insert_with(|| Box::new(expression.regex.create_cache()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_number_and_name() {
        let mut slots = Slots::new(1);
        let expression = Finder::compile("^/a/(?P<id>[0-9]+)(/x)?", &mut slots).unwrap();
        let mut caches = Caches::default();
        let groups = expression.find(b"/a/17/y", &mut caches).expect("is found");
        assert_eq!((groups.range(0), groups.range(1), groups.range(2)), (Some(0..5), Some(3..5), None));
        assert_eq!(
            (expression.group("id"), expression.group("no"), expression.group_count()),
            (Some(1), None, 3)
        );
        assert!(expression.find(b"/b/17", &mut caches).is_none());
    }

    #[test]
    fn a_whole_match_leaves_nothing_over() {
        let mut caches = Caches::default();
        for (expression, text, expected) in [
            ("a|b", "a", true),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            ("^a+$", "aa", true),
            ("a", "a\n", false),
            ("(?x) a # one\n | b # two", "a", true),
            ("(?x) a # one\n | b # two", "b", true),
            ("(?x) a # one\n | b # two", "ab", false),
            ("a(?x) # one", "a", true),
        ] {
            let finder = Finder::whole(expression, &mut Slots::new(1)).unwrap();
            assert_eq!(finder.is_match(text.as_bytes(), &mut caches), expected, "{expression} {text}");
        }
        assert!(Finder::whole("a)(b", &mut Slots::new(1)).is_err());
    }

    #[test]
    fn caches_serve_expressions_of_several_generations_in_turn() {
        let mut caches = Caches::default();
        let old = Finder::compile("^a+$", &mut Slots::new(1)).unwrap();
        let mut slots = Slots::new(2);
        let new = Finder::compile("^b+$", &mut slots).unwrap();
        let next = Finder::compile("^(?i)c+$", &mut slots).unwrap();
        for _ in 0..3 {
            assert!(old.is_match(b"aaa", &mut caches) && !old.is_match(b"ab", &mut caches));
            assert!(next.is_match(b"cC", &mut caches) && new.is_match(b"bb", &mut caches));
        }
    }

    #[test]
    fn what_is_no_expression_is_told_in_one_line() {
        for text in ["(", "[a", "(?<1>a)", "a{1000}{1000}{1000}", "\\p{Greek}"] {
            let told = Finder::compile(text, &mut Slots::new(1)).unwrap_err();
            assert!(told.starts_with("is ") && !told.contains('\n'), "{text}: {told}");
        }
    }
}
