//! Routes: where they lead, what they change, how long they may take. What they match is read in `matching`.

use super::{Check, Lookup, Pointer, Route, RouteId, RouteTimeouts, UpstreamId, config, matching};
use crate::route::PathPattern;
use std::collections::{HashMap, HashSet};

/// Builds all routes and their look-up; notes what is wrong with them.
pub(super) fn build(check: &mut Check<'_>) -> (Vec<Route>, Lookup) {
    let config = check.config;
    let all = Pointer::default().key("routes");
    if config.routes.is_empty() {
        let fix = "add 'routes: [{ name: all, match: { path: /* }, to: UPSTREAM }]'";
        check.error_at_key(&all, "there are no routes".into(), Some(fix.into()));
    }
    let ids: HashMap<&str, UpstreamId> = config.upstreams.names().zip((0..).map(UpstreamId)).collect();
    let mut names: HashSet<&str> = HashSet::new();
    let (mut routes, mut rules) = (Vec::new(), Vec::new());
    for (index, given) in config.routes.iter().enumerate() {
        let at = all.item(index);
        let id = RouteId(u32::try_from(index).expect("routes are fewer than 4 billion"));
        check.name(&at.key("name"), &given.name);
        if !names.insert(&given.name) {
            check.error(&at.key("name"), format!("two routes are named '{}'", given.name), None);
        }
        check.policies(&at.key("policies"), &given.policies);
        let to = targets(check, &at, given, &ids);
        rules.push(matching::rule(check, &at.key("match"), &given.r#match, id));
        routes.push(Route {
            id,
            name: given.name.clone(),
            weights: to.iter().map(|(_, weight)| *weight).fold(0, u32::saturating_add),
            to,
            strip_prefix: strip_prefix(check, &at.key("rewrite").key("strip_prefix"), given),
            upgrade: upgrade(check, &at.key("upgrade"), &given.upgrade),
            timeouts: timeouts(check, &at.key("timeouts"), &given.timeouts),
        });
    }
    // After an error, what is unused may only be misspelt elsewhere.
    if check.problems.is_empty() {
        unused_upstreams(check, &routes);
    }
    let lookup = matching::lookup(check, rules, &routes);
    (routes, lookup)
}

fn targets(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &config::Route,
    ids: &HashMap<&str, UpstreamId>,
) -> Vec<(UpstreamId, u32)> {
    let name = &given.name;
    let ends = [given.to.is_some(), given.respond.is_some(), given.redirect.is_some()];
    match ends.iter().filter(|given| **given).count() {
        0 => {
            let fix = "add 'to: UPSTREAM'";
            check.error(at, format!("route '{name}' goes nowhere"), Some(fix.into()));
        }
        1 => {}
        _ => {
            let fix = "keep one of 'to', 'respond' and 'redirect'";
            check.error(at, format!("route '{name}' has more than one end"), Some(fix.into()));
        }
    }
    let at = at.key("to");
    let mut to = Vec::new();
    match &given.to {
        None => {}
        Some(config::route::To::One(upstream)) => {
            to.extend(target(check, &at, upstream, ids).map(|id| (id, 1)));
        }
        Some(config::route::To::Several(list)) => {
            if list.iter().all(|target| target.weight == 0) {
                let fix = "give at least one upstream a weight above 0";
                check.error(&at, format!("the weights of route '{name}' are all zero"), Some(fix.into()));
            }
            let sum = list.iter().try_fold(0_u32, |sum, target| sum.checked_add(target.weight));
            if sum.is_none() {
                let fix = "give smaller weights; only their ratio counts";
                check.error(&at, format!("the weights of route '{name}' are too large"), Some(fix.into()));
            }
            for (index, one) in list.iter().enumerate() {
                let at = at.item(index).key("upstream");
                to.extend(target(check, &at, &one.upstream, ids).map(|id| (id, one.weight)));
            }
        }
    }
    to
}

fn target(
    check: &mut Check<'_>,
    at: &Pointer,
    upstream: &str,
    ids: &HashMap<&str, UpstreamId>,
) -> Option<UpstreamId> {
    let id = ids.get(upstream).copied();
    if id.is_none() {
        let fix = check.meant(upstream, check.config.upstreams.names(), "upstreams");
        check.error(at, format!("there is no upstream '{upstream}'"), Some(fix));
    }
    id
}

fn strip_prefix(check: &mut Check<'_>, at: &Pointer, given: &config::Route) -> Option<String> {
    let prefix = given.rewrite.strip_prefix.as_ref()?;
    let trimmed = prefix.trim_end_matches('/');
    match PathPattern::parse(prefix) {
        Ok(PathPattern::Exact(_)) => {}
        _ => {
            let fix = "write a path without '*' and '{}', such as /api";
            check.error(at, format!("'{prefix}' is not a prefix that can be taken off"), Some(fix.into()));
        }
    }
    // Taking `/` off changes nothing.
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
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

fn unused_upstreams(check: &mut Check<'_>, routes: &[Route]) {
    let used: HashSet<usize> = routes.iter().flat_map(|route| &route.to).map(|(id, _)| id.index()).collect();
    let config = check.config;
    for (index, name) in config.upstreams.names().enumerate() {
        if !used.contains(&index) {
            let at = Pointer::default().key("upstreams").key(name);
            check.warn_at_key(&at, format!("no route goes to upstream '{name}'"), None);
        }
    }
}
