//! Tests of the room: rules and requests as one line each.

use super::*;
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, Parsed, request};

mod conditions;
mod explained;
mod findings;
mod gateway_api;
mod paths;
mod reference;

/// Rules in file order, a line each: listeners as `listener:NUMBER`, hosts, paths, methods in upper case, and conditions as `header:NAME=VALUE`,
/// `cookie:NAME=VALUE`, `query:NAME=VALUE`.
fn rules(written: &[&str]) -> Vec<Rule> {
    written.iter().zip((0..).map(RouteId)).map(|(line, route)| rule(line, route)).collect()
}

fn rule(line: &str, route: RouteId) -> Rule {
    let mut rule = Rule {
        listeners: Vec::new(),
        hosts: Vec::new(),
        paths: Vec::new(),
        methods: Vec::new(),
        conditions: Vec::new(),
        route,
    };
    for word in line.split_whitespace() {
        let condition = |part, text: &str| {
            let (name, value) = text.split_once('=').expect("a name and a value");
            Condition {
                part,
                name: name.to_owned(),
                value: Value::parse(value).expect("a good value"),
                told: Told::Whole,
            }
        };
        if let Some(number) = word.strip_prefix("listener:") {
            let id = ListenerId(number.parse().expect("a listener's number"));
            rule.listeners.push((id, format!("l{number}")));
        } else if let Some(text) = word.strip_prefix("header:") {
            rule.conditions.push(condition(Part::Header, text));
        } else if let Some(text) = word.strip_prefix("cookie:") {
            rule.conditions.push(condition(Part::Cookie, text));
        } else if let Some(text) = word.strip_prefix("query:") {
            rule.conditions.push(condition(Part::Query, text));
        } else if word.starts_with('/') || word.starts_with("regex:") {
            rule.paths.push(PathPattern::parse(word).unwrap_or_else(|unread| panic!("{word} {unread:?}")));
        } else if word.bytes().all(|byte| byte.is_ascii_uppercase()) {
            rule.methods.push(word.to_owned());
        } else {
            rule.hosts.push(HostPattern::parse(word).unwrap_or_else(|reason| panic!("{word} {reason}")));
        }
    }
    if rule.paths.is_empty() {
        rule.paths.push(PathPattern::parse("/*").expect("a good path"));
    }
    rule
}

/// Asks with a request written as `METHOD [HOST]/path?query`, and further fields as `Name: value` after each ` | `. A
/// number and `>` before it is the listener that it came by, 0 unless given.
fn with_facts<T>(written: &str, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
    let (listener, written) = written.split_once('>').unwrap_or(("0", written));
    let listener = ListenerId(listener.parse().expect("a listener's number"));
    let mut parts = written.split(" | ");
    let (method, url) = parts.next().and_then(|line| line.split_once(' ')).expect("a method and a target");
    let (host, target) = url.split_at(url.find(['/', '*']).expect("a path"));
    let fields: String = parts.map(|field| format!("{field}\r\n")).collect();
    let text = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let mut lines = Lines::new();
    let parsed = request::parse(text.as_bytes(), &mut lines, &HeadLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete { len: text.len() }), "{text}");
    let head = Head::new(text.as_bytes(), &lines);
    ask(&Facts { host: host.as_bytes(), ..Facts::of(head, head.path(), listener) })
}

/// The number of the rule that takes a request, or the miss: `404`, or `405 ` and what is allowed.
fn taken(lookup: &Lookup, written: &str) -> String {
    with_facts(written, |facts| match lookup.lookup(facts, &Scratch::default()) {
        Ok(found) => found.route.0.to_string(),
        Err(Miss::NoRoute) => "404".to_owned(),
        Err(Miss::Method(allowed)) => format!("405 {}", lookup.allow(allowed)),
    })
}

/// Checks which rule takes which request.
#[track_caller]
fn check(written: &[&str], expected: &[(&str, &str)]) {
    let (lookup, _) = Lookup::new(rules(written));
    for (request, rule) in expected {
        assert_eq!(taken(&lookup, request), *rule, "{request} of {written:#?}");
    }
}
