//! What was typed → the bytes of a request's head, as a client would send them. Only what cannot stand for a request at
//! all is refused here; whatever the wire would refuse is written as it was typed, so that the wire says so itself.

use std::fmt;

/// What is wrong with what was typed, and what to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub fix: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n  help: {}", self.message, self.fix)
    }
}

fn malformed(message: impl Into<String>, fix: impl Into<String>) -> Malformed {
    Malformed { message: message.into(), fix: fix.into() }
}

/// The head of `line`, which is `[METHOD] URL`, `[METHOD] /PATH`, `OPTIONS *`, `CONNECT HOST:PORT`, or a whole request
/// line with its version, with `fields` of the form `Name: value`. A URL is asked for as clients do: its path, and its
/// authority as Host unless `fields` name one. A whole request line stands as it is.
///
/// # Errors
/// What is no request.
pub fn read(line: &str, fields: &[String]) -> Result<Vec<u8>, Malformed> {
    let breaks = |text: &str| text.contains(['\r', '\n']);
    if breaks(line) {
        return Err(malformed("the request holds a line break", "give its fields with -H, one each"));
    }
    for field in fields {
        if breaks(field) {
            let fix = "give each field with a -H of its own; no value holds a line break";
            return Err(malformed(format!("-H '{}' holds a line break", field.escape_debug()), fix));
        }
        if !field.contains(':') {
            let fix = format!("write a name and a value: -H '{}: VALUE'", field.trim());
            return Err(malformed(format!("-H '{field}' has no colon"), fix));
        }
    }
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (start, host) = match words[..] {
        [_, _, version] if version.starts_with("HTTP/") => (line.to_owned(), None),
        [target] => asked("GET", target)?,
        [method, target] => asked(method, target)?,
        [] => return Err(malformed("there is no request", EXAMPLE)),
        _ => {
            let message = format!("'{line}' is not a request: it has {} words", words.len());
            return Err(malformed(message, format!("{EXAMPLE}; write %20 for a space")));
        }
    };
    let names_host =
        |field: &String| field.split(':').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("host"));
    let host = host.filter(|_| !fields.iter().any(names_host));
    let mut head = format!("{start}\r\n");
    host.iter().for_each(|host| head.push_str(&format!("Host: {host}\r\n")));
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    Ok(head.into_bytes())
}

const EXAMPLE: &str = "write a method and a URL, such as 'GET http://api.example.com/orders/7'";

/// The request line, and the Host that it implies.
fn asked<'t>(method: &str, target: &'t str) -> Result<(String, Option<&'t str>), Malformed> {
    let line = |target: &str| format!("{method} {target} HTTP/1.1");
    let has_scheme =
        |scheme: &str| target.get(..scheme.len()).is_some_and(|front| front.eq_ignore_ascii_case(scheme));
    if let Some(scheme) = ["http://", "https://"].into_iter().find(|scheme| has_scheme(scheme)) {
        let rest = &target[scheme.len()..];
        if rest.contains('#') {
            return Err(malformed(
                format!("'{target}' has a fragment, which no client sends"),
                "leave '#' and the rest out",
            ));
        }
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() {
            return Err(malformed(format!("'{target}' names no host"), EXAMPLE));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        return Ok((line(&format!("{slash}{path}")), Some(host)));
    }
    match target {
        "*" => Ok((line(target), None)),
        _ if target.starts_with('/') => Ok((line(target), None)),
        // Its target is a host with a port, and so is the Host that goes with it (RFC 9110 §9.3.6).
        _ if method == "CONNECT" => Ok((line(target), Some(target))),
        _ if target.contains("://") => Err(malformed(
            format!("'{target}' is of a scheme that is not served"),
            "write http:// or https://",
        )),
        _ => {
            let message = format!("'{target}' is neither a URL nor a path");
            Err(malformed(message, format!("did you mean http://{target}? A path begins with '/'")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, fields: &[&str], expected: Result<&str, &str>) {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        match (read(line, &fields), expected) {
            (Ok(head), Ok(expected)) => assert_eq!(String::from_utf8_lossy(&head), expected, "{line}"),
            (Err(told), Err(expected)) => assert!(told.message.contains(expected), "{line}: {told}"),
            (found, _) => panic!("{line}: {found:?}"),
        }
    }

    #[test]
    fn a_url_is_asked_for_as_clients_do() {
        for (line, head) in [
            ("http://a.test/x?y=1", "GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\n\r\n"),
            ("POST HTTPS://a.test:81", "POST / HTTP/1.1\r\nHost: a.test:81\r\n\r\n"),
            ("  GET   http://[::1]:81?q ", "GET /?q HTTP/1.1\r\nHost: [::1]:81\r\n\r\n"),
            ("get http://a//b/../c%2F", "get //b/../c%2F HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("/x", "GET /x HTTP/1.1\r\n\r\n"),
            ("OPTIONS *", "OPTIONS * HTTP/1.1\r\n\r\n"),
            ("CONNECT a:443", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
        ] {
            check(line, &[], Ok(head));
        }
    }

    #[test]
    fn a_host_field_takes_the_urls_place_and_two_stay_two() {
        check("http://a/", &["host: b"], Ok("GET / HTTP/1.1\r\nhost: b\r\n\r\n"));
        check("http://a/", &["Host: b", "Host: c"], Ok("GET / HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n"));
        check("http://a/", &["X: 1", "X: 2"], Ok("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n"));
    }

    #[test]
    fn a_line_with_its_version_stands_as_it_is() {
        for line in ["GET http://a/b HTTP/1.1", "GET /x HTTP/1.0", "GET  /x HTTP/1.1", "GET foo HTTP/9.9"] {
            check(line, &["Host: c"], Ok(&format!("{line}\r\nHost: c\r\n\r\n")));
        }
    }

    #[test]
    fn what_cannot_stand_for_a_request_is_told_with_the_way_out() {
        for (line, fields, message) in [
            ("", &[][..], "there is no request"),
            ("GET /a b c", &[], "has 4 words"),
            ("GET a.test/x", &[], "neither a URL nor a path"),
            ("ftp://a/", &[], "scheme"),
            ("http:///x", &[], "names no host"),
            ("http://a/x#y", &[], "fragment"),
            ("GET /\r\nX: 1", &[], "line break"),
            ("/", &["X: 1\r\nY: 2"], "line break"),
            ("/", &["X: 1\nY: 2"], "line break"),
            ("/", &["X"], "no colon"),
        ] {
            check(line, fields, Err(message));
        }
    }
}
