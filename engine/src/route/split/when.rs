//! What a request must have to be taken by a target with `when`. Values mean what they mean in a route's `match`.

use crate::route::finder::{Caches, Finder, Slots};
use crate::route::value::{FieldName, Told, Wish};
use crate::wire::cookie::cookie;
use crate::wire::head::Head;

/// What a request must have. All of it must hold.
#[derive(Debug, Default)]
pub struct When {
    /// In the order in which it is looked at.
    asks: Vec<Ask>,
}

/// One thing that must hold.
#[derive(Debug)]
struct Ask {
    of: Of,
    value: Value,
    /// As it was written, for explaining.
    written: Box<str>,
}

#[derive(Debug)]
enum Of {
    /// The values of a field that repeats are joined by `, ` (RFC 9110 §5.3).
    Field(FieldName),
    /// Of a cookie that repeats, the first.
    Cookie(Box<[u8]>),
}

/// What a value has to be.
#[derive(Debug)]
enum Value {
    /// This, byte by byte.
    Exact(Box<[u8]>),
    /// Anything, an empty text too.
    Present,
    /// Something that this matches as a whole.
    Matching(Finder),
}

impl When {
    /// Asks for a field too, whose value is written as a condition's is.
    ///
    /// # Errors
    /// What is wrong with the text, as the rest of a sentence that begins with it.
    pub fn field(&mut self, name: &str, text: &str, told: Told, slots: &mut Slots) -> Result<(), String> {
        let written = told.sentence("header", name, Wish::read(text)).into();
        self.asks.push(Ask {
            of: Of::Field(FieldName::of(name)),
            value: Value::parse(text, slots)?,
            written,
        });
        Ok(())
    }

    /// Asks for a cookie too, likewise.
    ///
    /// # Errors
    /// As [`When::field`].
    pub fn cookie(&mut self, name: &str, text: &str, told: Told, slots: &mut Slots) -> Result<(), String> {
        let written = told.sentence("cookie", name, Wish::read(text)).into();
        let of = Of::Cookie(name.as_bytes().into());
        self.asks.push(Ask { of, value: Value::parse(text, slots)?, written });
        Ok(())
    }

    pub(super) fn holds(&self, head: Head<'_>, caches: &mut Caches) -> bool {
        self.asks.iter().all(|ask| ask.holds(head, caches))
    }

    /// The first thing that does not hold, as it was written.
    pub(super) fn failed(&self, head: Head<'_>, caches: &mut Caches) -> Option<&str> {
        self.asks.iter().find(|ask| !ask.holds(head, caches)).map(|ask| &*ask.written)
    }
}

impl Ask {
    fn holds(&self, head: Head<'_>, caches: &mut Caches) -> bool {
        match &self.of {
            Of::Field(name) => {
                let mut room = std::mem::take(&mut caches.room);
                room.clear();
                let value = name.value(head, &mut room);
                let holds = value.is_some_and(|value| self.value.takes(value, caches));
                caches.room = room;
                holds
            }
            Of::Cookie(name) => cookie(head, name).is_some_and(|value| self.value.takes(value, caches)),
        }
    }
}

impl Value {
    fn parse(text: &str, slots: &mut Slots) -> Result<Value, String> {
        Ok(match Wish::read(text) {
            Wish::Present => Value::Present,
            Wish::Exact(exact) => Value::Exact(exact.as_bytes().into()),
            Wish::Matching(expression) => Value::Matching(Finder::whole(expression, slots)?),
        })
    }

    /// Whether `found` is that.
    fn takes(&self, found: &[u8], caches: &mut Caches) -> bool {
        match self {
            Value::Exact(wanted) => **wanted == *found,
            Value::Present => true,
            Value::Matching(finder) => finder.is_match(found, caches),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_text_that_was_wished_for() {
        let mut caches = Caches::default();
        for (text, value, expected) in [
            ("a", "a", true),
            ("a", "A", false),
            ("a", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("*", "x", true),
            ("exact:*", "*", true),
            ("exact:*", "x", false),
            ("exact:regex:a", "regex:a", true),
            ("regex:a+", "aa", true),
            ("regex:a+", "aab", false),
            ("regex:(?i)always", "ALWAYS", true),
        ] {
            let wanted = Value::parse(text, &mut Slots::new(1)).unwrap();
            assert_eq!(wanted.takes(value.as_bytes(), &mut caches), expected, "{text} {value}");
        }
    }
}
