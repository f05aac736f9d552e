//! Routes: where they lead, what they change, how long they may take. What they match is read in `matching`.

use super::{
    Check, Lookup, Pointer, Route, RouteId, RouteTimeouts, UpstreamId, config, ends, matching, rewrites,
    unused,
};
use crate::config::Severity;
use crate::policy::Parameter;
use crate::route::{PathPattern, Segment};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Builds all routes and their look-up; notes what is wrong with them.
pub(super) fn build(check: &mut Check<'_>) -> (Vec<Route>, Lookup) {
    let config = check.config;
    let all = Pointer::default().key("routes");
    if config.routes.is_empty() {
        let fix = "add 'routes: [{ name: all, match: { path: /* }, to: UPSTREAM }]'";
        check.error_at_key(&all, "there are no routes".into(), Some(fix.into()));
    }
    let ids: ends::Ids<'_> = config.upstreams.names().zip((0..).map(UpstreamId)).collect();
    let mut names: HashMap<&str, Pointer> = HashMap::new();
    let (mut routes, mut rules) = (Vec::new(), Vec::new());
    for (index, given) in config.routes.iter().enumerate() {
        let at = all.item(index);
        let id = RouteId(u32::try_from(index).expect("routes are fewer than 4 billion"));
        let named = at.key("name");
        check.name(&named, &given.name);
        match names.entry(&given.name) {
            Entry::Vacant(entry) => drop(entry.insert(named)),
            Entry::Occupied(first) => {
                check.named_twice(&named, first.get(), format!("two routes are named '{}'", given.name));
            }
        }
        check.policies(&at.key("policies"), &given.policies);
        let end = ends::build(check, &at, given, &ids);
        let before = errors(check);
        let rule = matching::rule(check, &at.key("match"), &given.r#match, id);
        let is_whole = errors(check) == before;
        routes.push(Route {
            id,
            name: given.name.clone(),
            parameters: parameters(&rule.paths),
            end,
            rewrite: rewrites::build(check, &at, given),
            upgrade: upgrade(check, &at.key("upgrade"), &given.upgrade),
            grpc_web: given.grpc_web,
            timeouts: timeouts(check, &at.key("timeouts"), &given.timeouts),
            server_timing: given.server_timing,
            meter: None,
        });
        // Without its faulty part a rule would seem to take more than it was meant to.
        if is_whole {
            rules.push(rule);
        }
    }
    unused::warn(check, &routes);
    let lookup = matching::lookup(check, rules, &routes);
    (routes, lookup)
}

fn errors(check: &Check<'_>) -> usize {
    check.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
}

/// The named segments of each pattern, for policies; nothing where no pattern has any.
fn parameters(paths: &[PathPattern]) -> Box<[Box<[Parameter]>]> {
    let named = |path: &PathPattern| -> Box<[Parameter]> {
        let PathPattern::Segments { segments, .. } = path else { return Box::default() };
        let numbered = (0..).zip(segments);
        let named = numbered.filter_map(|(segment, of)| match of {
            Segment::Named(name) => Some(Parameter { name: name.as_str().into(), segment }),
            Segment::Text(_) => None,
        });
        named.collect()
    };
    let all: Box<[_]> = paths.iter().map(named).collect();
    if all.iter().all(|named| named.is_empty()) { Box::default() } else { all }
}

fn upgrade(check: &mut Check<'_>, at: &Pointer, given: &[String]) -> Vec<String> {
    let mut tokens = Vec::new();
    for (index, token) in given.iter().enumerate() {
        let token = token.to_ascii_lowercase();
        let name = token.split('/').next().unwrap_or_default();
        if matches!(name, "h2c" | "h2") {
            let fix = "remove it: it would open a way round every policy";
            check.error(&at.item(index), "h2c is never passed on".into(), Some(fix.into()));
        }
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
        if token.is_empty() || !token.bytes().all(good) {
            let fix = "write a protocol's name as it stands in Upgrade, such as websocket";
            check.error(&at.item(index), format!("'{token}' is not a protocol"), Some(fix.into()));
        }
        if token != "websocket" {
            tokens.push(token);
        }
    }
    tokens
}

fn timeouts(check: &mut Check<'_>, at: &Pointer, given: &config::route::Timeouts) -> RouteTimeouts {
    RouteTimeouts {
        connect: check.period(at, "connect", given.connect),
        first_byte: check.period(at, "first_byte", given.first_byte),
        between_bytes: check.period(at, "between_bytes", given.between_bytes),
        total: given.total.0.map(|total| check.period(at, "total", total)),
    }
}
