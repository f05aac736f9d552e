//! What a route changes of a request: its path in one way, and its host; and redirects, which change the same parts.
//! Names and prefixes are held to every path of the match, so that no request can miss one.

use super::{Check, Pointer, config};
use crate::config::rewrite::{
    Redirect as GivenRedirect, Replace, Rewrite as GivenRewrite, Scheme as GivenScheme,
};
use crate::route::PathPattern;
use crate::route::finder::Finder;
use crate::route::front::Scheme;
use crate::route::redirect::{Destination, Redirect};
use crate::route::rewrite::{Pattern, Rewrite, Substitution, Template, check_path};
use crate::table::Change;
use crate::wire::uri::Authority;

/// What `given` changes of its requests; notes what is wrong with it.
pub(super) fn build(check: &mut Check<'_>, at: &Pointer, given: &config::Route) -> Option<Box<Change>> {
    let GivenRewrite { strip_prefix, prefix, path, regex, host } = &given.rewrite;
    let at = at.key("rewrite");
    let ways = [strip_prefix.is_some(), prefix.is_some(), path.is_some(), regex.is_some()];
    if ways.iter().filter(|given| **given).count() > 1 {
        let fix = "keep one of 'strip_prefix', 'prefix', 'path' and 'regex'";
        let message = format!("route '{}' rewrites its path in more than one way", given.name);
        check.error_at_key(&at, message, Some(fix.into()));
        return None;
    }
    if !ways.contains(&true) && host.is_none() && check.config.origin.is_written(&at) {
        let fix = "say what it changes: 'host', or one of 'strip_prefix', 'prefix', 'path' and 'regex'";
        check.warn_at_key(
            &at,
            format!("'rewrite' of route '{}' changes nothing", given.name),
            Some(fix.into()),
        );
    }
    let by = if let Some(text) = strip_prefix {
        strip(check, &at.key("strip_prefix"), text, given)
    } else if let Some(text) = prefix {
        self::prefix(check, &at.key("prefix"), text, given)
    } else if let Some(text) = path {
        template(check, &at.key("path"), text, given)
    } else {
        regex.as_ref().and_then(|regex| replace(check, &at.key("regex"), regex))
    };
    let host = host.as_ref().inspect(|host| {
        if Authority::parse(host.as_bytes()).is_none() {
            let fix = "write a name with or without a port, such as orders.internal";
            check.error(&at.key("host"), format!("'{host}' is not a host"), Some(fix.into()));
        }
    });
    (by.is_some() || host.is_some()).then(|| Box::new(Change { path: by, host: host.cloned() }))
}

fn strip(check: &mut Check<'_>, at: &Pointer, text: &str, given: &config::Route) -> Option<Rewrite> {
    let trimmed = text.trim_end_matches('/');
    if !text.starts_with('/') || text.contains(['*', '{', '}']) {
        let fix = "write a path without '*' and '{}', such as /api";
        check.error(at, format!("'{text}' is not a prefix that can be taken off"), Some(fix.into()));
    } else {
        path_text(check, at, text);
        if check_path(text).is_ok() && !given.r#match.path.0.iter().any(|pattern| can_begin(pattern, trimmed))
        {
            let message = format!("no path that route '{}' takes begins with '{text}'", given.name);
            let fix = "take off what the paths of its match begin with, or match such paths";
            check.warn(at, message, Some(fix.into()));
        }
    }
    // Taking `/` off changes nothing.
    (!trimmed.is_empty()).then(|| Rewrite::Strip(trimmed.to_owned()))
}

/// Whether a path that `pattern` takes can begin with the segments of `prefix`. Of an expression nobody knows.
fn can_begin(pattern: &str, prefix: &str) -> bool {
    if !pattern.starts_with('/') {
        return true;
    }
    let (front, below) = pattern.strip_suffix("/*").map_or((pattern, false), |front| (front, true));
    let mut own = front.split('/').skip(1);
    for segment in prefix.split('/').skip(1) {
        match own.next() {
            Some(of) if of == segment || of.starts_with('{') => {}
            Some(_) => return false,
            None => return below,
        }
    }
    true
}

fn prefix(check: &mut Check<'_>, at: &Pointer, text: &str, given: &config::Route) -> Option<Rewrite> {
    let to = text.trim_end_matches('/');
    if !to.is_empty() {
        path_text(check, at, to);
    }
    let mut depths = Vec::new();
    for pattern in &given.r#match.path.0 {
        match pattern.strip_suffix("/*").filter(|_| pattern.starts_with('/')) {
            Some(front) => depths.push(u16::try_from(front.matches('/').count()).unwrap_or(u16::MAX)),
            None => {
                let message =
                    format!("path '{pattern}' of the match has no prefix that '{text}' could replace");
                check.error(at, message, Some("match /p/*, or write the whole path as 'path'".into()));
            }
        }
    }
    Some(Rewrite::Prefix { to: to.to_owned(), depths })
}

fn template(check: &mut Check<'_>, at: &Pointer, text: &str, given: &config::Route) -> Option<Rewrite> {
    let mut patterns = Vec::new();
    for path in &given.r#match.path.0 {
        match path.strip_prefix("regex:") {
            None => patterns.push(Pattern::Segments(path)),
            Some(expression) => match Finder::whole(expression, &mut check.slots) {
                Ok(finder) => patterns.push(Pattern::Regex(finder)),
                // Told where it is matched.
                Err(_) if PathPattern::parse(path).is_err() => return None,
                // Groups can make an expression too large that is none where only its end is asked for.
                Err(reason) => {
                    let message =
                        format!("path '{path}' of the match {reason}, for its groups are asked for");
                    check.error(at, message, Some("use fewer repetitions, or rewrite by 'regex'".into()));
                    return None;
                }
            },
        }
    }
    match Template::parse(text, &patterns) {
        Ok(template) => Some(Rewrite::Template(template)),
        Err(reason) => {
            let fix = "write a path such as /v2/{id}, with names that every path of the match has";
            check.error(at, format!("path '{text}' {reason}"), Some(fix.into()));
            None
        }
    }
}

fn replace(check: &mut Check<'_>, at: &Pointer, given: &Replace) -> Option<Rewrite> {
    let expression = match Finder::compile(&given.r#match, &mut check.slots) {
        Ok(expression) => expression,
        Err(reason) => {
            let fix = "write an expression without look-around and back-references, such as ^/a/(.*)$";
            check.error(&at.key("match"), format!("'{}' {reason}", given.r#match), Some(fix.into()));
            return None;
        }
    };
    match Substitution::parse(&given.to, &expression) {
        Ok(to) => Some(Rewrite::Regex { expression, to }),
        Err(reason) => {
            let fix = "write a path such as /b/$1; ${1} where a digit follows";
            check.error(&at.key("to"), format!("'{}' {reason}", given.to), Some(fix.into()));
            None
        }
    }
}

fn path_text(check: &mut Check<'_>, at: &Pointer, text: &str) {
    let Err(reason) = check_path(text) else { return };
    let meant = PathPattern::spelt(text).unwrap_or_else(|| "a path such as /v2".to_owned());
    check.error(at, format!("'{text}' {reason}"), Some(format!("write {meant}")));
}

/// The redirect of a route; notes what is wrong with it.
pub(super) fn redirect(
    check: &mut Check<'_>,
    at: &Pointer,
    route: &config::Route,
    given: &GivenRedirect,
) -> Redirect {
    let GivenRedirect { to, scheme, host, port, path, prefix, status } = given;
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        let fix = "write 301, 302, 303, 307 or 308";
        check.error(&at.key("status"), format!("{status} is not a redirect"), Some(fix.into()));
    }
    let parts = [scheme.is_some(), host.is_some(), port.is_some(), path.is_some(), prefix.is_some()];
    let some = parts.contains(&true);
    let message = match (to.is_some(), some, path.is_some() && prefix.is_some()) {
        (true, true, _) => Some("has 'to' and parts of a URL"),
        (false, false, _) => Some("leads nowhere else"),
        (_, _, true) => Some("has both 'path' and 'prefix'"),
        _ => None,
    };
    if let Some(message) = message {
        let fix = "write 'to: URL', or some of 'scheme', 'host', 'port' and one of 'path' and 'prefix'";
        check.error_at_key(at, format!("the redirect of route '{}' {message}", route.name), Some(fix.into()));
    }
    endless(check, at, route, given);
    let to = match to {
        Some(to) => {
            location(check, &at.key("to"), to);
            Destination::Fixed(to.clone())
        }
        None => {
            let path = match (path, prefix) {
                (Some(path), _) => template(check, &at.key("path"), path, route),
                (None, Some(prefix)) => self::prefix(check, &at.key("prefix"), prefix, route),
                (None, None) => None,
            };
            host_alone(check, &at.key("host"), host.as_deref());
            if *port == Some(0) {
                check.error(&at.key("port"), "port 0 is none".into(), Some("write 1 to 65535".into()));
            }
            let scheme = scheme.map(|scheme| match scheme {
                GivenScheme::Http => Scheme::Http,
                GivenScheme::Https => Scheme::Https,
            });
            Destination::Parts { scheme, host: host.clone(), port: *port, path }
        }
    };
    Redirect { status: *status, to }
}

/// Warns where clients are sent to what brought them here: the same path on the same host.
fn endless(check: &mut Check<'_>, at: &Pointer, route: &config::Route, given: &GivenRedirect) {
    let GivenRedirect { to, scheme, host, port, path, status, .. } = given;
    let (key, Some(path)) = (if to.is_some() { "to" } else { "path" }, to.as_ref().or(path.as_ref())) else {
        return;
    };
    let elsewhere = scheme.is_some() || host.is_some() || port.is_some() || !route.r#match.query.0.is_empty();
    let methods = &route.r#match.methods;
    let comes_back = methods.is_empty()
        || matches!(status, 307 | 308)
        || methods.iter().any(|method| matches!(method.as_str(), "GET" | "HEAD"));
    let is_plain = path.starts_with('/') && !path.contains(['{', '*']);
    if is_plain && !elsewhere && comes_back && route.r#match.path.0.contains(path) {
        let message = format!("route '{}' sends clients to where they come from, '{path}'", route.name);
        let fix = "write another path, or 'scheme' or 'host' if that is to change";
        check.warn(&at.key(key), message, Some(fix.into()));
    }
}

fn host_alone(check: &mut Check<'_>, at: &Pointer, host: Option<&str>) {
    let Some(host) = host else { return };
    let parsed = Authority::parse(host.as_bytes());
    if parsed.is_none_or(|parsed| parsed.host.len() != host.len()) {
        let fix = "write a name such as www.example.com; the port stands in 'port'";
        check.error(at, format!("'{host}' is not a host"), Some(fix.into()));
    }
}

/// A Location as it stands: a reference that names its scheme, or a path on this host.
fn location(check: &mut Check<'_>, at: &Pointer, to: &str) {
    let plain = |byte: u8| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    let rooted = to.starts_with('/') && !to.starts_with("//");
    let named = to.split_once("://").is_some_and(|(scheme, rest)| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(good)
            && !rest.is_empty()
    });
    if !(rooted || named) || !to.bytes().all(plain) {
        let fix = "write https://www.example.com/new or /new, with escapes such as %20";
        check.error(at, format!("'{to}' is not where a client can be sent"), Some(fix.into()));
    }
}
