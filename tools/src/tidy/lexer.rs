//! Rust source → tokens, for the laws that read code. Comments, strings, characters and lifetimes are told apart
//! exactly, so that a word in a comment or a string never counts as code. It knows no grammar: `Source` finds
//! the items. Input that rustc would refuse yields some tokens and never a panic.

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or keyword; `r#type` is `type`.
    Word(String),
    /// One character of punctuation. `::` is two of them.
    Mark(char),
    /// A number, string, character or byte literal.
    Literal,
    /// `'a`.
    Lifetime,
    /// A comment with its delimiters.
    Comment(String),
}

/// A token and the lines it stands on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first line.
    pub line: u32,
    /// Its last line.
    pub line_end: u32,
}

impl Token {
    /// Whether this is the word `word`.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(w) if w == word)
    }

    /// Whether this is the punctuation `mark`.
    pub fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// The word, when it is one.
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(w) => Some(w),
            _ => None,
        }
    }
}

/// All tokens of `text`, comments included.
pub fn lex(text: &str) -> Vec<Token> {
    let mut cursor = Cursor { rest: text, line: 1 };
    let mut tokens = Vec::new();
    while let Some(c) = cursor.peek() {
        if c.is_whitespace() {
            cursor.take(c.len_utf8());
            continue;
        }
        let line = cursor.line;
        let kind = cursor.token(c);
        tokens.push(Token { kind, line, line_end: cursor.line });
    }
    tokens
}

struct Cursor<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Moves over `bytes`, counting lines.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += taken.bytes().filter(|b| *b == b'\n').count() as u32;
        self.rest = rest;
        taken
    }

    fn token(&mut self, first: char) -> Kind {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            return Kind::Comment(self.take(end).to_string());
        }
        if self.rest.starts_with("/*") {
            let end = block_comment_end(self.rest);
            return Kind::Comment(self.take(end).to_string());
        }
        if let Some(end) = string_end(self.rest) {
            self.take(end);
            return Kind::Literal;
        }
        if first == '\'' {
            return self.quote();
        }
        if first.is_ascii_digit() {
            let end = number_end(self.rest);
            self.take(end);
            return Kind::Literal;
        }
        if is_word_start(first) {
            if let Some(raw) = self.rest.strip_prefix("r#") {
                let end = 2 + word_end(raw);
                return Kind::Word(self.take(end)[2..].to_string());
            }
            let end = word_end(self.rest);
            return Kind::Word(self.take(end).to_string());
        }
        self.take(first.len_utf8());
        Kind::Mark(first)
    }

    /// `'a` is a lifetime, `'a'` and `'\n'` are characters: a lifetime is a word with no quote behind it.
    fn quote(&mut self) -> Kind {
        let inner = &self.rest[1..];
        let word = word_end(inner);
        if word > 0 && !inner[word..].starts_with('\'') {
            self.take(1 + word);
            return Kind::Lifetime;
        }
        let end = quoted_end(inner, '\'');
        self.take(1 + end);
        Kind::Literal
    }
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn word_end(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// A number ends where its word characters end; one dot belongs to it when a digit follows (`1.5`, not `1..5`).
fn number_end(text: &str) -> usize {
    let whole = word_end(text);
    let fraction = &text[whole..];
    let is_fraction = fraction.starts_with('.') && fraction[1..].starts_with(|c: char| c.is_ascii_digit());
    if is_fraction { whole + 1 + word_end(&fraction[1..]) } else { whole }
}

/// Block comments nest.
fn block_comment_end(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0usize);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Where a string literal of any kind (`""`, `b""`, `c""`, `r#""#`, `br""`, `cr""`) or a byte (`b' '`) that stands at
/// the start of `text` ends.
fn string_end(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|p| {
        let rest = text.strip_prefix(p);
        rest.is_some_and(|rest| rest.starts_with(['"', '#', '\'']))
    })?;
    let rest = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = rest.bytes().take_while(|b| *b == b'#').count();
        if !rest[hashes..].starts_with('"') {
            return None;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let body = &rest[hashes + 1..];
        let end = body.find(&close).map_or(body.len(), |at| at + close.len());
        return Some(prefix.len() + hashes + 1 + end);
    }
    if let Some(body) = rest.strip_prefix('"') {
        return Some(prefix.len() + 1 + quoted_end(body, '"'));
    }
    let byte = rest.strip_prefix('\'').filter(|_| prefix == "b")?;
    Some(2 + quoted_end(byte, '\''))
}

/// Bytes up to and with the closing `quote`, minding backslashes.
fn quoted_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words stay, all else becomes a letter: L literal, ' lifetime, C comment, marks themselves.
    fn check(text: &str, expected: &str) {
        let shown: Vec<String> = lex(text)
            .into_iter()
            .map(|token| match token.kind {
                Kind::Word(word) => word,
                Kind::Mark(mark) => mark.to_string(),
                Kind::Literal => "L".to_string(),
                Kind::Lifetime => "'".to_string(),
                Kind::Comment(_) => "C".to_string(),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "of {text:?}");
    }

    #[test]
    fn a_word_in_a_comment_or_string_is_not_code() {
        check("a // unsafe\nb", "a C b");
        check("a /* unsafe /* nested */ still */ b", "a C b");
        check(r#"f("unsafe \" {", 'u', b'\'', b"x\\", c"unsafe")"#, "f ( L , L , L , L , L )");
        check("r#\"unsafe \" quote\"# x", "L x");
        check("br##\"a\"# \"##;", "L ;");
        check("cr\"\\\" y", "L y");
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        check("&'a str, 'b', '\\n', '_, 'static", "& ' str , L , L , ' , '");
        check("'é' 'é", "L '");
    }

    #[test]
    fn a_raw_identifier_is_a_word() {
        check("r#type::r#fn", "type : : fn");
        check("br c r b", "br c r b");
    }

    #[test]
    fn a_range_is_not_a_fraction() {
        check("0..10 1.5e3 2.0_f64 0xff_u8 x.0.1", "L . . L L L L x . L");
    }

    #[test]
    fn lines_are_counted_through_literals_and_comments() {
        let tokens = lex("\"a\nb\"\n/* c\n\n */ d");
        let lines: Vec<(u32, u32)> = tokens.iter().map(|t| (t.line, t.line_end)).collect();
        assert_eq!(lines, [(1, 2), (3, 5), (5, 5)]);
    }

    #[test]
    fn input_cut_anywhere_never_panics() {
        let text = "fn f<'a>() { r##\"é\"##; /* /* */ é */ b'\\''; '\\u{1F600}'; \"\\\"\" } // end";
        for end in 0..=text.len() {
            if text.is_char_boundary(end) {
                lex(&text[..end]);
            }
        }
    }
}
