//! What two files write otherwise of what serves a request: its listener, its route, that one's upstreams and the policies of all
//! three. Reports tell decisions; of timeouts, of fields that are set and of answers that are given they say little, and a
//! comparison of them alone would call files equal that are not.

use super::report::Report;
use crate::config::read::Pointer;
use crate::config::target::To;
use crate::config::{Config, Route};
use crate::table::Table;
use serde_json::{Value, json};
use std::fmt;

/// One side of a comparison.
#[derive(Clone, Copy)]
pub(super) struct Side<'s> {
    pub(super) config: &'s Config,
    pub(super) table: &'s Table,
    pub(super) report: &'s Report,
}

/// What of a part is written otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// The part, such as `route 'api'`.
    of: String,
    /// Its keys, as ways with dots.
    keys: Vec<String>,
}

/// The parts that serve the request on both sides, each with the keys that differ, if any do.
pub(super) fn differences(before: Side<'_>, after: Side<'_>) -> Vec<Written> {
    let mut all = Vec::new();
    let mut note = |of: String, at: Option<Pointer>, there: Option<Pointer>| {
        if let (Some(at), Some(there)) = (at, there) {
            let keys = before.config.origin.differences(&at, &after.config.origin, &there);
            if !keys.is_empty() {
                all.push(Written { of, keys });
            }
        }
    };
    let top = Pointer::default();
    note("gateway".into(), Some(top.key("gateway")), Some(top.key("gateway")));
    let listener = &before.report.listener;
    note(format!("listener '{listener}'"), before.listener(listener), after.listener(listener));
    let Some(name) = before.route().filter(|name| after.route() == Some(name)) else { return all };
    note(format!("route '{name}'"), before.place_of_route(name), after.place_of_route(name));
    let Some(route) = before.config.routes.iter().find(|route| route.name == name) else { return all };
    for upstream in upstreams(route) {
        let at = top.key("upstreams").key(upstream);
        note(format!("upstream '{upstream}'"), Some(at.clone()), Some(at));
    }
    for policy in before.policies(listener, route) {
        let at = top.key("policies").key(policy);
        note(format!("policy '{policy}'"), Some(at.clone()), Some(at));
    }
    all
}

impl<'s> Side<'s> {
    /// The name of the route that takes the request.
    fn route(self) -> Option<&'s str> {
        let facts =
            self.report.phases.iter().filter(|phase| phase.name == "route").flat_map(|phase| &phase.facts);
        facts.filter(|(name, _)| *name == "route").find_map(|(_, value)| value.as_str())
    }

    fn place_of_route(self, name: &str) -> Option<Pointer> {
        let at = self.config.routes.iter().position(|route| route.name == name)?;
        Some(Pointer::default().key("routes").item(at))
    }

    fn listener(self, name: &str) -> Option<Pointer> {
        let at = self.table.listeners.iter().position(|listener| listener.name == name)?;
        Some(Pointer::default().key("listeners").item(at))
    }

    /// The names of the policies that are asked, each once.
    fn policies(self, listener: &str, route: &'s Route) -> Vec<&'s str> {
        let at = self.table.listeners.iter().position(|known| known.name == listener);
        let of_listener = at.and_then(|at| self.config.listeners.get(at)).map(|given| &given.policies);
        let lists = [Some(&self.config.gateway.policies), of_listener, Some(&route.policies)];
        let mut names: Vec<&str> = Vec::new();
        for name in lists.into_iter().flatten().flatten() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }
}

fn upstreams(route: &Route) -> Vec<&str> {
    match &route.to {
        None => Vec::new(),
        Some(To::One(upstream)) => vec![upstream],
        Some(To::Several(list)) => list.iter().map(|target| target.upstream.as_str()).collect(),
    }
}

impl Written {
    /// As JSON: `of`, `keys`.
    pub(super) fn json(&self) -> Value {
        json!({ "of": self.of, "keys": self.keys })
    }
}

impl fmt::Display for Written {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.of, self.keys.join(", "))
    }
}
