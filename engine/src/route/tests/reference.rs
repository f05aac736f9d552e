//! The compiled look-up against a naive search: every rule is held to the request from its text, and of those that
//! take it the one of highest precedence wins. The two share no code but the rules' texts.

use super::{rules, taken, with_facts};
use crate::route::*;
use proptest::prelude::*;
use proptest::sample::select;
use std::cmp::Reverse;

/// A request in parts, so that the naive search need not read what the gateway reads.
#[derive(Debug, Clone)]
struct Asked {
    method: &'static str,
    host: &'static str,
    path: String,
    query: Vec<(&'static str, &'static str)>,
    fields: Vec<(&'static str, &'static str)>,
    cookies: Vec<(&'static str, &'static str)>,
}

impl Asked {
    fn written(&self) -> String {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let mut text = format!("{} {}{}?{}", self.method, self.host, self.path, pairs(&self.query).join("&"));
        for (name, value) in &self.fields {
            text.push_str(&format!(" | {name}: {value}"));
        }
        if !self.cookies.is_empty() {
            text.push_str(&format!(" | Cookie: {}", pairs(&self.cookies).join("; ")));
        }
        text
    }
}

/// Host, path, method, fields and cookies, parameters, file order.
type Rank = (usize, usize, bool, usize, usize, Reverse<usize>);

/// The rule that takes the request, in the form of [`taken`].
fn naive(written: &[String], asked: &Asked) -> String {
    let ranks = |head: bool| {
        let asked = Asked { method: if head { "GET" } else { asked.method }, ..asked.clone() };
        let all = written.iter().enumerate();
        all.filter_map(move |(index, line)| naive_rule(line, &asked, true).map(|rank| (rank, index)))
            .collect::<Vec<_>>()
    };
    let mut all: Vec<(Rank, usize)> = ranks(false)
        .into_iter()
        .map(|(rank, index)| ((rank.0, rank.1, rank.2, rank.3, rank.4, Reverse(index)), index))
        .collect();
    if asked.method == "HEAD" {
        all.extend(
            ranks(true)
                .into_iter()
                .map(|(rank, index)| ((rank.0, rank.1, rank.2, rank.3, rank.4, Reverse(index)), index)),
        );
    }
    if let Some((_, index)) = all.into_iter().max() {
        return index.to_string();
    }
    let mut allowed: Vec<&str> = Vec::new();
    for line in written {
        if naive_rule(line, asked, false).is_some() {
            allowed.extend(methods(line));
        }
    }
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    let known =
        ["GET", "HEAD", "POST", "PUT"].into_iter().filter(|name| allowed.contains(name)).collect::<Vec<_>>();
    if known.is_empty() { "404".to_owned() } else { format!("405 {}", known.join(", ")) }
}

fn methods(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace().filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// The best rank with which a rule takes the request, its method left out unless `with_method`.
fn naive_rule(line: &str, asked: &Asked, with_method: bool) -> Option<(usize, usize, bool, usize, usize)> {
    let (mut hosts, mut paths, mut headers, mut query) = (Vec::new(), Vec::new(), 0, 0);
    for word in line.split_whitespace() {
        let value =
            |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let first = |pairs: &[(&str, &str)], name: &str| {
            pairs.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        if let Some((name, wanted)) = word.strip_prefix("header:").and_then(value) {
            let values: Vec<&str> = asked
                .fields
                .iter()
                .filter(|(other, _)| other.eq_ignore_ascii_case(&name))
                .map(|(_, value)| *value)
                .collect();
            naive_value(&wanted, (!values.is_empty()).then(|| values.join(", ")))?;
            headers += 1;
        } else if let Some((name, wanted)) = word.strip_prefix("cookie:").and_then(value) {
            naive_value(&wanted, first(&asked.cookies, &name))?;
            headers += 1;
        } else if let Some((name, wanted)) = word.strip_prefix("query:").and_then(value) {
            naive_value(&wanted, first(&asked.query, &name))?;
            query += 1;
        } else if word.starts_with('/') || word.starts_with("regex:") {
            paths.push(word);
        } else if !word.bytes().all(|byte| byte.is_ascii_uppercase()) {
            hosts.push(word);
        }
    }
    let named = methods(line).count() > 0;
    if with_method && named && !methods(line).any(|method| method == asked.method) {
        return None;
    }
    let host = match hosts.is_empty() {
        true => 0,
        false => hosts.iter().filter_map(|pattern| naive_host(pattern, asked.host)).max()?,
    };
    let path = paths.iter().filter_map(|pattern| naive_path(pattern, &asked.path)).max()?;
    Some((host, path, named, headers, query))
}

/// Only the expressions that [`condition`] draws.
fn naive_value(wanted: &str, given: Option<String>) -> Option<()> {
    let given = given?;
    let takes = match wanted {
        "*" => true,
        "regex:[12]" => given == "1" || given == "2",
        "regex:.*,.*" => given.contains(", "),
        exact => given == exact,
    };
    takes.then_some(())
}

/// Exact beats every wildcard, a longer wildcard a shorter one.
fn naive_host(pattern: &str, host: &str) -> Option<usize> {
    match pattern.strip_prefix('*') {
        Some(suffix) => (host.len() > suffix.len() && host.ends_with(suffix)).then_some(suffix.len()),
        None => (pattern == host).then_some(usize::MAX),
    }
}

/// Exact, then bytes that are given by the pattern, a template before a prefix of its own length; then expressions,
/// only those that [`path_pattern`] draws.
fn naive_path(pattern: &str, path: &str) -> Option<usize> {
    match pattern {
        "regex:/a.*" => return path.starts_with("/a").then_some(0),
        "regex:.*/b" => return path.ends_with("/b").then_some(0),
        "regex:/[ab]+" => {
            return (path.len() > 1 && path[1..].bytes().all(|byte| byte == b'a' || byte == b'b'))
                .then_some(0);
        }
        _ => {}
    }
    let (body, below) = match pattern.strip_suffix("/*") {
        Some(body) => (body, true),
        None => (pattern, false),
    };
    let wanted: Vec<&str> = body.split('/').skip(1).collect();
    let given: Vec<&str> = path.split('/').skip(1).collect();
    let long_enough = if below { given.len() >= wanted.len() } else { given.len() == wanted.len() };
    let fits = wanted
        .iter()
        .zip(&given)
        .all(|(wanted, given)| if wanted.starts_with('{') { !given.is_empty() } else { wanted == given });
    if !long_enough || !fits {
        return None;
    }
    if !below && !wanted.iter().any(|segment| segment.starts_with('{')) {
        return Some(usize::MAX);
    }
    let bytes: usize = wanted.iter().map(|part| 1 + if part.starts_with('{') { 0 } else { part.len() }).sum();
    Some(1 + bytes * 2 + usize::from(!below))
}

fn path_pattern() -> impl Strategy<Value = String> {
    let segment = select(vec!["a", "ab", "abc", "b", "", "{x}", "segment-of-many-bytes"]);
    let segments = (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, below)| {
        let mut path: String = segments.iter().map(|segment| format!("/{segment}")).collect();
        if below || path.is_empty() {
            path.push_str("/*");
        }
        path
    });
    let expression = select(vec!["regex:/a.*", "regex:.*/b", "regex:/[ab]+"]).prop_map(str::to_owned);
    prop_oneof![4 => segments, 1 => expression]
}

fn condition() -> impl Strategy<Value = String> {
    let name = select(vec![
        "header:X",
        "header:x",
        "header:Host2",
        "header:Accept",
        "cookie:c",
        "cookie:d",
        "query:q",
        "query:r",
    ]);
    let value = select(vec!["1", "2", "*", "regex:[12]", "regex:.*,.*"]);
    (name, value).prop_map(|(name, value)| format!("{name}={value}"))
}

fn rule() -> impl Strategy<Value = String> {
    let host = select(vec!["a.b.c", "b.c", "c", "*.c", "*.b.c", "*.a.b.c"]);
    let method = select(vec!["GET", "POST", "PUT", "HEAD"]);
    (
        prop::collection::vec(host, 0..3),
        prop::collection::vec(path_pattern(), 1..4),
        prop_oneof![Just(Vec::new()), prop::collection::vec(method, 0..3)],
        prop_oneof![Just(Vec::new()), prop::collection::vec(condition(), 0..3)],
    )
        .prop_map(|(hosts, paths, methods, conditions)| {
            format!("{} {} {} {}", hosts.join(" "), paths.join(" "), methods.join(" "), conditions.join(" "))
        })
}

fn asked() -> impl Strategy<Value = Asked> {
    let segment = select(vec!["a", "ab", "abc", "b", "", "segment-of-many-bytes"]);
    let path = prop::collection::vec(segment, 1..5)
        .prop_map(|segments| segments.iter().map(|segment| format!("/{segment}")).collect());
    let value = || select(vec!["1", "2", "3"]);
    (
        select(vec!["GET", "GET", "POST", "PUT", "HEAD", "DELETE"]),
        select(vec!["a.b.c", "x.b.c", "b.c", "c", "x.a.b.c", ""]),
        path,
        prop::collection::vec((select(vec!["q", "r", "s"]), value()), 0..3),
        prop::collection::vec((select(vec!["X", "x", "host2", "Accept"]), value()), 0..4),
        prop::collection::vec((select(vec!["c", "d"]), value()), 0..3),
    )
        .prop_map(|(method, host, path, query, fields, cookies)| Asked {
            method,
            host,
            path,
            query,
            fields,
            cookies,
        })
}

proptest! {
    #[test]
    fn the_look_up_finds_what_a_naive_search_finds(
        written in prop::collection::vec(rule(), 1..14),
        requests in prop::collection::vec(asked(), 1..12),
    ) {
        let lines: Vec<&str> = written.iter().map(String::as_str).collect();
        let (lookup, _) = Lookup::new(rules(&lines));
        for asked in &requests {
            prop_assert_eq!(taken(&lookup, &asked.written()), naive(&written, asked), "{} of {:#?}", asked.written(), written);
        }
    }

    #[test]
    fn what_is_explained_is_what_is_found(
        written in prop::collection::vec(rule(), 1..14),
        asked in asked(),
    ) {
        let lines: Vec<&str> = written.iter().map(String::as_str).collect();
        let (lookup, _) = Lookup::new(rules(&lines));
        let request = asked.written();
        with_facts(&request, |facts| {
            let found = lookup.lookup(facts, &Scratch::default()).ok();
            let explained = lookup.explain(facts);
            let wins = explained.iter().find(|candidate| candidate.verdict == Verdict::Wins);
            assert_eq!(found.map(|found| found.route), wins.map(|wins| wins.route));
            assert_eq!(found.map(|found| Some(found.path)), wins.map(|wins| wins.path));
            assert_eq!(explained.len(), written.len());
        });
    }

    #[test]
    fn a_shadowed_rule_never_takes_a_request(
        written in prop::collection::vec(rule(), 2..6),
        requests in prop::collection::vec(asked(), 1..40),
    ) {
        let lines: Vec<&str> = written.iter().map(String::as_str).collect();
        let (lookup, findings) = Lookup::new(rules(&lines));
        for asked in &requests {
            let found = with_facts(&asked.written(), |facts| lookup.lookup(facts, &Scratch::default()));
            for finding in &findings {
                if let (Ok(found), Finding::Shadowed { route, path, .. }) = (found, finding) {
                    // Of a rule on several hosts the finding may be about another one.
                    let hosts = written[route.index()].split_whitespace().filter(|word| word.starts_with(['a', 'b', 'c', '*'])).count();
                    prop_assert!(hosts > 1 || (found.route, usize::from(found.path)) != (*route, *path));
                }
            }
        }
    }
}

#[test]
fn no_host_and_no_path_panics() {
    let (lookup, _) =
        Lookup::new(rules(&["a.com *.b.com /a/{id}/* /b", "/{x}/{y}", "regex:/.* header:X=regex:."]));
    let lines = crate::wire::head::Lines::new();
    proptest!(|(host in prop::collection::vec(any::<u8>(), 0..300), path in prop::collection::vec(any::<u8>(), 0..300))| {
        let facts = Facts { host: &host, path: &path, method: b"GET", head: Head::new(b"", &lines), listener: ListenerId(0) };
        let _ = lookup.lookup(&facts, &Scratch::default());
        let _ = lookup.explain(&facts);
    });
}
