//! Text → nodes. Recursive to [`DEPTH_MAX`]; each byte is looked at once, strings eight bytes at a time.

use super::{DEPTH_MAX, Flaw, Kind, MEMBERS_MAX, NODES_MAX, Node};
use crate::wire::head::Span;

/// Fills `nodes` from `text`; strings whose escapes are undone are put behind the text. `undone` is working memory.
pub(super) fn parse(text: &mut Vec<u8>, nodes: &mut Vec<Node>, undone: &mut Vec<u8>) -> Result<(), Flaw> {
    nodes.clear();
    undone.clear();
    // Twice: what is undone stands behind it.
    if u32::try_from(text.len().saturating_mul(2)).is_err() {
        return Err(Flaw { at: 0, what: "is too long" });
    }
    if let Err(error) = std::str::from_utf8(text) {
        return Err(Flaw { at: error.valid_up_to(), what: "is not UTF-8" });
    }
    let mut parser = Parser { text, nodes, undone, at: 0 };
    parser.space();
    parser.value(Span::default(), 0)?;
    parser.space();
    if parser.at < parser.text.len() {
        return Err(parser.flaw("something stands behind the value"));
    }
    text.extend_from_slice(undone);
    Ok(())
}

struct Parser<'p> {
    text: &'p [u8],
    nodes: &'p mut Vec<Node>,
    /// Strings whose escapes were undone, which come to stand behind the text.
    undone: &'p mut Vec<u8>,
    at: usize,
}

const HIGH: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks, in the top bit of each, those of eight bytes of UTF-8 that are a quote, a backslash or a control character. The
/// lowest mark is true; a borrow may put a false one above it.
fn special(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

impl Parser<'_> {
    fn flaw(&self, what: &'static str) -> Flaw {
        Flaw { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over `byte`, if it is next.
    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { start: start as u32, len: (end - start) as u32 }
    }

    fn value(&mut self, name: Span, depth: usize) -> Result<(), Flaw> {
        if self.nodes.len() >= NODES_MAX {
            return Err(self.flaw("there are too many values"));
        }
        let index = self.nodes.len();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => return Err(self.flaw("a value belongs here")),
        };
        self.nodes.push(Node { name, value: Span::default(), next: 0, kind });
        let value = match kind {
            Kind::String => self.string()?,
            Kind::Object | Kind::Array if depth == DEPTH_MAX => {
                return Err(self.flaw("values are nested too deeply"));
            }
            Kind::Object => self.object(index, depth)?,
            Kind::Array => self.array(depth)?,
            Kind::Number => self.number()?,
            Kind::Bool | Kind::Null => self.word()?,
        };
        let value = value.unwrap_or_else(|| self.span(start, self.at));
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[index];
        (node.value, node.next) = (value, next);
        Ok(())
    }

    fn object(&mut self, index: usize, depth: usize) -> Result<Option<Span>, Flaw> {
        self.at += 1;
        self.space();
        if self.eat(b'}') {
            return Ok(None);
        }
        let mut seen = Seen::default();
        for _ in 0..MEMBERS_MAX {
            if self.peek() != Some(b'"') {
                return Err(self.flaw("a name in quotes belongs here"));
            }
            let start = self.at;
            let name = self.string()?.unwrap_or_default();
            if seen.may_have(self.written(name)) && self.has_member(index, name) {
                return Err(Flaw { at: start, what: "a name stands here a second time" });
            }
            self.space();
            if !self.eat(b':') {
                return Err(self.flaw("a colon belongs here"));
            }
            self.space();
            self.value(name, depth + 1)?;
            self.space();
            if self.eat(b'}') {
                return Ok(None);
            }
            if !self.eat(b',') {
                return Err(self.flaw("a comma or a closing brace belongs here"));
            }
            self.space();
        }
        Err(self.flaw("an object has too many members"))
    }

    /// What a span is of: the text, or what comes to stand behind it.
    fn written(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        match start.checked_sub(self.text.len()) {
            Some(behind) if span.len > 0 => &self.undone[behind..behind + span.len as usize],
            _ => span.of(self.text),
        }
    }

    /// Whether the object at `index` has a member of this name already.
    #[cold]
    fn has_member(&self, index: usize, name: Span) -> bool {
        let name = self.written(name);
        let mut at = index + 1;
        while let Some(node) = self.nodes.get(at) {
            if self.written(node.name) == name {
                return true;
            }
            at = node.next as usize;
        }
        false
    }

    fn array(&mut self, depth: usize) -> Result<Option<Span>, Flaw> {
        self.at += 1;
        self.space();
        if self.eat(b']') {
            return Ok(None);
        }
        loop {
            self.value(Span::default(), depth + 1)?;
            self.space();
            if self.eat(b']') {
                return Ok(None);
            }
            if !self.eat(b',') {
                return Err(self.flaw("a comma or a closing bracket belongs here"));
            }
            self.space();
        }
    }

    fn word(&mut self) -> Result<Option<Span>, Flaw> {
        let rest = &self.text[self.at..];
        let known = [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
        self.at += known.ok_or_else(|| self.flaw("a value belongs here"))?.len();
        Ok(None)
    }

    fn number(&mut self) -> Result<Option<Span>, Flaw> {
        self.eat(b'-');
        let is_zero = self.eat(b'0');
        if !is_zero && self.digits() == 0 || is_zero && matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.flaw("this is not a number"));
        }
        if self.eat(b'.') && self.digits() == 0 {
            return Err(self.flaw("a digit belongs here"));
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            let _sign = self.eat(b'-') || self.eat(b'+');
            if self.digits() == 0 {
                return Err(self.flaw("a digit belongs here"));
            }
        }
        Ok(None)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// Steps over a string and gives its content.
    fn string(&mut self) -> Result<Option<Span>, Flaw> {
        self.at += 1;
        let start = self.at;
        loop {
            while let Some(eight) = self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
                let marks = special(u64::from_le_bytes(*eight));
                // With no mark these are all eight.
                self.at += marks.trailing_zeros() as usize / 8;
                if marks != 0 {
                    break;
                }
            }
            match self.peek() {
                Some(b'"') => {
                    let span = self.span(start, self.at);
                    self.at += 1;
                    return Ok(Some(span));
                }
                Some(b'\\') => return self.escaped(start).map(Some),
                Some(0..0x20) => return Err(self.flaw("a control character stands in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.flaw("a string does not end")),
            }
        }
    }

    /// Goes on from the first backslash of the string that began at `start`; undone escapes go behind the text.
    fn escaped(&mut self, start: usize) -> Result<Span, Flaw> {
        let from = self.undone.len();
        self.undone.extend_from_slice(&self.text[start..self.at]);
        loop {
            let byte = self.peek().ok_or_else(|| self.flaw("a string does not end"))?;
            match byte {
                b'"' => {
                    self.at += 1;
                    let written = self.text.len();
                    return Ok(self.span(written + from, written + self.undone.len()));
                }
                b'\\' => self.escape()?,
                0..0x20 => return Err(self.flaw("a control character stands in a string")),
                _ => {
                    self.undone.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek().ok_or_else(|| self.flaw("a string does not end"))?;
        self.at += 1;
        let byte = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let char =
                    self.unicode().ok_or(Flaw { at: start, what: "this escape stands for no character" })?;
                self.undone.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(Flaw { at: start, what: "this escape is not one of JSON" }),
        };
        self.undone.push(byte);
        Ok(())
    }

    /// What follows `\u`: a character, of two escapes where it needs a pair of surrogates.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if !(self.eat(b'\\') && self.eat(b'u')) {
            return None;
        }
        let second = self.hex().filter(|second| (0xdc00..0xe000).contains(second))?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..)?.get(..4)?;
        let value =
            digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
        self.at += 4;
        Some(value)
    }
}

/// Names of an object by their length and ends, a bit each: those that are surely new need no comparison.
#[derive(Default)]
struct Seen(u64);

impl Seen {
    /// Whether the same name may have been asked for before.
    fn may_have(&mut self, name: &[u8]) -> bool {
        let (first, last) = (name.first().copied().unwrap_or(0), name.last().copied().unwrap_or(0));
        let mixed = usize::from(first) * 7 + usize::from(last) * 11 + name.len() * 3;
        let bit = 1 << (mixed % 64);
        let is_known = self.0 & bit != 0;
        self.0 |= bit;
        is_known
    }
}
