//! Content types: what a request says its body is (RFC 9110 §8.3), and what is accepted.

use crate::wire::token::{is_token, is_token_byte};

/// Parameters of a content type that are read at most.
const PARAMETERS_MAX: usize = 16;

/// A content type, borrowed from its field.
#[derive(Debug, Clone, Copy)]
pub struct Media<'v> {
    main: &'v [u8],
    sub: &'v [u8],
    /// What follows the first `;`.
    parameters: &'v [u8],
}

impl<'v> Media<'v> {
    /// Reads a field's value; none when it is not one content type.
    pub fn parse(value: &'v [u8]) -> Option<Media<'v>> {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let (kind, parameters) = value.split_at(end);
        let kind = kind.trim_ascii_end();
        let slash = kind.iter().position(|byte| *byte == b'/')?;
        let (main, sub) = (&kind[..slash], &kind[slash + 1..]);
        if !is_token(main) || !is_token(sub) {
            return None;
        }
        let media = Media { main, sub, parameters };
        let mut names: [&[u8]; PARAMETERS_MAX] = [b""; PARAMETERS_MAX];
        let mut count = 0;
        let mut rest = Parameters(parameters);
        while let Some(parameter) = rest.step()? {
            // Of two of one name one reader takes the first and another the last.
            let twice = names[..count].iter().any(|name| name.eq_ignore_ascii_case(parameter.name));
            if twice || count == PARAMETERS_MAX {
                return None;
            }
            names[count] = parameter.name;
            count += 1;
        }
        Some(media)
    }

    /// The value of a parameter.
    fn parameter(&self, name: &[u8]) -> Option<Value<'v>> {
        let mut rest = Parameters(self.parameters);
        while let Some(Some(parameter)) = rest.step() {
            if parameter.name.eq_ignore_ascii_case(name) {
                return Some(parameter.value);
            }
        }
        None
    }

    /// Whether its `charset` is UTF-8 or not given.
    pub fn is_utf8(&self) -> bool {
        self.parameter(b"charset").is_none_or(|value| value.is(b"utf-8"))
    }
}

/// The value of a parameter, as it was sent.
#[derive(Debug, Clone, Copy)]
struct Value<'v> {
    text: &'v [u8],
    quoted: bool,
}

impl<'v> Value<'v> {
    /// Its bytes, without the backslashes of a quoted one.
    fn bytes(self) -> impl Iterator<Item = u8> + use<'v> {
        let mut escaped = false;
        self.text.iter().copied().filter(move |byte| {
            escaped = self.quoted && !escaped && *byte == b'\\';
            !escaped
        })
    }

    /// Whether it is `other`, without case.
    fn is(self, other: &[u8]) -> bool {
        self.bytes().map(|byte| byte.to_ascii_lowercase()).eq(other.iter().map(u8::to_ascii_lowercase))
    }
}

struct Parameter<'v> {
    name: &'v [u8],
    value: Value<'v>,
}

/// What is left of parameters: empty, or from a `;` on.
struct Parameters<'v>(&'v [u8]);

impl<'v> Parameters<'v> {
    /// The next one, or none at the end; nothing at all when they are malformed.
    fn step(&mut self) -> Option<Option<Parameter<'v>>> {
        loop {
            let rest = self.0.trim_ascii_start();
            let Some(rest) = rest.strip_prefix(b";") else {
                return rest.is_empty().then_some(None);
            };
            self.0 = rest.trim_ascii_start();
            // An empty one between two semicolons is allowed.
            if !self.0.is_empty() && self.0[0] != b';' {
                break;
            }
        }
        let equals = self.0.iter().position(|byte| *byte == b'=')?;
        let (name, rest) = (&self.0[..equals], &self.0[equals + 1..]);
        let (text, quoted, len) = match rest.first() {
            Some(b'"') => {
                let len = quoted(&rest[1..])?;
                (&rest[1..1 + len], true, len + 2)
            }
            _ => {
                let len = rest.iter().take_while(|byte| is_token_byte(**byte)).count();
                (&rest[..len], false, len)
            }
        };
        if !is_token(name) || !quoted && text.is_empty() {
            return None;
        }
        self.0 = &rest[len..];
        Some(Some(Parameter { name, value: Value { text, quoted } }))
    }
}

/// Bytes up to the closing quote.
fn quoted(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A parameter: its name in lower case, and its value.
type Pair = (Box<[u8]>, Box<[u8]>);

/// What is accepted: `application/json`, `text/*`, `application/*+json`, each with parameters that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    main: Box<[u8]>,
    sub: Sub,
    parameters: Vec<Pair>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sub {
    Any,
    /// What ends with this, `+json`.
    Suffix(Box<[u8]>),
    Exact(Box<[u8]>),
}

impl Accepted {
    /// Reads what the operator wrote; none when it is no content type.
    pub fn parse(text: &str) -> Option<Accepted> {
        let media = Media::parse(text.as_bytes())?;
        let main = media.main.to_ascii_lowercase().into_boxed_slice();
        let sub = media.sub.to_ascii_lowercase();
        let sub = match sub.strip_prefix(b"*") {
            Some(b"") => Sub::Any,
            Some(suffix) if suffix[0] == b'+' && !suffix.contains(&b'*') => Sub::Suffix(suffix.into()),
            None if !sub.contains(&b'*') => Sub::Exact(sub.into()),
            _ => return None,
        };
        if main.contains(&b'*') && (&*main != b"*" || sub != Sub::Any) {
            return None;
        }
        let mut parameters = Vec::new();
        let mut rest = Parameters(media.parameters);
        while let Some(Some(Parameter { name, value })) = rest.step() {
            parameters.push((name.to_ascii_lowercase().into(), value.bytes().collect()));
        }
        Some(Accepted { main, sub, parameters })
    }

    /// Whether it takes `media`. Parameters are compared without case, which is right for `charset` and lenient for
    /// others.
    pub fn takes(&self, media: &Media<'_>) -> bool {
        let main = &*self.main == b"*" || media.main.eq_ignore_ascii_case(&self.main);
        let sub = match &self.sub {
            Sub::Any => true,
            Sub::Exact(sub) => media.sub.eq_ignore_ascii_case(sub),
            Sub::Suffix(suffix) => {
                media.sub.len() > suffix.len()
                    && media.sub[media.sub.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
            }
        };
        let given = |(name, value): &Pair| media.parameter(name).is_some_and(|given| given.is(value));
        main && sub && self.parameters.iter().all(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepted: &str, value: &str, expected: bool) {
        let accepted = Accepted::parse(accepted).expect("is a content type");
        let media = Media::parse(value.as_bytes()).expect("is a content type");
        assert_eq!(accepted.takes(&media), expected, "{accepted:?} {value}");
    }

    #[test]
    fn types_are_compared_without_case_and_with_the_parameters_that_are_asked_for() {
        for (accepted, value, expected) in [
            ("application/json", "application/json", true),
            ("application/json", "Application/JSON ; charset=utf-8", true),
            ("application/json", "application/jsonx", false),
            ("application/json", "text/json", false),
            ("application/*+json", "application/problem+json", true),
            ("application/*+json", "application/json", false),
            ("application/*+json", "application/+json", false),
            ("text/*", "text/plain", true),
            ("*/*", "a/b", true),
            ("text/plain; charset=utf-8", "text/plain", false),
            ("text/plain; charset=utf-8", "text/plain;charset=\"UTF-8\"", true),
            ("text/plain; charset=utf-8", "text/plain; a=b; Charset=utf-8;", true),
            ("text/plain; charset=utf-8", "text/plain; charset=latin1", false),
            ("a/b; c=\"d e\"", "a/b; c=\"d\\ e\"", true),
        ] {
            check(accepted, value, expected);
        }
    }

    #[test]
    fn what_is_not_one_content_type_is_none() {
        for value in [
            "",
            "json",
            "a/",
            "/b",
            "a/b/c",
            "a b/c",
            "a/b;c",
            "a/b;=d",
            "a/b;c=",
            "a/b;c=\"d",
            "a/b;c=d e",
            "a/b, c/d",
            "a/b;c=d;c=e",
            "a/b;c=d;C=d",
            "a/b;c =d",
            "a/b;c=\"d\"e",
        ] {
            assert!(Media::parse(value.as_bytes()).is_none(), "{value}");
        }
        for value in ["a/*b", "*/b", "a*/b", "a/*+*", "a/b*", "a/*+j*"] {
            assert!(Accepted::parse(value).is_none(), "{value}");
        }
        for value in ["a/b;", "a/b;;", "a/b ; ;c=d", "a/b;c=\"\"", "a/b;c=\"\\\"\""] {
            assert!(Media::parse(value.as_bytes()).is_some(), "{value}");
        }
    }

    #[test]
    fn a_charset_is_utf8_or_not_given() {
        for (value, expected) in [
            ("a/b", true),
            ("a/b; charset=UTF-8", true),
            ("a/b; charset=\"utf\\-8\"", true),
            ("a/b; charset=utf8", false),
            ("a/b; charset=iso-8859-1", false),
            ("a/b; charset=\"\"", false),
        ] {
            assert_eq!(
                Media::parse(value.as_bytes()).map(|media| media.is_utf8()),
                Some(expected),
                "{value}"
            );
        }
    }
}
