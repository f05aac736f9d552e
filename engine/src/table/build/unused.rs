//! What is written and never used: upstreams that no route goes to, policies that nothing is attached to, consumers that
//! no policy could recognise; what of policies can do nothing where they are asked stands in `callers`, of
//! ways to sign in in `methods`, keys that say nothing beside others in `keys`. Told only where nothing else is wrong: else a name may only be misspelt elsewhere.

pub(super) mod callers;
mod keys;
mod methods;

use super::{Check, Pointer, Route};
use crate::config::listener::ClientAuth;
use crate::config::{Config, Listener, Policy};
use crate::table::End;
use std::collections::HashSet;

/// Warns of what is unused.
pub(super) fn warn(check: &mut Check<'_>, routes: &[Route]) {
    if check.problems.iter().any(|problem| problem.severity == crate::config::Severity::Error) {
        return;
    }
    keys::warn(check);
    let config = check.config;
    for name in upstreams(config, routes) {
        let at = Pointer::default().key("upstreams").key(name);
        check.warn_at_key(&at, format!("no route goes to upstream '{name}'"), None);
    }
    for index in listeners(config) {
        let name = super::listeners::name(config, index);
        let at = Pointer::default().key("listeners").item(index);
        let fix = "name it under 'match' of a route, or remove it";
        check.warn_at_key(&at, format!("no route takes requests of listener '{name}'"), Some(fix.into()));
    }
    for name in policies(config) {
        let at = Pointer::default().key("policies").key(name);
        let fix = "attach it by name under 'policies' of the gateway, a listener or a route, or remove it";
        check.warn_at_key(&at, format!("policy '{name}' is attached nowhere"), Some(fix.into()));
    }
    for name in unasked(config) {
        let at = Pointer::default().key("policies").key(name);
        let message = format!("policy '{name}' knows nobody: no listener asks clients for certificates");
        let fix = "write client_auth: optional or required in 'tls' of a listener";
        check.warn_at_key(&at, message, Some(fix.into()));
    }
    for index in consumers(config) {
        let at = Pointer::default().key("consumers").item(index).key("name");
        let message = format!("no policy could recognise consumer '{}'", config.consumers[index].name);
        let fix = "attach a policy of the kind api_key, basic, jwt or mtls, or remove it";
        check.warn(&at, message, Some(fix.into()));
    }
}

/// Policies that go by certificates, where no listener asks for any.
fn unasked(config: &Config) -> Vec<&str> {
    let asks = |listener: &Listener| matches!(&listener.tls, Some(tls) if tls.client_auth != ClientAuth::Off);
    let goes_by = config.policies.0.iter().filter(|(_, policy)| policy.mtls.is_some());
    let is_asked = config.listeners.iter().any(asks);
    goes_by.filter(|_| !is_asked).map(|(name, _)| name.as_str()).collect()
}

fn upstreams<'c>(config: &'c Config, routes: &[Route]) -> Vec<&'c str> {
    let targets = routes.iter().flat_map(|route| match &route.end {
        End::To(split) => split.targets(),
        End::Here(_) => &[],
    });
    let used: HashSet<usize> = targets.map(|target| target.upstream.index()).collect();
    let asked: HashSet<&str> = config.policies.0.iter().filter_map(|(_, policy)| asks(policy)).collect();
    let all = config.upstreams.names().enumerate();
    let unused = all.filter(|(index, name)| !used.contains(index) && !asked.contains(name));
    unused.map(|(_, name)| name).collect()
}

/// Places of listeners that every route names others than.
fn listeners(config: &Config) -> Vec<usize> {
    let named: Option<Vec<&String>> = config
        .routes
        .iter()
        .map(|route| route.r#match.listener.as_ref().map(|listeners| &listeners.0))
        .try_fold(Vec::new(), |mut all, some| {
            all.extend(some?);
            Some(all)
        });
    let Some(named) = named else { return Vec::new() };
    (0..config.listeners.len()).filter(|at| !named.contains(&&super::listeners::name(config, *at))).collect()
}

/// The upstream that a policy asks.
fn asks(policy: &Policy) -> Option<&str> {
    let looked_up = policy.introspection.as_ref().map(|asked| &*asked.upstream);
    looked_up.or(policy.forward_auth.as_ref().map(|asked| &*asked.upstream))
}

/// Names of policies that stand somewhere.
fn attached(config: &Config) -> HashSet<&str> {
    let listeners = config.listeners.iter().flat_map(|listener| &listener.policies);
    let routes = config.routes.iter().flat_map(|route| &route.policies);
    config.gateway.policies.iter().chain(listeners).chain(routes).map(String::as_str).collect()
}

fn policies(config: &Config) -> Vec<&str> {
    let used = attached(config);
    config.policies.names().filter(|name| !used.contains(name)).collect()
}

/// Places of consumers, where no policy that is attached asks who calls.
fn consumers(config: &Config) -> Vec<usize> {
    let used = attached(config);
    let asks = |policy: &Policy| {
        policy.jwt.is_some()
            || policy.api_key.is_some()
            || policy.basic.is_some()
            || policy.mtls.is_some()
            || policy.introspection.is_some()
    };
    let is_asked =
        config.policies.0.iter().any(|(name, policy)| used.contains(name.as_str()) && asks(policy));
    (0..if is_asked { 0 } else { config.consumers.len() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Memory;

    fn config(text: &str) -> Config {
        let read = Memory::default().file("a.yaml", text).read("a.yaml");
        read.unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn a_policy_is_used_by_whoever_names_it() {
        let text = "version: 1
gateway: { policies: [a] }
listeners: [{ bind: '127.0.0.1:0', policies: [b] }]
policies:
  a: { authorize: { scopes: [x] } }
  b: { authorize: { scopes: [x] } }
  c: { authorize: { scopes: [x] } }
  d: { authorize: { scopes: [x] } }
routes: [{ name: r, policies: [d], respond: { body: hi } }]
";
        assert_eq!(policies(&config(text)), ["c"]);
    }

    #[test]
    fn a_listener_is_used_where_a_route_names_it_or_none() {
        let text = |last: &str| {
            format!(
                "version: 1
listeners: [{{ name: a, bind: '127.0.0.1:0' }}, {{ bind: '127.0.0.1:0' }}, {{ name: c, bind: '127.0.0.1:0' }}]
routes: [{{ name: r, match: {{ listener: [a, listener-2] }}, respond: {{ body: hi }} }}, {{ name: s, respond: {{ body: hi }}{last} }}]
"
            )
        };
        assert_eq!(listeners(&config(&text(", match: { listener: a }"))), [2]);
        assert_eq!(listeners(&config(&text(""))), [0; 0]);
    }

    #[test]
    fn a_policy_that_goes_by_certificates_needs_a_listener_that_asks_for_them() {
        let text = |auth: &str| {
            format!(
                "version: 1
listeners: [{{ bind: '127.0.0.1:0', tls: {{ certs: [], client_auth: {auth} }} }}]
policies: {{ who: {{ mtls: {{}} }} }}
routes: [{{ name: r, policies: [who], respond: {{ body: hi }} }}]
"
            )
        };
        assert_eq!(unasked(&config(&text("off"))), ["who"]);
        assert_eq!(unasked(&config(&text("optional"))), [""; 0]);
    }

    #[test]
    fn a_consumer_is_used_where_somebody_asks_who_calls() {
        let text = |attached: &str| {
            format!(
                "version: 1
consumers: [{{ name: acme, api_keys: [k] }}, {{ name: other }}]
policies:
  key: {{ api_key: {{ header: X-Key }} }}
  may: {{ authorize: {{ scopes: [x] }} }}
routes: [{{ name: r, policies: [{attached}], respond: {{ body: hi }} }}]
"
            )
        };
        assert_eq!(consumers(&config(&text("may"))), [0, 1]);
        assert_eq!(consumers(&config(&text("may, key"))), [0; 0]);
    }
}
