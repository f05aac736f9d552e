//! Which route a request takes: host, then path, then (next) predicates. Pure: `exchange` asks with the facts of
//! a request, `table` compiles the rules. Precedence is that of the Kubernetes Gateway API: exact host, longest
//! wildcard host, any host; within a host the exact path, then the longest prefix or template, then file
//! order. A host whose rules have no matching path gives way to the next less exact host.

mod grow;
mod host;
mod method;
mod path;
mod pattern;
mod scratch;

#[cfg(test)]
mod tests;

pub use host::HostPattern;
pub use method::MethodSet;
pub use pattern::PathPattern;
pub use scratch::Scratch;

use crate::base::RouteId;
use crate::wire::head::Head;
use hashbrown::HashMap;
use host::Hosts;
use path::Paths;

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
}

impl<'a> Facts<'a> {
    /// The facts of the request with this head and canonical path.
    pub fn of(head: Head<'a>, path: &'a [u8]) -> Facts<'a> {
        Facts { host: head.host(), path, method: head.method_bytes(), head }
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
    /// No rule has this host and path: 404.
    NoRoute,
    /// Rules have this host, this path and all else that they ask for, but for the method: 405. These they take;
    /// [`Lookup::allow`] names them.
    Method(MethodSet),
}

/// One route's hosts and paths: it takes a request when one of each matches.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Empty is every host.
    pub hosts: Vec<HostPattern>,
    /// Never empty.
    pub paths: Vec<PathPattern>,
    /// The route.
    pub route: RouteId,
}

/// A host and path that an earlier rule has taken already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadowed {
    /// The rule that never sees it.
    pub route: RouteId,
    /// Which of its paths.
    pub path: usize,
    /// The rule that takes it.
    pub by: RouteId,
}

/// Compiled rules.
#[derive(Debug, Default)]
pub struct Lookup {
    hosts: Hosts,
    /// Indexed by what `hosts` gives.
    paths: Vec<Paths>,
}

impl Lookup {
    /// Compiles `rules`, given in file order. Also tells which of them can never match.
    pub fn new(rules: &[Rule]) -> (Lookup, Vec<Shadowed>) {
        let mut lookup = Lookup::default();
        let mut shadowed = Vec::new();
        let mut building: Vec<grow::Builder> = Vec::new();
        let mut taken: HashMap<(u32, &PathPattern), RouteId> = HashMap::new();
        let any = [HostPattern::Any];
        for rule in rules {
            let hosts = if rule.hosts.is_empty() { &any[..] } else { &rule.hosts };
            for host in hosts {
                let slot = lookup.hosts.slot(host, building.len());
                if slot as usize == building.len() {
                    building.push(grow::Builder::default());
                }
                for (index, path) in rule.paths.iter().enumerate() {
                    match taken.get(&(slot, path)) {
                        Some(by) if *by == rule.route => {}
                        Some(by) => shadowed.push(Shadowed { route: rule.route, path: index, by: *by }),
                        None => {
                            taken.insert((slot, path), rule.route);
                            let index = u16::try_from(index).expect("a rule has few paths");
                            building[slot as usize].add(path, Match { route: rule.route, path: index });
                        }
                    }
                }
            }
        }
        lookup.paths = building.into_iter().map(grow::Builder::finish).collect();
        (lookup, shadowed)
    }

    /// The route of a request. No allocation; a hash of the host, a hash of the path, and a walk down the
    /// host's tree where the path is not taken by an exact rule.
    ///
    /// # Errors
    /// Why no route takes it.
    pub fn lookup(&self, facts: &Facts<'_>, _: &Scratch) -> Result<Match, Miss> {
        self.hosts.find(facts.host, |slot| self.paths[slot as usize].find(facts.path)).ok_or(Miss::NoRoute)
    }

    /// The methods of a [`Miss::Method`], as an Allow field lists them (RFC 9110 §10.2.1).
    pub fn allow(&self, methods: MethodSet) -> String {
        methods.names().collect::<Vec<_>>().join(", ")
    }
}
