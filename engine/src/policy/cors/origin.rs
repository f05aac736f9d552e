//! Which origins a `cors` policy names (Fetch standard §3.2: an origin is compared byte by byte).

use regex_automata::dfa::{Automaton, dense};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

/// Bytes of one expression's automaton at most.
const AUTOMATON_BYTES_MAX: usize = 256 * 1024;

/// A set of origins.
#[derive(Debug)]
pub(super) enum Origins {
    /// Every one.
    All,
    /// Those that one of these holds.
    Some(Box<[Pattern]>),
}

#[derive(Debug)]
pub(super) enum Pattern {
    Exact(Box<[u8]>),
    /// What stands before and behind one or more labels of a name.
    Below(Box<[u8]>, Box<[u8]>),
    /// A dense automaton: a search writes to nothing, so that shards share it without a lock.
    Matching(Box<dense::DFA<Vec<u32>>>),
}

impl Pattern {
    /// Reads `https://app.example.com`, `https://*.example.com` or `regex:EXPRESSION`.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence that begins with the text, and what is accepted.
    pub(super) fn parse(text: &str) -> Result<Pattern, (String, String)> {
        let form = "write scheme://host or scheme://host:port, such as https://app.example.com";
        if let Some(expression) = text.strip_prefix("regex:") {
            return matching(expression);
        }
        if text == "null" {
            return Ok(Pattern::Exact(b"null"[..].into()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(("is not an origin".into(), form.into()));
        };
        if let Some((origin, _)) = rest.split_once('/') {
            return Err((
                "has a path, which no origin has".into(),
                format!("did you mean '{scheme}://{origin}'?"),
            ));
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let fix = format!("did you mean '{}'?", text.to_ascii_lowercase());
            return Err(("has upper case, which browsers do not send".into(), fix));
        }
        let default = [("https", ":443"), ("http", ":80")].into_iter().find(|(of, _)| *of == scheme);
        if let Some(bare) = default.and_then(|(_, port)| text.strip_suffix(port)) {
            return Err((
                "has the scheme's own port, which browsers leave out".into(),
                format!("did you mean '{bare}'?"),
            ));
        }
        let good =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'?' | b'#' | b'@' | b'\\' | b',');
        let (host, below) = rest.strip_prefix("*.").map_or((rest, false), |host| (host, true));
        if scheme.is_empty()
            || host.is_empty()
            || !host.bytes().all(good)
            || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            return Err(("is not an origin".into(), form.into()));
        }
        Ok(match below {
            false => Pattern::Exact(text.as_bytes().into()),
            true => Pattern::Below(
                format!("{scheme}://").into_bytes().into(),
                format!(".{host}").into_bytes().into(),
            ),
        })
    }

    /// Whether it takes `origin`.
    pub(super) fn holds(&self, origin: &[u8]) -> bool {
        match self {
            Pattern::Exact(exact) => **exact == *origin,
            Pattern::Below(before, behind) => {
                let labels = origin.strip_prefix(&**before).and_then(|rest| rest.strip_suffix(&**behind));
                let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
                labels.is_some_and(|labels| !labels.is_empty() && labels.iter().all(of_name))
            }
            // The expression ends with `\z`, so that a match is the whole origin.
            Pattern::Matching(automaton) => {
                let input = Input::new(origin).anchored(Anchored::Yes);
                matches!(automaton.try_search_fwd(&input), Ok(Some(_)))
            }
        }
    }
}

fn matching(expression: &str) -> Result<Pattern, (String, String)> {
    let build = |text: &str| {
        dense::Builder::new()
            .configure(
                dense::Config::new()
                    .match_kind(MatchKind::All)
                    .start_kind(regex_automata::dfa::StartKind::Anchored)
                    .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
                    .determinize_size_limit(Some(AUTOMATON_BYTES_MAX)),
            )
            .syntax(syntax::Config::new().utf8(false).unicode(false))
            .build(text)
            .map_err(Box::new)
    };
    // First alone: what is no expression must not become one by what is put around it.
    let built = build(expression).and_then(|_| build(&format!("\\A(?:{expression})\\z")));
    let fix = "write an expression for whole origins, such as regex:https://pr-[0-9]+\\.example\\.dev";
    built.map(|automaton| Pattern::Matching(Box::new(automaton))).map_err(|error| {
        match error.is_size_limit_exceeded() {
            true => ("is too large a regular expression".to_owned(), fix.to_owned()),
            false => ("is no regular expression".to_owned(), fix.to_owned()),
        }
    })
}

impl Origins {
    /// Whether it holds `origin`.
    pub(super) fn hold(&self, origin: &[u8]) -> bool {
        match self {
            Origins::All => true,
            Origins::Some(patterns) => patterns.iter().any(|pattern| pattern.holds(origin)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_held_by_the_whole_of_it() {
        for (pattern, origin, holds) in [
            ("https://app.example.com", "https://app.example.com", true),
            ("https://app.example.com", "https://app.example.com:8443", false),
            ("https://app.example.com", "http://app.example.com", false),
            ("https://app.example.com", "https://app.example.com.evil.test", false),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://evil.test/.example.com", false),
            ("https://*.example.com", "https://evil.test:1.example.com", false),
            ("https://*.example.com", "https://evil@x.example.com", false),
            ("https://*.example.com:8443", "https://a.example.com:8443", true),
            ("regex:https://pr-[0-9]+\\.example\\.dev", "https://pr-17.example.dev", true),
            ("regex:https://pr-[0-9]+\\.example\\.dev", "https://pr-17.example.dev.evil.test", false),
            ("regex:https://pr-[0-9]+\\.example\\.dev", "xhttps://pr-17.example.dev", false),
            ("regex:https://a|https://b", "https://a", true),
            ("regex:https://a|https://b", "https://bc", false),
            ("null", "null", true),
        ] {
            let parsed = Pattern::parse(pattern).unwrap_or_else(|told| panic!("{pattern}: {told:?}"));
            assert_eq!(parsed.holds(origin.as_bytes()), holds, "{pattern} {origin}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_told_with_what_it_sends() {
        for (text, fix) in [
            ("app.example.com", "write scheme://host"),
            ("https://app.example.com/", "did you mean 'https://app.example.com'?"),
            ("https://App.example.com", "did you mean 'https://app.example.com'?"),
            ("https://app.example.com:443", "did you mean 'https://app.example.com'?"),
            ("https://*", "write scheme://host"),
            ("https://a.*.com", "write scheme://host"),
            ("regex:(", "write an expression"),
            ("regex:a)(b", "write an expression"),
            ("regex:(a{1000}){1000}", "write an expression"),
        ] {
            let (_, told) = Pattern::parse(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(told.starts_with(fix), "{text}: {told}");
        }
    }
}
