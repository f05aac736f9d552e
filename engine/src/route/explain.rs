//! Why a request takes its route: every rule in the order in which it would be asked, with the first thing that it
//! wants and the request has not. Found the slow way, from the rules as they are written; for `ringgate explain`.

use super::guard::condition::Condition;
use super::guard::{Failed, Request};
use super::host::{HostPattern, plain};
use super::path::grow::Weight;
use super::path::pattern::PathPattern;
use super::{Facts, Lookup, Rule, Scratch};
use crate::base::{ListenerId, RouteId};
use std::cmp::Reverse;
use std::fmt;

/// A rule and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'l> {
    /// Its route.
    pub route: RouteId,
    /// Which of its paths fits best; none where no host or no path does.
    pub path: Option<u16>,
    /// The same as it was written.
    pub pattern: Option<&'l PathPattern>,
    /// What became of it.
    pub verdict: Verdict<'l>,
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'l> {
    /// It takes the request.
    Wins,
    /// It would take the request, but one before it does.
    Outranked,
    /// It does not take the request, since this does not hold.
    Wants(Want<'l>),
}

/// What a rule wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want<'l> {
    /// One of these hosts.
    Host(&'l [HostPattern]),
    /// One of these paths.
    Path(&'l [PathPattern]),
    /// One of these listeners.
    Listener(&'l [(ListenerId, String)]),
    /// One of these methods.
    Method(&'l [String]),
    /// A field, a cookie or a parameter.
    Condition(&'l Condition),
}

/// How well a rule's host and path fit: the greater is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    NoHost,
    NoPath,
    Both { host: usize, path: u32, weight: Weight },
}

impl Lookup {
    /// Every rule, in the order in which they are asked, and what became of each. Those with the request's host and
    /// path come first, in order of precedence; then those without its path; then those without its host.
    pub fn explain(&self, facts: &Facts<'_>) -> Vec<Candidate<'_>> {
        let scratch = Scratch::default();
        let request = Request { facts, scratch: &scratch, guards: &self.guards };
        let host = plain(facts.host);
        let rules = self.rules.iter().enumerate();
        let mut all: Vec<_> = rules.map(|(number, rule)| (rule.fit(&host, facts.path), number)).collect();
        all.sort_by_key(|((fit, _), number)| (Reverse(*fit), *number));
        let mut taken = false;
        let judged = all.into_iter().map(|((fit, path), number)| {
            let rule = &self.rules[number];
            let want = match fit {
                Fit::NoHost => Some(Want::Host(&rule.hosts)),
                Fit::NoPath => Some(Want::Path(&rule.paths)),
                Fit::Both { .. } => self.wanted(number, &request),
            };
            let verdict = match want {
                Some(want) => Verdict::Wants(want),
                None if std::mem::replace(&mut taken, true) => Verdict::Outranked,
                None => Verdict::Wins,
            };
            let pattern = path.and_then(|path| rule.paths.get(usize::from(path)));
            Candidate { route: rule.route, path, pattern, verdict }
        });
        judged.collect()
    }

    fn wanted(&self, number: usize, request: &Request<'_>) -> Option<Want<'_>> {
        let rule = &self.rules[number];
        Some(match self.guards.list[number].as_ref()?.failed(request)? {
            Failed::Listener => Want::Listener(&rule.listeners),
            Failed::Method => Want::Method(&rule.methods),
            Failed::Condition(at) => Want::Condition(&rule.conditions[at]),
        })
    }
}

impl Rule {
    /// How well its best host and path fit, and which path that is: of several as good the first.
    fn fit(&self, host: &[u8], path: &[u8]) -> (Fit, Option<u16>) {
        let ranks = self.hosts.iter().filter_map(|pattern| pattern.fit(host));
        let Some(host) = ranks.max().or(self.hosts.is_empty().then_some(0)) else {
            return (Fit::NoHost, None);
        };
        let paths = (0..).zip(&self.paths).filter(|(_, pattern)| pattern.takes(path));
        match paths.map(|(index, pattern)| (pattern.rank(), Reverse(index))).max() {
            Some((path, Reverse(index))) => (Fit::Both { host, path, weight: self.weight() }, Some(index)),
            None => (Fit::NoPath, None),
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Wins => write!(out, "takes it"),
            Verdict::Outranked => write!(out, "would take it, but one before it does"),
            Verdict::Wants(want) => write!(out, "wants {want}"),
        }
    }
}

impl fmt::Display for Want<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Display>(out: &mut fmt::Formatter<'_>, what: &str, all: &[T]) -> fmt::Result {
            out.write_str(what)?;
            for (place, one) in all.iter().enumerate() {
                write!(out, "{}{one}", if place == 0 { " " } else { " or " })?;
            }
            Ok(())
        }
        match self {
            Want::Host(hosts) => list(out, "host", hosts),
            Want::Path(paths) => list(out, "path", paths),
            Want::Listener(listeners) => {
                let names: Vec<&str> = listeners.iter().map(|(_, name)| name.as_str()).collect();
                list(out, "listener", &names)
            }
            Want::Method(methods) => list(out, "method", methods),
            Want::Condition(condition) => condition.fmt(out),
        }
    }
}
