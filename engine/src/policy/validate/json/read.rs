//! The reader. It calls itself once a level of nesting, which is bounded; each byte is looked at once, those of texts by
//! a search for the next quote or backslash and a look for control characters.

use super::unread::Step;
use super::{Flaw, Number, Range, Slot, Tape, Unread};

/// Members up to which the keys of an object are compared pair by pair.
const PAIRWISE_MAX: u32 = 12;

/// Reads the one document that `text` is into `tape`.
pub(super) fn read(tape: &mut Tape, text: &str, depth: u16) -> Result<(), Unread> {
    let mut reader = Reader { tape, text, bytes: text.as_bytes(), at: 0, depth_max: depth };
    reader.space();
    reader.value(depth)?;
    reader.space();
    match reader.at == text.len() {
        true => Ok(()),
        false => Err(reader.flaw(Flaw::Trailing)),
    }
}

struct Reader<'r> {
    tape: &'r mut Tape,
    text: &'r str,
    bytes: &'r [u8],
    at: usize,
    depth_max: u16,
}

impl Reader<'_> {
    fn flaw(&self, flaw: Flaw) -> Unread {
        Unread::new(self.at, flaw)
    }

    /// What is wrong where something else should stand.
    fn unexpected(&self) -> Unread {
        self.flaw(if self.at == self.bytes.len() { Flaw::Ended } else { Flaw::Unexpected })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u16) -> Result<(), Unread> {
        match self.peek() {
            Some(b'"') => {
                let slot = self.string()?;
                self.tape.slots.push(slot);
                Ok(())
            }
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Slot::Bool(true)),
            Some(b'f') => self.word("false", Slot::Bool(false)),
            Some(b'n') => self.word("null", Slot::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, slot: Slot) -> Result<(), Unread> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.flaw(Flaw::Unexpected));
        }
        self.at += word.len();
        self.tape.slots.push(slot);
        Ok(())
    }

    /// Steps over an opening bracket and the space behind it; the slot of what it opens is set when it closes.
    fn open(&mut self, depth: u16) -> Result<(usize, u16), Unread> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.flaw(Flaw::TooDeep))?;
        self.tape.depth = self.tape.depth.max(self.depth_max - depth);
        self.at += 1;
        self.space();
        let slot = self.tape.slots.len();
        self.tape.slots.push(Slot::Null);
        Ok((slot, depth))
    }

    /// Steps over a comma, or over the closing bracket: then true.
    fn closes(&mut self, bracket: u8) -> Result<bool, Unread> {
        self.space();
        let closes = match self.peek() {
            Some(b',') => false,
            Some(byte) if byte == bracket => true,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        if !closes {
            self.space();
        }
        Ok(closes)
    }

    fn list(&mut self, depth: u16) -> Result<(), Unread> {
        let (slot, depth) = self.open(depth)?;
        let mut items = 0;
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                self.value(depth).map_err(|unread| within(unread, Step::Item(items)))?;
                items += 1;
                if self.closes(b']')? {
                    break;
                }
            }
        }
        self.tape.slots[slot] = Slot::List { items, end: self.tape.slots.len() as u32 };
        Ok(())
    }

    fn map(&mut self, depth: u16) -> Result<(), Unread> {
        let (slot, depth) = self.open(depth)?;
        let start = self.at;
        let mut members = 0;
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected());
                }
                let key = self.string()?;
                self.tape.slots.push(key);
                self.space();
                if self.peek() != Some(b':') {
                    return Err(self.unexpected());
                }
                self.at += 1;
                self.space();
                if let Err(unread) = self.value(depth) {
                    let name = self.tape.text_of(self.text, key).to_owned();
                    return Err(within(unread, Step::Member(name)));
                }
                members += 1;
                if self.closes(b'}')? {
                    break;
                }
            }
        }
        self.tape.slots[slot] = Slot::Map { members, end: self.tape.slots.len() as u32 };
        match self.twice(slot as u32 + 1, members) {
            Some(key) => {
                let way = vec![Step::Member(
                    self.tape.text_of(self.text, self.tape.slots[key as usize]).to_owned(),
                )];
                Err(Unread { flaw: Flaw::DuplicateKey, at: start, way })
            }
            None => Ok(()),
        }
    }

    /// A key that stands twice among the `members` whose slots begin at `first`.
    fn twice(&mut self, first: u32, members: u32) -> Option<u32> {
        if members < 2 {
            return None;
        }
        let mut keys = std::mem::take(&mut self.tape.keys);
        keys.clear();
        let mut at = first;
        for _ in 0..members {
            keys.push(at);
            at = match self.tape.slots[at as usize + 1] {
                Slot::List { end, .. } | Slot::Map { end, .. } => end,
                _ => at + 2,
            };
        }
        let text = |at: u32| self.tape.text_of(self.text, self.tape.slots[at as usize]);
        let found = if members <= PAIRWISE_MAX {
            (1..keys.len())
                .find(|at| keys[..*at].iter().any(|other| text(*other) == text(keys[*at])))
                .map(|at| keys[at])
        } else {
            // Sorted by their texts, so that no choice of keys makes this slow.
            keys.sort_unstable_by(|left, right| text(*left).cmp(text(*right)));
            keys.windows(2).find(|pair| text(pair[0]) == text(pair[1])).map(|pair| pair[0].max(pair[1]))
        };
        self.tape.keys = keys;
        found
    }

    /// A text; `at` is its first quote.
    fn string(&mut self) -> Result<Slot, Unread> {
        let start = self.at + 1;
        let end = self.run(start)?;
        if self.bytes[end] == b'"' {
            self.at = end + 1;
            return Ok(Slot::Plain(Range { start: start as u32, end: end as u32 }));
        }
        let from = self.tape.resolved.len();
        let (mut from_text, mut to) = (start, end);
        loop {
            self.tape.resolved.push_str(&self.text[from_text..to]);
            self.at = to;
            if self.bytes[to] == b'"' {
                self.at += 1;
                let end = self.tape.resolved.len() as u32;
                return Ok(Slot::Resolved(Range { start: from as u32, end }));
            }
            let char = self.escape()?;
            self.tape.resolved.push(char);
            from_text = self.at;
            to = self.run(from_text)?;
        }
    }

    /// Where the next quote or backslash from `start` on is, with no control character before it.
    fn run(&mut self, start: usize) -> Result<usize, Unread> {
        let rest = &self.bytes[start..];
        let len = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        if let Some(control) = rest[..len].iter().position(|byte| *byte < b' ') {
            return Err(Unread::new(start + control, Flaw::Control));
        }
        if len == rest.len() {
            return Err(Unread::new(self.bytes.len(), Flaw::Ended));
        }
        Ok(start + len)
    }

    /// The character that the escape at `at` stands for.
    fn escape(&mut self) -> Result<char, Unread> {
        let begin = self.at;
        let flaw = |flaw| Unread::new(begin, flaw);
        let letter = *self.bytes.get(begin + 1).ok_or_else(|| Unread::new(self.bytes.len(), Flaw::Ended))?;
        self.at += 2;
        Ok(match letter {
            b'"' | b'\\' | b'/' => letter as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex().ok_or_else(|| flaw(Flaw::Escape))?;
                let code = match high {
                    0xd800..0xdc00 => {
                        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                            return Err(flaw(Flaw::Escape));
                        }
                        self.at += 2;
                        let low = self.hex().filter(|low| (0xdc00..0xe000).contains(low));
                        0x10000 + ((high - 0xd800) << 10) + (low.ok_or_else(|| flaw(Flaw::Escape))? - 0xdc00)
                    }
                    _ => high,
                };
                char::from_u32(code).ok_or_else(|| flaw(Flaw::Escape))?
            }
            _ => return Err(flaw(Flaw::Escape)),
        })
    }

    /// Four hexadecimal digits.
    fn hex(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        let code =
            digits.iter().try_fold(0, |code, digit| Some(code << 4 | (*digit as char).to_digit(16)?))?;
        self.at += 4;
        Some(code)
    }

    fn number(&mut self) -> Result<(), Unread> {
        let start = self.at;
        let (end, whole) = grammar(self.bytes, start).map_err(|at| Unread::new(at, Flaw::BadNumber))?;
        self.at = end;
        let number = Number::read(&self.text[start..end], whole);
        let number = number.ok_or_else(|| Unread::new(start, Flaw::Inexact))?;
        self.tape.slots.push(Slot::Number(number));
        Ok(())
    }
}

/// The end of the number at `at`, and whether it has neither fraction nor exponent.
///
/// # Errors
/// Where a digit is missing, or one too many.
fn grammar(bytes: &[u8], mut at: usize) -> Result<(usize, bool), usize> {
    let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if bytes[at] == b'-' {
        at += 1;
    }
    let count = digits(at);
    if count == 0 || count > 1 && bytes[at] == b'0' {
        return Err(at);
    }
    at += count;
    let whole = at;
    if bytes.get(at) == Some(&b'.') {
        let count = digits(at + 1);
        if count == 0 {
            return Err(at + 1);
        }
        at += 1 + count;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let count = digits(at + 1 + sign);
        if count == 0 {
            return Err(at + 1 + sign);
        }
        at += 1 + sign + count;
    }
    Ok((at, at == whole))
}

impl Number {
    /// The number that all of `text` is, in the grammar of JSON.
    pub fn parse(text: &str) -> Option<Number> {
        if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return None;
        }
        match grammar(text.as_bytes(), 0) {
            Ok((end, whole)) if end == text.len() => Number::read(text, whole),
            _ => None,
        }
    }

    fn read(text: &str, whole: bool) -> Option<Number> {
        if whole {
            if let Ok(natural) = text.parse() {
                return Some(Number::Natural(natural));
            }
            if let Ok(negative) = text.parse::<i64>() {
                return Some(if negative == 0 { Number::Natural(0) } else { Number::Negative(negative) });
            }
        }
        let real: f64 = text.parse().ok()?;
        // Of a larger whole number every digit must survive, since another reader may keep them all.
        let exact = !whole || text == format!("{real:.0}");
        (real.is_finite() && exact).then_some(Number::Real(real))
    }
}

/// The way to what is wrong, one step further out.
fn within(mut unread: Unread, step: Step) -> Unread {
    unread.way.push(step);
    unread
}
