//! What a request must have to be taken by a target with `when`. Values mean what they mean in a route's `match`.

use crate::route::finder::{Caches, Finder, Slots};
use crate::wire::cookie::cookie;
use crate::wire::head::Head;

/// What a request must have. All of it must hold.
#[derive(Debug, Default)]
pub struct When {
    /// Fields by name; the values of one that repeats are joined by `, ` (RFC 9110 §5.3).
    pub fields: Vec<(Box<[u8]>, Value)>,
    /// Cookies by name; of one that repeats, the first.
    pub cookies: Vec<(Box<[u8]>, Value)>,
}

/// What a value has to be.
#[derive(Debug, Clone)]
pub enum Value {
    /// This, byte by byte.
    Exact(Box<[u8]>),
    /// Anything, an empty text too.
    Present,
    /// Something that this matches as a whole.
    Matching(Finder),
}

impl When {
    pub(super) fn holds(&self, head: Head<'_>, caches: &mut Caches) -> bool {
        let of = |name: &[u8]| cookie(head, name);
        self.fields.iter().all(|(name, value)| value.is_field(head, name, caches))
            && self
                .cookies
                .iter()
                .all(|(name, value)| of(name).is_some_and(|found| value.takes(found, caches)))
    }
}

impl Value {
    /// Reads a text: `*` is any value, `regex:…` an expression, `exact:…` what would else be one of these, and all
    /// other texts are themselves.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn parse(text: &str, slots: &mut Slots) -> Result<Value, String> {
        if text == "*" {
            return Ok(Value::Present);
        }
        if let Some(expression) = text.strip_prefix("regex:") {
            return Finder::whole(expression, slots).map(Value::Matching);
        }
        Ok(Value::Exact(text.strip_prefix("exact:").unwrap_or(text).as_bytes().into()))
    }

    /// Whether `found` is that.
    fn takes(&self, found: &[u8], caches: &mut Caches) -> bool {
        match self {
            Value::Exact(wanted) => **wanted == *found,
            Value::Present => true,
            Value::Matching(finder) => finder.is_match(found, caches),
        }
    }

    fn is_field(&self, head: Head<'_>, name: &[u8], caches: &mut Caches) -> bool {
        let mut values = head.all_named(name);
        let Some(first) = values.next() else { return false };
        let Some(second) = values.next() else { return self.takes(first, caches) };
        let mut joined = std::mem::take(&mut caches.room);
        joined.clear();
        joined.extend_from_slice(first);
        for value in std::iter::once(second).chain(values) {
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value);
        }
        let takes = self.takes(&joined, caches);
        caches.room = joined;
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_unless_it_says_otherwise() {
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
