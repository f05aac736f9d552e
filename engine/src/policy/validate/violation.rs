//! What is wrong with a request, for whoever sent it: the place, the rule and a message, up to a bound. Values of the
//! request are never repeated, and names only up to a length: they may be secret, and an answer shall stay small.

/// Bytes of a place and of a rule that are told.
const PLACE_BYTES_MAX: usize = 256;
/// Bytes of a name that a message repeats.
const NAME_BYTES_MAX: usize = 64;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: the part of the request, `#`, and a JSON pointer (RFC 6901) into it, such as `body#/items/0/price`.
    pub at: String,
    /// The rule: the key of the configuration, and behind a `#` a JSON pointer into the schema that stands there.
    pub rule: String,
    /// What is wrong, as the rest of a sentence that begins with the place.
    pub message: String,
}

/// All that is wrong, up to a bound.
#[derive(Debug, Default)]
pub struct Violations {
    list: Vec<Violation>,
    max: usize,
}

impl Violations {
    /// Forgets the last request; at most `max` are kept of the next.
    pub fn clear(&mut self, max: u16) {
        self.list.clear();
        self.max = usize::from(max);
    }

    /// How many more are kept.
    pub fn room(&self) -> usize {
        self.max - self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// They.
    pub fn list(&self) -> &[Violation] {
        &self.list
    }

    /// Notes one, if there is room.
    #[cold]
    pub fn add(&mut self, at: impl Into<String>, rule: impl Into<String>, message: impl Into<String>) {
        if self.room() > 0 {
            let at = shortened(&at.into(), PLACE_BYTES_MAX);
            let rule = shortened(&rule.into(), PLACE_BYTES_MAX);
            self.list.push(Violation { at, rule, message: message.into() });
        }
    }

    /// The member `errors` of a problem body (RFC 9457 §3.2), appended to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"errors\":[");
        for (index, violation) in self.list.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            for (key, text) in [
                (&b"{\"at\":"[..], &violation.at),
                (b",\"rule\":", &violation.rule),
                (b",\"message\":", &violation.message),
            ] {
                out.extend_from_slice(key);
                out.extend_from_slice(serde_json::Value::from(text.as_str()).to_string().as_bytes());
            }
            out.push(b'}');
        }
        out.push(b']');
    }
}

/// A name as a message repeats it.
pub(super) fn named(name: &str) -> String {
    format!("'{}'", shortened(name, NAME_BYTES_MAX))
}

/// A step of a JSON pointer.
pub(super) fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A text of at most `bytes`, with dots where it was cut.
pub(super) fn shortened(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_as_json_up_to_a_bound() {
        let mut violations = Violations::default();
        violations.clear(2);
        violations.add("body#/a\"", "body.schema#/type", "is not a string\n");
        violations.add("x".repeat(1000), "r", format!("has {}", named(&"é".repeat(100))));
        violations.add("a third", "r", "m");
        let mut out = b"{".to_vec();
        violations.write(&mut out);
        out.push(b'}');
        let value: serde_json::Value = serde_json::from_slice(&out).expect("is JSON");
        assert_eq!(value["errors"][0]["at"], "body#/a\"");
        assert_eq!(value["errors"][0]["message"], "is not a string\n");
        assert_eq!(value["errors"][1]["at"], format!("{}...", "x".repeat(256)));
        assert_eq!(value["errors"][1]["message"], format!("has '{}...'", "é".repeat(32)));
        assert_eq!(value["errors"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_step_of_a_pointer_keeps_its_name() {
        assert_eq!(step("a/b~c"), "/a~1b~0c");
    }
}
