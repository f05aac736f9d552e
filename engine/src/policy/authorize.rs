//! `authorize`: what the caller may do, by scopes, roles, claims, consumer and tier, and by method. Whoever is not
//! signed in lacks everything: 401, not 403, where a method of the chain could know them.

use super::Facts;
use super::auth::document::Kind;
use super::auth::{ClaimPath, Denial, Principal};
use super::fault::Faults;
use super::{Cause, Verdict};
use super::{Passage, State};
use crate::config;
use crate::config::read::Pointer;
use crate::wire::token;

/// A compiled policy.
#[derive(Debug)]
pub struct Authorize {
    always: Needs,
    /// What a method needs besides; `GET` stands for `HEAD` too.
    methods: Box<[(Box<[u8]>, Needs)]>,
}

/// What a claim may be: one of these.
type Values = Box<[Box<[u8]>]>;

/// What a caller needs: all that is given.
#[derive(Debug, Default)]
struct Needs {
    /// All of them.
    scopes: Box<[Box<[u8]>]>,
    /// One of them, where there are any.
    any_scope: Box<[Box<[u8]>]>,
    /// The same as the client is told of them.
    either: Box<[u8]>,
    roles: Box<[Box<[u8]>]>,
    claims: Box<[(ClaimPath, Values)]>,
    consumers: Box<[Box<[u8]>]>,
    tiers: Box<[Box<[u8]>]>,
    /// The scopes as a challenge names them.
    named: Box<[u8]>,
}

/// What a caller lacks.
enum Lacks<'n> {
    Scope(&'n [u8]),
    /// One of these, as the client is told of them.
    AnyScope(&'n [u8]),
    Role,
    Claim(&'n ClaimPath),
    Consumer,
    Tier,
}

impl Authorize {
    /// Compiles a policy; notes what is wrong with it.
    pub fn compile(given: &config::policy::Authorize, at: &Pointer, faults: &mut Faults) -> Authorize {
        let config::policy::Authorize { scopes, any_scope, roles, claims, consumers, tiers, methods } = given;
        let own = config::policy::Needs {
            scopes: scopes.clone(),
            any_scope: any_scope.clone(),
            roles: roles.clone(),
            claims: claims.clone(),
            consumers: consumers.clone(),
            tiers: tiers.clone(),
        };
        let by_method = methods.0.iter().map(|(method, given)| {
            let at = at.key("methods").key(method);
            if !token::is_token(method.as_bytes()) || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
                faults.key(
                    at.clone(),
                    format!("'{method}' is not a method"),
                    "write it as it is sent, such as POST",
                );
            }
            (method.as_bytes().into(), Needs::compile(given, &at, faults))
        });
        let methods: Box<[(Box<[u8]>, Needs)]> = by_method.collect();
        Authorize { always: Needs::compile(&own, at, faults), methods }
    }

    /// Whether it asks for nothing, and refuses nobody.
    pub fn is_empty(&self) -> bool {
        std::iter::once(&self.always).chain(self.methods.iter().map(|(_, needs)| needs)).all(Needs::is_empty)
    }

    /// Whether everybody has to be a consumer, by name or by tier.
    pub fn is_by_consumer(&self) -> bool {
        !self.always.consumers.is_empty() || !self.always.tiers.is_empty()
    }

    /// Whether the caller may. *Cost*: no allocation; each need is looked for among what the caller has.
    pub fn decide(&self, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        let Passage { principal, .. } = &mut *state.passage;
        // Methods have a case (RFC 9110 §9.1), but some origins do not mind: what one may take for POST needs what POST needs.
        let method = facts.head.method_bytes();
        let is_head = method.eq_ignore_ascii_case(b"HEAD");
        let is_for = |of: &[u8]| of.eq_ignore_ascii_case(method) || is_head && of == b"GET";
        let by_method = self.methods.iter().filter(|(of, _)| is_for(of)).map(|(_, needs)| needs);
        let needs = std::iter::once(&self.always).chain(by_method);
        let lacking = needs.filter_map(|needs| needs.lacks(principal).map(|lacks| (needs, lacks)));
        let Some((needs, lacks)) = lacking.into_iter().next() else { return Verdict::Pass };
        let (denial, says): (Denial, &[&[u8]]) = match &lacks {
            Lacks::Scope(scope) => (Denial::Scope, &[b"the scope '", scope, b"' is missing"]),
            Lacks::AnyScope(scopes) => (Denial::Scope, &[b"one of the scopes '", scopes, b"' is missing"]),
            Lacks::Role => (Denial::Role, &[Denial::Role.says().as_bytes()]),
            Lacks::Claim(path) => {
                (Denial::Claim, &[b"the claim '", path.as_bytes(), b"' is not as required"])
            }
            Lacks::Consumer => (Denial::Consumer, &[Denial::Consumer.says().as_bytes()]),
            Lacks::Tier => (Denial::Tier, &[Denial::Tier.says().as_bytes()]),
        };
        state.passage.detail.clear();
        says.iter().for_each(|part| state.passage.detail.extend_from_slice(part));
        // The chain adds the challenge: it knows the methods.
        state.passage.scopes.clear();
        if denial == Denial::Scope {
            state.passage.scopes.extend_from_slice(&needs.named);
        }
        if state.passage.principal.is_known() {
            return Verdict::refuse(Cause::Forbidden, denial.word());
        }
        // What it would take is not for whoever comes.
        state.passage.detail.clear();
        state.passage.detail.extend_from_slice(Denial::Absent.says().as_bytes());
        Verdict::refuse(Cause::Unauthenticated, Denial::Absent.word())
    }
}

impl Needs {
    fn compile(given: &config::policy::Needs, at: &Pointer, faults: &mut Faults) -> Needs {
        let list = |names: &[String]| -> Box<[Box<[u8]>]> {
            names.iter().map(|name| name.as_bytes().into()).collect()
        };
        for (key, names) in [("scopes", &given.scopes), ("any_scope", &given.any_scope)] {
            for (index, name) in names.iter().enumerate() {
                // RFC 6749 §3.3: what a scope is made of.
                if name.is_empty()
                    || name.bytes().any(|byte| !(0x21..=0x7e).contains(&byte) || matches!(byte, b'"' | b'\\'))
                {
                    let fix = "write one scope an item, of visible characters without quotes";
                    faults.value(at.key(key).item(index), format!("'{name}' is not a scope"), fix);
                }
            }
        }
        let claims = given.claims.0.iter().filter_map(|(path, values)| match ClaimPath::new(path) {
            Ok(path) => Some((path, list(&values.0))),
            Err(why) => {
                let fix = "write names with dots between, such as realm_access.roles";
                faults.key(at.key("claims").key(path), format!("the claim '{path}' {why}"), fix);
                None
            }
        });
        let claims = claims.collect();
        let named =
            given.scopes.iter().chain(&given.any_scope).map(String::as_str).collect::<Vec<_>>().join(" ");
        Needs {
            scopes: list(&given.scopes),
            any_scope: list(&given.any_scope),
            either: given.any_scope.join("', '").into_bytes().into(),
            roles: list(&given.roles),
            claims,
            consumers: list(&given.consumers),
            tiers: list(&given.tiers),
            named: named.into_bytes().into(),
        }
    }

    fn is_empty(&self) -> bool {
        let Needs { scopes, any_scope, roles, claims, consumers, tiers, .. } = self;
        let lists = [scopes, any_scope, roles, consumers, tiers];
        lists.iter().all(|list| list.is_empty()) && claims.is_empty()
    }

    fn lacks(&self, caller: &Principal) -> Option<Lacks<'_>> {
        let among = |list: &[Box<[u8]>], value: Option<&[u8]>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|one| **one == *value))
        };
        if let Some(scope) = self.scopes.iter().find(|scope| !caller.has_scope(scope)) {
            return Some(Lacks::Scope(scope));
        }
        if !self.any_scope.is_empty() && !self.any_scope.iter().any(|scope| caller.has_scope(scope)) {
            return Some(match &*self.any_scope {
                [only] => Lacks::Scope(only),
                _ => Lacks::AnyScope(&self.either),
            });
        }
        if !self.roles.is_empty() && !self.roles.iter().any(|role| caller.has_role(role)) {
            return Some(Lacks::Role);
        }
        let wrong = self.claims.iter().find(|(path, values)| !has(caller, path, values));
        if let Some((path, _)) = wrong {
            return Some(Lacks::Claim(path));
        }
        if !among(&self.consumers, caller.consumer()) {
            return Some(Lacks::Consumer);
        }
        (!among(&self.tiers, caller.tier())).then_some(Lacks::Tier)
    }
}

/// Whether the claim is one of `values`, or a list that has one of them.
fn has(caller: &Principal, path: &ClaimPath, values: &[Box<[u8]>]) -> bool {
    let wanted = |value: &[u8]| values.iter().any(|one| **one == *value);
    caller.claim(path).is_some_and(|claim| match claim.kind() {
        Kind::Array => claim.items().any(|item| wanted(item.bytes())),
        _ => wanted(claim.bytes()),
    })
}
