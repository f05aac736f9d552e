//! One Rust file as the laws see it: its tokens, and which of them are test code. Test code is an item under
//! `#[cfg(test)]` or `#[test]`, or a whole file: `tests.rs`, what lies in a `tests` or `benches` folder, and a module that
//! its parent declares under `#[cfg(test)]`.

use super::lexer::{Token, lex};

/// A lexed file.
#[derive(Debug)]
pub struct Source {
    /// Its path from the root of the tree, with `/`.
    pub path: String,
    /// Its tokens without comments.
    pub code: Vec<Token>,
    /// Its comments.
    pub comments: Vec<Token>,
    /// Whether the token of `code` with the same index is test code.
    pub is_test: Vec<bool>,
    /// Its lines.
    pub lines: u32,
}

/// A stretch of lines, both ends within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first line.
    pub first: u32,
    /// Its last line.
    pub last: u32,
}

impl Source {
    /// Lexes `text`, the file at `path`.
    pub fn new(path: &str, text: &str) -> Source {
        let (comments, code): (Vec<Token>, Vec<Token>) =
            lex(text).into_iter().partition(|t| matches!(t.kind, super::lexer::Kind::Comment(_)));
        let is_test = match is_test_path(path) || has_inner_test(&code) {
            true => vec![true; code.len()],
            false => mark_tests(&code),
        };
        Source { path: path.to_string(), code, comments, is_test, lines: text.lines().count() as u32 }
    }

    /// Makes all of it test code.
    pub fn become_test(&mut self) {
        self.is_test.fill(true);
    }

    /// The tokens that are not test code, with their index in `code`.
    pub fn production(&self) -> impl Iterator<Item = (usize, &Token)> {
        self.code.iter().enumerate().filter(|(at, _)| !self.is_test[*at])
    }

    /// Lines of test code, each stretch from its attribute to its end.
    pub fn test_spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut running = false;
        for (at, token) in self.code.iter().enumerate() {
            match (self.is_test[at], running, spans.last_mut()) {
                (true, true, Some(span)) => span.last = token.line_end,
                (true, _, _) => spans.push(Span { first: token.line, last: token.line_end }),
                (false, _, _) => {}
            }
            running = self.is_test[at];
        }
        spans
    }

    /// Paths, without `.rs`, of the modules declared here with `mod NAME;` as test code.
    pub fn test_modules(&self) -> Vec<String> {
        let folder = module_folder(&self.path);
        let declared = |at: usize| -> Option<String> {
            let name = self.code.get(at + 1)?.word()?;
            let is_file =
                self.code[at].is_word("mod") && self.is_test[at] && self.code.get(at + 2)?.is_mark(';');
            is_file.then(|| format!("{folder}/{name}"))
        };
        (0..self.code.len()).filter_map(declared).collect()
    }

    /// Whether the tokens from `at` on are `::`.
    pub fn is_path_mark(&self, at: usize) -> bool {
        at + 1 < self.code.len() && self.code[at].is_mark(':') && self.code[at + 1].is_mark(':')
    }
}

/// The folder in which a file's child modules lie.
fn module_folder(path: &str) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder.to_string(),
        _ => stem.to_string(),
    }
}

fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests" || part == "benches")
}

/// `#![cfg(test)]` at the top of a file.
fn has_inner_test(code: &[Token]) -> bool {
    let is_inner = code.len() > 2 && code[0].is_mark('#') && code[1].is_mark('!') && code[2].is_mark('[');
    is_inner && is_test_attribute(&code[2..=close_of(code, 2)])
}

/// Marks every item under `#[cfg(test)]` or `#[test]`, attributes included.
fn mark_tests(code: &[Token]) -> Vec<bool> {
    let mut marks = vec![false; code.len()];
    let mut at = 0;
    while at < code.len() {
        if !is_attribute(code, at) {
            at += 1;
            continue;
        }
        let close = close_of(code, at + 1);
        if !is_test_attribute(&code[at + 1..=close]) {
            at = close + 1;
            continue;
        }
        let end = item_end(code, close + 1);
        marks[at..=end].fill(true);
        at = end + 1;
    }
    marks
}

fn is_attribute(code: &[Token], at: usize) -> bool {
    at + 1 < code.len() && code[at].is_mark('#') && code[at + 1].is_mark('[')
}

/// `[test]`, `[cfg(test)]`, `[cfg(all(test, …))]`; not `[cfg(not(test))]`.
fn is_test_attribute(attribute: &[Token]) -> bool {
    let names_test = attribute.iter().any(|t| t.is_word("test"));
    let negates = attribute.iter().any(|t| t.is_word("not"));
    let first = attribute.get(1).and_then(Token::word);
    names_test && !negates && matches!(first, Some("cfg" | "test"))
}

/// The index of the bracket that closes the one at `open`; the last token when there is none.
pub fn close_of(code: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in code.iter().enumerate().skip(open) {
        if ['(', '[', '{'].iter().any(|m| token.is_mark(*m)) {
            depth += 1;
        } else if [')', ']', '}'].iter().any(|m| token.is_mark(*m)) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at;
            }
        }
    }
    code.len().saturating_sub(1)
}

/// The last token of the item that starts at `start`: its `;`, its closing brace, or, for a field, a variant or an
/// argument, what stands before its comma.
fn item_end(code: &[Token], start: usize) -> usize {
    let mut at = start;
    while is_attribute(code, at) {
        at = close_of(code, at + 1) + 1;
    }
    let words = ["fn", "mod", "impl", "struct", "enum", "trait", "union", "macro_rules", "extern"];
    let values = ["use", "const", "static", "let", "type"];
    let lead: Vec<&str> = code[at.min(code.len())..]
        .iter()
        .take(8)
        .take_while(|t| !t.is_mark(':'))
        .filter_map(Token::word)
        .collect();
    let is_item = lead.iter().any(|w| words.contains(w));
    let ends_at_semicolon = !is_item && lead.iter().any(|w| values.contains(w));
    while at < code.len() {
        let token = &code[at];
        if token.is_mark(';') {
            return at;
        }
        if token.is_mark('{') && !ends_at_semicolon {
            return close_of(code, at);
        }
        if ['(', '[', '{'].iter().any(|m| token.is_mark(*m)) {
            at = close_of(code, at);
        } else if [')', ']', '}'].iter().any(|m| token.is_mark(*m)) || (token.is_mark(',') && !is_item) {
            return at.saturating_sub(1);
        }
        at += 1;
    }
    code.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of `text` that are not test code.
    fn production(text: &str) -> String {
        let source = Source::new("engine/src/base/x.rs", text);
        let words: Vec<&str> = source.production().filter_map(|(_, t)| t.word()).collect();
        words.join(" ")
    }

    #[test]
    fn an_item_under_cfg_test_is_test_code_to_its_end() {
        assert_eq!(production("fn a() {} #[cfg(test)] mod tests { fn b() { } } fn c() {}"), "fn a fn c");
        assert_eq!(production("#[cfg(test)] use crate::{a, b}; use d;"), "use d");
        assert_eq!(production("#[cfg(test)] pub(crate) const A: [u8; 2] = { [1, 2] }; fn c() {}"), "fn c");
        assert_eq!(production("#[cfg(test)] #[derive(A)] struct B<C, D> { e: F } struct G;"), "struct G");
        assert_eq!(production("#[test] fn a() -> [u8; 1] { [0] } fn b() {}"), "fn b");
    }

    #[test]
    fn a_field_under_cfg_test_ends_at_its_comma() {
        assert_eq!(production("struct A { #[cfg(test)] b: C, d: E }"), "struct A d E");
        assert_eq!(production("struct A { d: E, #[cfg(test)] b: Vec<C> } fn f() {}"), "struct A d E fn f");
    }

    #[test]
    fn code_for_not_test_is_production() {
        assert_eq!(production("#[cfg(not(test))] fn a() {}"), "cfg not test fn a");
        assert_eq!(production("#[cfg(all(test, feature = \"sim\"))] fn a() {}"), "");
        assert_eq!(production("#[allow(test)] fn a() {}"), "allow test fn a");
    }

    #[test]
    fn test_files_are_known_by_path_and_by_declaration() {
        for path in ["engine/src/wire/head/tests.rs", "engine/tests/hostile.rs", "bench/benches/head.rs"] {
            assert!(Source::new(path, "fn a() {}").production().next().is_none(), "{path}");
        }
        assert!(Source::new("engine/src/base/x.rs", "#![cfg(test)] fn a() {}").production().next().is_none());
        let parent = Source::new("engine/src/net/mod.rs", "#[cfg(test)] mod double; mod real;");
        assert_eq!(parent.test_modules(), ["engine/src/net/double"]);
        let parent = Source::new("engine/src/net/stream.rs", "#[cfg(test)] mod laws;");
        assert_eq!(parent.test_modules(), ["engine/src/net/stream/laws"]);
    }

    #[test]
    fn test_spans_run_from_attribute_to_brace() {
        let source = Source::new("a/b.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n");
        assert_eq!(source.test_spans(), [Span { first: 3, last: 6 }]);
    }

    #[test]
    fn unbalanced_code_never_panics() {
        for text in [
            "#[cfg(test)]",
            "#[",
            "#![cfg(test",
            "#[test] fn a() {",
            "#[cfg(test)] )",
            "}}]])",
            "#[cfg(test)] #[",
        ] {
            Source::new("a.rs", text).test_spans();
        }
    }
}
