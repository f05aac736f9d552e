//! Policies that are asked where they can do nothing, or nothing but refuse: that go by who calls where nobody can sign in,
//! that name consumers and tiers that nobody has, that read a segment which no path names. Told only where nothing else is
//! wrong.

use super::methods;
use crate::base::ListenerId;
use crate::config::policy::Needs;
use crate::config::policy::limit::FieldStyle;
use crate::config::{Config, Severity};
use crate::policy::auth::registry::Entry;
use crate::policy::{By, Chain, Kind, Mode, Parameter, Policy, SignIn};
use crate::table::Policies;
use crate::table::build::{Check, Pointer, Route, listeners};
use std::collections::{HashMap, HashSet};

/// What a policy meets where it is asked.
#[derive(Default)]
struct Met<'t> {
    /// Whether somebody can sign in at one place.
    signs_in: bool,
    /// The first route where nobody can.
    unsigned: Option<&'t str>,
    /// The segments that paths name.
    parameters: HashSet<&'t str>,
    /// The first route with a path that does not name a segment which is checked there, and that segment.
    lacking: Option<(&'t str, &'t str)>,
}

/// Warns of them. `entries` are all consumers.
pub(in crate::table::build) fn warn(
    check: &mut Check<'_>,
    policies: &Policies,
    routes: &[Route],
    entries: &[Entry],
) {
    if check.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return;
    }
    let met = met(policies, routes, check.config);
    for policy in &policies.all {
        if let Some(met) = met.get(&*policy.name) {
            asked(check, policy, met, entries);
        }
    }
    named(check, entries);
    methods::warn(check, policies, routes);
}

/// By the policy's name; those that are asked nowhere are not there.
fn met<'t>(policies: &'t Policies, routes: &'t [Route], config: &Config) -> HashMap<&'t str, Met<'t>> {
    let mut found: HashMap<&str, Met<'_>> = HashMap::new();
    for (listener, route) in places(routes, config) {
        let Some(chain) = policies.chain(listener, route.id) else { continue };
        let signs_in = signs_in(chain);
        for policy in chain.steps() {
            let met = found.entry(&policy.name).or_default();
            met.signs_in |= signs_in;
            if !signs_in && met.unsigned.is_none() {
                met.unsigned = Some(&route.name);
            }
            if let Kind::Headers(headers) = &policy.kind
                && headers.parameters().next().is_some()
            {
                let names = route.parameters.iter().flatten().map(|Parameter { name, .. }| &**name);
                met.parameters.extend(names);
            }
            if let Kind::Validate(validate) = &policy.kind
                && met.lacking.is_none()
            {
                let lacking = validate.segments().find(|segment| !names_everywhere(route, segment));
                met.lacking = lacking.map(|segment| (&*route.name, segment));
            }
        }
    }
    found
}

/// Each listener with each route that takes requests of it.
pub(super) fn places<'t>(routes: &'t [Route], config: &Config) -> Vec<(ListenerId, &'t Route)> {
    let names: Vec<String> = (0..config.listeners.len()).map(|at| listeners::name(config, at)).collect();
    let takes = |route: &Route, name: &String| {
        let given = &config.routes[route.id.index()].r#match.listener;
        given.as_ref().is_none_or(|given| given.0.contains(name))
    };
    let of = |(listener, name)| {
        let its = routes.iter().filter(move |route| takes(route, name));
        its.map(move |route| (listener, route)).collect::<Vec<_>>()
    };
    (0..).map(ListenerId).zip(&names).flat_map(of).collect()
}

/// Whether each path of a route names this segment.
fn names_everywhere(route: &Route, segment: &str) -> bool {
    let names = |one: &[Parameter]| one.iter().any(|Parameter { name, .. }| **name == *segment);
    !route.parameters.is_empty() && route.parameters.iter().all(|one| names(one))
}

fn signs_in(chain: &Chain) -> bool {
    let knows = |kind: &Kind| matches!(kind, Kind::SignIn(method) if !method.takes_anybody());
    chain.steps().iter().any(|policy| knows(&policy.kind))
}

/// Warns of what a policy cannot do where it is asked.
fn asked(check: &mut Check<'_>, policy: &Policy, met: &Met<'_>, entries: &[Entry]) {
    let name = &policy.name;
    let at = Pointer::default().key("policies").key(name);
    let sign_in = "attach a policy by which callers sign in there too, such as jwt or api_key";
    let by_caller = match &policy.kind {
        Kind::Limit(limit) => limit.needs_principal(),
        Kind::InFlight(limit) => limit.needs_principal(),
        _ => false,
    };
    match (&policy.kind, met.unsigned) {
        (Kind::Authorize(needs), _) if needs.is_empty() => {
            let fix = "name what callers need, such as scopes: [orders.write]";
            check.warn_at_key(&at, format!("policy '{name}' asks for nothing"), Some(fix.into()));
        }
        (Kind::Authorize(_), Some(route)) if policy.mode == Mode::Enforce && policy.when.is_none() => {
            let message =
                format!("policy '{name}' refuses everybody at route '{route}': nobody can sign in there");
            check.warn_at_key(&at, message, Some(sign_in.into()));
        }
        (Kind::Limit(_) | Kind::InFlight(_), _) if by_caller && !met.signs_in => {
            let message =
                format!("policy '{name}' counts by who calls, and nobody can sign in where it is asked");
            check.warn_at_key(&at, message, Some(sign_in.into()));
        }
        (Kind::SignIn(SignIn { by: By::ApiKey(_), .. }), _)
            if entries.iter().all(|entry| entry.keys.is_empty()) =>
        {
            let fix = "give a consumer 'api_keys', or the policy a 'registry'";
            check.warn_at_key(
                &at,
                format!("policy '{name}' knows nobody: no consumer has a key"),
                Some(fix.into()),
            );
        }
        (Kind::Headers(headers), _) => {
            let unknown = headers.parameters().find(|parameter| !met.parameters.contains(parameter));
            if let Some(parameter) = unknown {
                let message = format!(
                    "policy '{name}' reads a segment '{parameter}' that no path names where it is asked"
                );
                let fix = format!("name it in the match of a route, such as /users/{{{parameter}}}");
                check.warn_at_key(&at, message, Some(fix));
            }
        }
        (Kind::Validate(_), _) if policy.when.is_none() => {
            if let Some((route, segment)) = met.lacking {
                let message = format!(
                    "policy '{name}' refuses requests of route '{route}': a path of it names no segment '{segment}'"
                );
                let fix = format!("name it in the match of that route, such as /users/{{{segment}}}");
                check.warn_at_key(&at, message, Some(fix));
            }
        }
        _ => {}
    }
}

/// Warns of consumers and tiers that policies name and that nobody is.
fn named(check: &mut Check<'_>, entries: &[Entry]) {
    let config: &Config = check.config;
    let consumers: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut tiers: Vec<&str> = entries.iter().map(|entry| entry.tier.as_str()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    tiers.retain(|tier| !tier.is_empty());
    let known = Known {
        consumers: consumers.iter().copied().collect(),
        tiers: tiers.iter().copied().collect(),
        lists: [consumers, tiers],
    };
    for (name, policy) in &config.policies.0 {
        let at = Pointer::default().key("policies").key(name);
        if let Some(given) = &policy.authorize {
            let at = at.key("authorize");
            known.hold(check, &at, (&given.consumers, &given.tiers));
            for (method, Needs { consumers, tiers, .. }) in &given.methods.0 {
                known.hold(check, &at.key("methods").key(method), (consumers, tiers));
            }
        }
        if let Some(limit) = &policy.limit
            && matches!(limit.fields, FieldStyle::Standard | FieldStyle::None)
            && config.origin.is_written(&at.key("limit").key("reset"))
        {
            let message = format!("policy '{name}' sends no field that 'reset' is about");
            let fix = "remove it, or write fields: all or legacy";
            check.warn_at_key(&at.key("limit").key("reset"), message, Some(fix.into()));
        }
        let plans = policy.limit.iter().flat_map(|limit| &limit.plans.0);
        for (tier, _) in plans.filter(|(tier, _)| !known.tiers.contains(tier.as_str())) {
            let at = at.key("limit").key("plans").key(tier);
            let fix = check.meant(tier, known.lists[1].iter().copied(), "tiers");
            check.warn_at_key(&at, format!("no consumer is of tier '{tier}'"), Some(fix));
        }
    }
}

struct Known<'t> {
    consumers: HashSet<&'t str>,
    tiers: HashSet<&'t str>,
    /// The same, as they are told.
    lists: [Vec<&'t str>; 2],
}

impl Known<'_> {
    fn hold(&self, check: &mut Check<'_>, at: &Pointer, (consumers, tiers): (&[String], &[String])) {
        let [all_consumers, all_tiers] = &self.lists;
        for (index, name) in consumers.iter().enumerate() {
            if !self.consumers.contains(name.as_str()) {
                let fix = check.meant(name, all_consumers.iter().copied(), "consumers");
                let at = at.key("consumers").item(index);
                check.warn(&at, format!("there is no consumer '{name}'"), Some(fix));
            }
        }
        for (index, tier) in tiers.iter().enumerate() {
            if !self.tiers.contains(tier.as_str()) {
                let fix = check.meant(tier, all_tiers.iter().copied(), "tiers");
                let at = at.key("tiers").item(index);
                check.warn(&at, format!("no consumer is of tier '{tier}'"), Some(fix));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Generation, Tick};
    use crate::config::Memory;
    use crate::table::build::{Means, build};

    /// The warnings of a configuration with these consumers, policies and routes.
    fn told(consumers: &str, policies: &str, routes: &str) -> Vec<String> {
        let text = format!(
            "version: 1\nlisteners: [{{ bind: '127.0.0.1:8080' }}]\nconsumers: [{consumers}]\npolicies:\n{policies}\nroutes: [{routes}]\n"
        );
        of(&text)
    }

    /// The warnings of a configuration.
    fn of(text: &str) -> Vec<String> {
        let config = Memory::default().file("x.yaml", text).read("x.yaml");
        let config = config.unwrap_or_else(|problems| panic!("{problems}"));
        let mut means = Means { files: &mut Memory::default(), now: Tick(1), offset: 0 };
        let (_, warnings) =
            build(&config, Generation(1), None, &mut means).unwrap_or_else(|problems| panic!("{problems}"));
        warnings.into_iter().map(|warning| warning.message).collect()
    }

    const ACME: &str = "{ name: acme, api_keys: [acme-key-0123456789abcdef], tier: gold }";

    fn route(name: &str, policies: &str) -> String {
        format!(
            "{{ name: {name}, match: {{ path: '/{name}/{{id}}' }}, policies: [{policies}], respond: {{ body: ok }} }}, "
        )
    }

    #[test]
    fn what_goes_by_the_caller_needs_a_way_to_sign_in() {
        let policies = "
  key: { api_key: { header: X-Key } }
  guests: { anonymous: allow }
  may: { authorize: { scopes: [x] } }
  at-times: { authorize: { scopes: [x] }, when: 'request.method == \"PUT\"' }
  dark: { authorize: { scopes: [x] }, mode: shadow }
  few: { limit: { rate: 1/s, key: consumer } }
  once: { in_flight: { limit: 1, key: [route, jwt.sub] } }
  all: { limit: { rate: 1/s, key: route } }";
        let all = "may, at-times, dark, few, once, all";
        let signed = route("a", &format!("key, {all}"));
        assert_eq!(told(ACME, policies, &(signed.clone() + &route("b", "guests"))), [""; 0]);
        let open = route("b", &format!("guests, {all}"));
        assert_eq!(
            told(ACME, policies, &(signed + &open)),
            ["policy 'may' refuses everybody at route 'b': nobody can sign in there"]
        );
        assert_eq!(
            told(ACME, policies, &(route("a", "key") + &open)),
            [
                "policy 'may' refuses everybody at route 'b': nobody can sign in there",
                "policy 'few' counts by who calls, and nobody can sign in where it is asked",
                "policy 'once' counts by who calls, and nobody can sign in where it is asked",
            ]
        );
    }

    #[test]
    fn a_route_is_not_asked_for_by_listeners_that_it_does_not_name() {
        let text = |listener: &str| {
            format!(
                "listeners: [{{ name: open, bind: '127.0.0.1:1' }}, {{ name: keyed, bind: '127.0.0.1:2', policies: [key] }}]
consumers: [{ACME}]
policies: {{ key: {{ api_key: {{ header: X-Key }} }}, may: {{ authorize: {{ scopes: [x] }} }} }}
routes: [{{ name: r, match: {{ {listener} }}, policies: [may], respond: {{ body: hi }} }}, {{ name: s, match: {{ path: /s }}, respond: {{ body: hi }} }}]
"
            )
        };
        assert_eq!(of(&text("listener: keyed")), [""; 0]);
        let refused = "policy 'may' refuses everybody at route 'r': nobody can sign in there";
        assert_eq!(of(&text("")), [refused]);
    }

    #[test]
    fn names_that_nobody_has_are_told() {
        let policies = "
  key: { api_key: { header: X-Key } }
  may: { authorize: { consumers: [acne, acme], tiers: [silver], methods: { PUT: { tiers: [gold], consumers: [zebra] } } } }
  few: { limit: { rate: 1/s, key: consumer, plans: { gold: { rate: 2/s }, iron: { rate: 3/s } } } }
  late: { limit: { rate: 1/s, fields: standard, reset: delta } }";
        assert_eq!(
            told(ACME, policies, &route("a", "key, may, few, late")),
            [
                "there is no consumer 'acne'",
                "no consumer is of tier 'silver'",
                "there is no consumer 'zebra'",
                "no consumer is of tier 'iron'",
                "policy 'late' sends no field that 'reset' is about",
            ]
        );
    }

    #[test]
    fn what_only_an_address_can_mean_is_told_without_one() {
        let policies = "
  token: { jwt: { algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef', jwks_insecure: true } }";
        let told = told("{ name: acme }", policies, &route("a", "token"));
        assert_eq!(told, ["'jwks_insecure' says nothing without 'jwks'"]);
    }

    #[test]
    fn what_asks_for_nothing_or_knows_nobody_is_told() {
        let policies = "
  key: { api_key: { header: X-Key } }
  may: { authorize: {} }
  tell: { headers: { request: { set: { X-A: '${path.id}', X-B: '${path.nope}' } } } }";
        assert_eq!(
            told("{ name: acme }", policies, &route("a", "key, may, tell")),
            [
                "policy 'key' knows nobody: no consumer has a key",
                "policy 'may' asks for nothing",
                "policy 'tell' reads a segment 'nope' that no path names where it is asked",
            ]
        );
    }

    #[test]
    fn what_is_checked_of_a_path_is_named_by_each_path_of_its_routes() {
        let policies = "
  id: { validate: { path: { id: { type: integer } } } }
  at-times: { validate: { path: { id: { type: integer } } }, when: 'request.path.startsWith(\"/a/\")' }";
        let both =
            "{ name: both, match: { path: ['/both/{id}', /b] }, policies: [id], respond: { body: ok } }, ";
        let none = "{ name: none, match: { path: /n }, policies: [at-times], respond: { body: ok } }, ";
        let lacks = |route| {
            format!("policy 'id' refuses requests of route '{route}': a path of it names no segment 'id'")
        };
        assert_eq!(told("", policies, &(route("a", "id, at-times") + none)), [""; 0]);
        assert_eq!(told("", policies, &(route("a", "id") + both + none)), [lacks("both")]);
        assert_eq!(told("", policies, &none.replace("at-times", "id, at-times")), [lacks("none")]);
    }
}
