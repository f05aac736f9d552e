//! Policies: each compiled once, then bound into chains by where its name is attached: to the gateway, a listener or a
//! route. Attached twice it is asked once.

use super::unused::callers;
use super::{Check, Listener, Means, Pointer, Route, Table, config};
use crate::config::policy::Mode as GivenMode;
use crate::policy::auth::Registry;
use crate::policy::auth::registry::{self, Entry};
use crate::policy::auth::remote::Known;
use crate::policy::chain::STEPS_MAX;
use crate::policy::fields::{Identity, is_taken_for};
use crate::policy::{self, By, Chain, Faults, FieldName, Kind, Kit, Mode, Policy, SignIn, When};
use crate::table::{Ground, Policies};
use crate::wire::field::{Field, FieldSet};
use std::collections::HashMap;
use std::sync::Arc;

/// Compiles all policies and binds them; notes what is wrong with them. None when a problem was noted that leaves
/// nothing to serve with.
pub(super) fn build(
    check: &mut Check<'_>,
    listeners: &[Listener],
    routes: &[Route],
    (previous, means): (Option<&Table>, &mut Means<'_>),
) -> Option<Policies> {
    let config = check.config;
    let kept = previous.map(|table| table.policies.ground.clone());
    let Some(mut ground) = kept.or_else(|| Ground::new(means.offset)) else {
        let at = Pointer::default().key("version");
        check.error(&at, "the system gives no random numbers".into(), None);
        return None;
    };
    let mut entries = consumers(check);
    let upstreams = config.upstreams.0.iter();
    let upstreams = upstreams.map(|(name, given)| Known { name, is_told: given.proxy_protocol.is_some() });
    let upstreams: Vec<Known<'_>> = upstreams.collect();
    let Ground { sets, blind } = &mut ground;
    let mut kit = Kit {
        files: &mut *means.files,
        sets,
        blind,
        entries: &mut entries,
        upstreams: &upstreams,
        has_store: config.gateway.store.is_some(),
        now: means.now,
    };
    let mut named: HashMap<&str, Option<Arc<Policy>>> = HashMap::new();
    let mut all = Vec::new();
    let mut told = Told::default();
    for (slot, (name, given)) in config.policies.0.iter().enumerate() {
        let at = Pointer::default().key("policies").key(name);
        check.name(&at, name);
        let policy = compiled(check, &at, (name, slot), given, (previous, &mut kit), &mut told);
        all.extend(policy.clone());
        named.insert(name, policy);
    }
    let registry = Registry::new(&entries, &ground.blind);
    let mut policies = Policies {
        identity: Identity::new(told.all().into_iter()),
        all,
        chains: Vec::new(),
        of: Vec::new(),
        routes: routes.len(),
        misses: Vec::new(),
        has_cors: false,
        registry,
        ground,
    };
    let mut binder = Binder { named: &named, known: HashMap::new(), chains: Vec::new() };
    let everywhere = &config.gateway.policies;
    for (index, _) in listeners.iter().enumerate() {
        let here = &config.listeners[index].policies;
        policies.misses.push(binder.miss(&[everywhere, here]));
        for (route, given) in config.routes.iter().enumerate() {
            let lists = [everywhere, here, &given.policies];
            policies.of.push(binder.bind(check, route, &lists));
        }
    }
    policies.chains = binder.chains;
    policies.has_cors = policies.chains.iter().any(Chain::has_cors);
    if policies.misses.iter().all(Option::is_none) {
        policies.misses = Vec::new();
    }
    if policies.chains.is_empty() {
        policies.of = Vec::new();
    }
    callers::warn(check, &policies, routes, &entries);
    Some(policies)
}

/// The consumers of the configuration.
fn consumers(check: &mut Check<'_>) -> Vec<Entry> {
    let config = check.config;
    let all = Pointer::default().key("consumers");
    let mut names: HashMap<&str, Pointer> = HashMap::new();
    for (index, given) in config.consumers.iter().enumerate() {
        let at = all.item(index).key("name");
        check.name(&at, &given.name);
        match names.get(&*given.name) {
            None => drop(names.insert(&given.name, at)),
            Some(first) => check.named_twice(&at, first, format!("two consumers are named '{}'", given.name)),
        }
    }
    let mut found = Vec::new();
    let entries = registry::entries(&config.consumers, |index, flaw| found.push((index, flaw)));
    for (index, flaw) in found {
        let mut faults = Faults::default();
        faults.flaws(&all.item(index), vec![flaw]);
        tell(check, faults);
    }
    entries
}

/// The fields by which a policy tells an origin who calls.
pub(super) fn identity(kind: &Kind) -> Vec<FieldName> {
    match kind {
        Kind::SignIn(SignIn { by: By::Forward(asked), .. }) => asked.identity().cloned().collect(),
        Kind::SignIn(SignIn { by: By::Mtls(mtls), forward, .. }) => {
            let claims = forward.iter().map(|(_, name)| name);
            claims.chain(mtls.fields()).cloned().collect()
        }
        Kind::SignIn(method) => method.forward.iter().map(|(_, name)| name.clone()).collect(),
        Kind::Headers(headers) => headers.identity().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The fields by which policies tell origins who calls, and the names under which fields go on.
#[derive(Default)]
struct Told {
    fields: Vec<FieldName>,
    renames: Vec<(FieldName, FieldName)>,
}

impl Told {
    fn take(&mut self, kind: &Kind) {
        self.fields.extend(identity(kind));
        if let Kind::Headers(headers) = kind {
            self.renames.extend(headers.renames().map(|(from, to)| (from.clone(), to.clone())));
        }
    }

    /// All of them: under a new name such a field tells the same, so that nobody else may say it there.
    fn all(self) -> Vec<FieldName> {
        let Told { mut fields, renames } = self;
        let mut at = 0;
        while let Some(told) = fields.get(at) {
            let more = renames.iter().filter(|(from, to)| {
                is_taken_for(&told.text, &from.text)
                    && !fields.iter().any(|known| known.text.eq_ignore_ascii_case(&to.text))
            });
            let more: Vec<FieldName> = more.map(|(_, to)| to.clone()).collect();
            fields.extend(more);
            at += 1;
        }
        fields
    }
}

fn tell(check: &mut Check<'_>, faults: Faults) {
    for fault in faults.0 {
        match (fault.in_file, fault.place) {
            (Some(problem), _) => check.problems.push(problem),
            (None, Some(place)) => check.push(fault.severity, &fault.at, place, fault.message, fault.fix),
            (None, None) => check.add(fault.severity, &fault.at, fault.part, fault.message, fault.fix),
        }
    }
}

/// What an origin learns of the request from the gateway, and what its protocol says with it.
const OWN: FieldSet = FieldSet::of(&[
    Field::FORWARDED,
    Field::X_FORWARDED_FOR,
    Field::X_FORWARDED_PROTO,
    Field::X_FORWARDED_HOST,
    Field::X_FORWARDED_PORT,
    Field::X_FORWARDED_PREFIX,
    Field::X_REAL_IP,
    Field::X_REQUEST_ID,
    Field::VIA,
    Field::TRACEPARENT,
    Field::TRACESTATE,
    Field::MAX_FORWARDS,
    Field::CONTENT_TYPE,
    Field::CONTENT_ENCODING,
    Field::GRPC_TIMEOUT,
    Field::SEC_WEBSOCKET_KEY,
    Field::SEC_WEBSOCKET_VERSION,
    Field::SEC_WEBSOCKET_PROTOCOL,
    Field::SEC_WEBSOCKET_EXTENSIONS,
]);

/// Notes a field that cannot tell who calls, since every request needs what else it tells: a client's own is removed everywhere.
fn refuse_own(check: &mut Check<'_>, at: &Pointer, kind: &Kind) {
    for field in identity(kind).iter().filter(|field| OWN.contains(field.field)) {
        let name = field.field.name();
        let message = format!(
            "field '{name}' cannot tell who calls: it would be taken from the requests of all routes"
        );
        let fix = "give it a name of its own, such as X-User-Id";
        check.error(&at.key(kind.as_str()), message, Some(fix.into()));
    }
}

fn compiled(
    check: &mut Check<'_>,
    at: &Pointer,
    (name, slot): (&str, usize),
    given: &config::Policy,
    (previous, kit): (Option<&Table>, &mut Kit<'_>),
    told: &mut Told,
) -> Option<Arc<Policy>> {
    let all = given.kinds();
    let names = |list: &[(&str, bool)]| list.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ");
    let kinds: Vec<(&str, bool)> = all.into_iter().filter(|(_, is_given)| *is_given).collect();
    match kinds.len() {
        1 => {}
        0 => {
            let fix = format!("add one of {}", names(&all));
            check.error_at_key(at, format!("policy '{name}' decides nothing"), Some(fix));
        }
        _ => {
            let message = format!("policy '{name}' is of several kinds: {}", names(&kinds));
            check.error_at_key(at, message, Some("give each a policy of its own".into()));
        }
    }
    let mut faults = Faults::default();
    let mut kind = policy::compile((name, slot), given, at, kit, &mut faults);
    if let Some(Kind::SignIn(SignIn { by: By::Jwt(jwt), .. })) = &mut kind
        && check.config.origin.is_drawn(&at.key("jwt").key("jwks"))
    {
        jwt.hide_address();
    }
    tell(check, faults);
    kind.iter().for_each(|kind| refuse_own(check, at, kind));
    // Origins believe them whatever the mode: nobody else says them while the policy is off.
    kind.iter().for_each(|kind| told.take(kind));
    let condition = given.when.as_ref().zip(kind.as_ref());
    let when = condition.and_then(|(text, kind)| {
        let compiled = When::compile(text, kind.phase());
        compiled.map_err(|(message, fix)| check.error(&at.key("when"), message, Some(fix))).ok()
    });
    let mode = match given.mode {
        GivenMode::Enforce => Mode::Enforce,
        GivenMode::Shadow => Mode::Shadow,
        GivenMode::Off => return None,
    };
    let before =
        previous.into_iter().flat_map(|table| &table.policies.all).find(|known| *known.name == *name);
    if let Some(Kind::SignIn(method)) = &mut kind
        && let Some(Kind::SignIn(known)) = before.map(|known| &known.kind)
    {
        method.succeed(known);
    }
    let tally = before.map(|known| Arc::clone(&known.tally)).unwrap_or_default();
    kind.map(|kind| Arc::new(Policy { name: name.into(), mode, when, kind, tally }))
}

/// Chains that were bound so far.
struct Binder<'c> {
    named: &'c HashMap<&'c str, Option<Arc<Policy>>>,
    known: HashMap<Vec<&'c str>, u32>,
    chains: Vec<Chain>,
}

impl<'c> Binder<'c> {
    /// The names of all lists, each once, without those that are off or unknown.
    fn names(&self, lists: &[&'c Vec<String>]) -> Vec<&'c str> {
        let mut names: Vec<&str> = Vec::new();
        for name in lists.iter().copied().flatten() {
            if matches!(self.named.get(name.as_str()), Some(Some(_))) && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    fn policies(&self, names: &[&str]) -> Vec<Arc<Policy>> {
        names.iter().filter_map(|name| self.named.get(name).cloned().flatten()).collect()
    }

    /// One more than the index of the chain of these lists; 0 for none.
    fn bind(&mut self, check: &mut Check<'_>, route: usize, lists: &[&'c Vec<String>; 3]) -> u32 {
        let names = self.names(lists);
        if let Some(known) = self.known.get(&names) {
            return *known;
        }
        if names.len() > STEPS_MAX {
            let at = Pointer::default().key("routes").item(route);
            let message = format!("{} policies for one request", names.len());
            check.error(
                &at,
                message,
                Some(format!("{STEPS_MAX} at most, those of the gateway and the listener included")),
            );
            return 0;
        }
        let number = match Chain::new(self.policies(&names)) {
            None => 0,
            Some(chain) => {
                self.chains.push(chain);
                u32::try_from(self.chains.len()).expect("chains are fewer than 4 billion")
            }
        };
        self.known.insert(names, number);
        number
    }

    /// What dresses an answer to a request that no route takes: CORS alone, which decides nothing about a route.
    fn miss(&self, lists: &[&'c Vec<String>]) -> Option<Chain> {
        let mut policies = self.policies(&self.names(lists));
        policies.retain(|policy| matches!(policy.kind, Kind::Cors(_)) && policy.mode == Mode::Enforce);
        Chain::new(policies)
    }
}
