//! The request target, split into its parts (RFC 9112 §3.2).
//!
//! What is accepted: the bytes of RFC 3986, and those more that browsers send unescaped (the WHATWG URL
//! standard): `[ ] ^ |` in a path; in a query also `` \ ` { } `` . Never: controls, space, `" < > #`, bytes from 0x80
//! up, and in a path the backslash, which some servers read as a slash.

use super::authority::Authority;
use crate::wire::head::Form;
use crate::wire::method::Method;

/// A target in its parts, all borrowed from it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Target<'a> {
    /// Its form.
    pub form: Form,
    /// The authority, in absolute- and authority-form.
    pub authority: Option<&'a [u8]>,
    /// The path as it stands: may be empty in absolute-form, is `*` in asterisk-form, or empty where that stands for it.
    pub path: &'a [u8],
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
}

const PATH: u8 = 1;
const QUERY: u8 = 2;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut at = 0x21;
    while at < 0x7f {
        class[at] = match at as u8 {
            b'"' | b'<' | b'>' | b'#' => 0,
            b'?' | b'\\' | b'`' | b'{' | b'}' => QUERY,
            _ => PATH | QUERY,
        };
        at += 1;
    }
    class
};

/// Whether a path may hold `byte`.
pub fn is_path_byte(byte: u8) -> bool {
    CLASS[byte as usize] & PATH != 0
}

/// Splits `bytes`, a target sent with `method`; none when the two do not go together or a byte is not allowed.
/// *Cost*: one table look-up a byte.
#[inline]
pub fn target(method: Method, bytes: &[u8]) -> Option<Target<'_>> {
    match (bytes, method) {
        (_, Method::Connect) => connect(bytes),
        ([b'/', ..], _) => {
            let (path, query) = split(bytes)?;
            Some(Target { form: Form::Origin, authority: None, path, query })
        }
        (b"*", Method::Options) => {
            Some(Target { form: Form::Asterisk, authority: None, path: bytes, query: None })
        }
        // RFC 9112 §3.2.4: a server as a whole is asked of this way, through a proxy.
        (_, Method::Options) => absolute(bytes).map(|target| match target {
            Target { path: b"", query: None, .. } => Target { form: Form::Asterisk, ..target },
            target => target,
        }),
        _ => absolute(bytes),
    }
}

/// Authority-form; the port cannot be left out (RFC 9110 §9.3.6).
fn connect(bytes: &[u8]) -> Option<Target<'_>> {
    Authority::parse(bytes)?.port?;
    Some(Target { form: Form::Authority, authority: Some(bytes), path: b"", query: None })
}

/// Absolute-form with one of the two schemes this gateway serves.
fn absolute(bytes: &[u8]) -> Option<Target<'_>> {
    let scheme_len = if prefixed(bytes, b"http://") {
        7
    } else if prefixed(bytes, b"https://") {
        8
    } else {
        return None;
    };
    let rest = &bytes[scheme_len..];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    Authority::parse(authority)?;
    let (path, query) = split(rest)?;
    Some(Target { form: Form::Absolute, authority: Some(authority), path, query })
}

fn prefixed(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|front| front.eq_ignore_ascii_case(prefix))
}

/// Path and query, with every byte checked.
#[inline]
fn split(bytes: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let end = bytes.iter().position(|byte| CLASS[*byte as usize] & PATH == 0).unwrap_or(bytes.len());
    let (path, rest) = bytes.split_at(end);
    match rest {
        [] => Some((path, None)),
        [b'?', query @ ..] if query.iter().all(|byte| CLASS[*byte as usize] & QUERY != 0) => {
            Some((path, Some(query)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, form: Form, authority: Option<&str>, path: &str, query: Option<&str>) {
        let expected = Target {
            form,
            authority: authority.map(str::as_bytes),
            path: path.as_bytes(),
            query: query.map(str::as_bytes),
        };
        assert_eq!(target(Method::Get, text.as_bytes()), Some(expected), "{text}");
    }

    #[test]
    fn origin_and_absolute_forms_are_split() {
        check("/", Form::Origin, None, "/", None);
        check("/a/b?c=d?e/f", Form::Origin, None, "/a/b", Some("c=d?e/f"));
        check("//a?", Form::Origin, None, "//a", Some(""));
        check("http://h", Form::Absolute, Some("h"), "", None);
        check("HTTP://h:1/p?q", Form::Absolute, Some("h:1"), "/p", Some("q"));
        check("https://[::1]?q", Form::Absolute, Some("[::1]"), "", Some("q"));
    }

    #[test]
    fn each_byte_is_allowed_where_the_header_says() {
        for byte in 0..=255u8 {
            let visible = (0x21..0x7f).contains(&byte);
            let in_path = visible && !b"\"<>#\\`{}".contains(&byte);
            let in_query = visible && !b"\"<>#".contains(&byte);
            assert_eq!(target(Method::Get, &[b'/', byte]).is_some(), in_path, "path {byte:#x}");
            assert_eq!(target(Method::Get, &[b'/', b'?', byte]).is_some(), in_query, "query {byte:#x}");
        }
    }

    #[test]
    fn a_form_goes_with_its_methods_only() {
        for (method, text, form) in [
            (Method::Options, "*", Some(Form::Asterisk)),
            (Method::Get, "*", None),
            (Method::Options, "**", None),
            (Method::Options, "http://h:1", Some(Form::Asterisk)),
            (Method::Options, "http://h/", Some(Form::Absolute)),
            (Method::Options, "http://h?q", Some(Form::Absolute)),
            (Method::Options, "http://h?", Some(Form::Absolute)),
            (Method::Get, "http://h", Some(Form::Absolute)),
            (Method::Options, "*?q", None),
            (Method::Options, "/", Some(Form::Origin)),
            (Method::Connect, "h:443", Some(Form::Authority)),
            (Method::Connect, "[::1]:443", Some(Form::Authority)),
            (Method::Connect, "h", None),
            (Method::Connect, "h:", None),
            (Method::Connect, "/", None),
            (Method::Connect, "http://h:1/", None),
            (Method::Get, "h:443", None),
            (Method::Get, "h", None),
            (Method::Get, "", None),
            (Method::Get, "http:/h", None),
            (Method::Get, "http://", None),
            (Method::Get, "http:///p", None),
            (Method::Get, "http://u@h/", None),
            (Method::Get, "http://u:p@h/", None),
            (Method::Get, "http://h:99999/", None),
            (Method::Get, "http://h#f", None),
            (Method::Get, "ftp://h/", None),
            (Method::Get, "file:///etc/passwd", None),
            (Method::Get, "\\", None),
            (Method::Get, "a/b", None),
            (Method::Get, "?q", None),
        ] {
            assert_eq!(target(method, text.as_bytes()).map(|t| t.form), form, "{method:?} {text}");
        }
    }
}
