//! One policy of the configuration → what it decides. `table/build` calls it for each and binds the results.

use super::auth::api_key::ApiKey;
use super::auth::basic::Basic;
use super::auth::mtls::Mtls;
use super::auth::registry::{self, Entry};
use super::auth::remote::Known;
use super::auth::remote::forward::Forward;
use super::auth::remote::introspection::Introspection;
use super::auth::{Blind, ClaimPath, jwt};
use super::authorize::Authorize;
use super::chain::Kind;
use super::cors::Cors;
use super::fault::{Faults, FieldName};
use super::fields::headers::Headers;
use super::fields::sanitize::Sanitize;
use super::ip::Ip;
use super::limit::compile::Into as LimitInto;
use super::limit::{Flaw as LimitFlaw, InFlightLimit, Limit, Sets};
use super::sign_in::{By, SignIn};
use super::validate::Validate;
use crate::base::Tick;
use crate::config;
use crate::config::policy::Mode;
use crate::config::read::{Part, Pointer, Source};

/// What policies are compiled with.
#[expect(missing_debug_implementations, reason = "a source of files shows nothing")]
pub struct Kit<'k> {
    /// Where their files are read.
    pub files: &'k mut dyn Source,
    /// The cells of limits, by name.
    pub sets: &'k mut Sets,
    /// The key of hashes that are never stored.
    pub blind: &'k Blind,
    /// Consumers that registry files add.
    pub entries: &'k mut Vec<Entry>,
    /// The upstreams that may be asked, by their ids.
    pub upstreams: &'k [Known<'k>],
    /// Whether there is a store to share limits through.
    pub has_store: bool,
    /// Now.
    pub now: Tick,
}

/// Compiles the policy `name` at `at`, the one of number `slot`. None when it cannot be; what is wrong is noted.
pub fn compile(
    (name, slot): (&str, usize),
    given: &config::Policy,
    at: &Pointer,
    kit: &mut Kit<'_>,
    faults: &mut Faults,
) -> Option<Kind> {
    if let Some(cors) = &given.cors {
        return Some(Kind::Cors(Cors::compile(cors, &at.key("cors"), faults)));
    }
    if let Some(ip) = &given.ip {
        return Some(Kind::Ip(Ip::compile(ip, &at.key("ip"), faults)));
    }
    if let Some(needs) = &given.authorize {
        return Some(Kind::Authorize(Authorize::compile(needs, &at.key("authorize"), faults)));
    }
    if let Some(input) = &given.validate {
        let compiled = Validate::compile(input, &at.key("validate"), faults);
        return compiled.map(|input| Kind::Validate(Box::new(input)));
    }
    if let Some(headers) = &given.headers {
        return Some(Kind::Headers(Headers::compile(headers, &at.key("headers"), faults)));
    }
    if let Some(sanitize) = &given.sanitize {
        return Some(Kind::Sanitize(Sanitize::compile(sanitize, &at.key("sanitize"), faults)));
    }
    let into = LimitInto {
        name,
        shadow: given.mode == Mode::Shadow,
        sets: kit.sets,
        has_store: kit.has_store,
        now: kit.now,
    };
    if let Some(limit) = &given.limit {
        let at = at.key("limit");
        let compiled = Limit::compile(limit, into).map_err(|flaws| note(&at, flaws, faults)).ok()?;
        for LimitFlaw { at: way, message, fix } in compiled.doubts(limit) {
            faults.doubt(inwards(&at, &way), message, fix);
        }
        return Some(Kind::Limit(Box::new(compiled)));
    }
    if let Some(limit) = &given.in_flight {
        let compiled = InFlightLimit::compile(limit, into);
        return compiled
            .map_err(|flaws| note(&at.key("in_flight"), flaws, faults))
            .ok()
            .map(|limit| Kind::InFlight(Box::new(limit)));
    }
    realm(given, at, faults);
    method(given, slot, at, kit, faults).map(Kind::SignIn)
}

/// Notes a realm that no challenge could name as it stands: a quoted string of visible characters (RFC 9110 §5.6.4).
fn realm(given: &config::Policy, at: &Pointer, faults: &mut Faults) {
    let all = [
        ("jwt", given.jwt.as_ref().map(|given| &given.realm)),
        ("api_key", given.api_key.as_ref().map(|given| &given.realm)),
        ("basic", given.basic.as_ref().map(|given| &given.realm)),
        ("mtls", given.mtls.as_ref().map(|given| &given.realm)),
        ("introspection", given.introspection.as_ref().map(|given| &given.realm)),
        ("forward_auth", given.forward_auth.as_ref().map(|given| &given.realm)),
    ];
    for (kind, realm) in all {
        if realm.is_some_and(|realm| !realm.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
            let fix = "write visible characters of ASCII; spaces may stand between them";
            faults.value(at.key(kind).key("realm"), "the realm holds what no challenge can say", fix);
        }
    }
}

fn method(
    given: &config::Policy,
    slot: usize,
    at: &Pointer,
    kit: &mut Kit<'_>,
    faults: &mut Faults,
) -> Option<SignIn> {
    let mut flaws = Vec::new();
    let plain = |by| SignIn { by, forward: Box::default(), slot };
    if let Some(jwt) = &given.jwt {
        let at = at.key("jwt");
        let compiled = jwt::compile(jwt, kit.files, &mut flaws);
        faults.flaws(&at, flaws);
        let jwt = compiled?;
        let forward = told(jwt.forward(), &at, faults);
        return Some(SignIn { by: By::Jwt(Box::new(jwt)), forward, slot });
    }
    if let Some(key) = &given.api_key {
        let compiled = ApiKey::compile(key, kit.files, &mut flaws);
        let key = compiled.map(|(key, entries)| {
            flaws.extend(registry::join(kit.entries, entries));
            key
        });
        faults.flaws(&at.key("api_key"), flaws);
        let key = key?;
        return Some(plain(By::ApiKey(Box::new(key))));
    }
    if let Some(basic) = &given.basic {
        let compiled = Basic::compile(basic, kit.files, kit.blind, &mut flaws);
        faults.flaws(&at.key("basic"), flaws);
        return compiled.map(|basic| plain(By::Basic(Box::new(basic))));
    }
    if let Some(mtls) = &given.mtls {
        let (mtls, forward) = Mtls::compile(mtls, &at.key("mtls"), faults);
        return Some(SignIn { by: By::Mtls(Box::new(mtls)), forward, slot });
    }
    if let Some(asked) = &given.introspection {
        let at = at.key("introspection");
        let compiled = Introspection::compile(asked, kit.blind, kit.upstreams, &mut flaws);
        faults.flaws(&at, flaws);
        let asked = compiled?;
        let forward = told(asked.forward(), &at, faults);
        return Some(SignIn { by: By::Introspection(Box::new(asked)), forward, slot });
    }
    if let Some(asked) = &given.forward_auth {
        let compiled = Forward::compile(asked, &at.key("forward_auth"), kit.upstreams, faults);
        return compiled.map(|asked| plain(By::Forward(Box::new(asked))));
    }
    given.anonymous.as_ref().map(|_| plain(By::Nothing))
}

/// The fields in which claims are sent on.
fn told(
    forward: &[(ClaimPath, Box<str>)],
    at: &Pointer,
    faults: &mut Faults,
) -> Box<[(ClaimPath, FieldName)]> {
    let named = |(path, name): &(ClaimPath, Box<str>)| {
        let way = std::str::from_utf8(path.as_bytes()).unwrap_or_default();
        let field = faults.field(at.key("forward").key(way), Part::Value, name)?;
        Some((path.clone(), field))
    };
    forward.iter().filter_map(named).collect()
}

fn note(at: &Pointer, flaws: Vec<LimitFlaw>, faults: &mut Faults) {
    for LimitFlaw { at: way, message, fix } in flaws {
        faults.value(inwards(at, &way), message, fix);
    }
}

fn inwards(at: &Pointer, way: &[String]) -> Pointer {
    way.iter().fold(at.clone(), |at, key| at.key(key))
}
