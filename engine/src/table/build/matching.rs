//! What routes match: listeners, hosts, paths, methods and conditions are read, the look-up over all of them is built, and what
//! is odd about them is told.

use super::{Check, Lookup, Pointer, Route, RouteId, config, listeners, nearest};
use crate::base::ListenerId;
use crate::config::Severity;
use crate::config::values::Named;
use crate::route::{
    Condition, Finding, HostPattern, OTHER_METHODS_MAX, Part, PathPattern, Rule, Unread, Value,
};
use crate::wire::method::Method;
use crate::wire::token::is_token;

/// Paths of one route.
const PATHS_MAX: usize = u16::MAX as usize;

/// The rule of one route's `match`.
pub(super) fn rule(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &config::route::Match,
    route: RouteId,
) -> Rule {
    let mut conditions = Vec::new();
    for (key, part, named) in [
        ("headers", Part::Header, &given.headers),
        ("cookies", Part::Cookie, &given.cookies),
        ("query", Part::Query, &given.query),
    ] {
        conditions_of(check, &at.key(key), part, named, &mut conditions);
    }
    Rule {
        listeners: listeners(check, at, given),
        hosts: hosts(check, at, given),
        paths: paths(check, at, given),
        methods: methods(check, &at.key("methods"), &given.methods),
        conditions,
        route,
    }
}

fn listeners(check: &mut Check<'_>, at: &Pointer, given: &config::route::Match) -> Vec<(ListenerId, String)> {
    let Some(given) = &given.listener else { return Vec::new() };
    let config = check.config;
    let known: Vec<String> = (0..config.listeners.len()).map(|at| listeners::name(config, at)).collect();
    let mut found = Vec::new();
    for (index, name) in given.0.iter().enumerate() {
        match (0..).zip(&known).find(|(_, known)| *known == name) {
            Some((id, _)) => found.push((ListenerId(id), name.clone())),
            None => {
                let fix = check.meant(name, known.iter().map(String::as_str), "listeners");
                let at = check.one_of(&at.key("listener"), index);
                check.error(&at, format!("there is no listener '{name}'"), Some(fix));
            }
        }
    }
    if given.0.is_empty() {
        let fix = "name a listener, or remove the key";
        check.error_at_key(&at.key("listener"), "'listener' names none".into(), Some(fix.into()));
    }
    found
}

fn hosts(check: &mut Check<'_>, at: &Pointer, given: &config::route::Match) -> Vec<HostPattern> {
    let mut hosts = Vec::new();
    let named = given.host.iter().flat_map(|hosts| &hosts.0);
    for (index, text) in named.enumerate() {
        match HostPattern::parse(text) {
            Ok(host) => hosts.push(host),
            Err(reason) => {
                let at = check.one_of(&at.key("host"), index);
                let fix = "write a name such as api.example.com or *.example.com";
                check.error(&at, format!("host '{text}' {reason}"), Some(fix.into()));
            }
        }
    }
    hosts
}

fn paths(check: &mut Check<'_>, at: &Pointer, given: &config::route::Match) -> Vec<PathPattern> {
    let at = at.key("path");
    if given.path.0.len() > PATHS_MAX {
        check.error(&at, format!("there are over {PATHS_MAX} paths"), Some("use several routes".into()));
        return Vec::new();
    }
    let mut paths = Vec::new();
    for (index, text) in given.path.0.iter().enumerate() {
        match PathPattern::parse(text) {
            Ok(path) => {
                if let Some(named) = colons(text) {
                    let at = check.one_of(&at, index);
                    let fix = format!("write {named} where any segment may stand");
                    check.warn(&at, format!("path '{text}' takes ':' as it stands"), Some(fix));
                }
                paths.push(path);
            }
            Err(unread) => {
                let fix = match (text.starts_with("regex:"), PathPattern::spelt(text)) {
                    (true, _) => "write an expression that matches the whole path, such as regex:/v[0-9]+/.*",
                    (false, Some(spelt)) => &*format!("write {spelt}"),
                    (false, None) => "write /exact, /prefix/*, /users/{id}/orders or regex:EXPRESSION",
                };
                refuse(check, &check.one_of(&at, index), "path", text, &unread, fix);
            }
        }
    }
    paths
}

/// A path with segments such as `:id`, by which others name what may be anything, as it is written here.
fn colons(text: &str) -> Option<String> {
    let named = |segment: &str| {
        let name = segment.strip_prefix(':')?;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        (!name.is_empty() && name.bytes().all(good)).then(|| format!("{{{name}}}"))
    };
    let segments = text.split('/');
    let is_meant = text.starts_with('/') && segments.clone().any(|segment| named(segment).is_some());
    let written: Vec<String> =
        segments.map(|segment| named(segment).unwrap_or_else(|| segment.to_owned())).collect();
    is_meant.then(|| written.join("/"))
}

/// A text that a decider does not read, told at its letter.
fn refuse(check: &mut Check<'_>, at: &Pointer, what: &str, text: &str, unread: &Unread, fix: &str) {
    let place = match unread.at {
        0 => check.config.origin.place(at, super::Part::Value),
        offset => check.config.origin.place_within(at, offset),
    };
    let message = format!("{what} '{text}' {}", unread.reason);
    check.push(Severity::Error, at, place, message, Some(fix.into()));
}

fn methods(check: &mut Check<'_>, at: &Pointer, given: &[String]) -> Vec<String> {
    const USUAL: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];
    for (index, name) in given.iter().enumerate() {
        let at = at.item(index);
        if Method::of(name.as_bytes()) == Method::Connect {
            let fix = "remove it: CONNECT would make the gateway an open proxy";
            check.error(&at, "CONNECT is never routed".into(), Some(fix.into()));
        } else if !is_token(name.as_bytes()) {
            let fix = "write a method's name as it is sent, such as GET";
            check.error(&at, format!("'{name}' is not a method"), Some(fix.into()));
        } else if !USUAL.contains(&name.as_str())
            && let Some(meant) = nearest(&name.to_ascii_uppercase(), USUAL.into_iter())
        {
            let fix = format!("did you mean '{meant}'? Methods are written as they are sent, in upper case");
            check.error(&at, format!("'{name}' is not a method"), Some(fix));
        }
    }
    given.to_vec()
}

fn conditions_of(
    check: &mut Check<'_>,
    at: &Pointer,
    part: Part,
    given: &Named<String>,
    conditions: &mut Vec<Condition>,
) {
    let (what, token) = match part {
        Part::Header => ("field", true),
        Part::Cookie => ("cookie", true),
        Part::Query => ("parameter", false),
    };
    for (index, (name, text)) in given.0.iter().enumerate() {
        let at = at.key(name);
        if name.is_empty() || token && !is_token(name.as_bytes()) {
            let fix = format!("write the name of a {what}");
            check.error_at_key(&at, format!("'{name}' is not a {what}'s name"), Some(fix));
        }
        let twice = given.names().take(index).any(|other| other.eq_ignore_ascii_case(name));
        if part == Part::Header && twice {
            let fix = "names of fields are compared without case; keep one";
            check.error_at_key(&at, format!("field '{name}' stands here twice"), Some(fix.into()));
        }
        match Value::parse(text) {
            Ok(value) => {
                if let Value::Exact(exact) = &value
                    && exact == text
                    && let Some(start) = text.strip_suffix('*').filter(|start| !start.ends_with('/'))
                {
                    let start = start.replace('.', r"\.");
                    let fix = format!("write regex:{start}.* for all that begins so, or exact:{text}");
                    check.warn(&at, format!("value '{text}' takes '*' as it stands"), Some(fix));
                }
                let told = check.told(&at);
                conditions.push(Condition { part, name: name.clone(), value, told });
            }
            Err(unread) => {
                let fix = "write a text, '*', or regex:EXPRESSION; exact:TEXT takes any text as it is";
                refuse(check, &at, "value", text, &unread, fix);
            }
        }
    }
}

/// What to do about a path that another route takes first.
fn shadowed(config: &config::Config, (route, path): (RouteId, usize), by: RouteId) -> String {
    let paths = |route: RouteId| &config.routes[route.index()].r#match.path.0;
    match paths(route).get(path) {
        Some(text) if text.starts_with("regex:") && !paths(by).contains(text) => format!(
            "a prefix comes before an expression wherever it stands: write regex:/.* in route '{}', or a template \
             such as /u/{{id}} here",
            config.routes[by.index()].name
        ),
        _ => "the first of equal routes wins; remove one".to_owned(),
    }
}

/// The look-up over all rules.
pub(super) fn lookup(check: &mut Check<'_>, rules: Vec<Rule>, routes: &[Route]) -> Lookup {
    let (lookup, findings) = Lookup::new(rules);
    let name = |id: RouteId| &routes[id.index()].name;
    for finding in findings {
        let (Finding::Shadowed { route, .. }
        | Finding::Ambiguous { route, .. }
        | Finding::NotCompared { route }
        | Finding::TooLarge { route }
        | Finding::TooManyMethods { route }) = finding;
        let given = Pointer::default().key("routes").item(route.index()).key("match");
        match finding {
            Finding::Shadowed { route, path, by } => {
                let at = check.one_of(&given.key("path"), path);
                let message =
                    format!("route '{}' never sees this path: route '{}' takes it", name(route), name(by));
                check.warn(&at, message, Some(shadowed(check.config, (route, path), by)));
            }
            Finding::Ambiguous { route, path, with } => {
                let at = check.one_of(&given.key("path"), path);
                let [name, with] = [route, with].map(name);
                let message =
                    format!("routes '{with}' and '{name}' take some of the same requests at this path");
                let fix =
                    format!("'{with}' wins, as it comes first; let their conditions exclude each other");
                check.warn(&at, message, Some(fix));
            }
            Finding::NotCompared { .. } => {
                let message =
                    "a million pairs of routes share a host and a path; this route and those after it \
                               were not compared with all before them"
                        .to_owned();
                let fix = "routes that never see a request may go unnoticed; use fewer for one path";
                check.warn_at_key(&given, message, Some(fix.into()));
            }
            Finding::TooLarge { .. } => {
                let message = "the expressions of this host's paths are too large together".to_owned();
                check.error(&given.key("path"), message, Some("use prefixes, or fewer repetitions".into()));
            }
            Finding::TooManyMethods { .. } => {
                let message =
                    format!("the routes name over {OTHER_METHODS_MAX} methods besides the usual ones");
                check.error(&given.key("methods"), message, Some("name fewer".into()));
            }
        }
    }
    lookup
}
