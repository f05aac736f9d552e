//! Ways to sign in that cannot do what is meant where they are asked: that are never asked, that show secrets on their way or ask by
//! fields that their client writes, that take from all routes what only some of them need. Told only where nothing else is wrong.

use super::callers::places;
use crate::policy::auth::remote::forward::is_credential;
use crate::policy::fields::is_taken_for;
use crate::policy::{By, Chain, FieldName, Kind, Mode, Policy, SignIn};
use crate::table::build::policies::identity;
use crate::table::build::{Check, Pointer, Route};
use crate::table::{End, Policies};
use crate::wire::field::Field;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Warns of them.
pub(super) fn warn(check: &mut Check<'_>, policies: &Policies, routes: &[Route]) {
    for policy in &policies.all {
        if let Kind::SignIn(method) = &policy.kind {
            in_plain(check, policy, method);
        }
        taken_everywhere(check, policy, policies, routes);
    }
    let mut told = HashSet::new();
    for (listener, route) in places(routes, check.config) {
        let Some(chain) = policies.chain(listener, route.id) else { continue };
        for (at, policy) in chain.steps().iter().enumerate() {
            // Of each once: what is so at one route is, as a rule, at others.
            let is_told = !told.contains(&*policy.name)
                && match &policy.kind {
                    Kind::SignIn(method) => {
                        never_asked(check, chain, (at, policy, method), &route.name)
                            || shown(check, chain, (policy, method), policies)
                    }
                    Kind::Authorize(needs) if needs.is_by_consumer() => {
                        unnamed(check, chain, policy, &route.name)
                    }
                    _ => false,
                };
            if is_told {
                told.insert(&*policy.name);
            }
        }
    }
}

fn of(policy: &Policy) -> Pointer {
    Pointer::default().key("policies").key(&policy.name)
}

/// Warns of a method whose turn never comes, since one before it decides of all that it could decide of.
fn never_asked(
    check: &mut Check<'_>,
    chain: &Chain,
    (at, policy, method): (usize, &Policy, &SignIn),
    route: &str,
) -> bool {
    if policy.mode == Mode::Shadow {
        return false;
    }
    let takes_all = |first: &By| match (first, &method.by) {
        (By::Forward(_), _) => true,
        (_, By::Forward(_) | By::Nothing) => false,
        (first, own) => signs(own).iter().all(|place| signs(first).contains(place)),
    };
    let first = chain.steps()[..at].iter().find_map(|first| match &first.kind {
        Kind::SignIn(SignIn { by, .. })
            if first.mode == Mode::Enforce && first.when.is_none() && takes_all(by) =>
        {
            Some((&first.name, by))
        }
        _ => None,
    });
    let Some((first, by)) = first else { return false };
    let message =
        format!("policy '{}' is never asked at route '{route}': '{first}' decides first", policy.name);
    let fix = match by {
        By::Forward(_) => format!("name '{first}' behind it, or give '{first}' a condition by 'when'"),
        By::Jwt(_) => format!("give '{first}' the keys of both, or a condition by 'when'"),
        _ => format!("remove one of them, or give '{first}' a condition by 'when'"),
    };
    check.warn_at_key(&of(policy), message, Some(fix));
    true
}

/// What a method finds its credentials by.
fn signs(by: &By) -> Vec<(&'static str, &[u8])> {
    match by {
        By::Basic(_) => vec![("scheme", b"basic")],
        By::Mtls(_) => vec![("certificate", b"")],
        By::Nothing | By::Forward(_) => Vec::new(),
        _ => by.secrets(),
    }
}

/// Warns of fields by which a service is asked and that say nothing to it, or what the client wrote there.
fn shown(
    check: &mut Check<'_>,
    chain: &Chain,
    (policy, method): (&Policy, &SignIn),
    policies: &Policies,
) -> bool {
    let By::Forward(asked) = &method.by else { return false };
    let mut is_told = false;
    for (index, field) in asked.sent().iter().enumerate().filter(|(_, field)| !is_credential(field.field)) {
        let name = String::from_utf8_lossy(&field.text).into_owned();
        let sets = |other: &&Arc<Policy>| match &other.kind {
            Kind::Headers(headers) => headers.sets().any(|set| is_taken_for(&set.text, &field.text)),
            _ => false,
        };
        let (message, fix) = if policies.identity.holds(&field.text) {
            let message =
                format!("'{name}' is never sent there: by it the gateway tells who calls, once it is known");
            (message, "remove it from 'send'")
        } else if let Some(other) = chain.steps().iter().find(sets) {
            let message = format!(
                "'{name}' is sent there as the client wrote it: policy '{}' sets it behind all that decide",
                other.name
            );
            (message, "remove it from 'send', or have the service not go by it")
        } else {
            continue;
        };
        let at = of(policy).key("forward_auth").key("send").item(index);
        check.warn(&at, message, Some(fix.into()));
        is_told = true;
    }
    is_told
}

/// Warns of a rule by consumers or tiers where no method could say that somebody is one.
fn unnamed(check: &mut Check<'_>, chain: &Chain, policy: &Policy, route: &str) -> bool {
    let methods = || {
        chain.steps().iter().filter_map(|step| match &step.kind {
            Kind::SignIn(method) if !method.takes_anybody() => Some(method),
            _ => None,
        })
    };
    let is_meant = policy.mode == Mode::Enforce && policy.when.is_none();
    if !is_meant || methods().next().is_none() || methods().any(|method| method.by.names_consumers()) {
        return false;
    }
    let message = format!(
        "policy '{}' refuses everybody at route '{route}': no method there says which consumer calls",
        policy.name
    );
    let fix = "add 'consumer_claim' to the method, or go by roles, scopes or claims";
    check.warn_at_key(&of(policy), message, Some(fix.into()));
    true
}

/// Warns of a method that tells secrets to a server elsewhere without TLS.
fn in_plain(check: &mut Check<'_>, policy: &Policy, method: &SignIn) {
    let Some(service) = method.by.service() else { return };
    let config = check.config;
    let Some((name, given)) = config.upstreams.0.get(service.upstream.index()) else { return };
    if given.tls.is_some() {
        return;
    }
    let Some(endpoint) = given.endpoints.iter().find(|endpoint| !is_here(&endpoint.address)) else { return };
    let message = format!(
        "policy '{}' sends credentials to '{}' of upstream '{name}' without TLS",
        policy.name, endpoint.address
    );
    let fix = "add 'tls: {}' to the upstream: whoever reads what passes there can call as its clients";
    check.warn(&of(policy).key(method.by.as_str()).key("upstream"), message, Some(fix.into()));
}

/// Whether what is sent to an endpoint does not leave this machine.
fn is_here(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    address.starts_with("unix:")
        || host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Warns of a field that clients of other routes send for reasons of their own and that is taken from all of them.
fn taken_everywhere(check: &mut Check<'_>, policy: &Policy, policies: &Policies, routes: &[Route]) {
    for field in identity(&policy.kind).iter().filter(|field| field.field != Field::OTHER) {
        let is_same = |other: &FieldName| other.field == field.field;
        let tells = |chain: &Chain| chain.steps().iter().any(|step| identity(&step.kind).iter().any(is_same));
        let mut without: Vec<&str> = places(routes, check.config)
            .into_iter()
            .filter(|(_, route)| matches!(route.end, End::To(_)))
            .filter(|(listener, route)| !policies.chain(*listener, route.id).is_some_and(tells))
            .map(|(_, route)| &*route.name)
            .collect();
        without.dedup();
        let Some((first, rest)) = without.split_first() else { continue };
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let name = field.field.name();
        let message = format!(
            "'{name}' of clients is taken away at route '{first}'{more} too: policy '{}' tells by it who calls",
            policy.name
        );
        let fix = "tell it by a field that clients have no use for, such as X-User-Id";
        check.warn_at_key(&of(policy), message, Some(fix.into()));
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Generation, Tick};
    use crate::config::Memory;
    use crate::table::build::{Means, build};

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

    /// The warnings of a configuration with these policies, and routes that name them; or its problems.
    fn told(policies: &str, routes: &[&str]) -> Vec<String> {
        let routes: Vec<String> = (0..)
            .zip(routes)
            .map(|(at, policies)| {
                format!("{{ name: r{at}, match: {{ path: /{at}/* }}, policies: [{policies}], to: origin }}")
            })
            .collect();
        let text = format!(
            "listeners: [{{ bind: '127.0.0.1:8080' }}]
consumers: [{{ name: acme, api_keys: [acme-key-0123456789abcdef], tier: gold }}]
upstreams:
  origin: {{ endpoints: [{{ address: '127.0.0.1:9000' }}] }}
  auth: {{ endpoints: [{{ address: '127.0.0.1:9001' }}, {{ address: 'localhost:9002' }}, {{ address: 'unix:/a' }}] }}
  far: {{ endpoints: [{{ address: '[::1]:9001' }}, {{ address: '10.0.0.5:9001' }}] }}
  sealed: {{ endpoints: [{{ address: 'id.example:443' }}], tls: {{ roots: ca.pem }} }}
policies:{policies}
routes: [{}]
",
            routes.join(", ")
        );
        let mut files = Memory::default().file("x.yaml", text).file("key.json", KEY);
        files = files.file("ca.pem", include_bytes!("../../../../tests/data/origins/ca.pem"));
        let config = files.clone().read("x.yaml").unwrap_or_else(|problems| panic!("{problems}"));
        let mut means = Means { files: &mut files, now: Tick(1), offset: 0 };
        let problems = match build(&config, Generation(1), None, &mut means) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems.0,
        };
        let said = problems.into_iter().map(|one| (one.message, one.fix));
        // What is not used at all is told elsewhere.
        let is_told = |message: &str| {
            ["no route", "no policy could"].iter().any(|front| message.starts_with(front))
                || message.contains("attached nowhere")
        };
        said.filter(|(message, _)| !is_told(message))
            .map(|(message, fix)| format!("{message} | {}", fix.unwrap_or_default()))
            .collect()
    }

    fn starts(said: &[String], expected: &[&str]) {
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said}\n{expected}");
        }
    }

    const TOKENS: &str = "
  one: { jwt: { algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef' } }
  two: { jwt: { algorithms: [HS256], secret: 'fedcba9876543210fedcba9876543210' } }
  at-times: { jwt: { algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef' }, when: 'request.host == \"a\"' }
  dark: { jwt: { algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef' }, mode: shadow }
  elsewhere: { jwt: { algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef', from: [{ cookie: t }, { header: Authorization }] } }
  asked: { introspection: { upstream: auth, path: /i, bearer: b } }
  key: { api_key: { header: X-Key } }
  gate: { forward_auth: { upstream: auth, path: /v } }
  guests: { anonymous: allow }";

    #[test]
    fn a_method_whose_turn_never_comes_is_told() {
        let never = |name: &str, first: &str| {
            format!("policy '{name}' is never asked at route 'r0': '{first}' decides first")
        };
        for (policies, expected) in [
            ("one, two", &[("two", "one")][..]),
            ("one, asked", &[("asked", "one")]),
            ("asked, one, key", &[("one", "asked")]),
            ("elsewhere, one", &[("one", "elsewhere")]),
            ("gate, key, guests", &[("key", "gate"), ("guests", "gate")]),
            // Each of them may have to decide.
            ("one, elsewhere", &[]),
            ("at-times, one", &[]),
            ("dark, one", &[]),
            ("one, dark", &[]),
            ("one, key, guests", &[]),
            ("key, gate", &[]),
        ] {
            let expected: Vec<String> = expected.iter().map(|(name, first)| never(name, first)).collect();
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            starts(&told(TOKENS, &[policies]), &expected);
        }
    }

    #[test]
    fn a_rule_by_consumers_needs_a_method_that_says_who_is_one() {
        let policies = format!(
            "{TOKENS}
  named: {{ jwt: {{ algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef', consumer_claim: azp }} }}
  few: {{ authorize: {{ consumers: [acme] }} }}
  gold: {{ authorize: {{ tiers: [gold] }} }}
  put: {{ authorize: {{ methods: {{ PUT: {{ tiers: [gold] }} }} }} }}"
        );
        let refuses =
            |name: &str| format!("policy '{name}' refuses everybody at route 'r0': no method there says");
        starts(&told(&policies, &["one, few, gold, put"]), &[&refuses("few"), &refuses("gold")]);
        starts(&told(&policies, &["gate, few"]), &[&refuses("few")]);
        starts(&told(&policies, &["named, few", "key, gold", "one, key, gold"]), &[]);
    }

    #[test]
    fn what_a_service_is_asked_by_is_not_what_its_client_says_of_itself() {
        let policies = |send: &str| {
            format!("
  gate: {{ forward_auth: {{ upstream: auth, path: /v, send: [{send}], forward: [X-User-Id, Authorization] }} }}
  plan: {{ headers: {{ request: {{ set: {{ X-Plan: free, Cookie: a=b }}, append: {{ X-More: a }} }} }} }}")
        };
        let said = |send: &str| told(&policies(send), &["gate, plan"]);
        starts(&said("Authorization, Cookie, X-More, X-Free"), &[]);
        starts(&said("X-Free, x_user_id"), &["'x_user_id' is never sent there"]);
        starts(&said("x-plan"), &["'x-plan' is sent there as the client wrote it: policy 'plan' sets it"]);
        starts(&told(&policies("X-Plan"), &["gate"]), &[]);
    }

    #[test]
    fn what_tells_who_calls_is_the_gateways_own_and_no_field_that_others_need() {
        let token = |forward: &str| {
            format!("
  token: {{ jwt: {{ algorithms: [HS256], secret: '0123456789abcdef0123456789abcdef', forward: {{ a: {forward} }} }} }}")
        };
        for own in ["X-Forwarded-For", "x-request-id", "Via", "Content-Type"] {
            let said = told(&token(own), &["token"]);
            assert!(said[0].contains("cannot tell who calls") && said.len() == 1, "{said:?}");
        }
        let said = told("
  tell: { headers: { request: { set: { X-Real-IP: '${user}' } }, response: { set: { X-Request-Id: '${user}' } } } }", &["tell"]);
        assert!(said[0].contains("'X-Real-IP' cannot tell who calls") && said.len() == 1, "{said:?}");
        // What clients send for reasons of their own is taken from all routes.
        let more = |more: &str| {
            format!("'Authorization' of clients is taken away at route 'r1'{more} too: policy 'token'")
        };
        starts(&told(&token("Authorization"), &["token", ""]), &[&more("")]);
        starts(&told(&token("Authorization"), &["token", "", "token", ""]), &[&more(" and 1 more")]);
        starts(&told(&token("Authorization"), &["token", "token"]), &[]);
        starts(&told(&token("X-User-Id"), &["token", ""]), &[]);
    }

    #[test]
    fn secrets_that_leave_this_machine_need_tls() {
        let asked = |upstream: &str| {
            format!(
                "
  asked: {{ introspection: {{ upstream: {upstream}, path: /i, bearer: b }} }}
  gate: {{ forward_auth: {{ upstream: {upstream}, path: /v }}, when: 'request.host == \"a\"' }}"
            )
        };
        starts(&told(&asked("auth"), &["asked", "gate"]), &[]);
        starts(&told(&asked("sealed"), &["asked", "gate"]), &[]);
        let plain = |name: &str| {
            format!("policy '{name}' sends credentials to '10.0.0.5:9001' of upstream 'far' without TLS")
        };
        starts(&told(&asked("far"), &["asked", "gate"]), &[&plain("asked"), &plain("gate")]);
    }

    #[test]
    fn what_lets_in_for_longer_than_it_should_or_whom_it_should_not_is_told() {
        let cache = |cache: &str| {
            format!(
                "
  asked: {{ introspection: {{ upstream: auth, path: /i, bearer: b, cache: {cache} }} }}"
            )
        };
        starts(&told(&cache("5m"), &["asked"]), &[]);
        starts(&told(&cache("1h"), &["asked"]), &["a token that was revoked lets in"]);
        let said = told(
            "
  token: { jwt: { algorithms: [EdDSA], jwks_file: key.json } }",
            &["token"],
        );
        starts(&said, &["key 1 ('k') holds its private half"]);
        assert!(
            said[0].ends_with("| whoever reads this file can sign tokens; keep the public half only"),
            "{said:?}"
        );
        for (realm, expected) in
            [("a \\\\ b", &[][..]), ("M\u{fc}ller", &["the realm holds"]), ("a\\nb", &["the realm holds"])]
        {
            let policy = format!("\n  key: {{ api_key: {{ header: X-Key, realm: \"{realm}\" }} }}");
            starts(&told(&policy, &["key"]), expected);
        }
    }
}
