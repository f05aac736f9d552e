//! Which route a request takes. Pure: `exchange` asks with the facts of a request, `table` compiles the rules.
//! Precedence is that of the Kubernetes Gateway API: exact host, longest wildcard host, any host; within a host the
//! exact path, then the longest prefix or template, then expressions; of rules with equal paths those that name a listener,
//! then those that name methods, then those with more fields and cookies, then more parameters of the query, then file order. A rule that
//! does not take a request gives way to the next one in this order.

mod automaton;
pub mod back;
mod build;
mod explain;
pub mod finder;
pub mod front;
mod guard;
mod host;
mod path;
pub mod redirect;
pub mod rewrite;
mod size;
pub mod split;
mod value;

#[cfg(test)]
mod tests;

pub use automaton::scratch::Scratch;
pub use automaton::{Regex, Unread};
pub use explain::{Candidate, Verdict, Want};
pub use guard::condition::{Condition, Part, Value};
pub use guard::method::{MethodSet, OTHER_METHODS_MAX};
pub use host::HostPattern;
pub use path::pattern::{PathPattern, Segment};
pub use size::Size;
pub use value::Told;

use crate::base::{ListenerId, RouteId};
use crate::wire::head::Head;
use guard::{Guards, Request};
use host::Hosts;
use path::Paths;
use std::cell::Cell;

/// What of a request decides its route.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The host as the client named it, port and case included; empty when it named none.
    pub host: &'a [u8],
    /// The canonical path without its query, or `*`.
    pub path: &'a [u8],
    /// The method, as it was sent.
    pub method: &'a [u8],
    /// The request's head: its fields, cookies and query.
    pub head: Head<'a>,
    /// The listener that it came by.
    pub listener: ListenerId,
}

impl<'a> Facts<'a> {
    /// The facts of the request with this head and canonical path, which came by `listener`.
    pub fn of(head: Head<'a>, path: &'a [u8], listener: ListenerId) -> Facts<'a> {
        Facts { host: head.host(), path, method: head.method_bytes(), head, listener }
    }
}

/// The route of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The route.
    pub route: RouteId,
    /// Which of the paths in its `match` took the request: an index of the rule's list.
    pub path: u16,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// No rule takes it: 404.
    NoRoute,
    /// Rules have this host, this path and all else that they ask for, but for the method: 405. These they take;
    /// [`Lookup::allow`] names them.
    Method(MethodSet),
}

/// What one route asks for: it takes a request when it came by one of its listeners, one of its hosts, one of its paths, one of its methods and every
/// condition hold.
#[derive(Debug, Clone)]
pub struct Rule {
    /// With their names, for explaining. Empty is every listener.
    pub listeners: Vec<(ListenerId, String)>,
    /// Empty is every host.
    pub hosts: Vec<HostPattern>,
    /// Never empty; at most 65,535.
    pub paths: Vec<PathPattern>,
    /// Empty is every method. `GET` stands for `HEAD` too.
    pub methods: Vec<String>,
    /// What else must hold, in the order in which it is looked at.
    pub conditions: Vec<Condition>,
    /// The route.
    pub route: RouteId,
}

/// What is odd about the rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Finding {
    /// A path at which a rule never sees a request: another rule takes all of them first.
    Shadowed {
        /// The rule that never sees it.
        route: RouteId,
        /// Which of its paths.
        path: usize,
        /// The rule that takes it.
        by: RouteId,
    },
    /// A path at which two rules take the same requests in part, and only their order in the file decides.
    Ambiguous {
        /// The later rule.
        route: RouteId,
        /// Which of its paths.
        path: usize,
        /// The earlier one, which takes what both ask for.
        with: RouteId,
    },
    /// So many pairs of rules share a host and a path that those from this rule on were not compared.
    NotCompared {
        /// The first rule that was not compared with all before it.
        route: RouteId,
    },
    /// The expressions of a host are too large together; the rules with them are left out.
    TooLarge {
        /// The first rule with one.
        route: RouteId,
    },
    /// The rules name more than [`OTHER_METHODS_MAX`] methods besides the usual ones; this one's are left out.
    TooManyMethods {
        /// The rule that names one too many.
        route: RouteId,
    },
}

/// Compiled rules. Built by [`Lookup::new`].
#[derive(Debug, Default)]
pub struct Lookup {
    hosts: Hosts,
    paths: Paths,
    guards: Guards,
    /// As they were given, for explaining.
    rules: Vec<Rule>,
}

impl Lookup {
    /// The route of a request. *Cost*: no allocation; a hash of the host and a walk along the segments of the path, with
    /// a hash where they branch. Rules that ask for more than host and path cost what they ask for, and
    /// only when the request has come to them.
    ///
    /// # Errors
    /// Why no route takes it.
    #[inline]
    pub fn lookup(&self, facts: &Facts<'_>, scratch: &Scratch) -> Result<Match, Miss> {
        let request = Request { facts, scratch, guards: &self.guards };
        let found = self.hosts.find(facts.host, |slot| self.paths.find(slot, &request));
        found.ok_or_else(|| self.missed(&request))
    }

    /// The methods of a [`Miss::Method`], as an Allow field lists them (RFC 9110 §10.2.1).
    pub fn allow(&self, methods: MethodSet) -> String {
        self.guards.methods.list(methods)
    }

    #[cold]
    fn missed(&self, request: &Request<'_>) -> Miss {
        let allowed = Cell::new(MethodSet::default());
        if !self.guards.list.is_empty() {
            self.hosts.find(request.facts.host, |slot| {
                self.paths.guards(slot, request, |guard| {
                    if guard.fulfilled(request) {
                        allowed.set(allowed.get().and(guard.methods));
                    }
                });
                None::<()>
            });
        }
        match allowed.get().is_empty() {
            true => Miss::NoRoute,
            false => Miss::Method(allowed.get()),
        }
    }
}
