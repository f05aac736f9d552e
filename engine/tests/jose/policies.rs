//! What a whole policy does with a request: where it looks, what it remembers, what it makes known.

use crate::rig::{NOW, compile, nobody, policy, says, says_at, vectors, with_jwk};
use crate::sign::SigningKey;
use ringgate::policy::auth::jwt::{Jwt, Memory};
use ringgate::policy::auth::keys::{Algorithm, KeySet, TRIES_MAX, Trust, key_set};
use ringgate::policy::auth::registry::Entry;
use ringgate::policy::auth::{Blind, ClaimPath, Denial, Method, Outcome, Principal, Registry};
use ringgate::wire::head::{Head, Lines};
use ringgate::wire::http1::{HeadLimits, request};
use serde_json::json;
use std::sync::Arc;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const CLAIMS: &str =
    r#"{"sub":"ann","azp":"acme","exp":4102444800,"scope":"a b","realm_access":{"roles":["x"]}}"#;

fn token() -> String {
    SigningKey::secret(SECRET.as_bytes()).plain(Algorithm::Hs256, CLAIMS)
}

fn decide(policy: &Jwt, target: &str, lines: &str, principal: &mut Principal) -> Outcome {
    let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let mut parsed = Lines::new();
    request::parse(text.as_bytes(), &mut parsed, &HeadLimits::default()).expect("parses");
    policy.decide(Head::new(text.as_bytes(), &parsed), NOW, &nobody(), &mut Memory::default(), principal)
}

#[test]
fn the_token_is_looked_for_in_each_place_and_comes_in_one() {
    let from = "from: [{ header: Authorization }, { cookie: t }, { query: access_token }]";
    let policy = policy(&format!("{{ algorithms: [HS256], secret: {SECRET}, {from} }}"), &[]);
    let good = token();
    let mut principal = Principal::default();
    let mut check = |target: &str, lines: &str, expected: Result<bool, Denial>| {
        let outcome = decide(&policy, target, lines, &mut principal);
        let found = match outcome {
            Outcome::Known => Ok(true),
            Outcome::Absent => Ok(false),
            Outcome::Denied(denial) => Err(denial),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{target} {lines}");
        assert_eq!(principal.is_known(), expected == Ok(true));
    };
    check("/", &format!("Authorization: bearer {good}\r\n"), Ok(true));
    check("/", &format!("Cookie: a=b; t={good}\r\n"), Ok(true));
    check(&format!("/?x=1&access_token={good}"), "", Ok(true));
    check("/", "", Ok(false));
    check("/", "Authorization: Basic YTpi\r\n", Ok(false));
    check("/?access_token=", "", Ok(false));
    check("/", "Authorization: Bearer\r\n", Err(Denial::Malformed));
    check(&format!("/?access_token={good}"), "Authorization: Bearer x\r\n", Err(Denial::Repeated));
    check("/", &format!("Authorization: Bearer {good}\r\nCookie: t={good}\r\n"), Err(Denial::Repeated));
    check(&format!("/?access_token={good}&access_token=x"), "", Err(Denial::Repeated));
    check(
        "/",
        &format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n"),
        Err(Denial::Repeated),
    );
    check("/", &format!("Authorization: Bearer {good} x\r\n"), Err(Denial::Encoding));
}

#[test]
fn a_known_caller_has_subject_scopes_roles_and_consumer() {
    let more = "role_claims: [roles, realm_access.roles], consumer_claim: azp, forward: { sub: X-User-Id }";
    let policy = policy(&format!("{{ algorithms: [HS256], secret: {SECRET}, {more} }}"), &[]);
    let acme = Entry { name: "acme".into(), tier: "partner".into(), ..Entry::default() };
    let registry = Registry::new(&[acme], &Blind::of(&[1; 32]));
    let mut principal = Principal::default();
    let outcome = policy.verify(token().as_bytes(), NOW, &registry, &mut Memory::default(), &mut principal);
    assert!(matches!(outcome, Outcome::Known));
    assert_eq!((principal.method(), principal.subject()), (Some(Method::Jwt), Some(&b"ann"[..])));
    assert_eq!(principal.scopes().collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(principal.roles().collect::<Vec<_>>(), [b"x"]);
    assert_eq!((principal.consumer(), principal.tier()), (Some(&b"acme"[..]), Some(&b"partner"[..])));
    let (claim, field) = &policy.forward()[0];
    let mut value = Vec::new();
    assert!(principal.write_claim(claim, &mut value) && value == b"ann" && &**field == "X-User-Id");
    assert!(principal.claim(&ClaimPath::new("azp.x").expect("is a path")).is_none());
    // A consumer that is not there is none.
    policy.verify(token().as_bytes(), NOW, &nobody(), &mut Memory::default(), &mut principal);
    assert_eq!((principal.consumer(), principal.tier()), (None, None));
}

#[test]
fn tokens_are_bounded() {
    let section = |max: &str| format!("{{ algorithms: [HS256], secret: {SECRET}, max_token_bytes: {max} }}");
    let key = SigningKey::secret(SECRET.as_bytes());
    let of = |bytes: usize| {
        let claims = format!(r#"{{"exp":4102444800,"pad":"{}"}}"#, "x".repeat(bytes));
        key.plain(Algorithm::Hs256, claims)
    };
    assert_eq!(says(&policy(&section("16KiB"), &[]), &of(11_000)), "ok");
    assert_eq!(says(&policy(&section("16KiB"), &[]), &of(13_000)), "token_too_long");
    let exact = of(100);
    assert_eq!(says(&policy(&section(&format!("{}B", exact.len())), &[]), &exact), "ok");
    assert_eq!(says(&policy(&section(&format!("{}B", exact.len() - 1)), &[]), &exact), "token_too_long");
}

#[test]
fn claims_that_are_ambiguous_are_refused_though_they_are_signed() {
    let key = SigningKey::secret(SECRET.as_bytes());
    let policy = policy(&format!("{{ algorithms: [HS256], secret: {SECRET} }}"), &[]);
    for (claims, expected) in [
        (&br#"{"exp":4102444800}"#[..], "ok"),
        (br#"{"exp":4102444800,"sub":"a","sub":"b"}"#, "token_claims"),
        (br#"{"exp":4102444800,"a":{"b":1,"b":2}}"#, "token_claims"),
        (b"{\"exp\":4102444800,\"sub\":\"\xff\"}", "token_claims"),
        (b"\xef\xbb\xbf{\"exp\":4102444800}", "token_claims"),
        (br#"{"exp":4102444800} {}"#, "token_claims"),
        (br#"["exp"]"#, "token_claims"),
        (b"", "token_claims"),
        (br#"{"exp":1e17}"#, "token_claims"),
        (br#"{"exp":NaN}"#, "token_claims"),
    ] {
        assert_eq!(
            says(&policy, &key.plain(Algorithm::Hs256, claims)),
            expected,
            "{}",
            claims.escape_ascii()
        );
    }
}

#[test]
fn a_verified_token_is_remembered_until_its_end_or_its_keys() {
    let (one, other) = (SigningKey::named("p256"), SigningKey::named("p256_other"));
    let good = one.plain(Algorithm::Es256, r#"{"sub":"ann","exp":1700000060}"#);
    let (policy, flaws) = compile("{ algorithms: [ES256], jwks: https://id.example/keys }", &[]);
    let policy = policy.unwrap_or_else(|| panic!("{flaws:?}"));
    assert_eq!(policy.keys_address().map(|address| &*address.text), Some("https://id.example/keys"));
    let fetched = |keys: &[&SigningKey]| {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk.clone()).collect();
        Some(Arc::new(
            key_set(json!({"keys": keys}).to_string().as_bytes(), Trust::Address).expect("is good").0,
        ))
    };
    let mut memory = Memory::default();
    assert_eq!(says_at(&policy, &good, NOW, &mut memory), "missing_key");
    memory.keys = fetched(&[&one]);
    assert_eq!((says_at(&policy, &good, NOW, &mut memory), memory.cached().0), ("ok", 1));
    assert_eq!(says_at(&policy, &good, NOW + 59_999, &mut memory), "ok");
    assert_eq!((says_at(&policy, &good, NOW + 60_000, &mut memory), memory.cached().0), ("token_expired", 0));
    assert_eq!((says_at(&policy, &good, NOW, &mut memory), memory.cached().0), ("ok", 1));
    // The same keys fetched again change nothing, others do.
    memory.keys = fetched(&[&one]);
    assert_eq!((says_at(&policy, &good, NOW, &mut memory), memory.cached().0), ("ok", 1));
    memory.keys = fetched(&[&other]);
    assert_eq!((says_at(&policy, &good, NOW, &mut memory), memory.cached().0), ("token_signature", 0));
    // Another policy does not believe what this one remembers.
    memory.keys = fetched(&[&one]);
    assert_eq!(says_at(&policy, &good, NOW, &mut memory), "ok");
    let strict = "{ algorithms: [ES256], jwks: https://id.example/keys, issuer: https://id }";
    let strict = compile(strict, &[]).0.expect("is good");
    assert_eq!(says_at(&strict, &good, NOW, &mut memory), "token_issuer");
    // One that comes after it and is equal does; one that is not forgets it.
    for (after, kept) in [
        ("{ algorithms: [ES256], jwks: https://id.example/keys }", 1),
        ("{ algorithms: [ES256], jwks: https://id.example/keys, leeway: 1s }", 0),
        ("{ algorithms: [ES256], jwks: https://id.example/others }", 0),
    ] {
        let mut memory = Memory::default();
        memory.keys = fetched(&[&one]);
        assert_eq!((says_at(&policy, &good, NOW, &mut memory), memory.cached().0), ("ok", 1));
        let mut next = compile(after, &[]).0.expect("is good");
        next.succeed(&policy);
        says_at(&next, "nonsense", NOW, &mut memory);
        assert_eq!(memory.cached().0, kept, "{after}");
    }
    // HMAC tokens are not kept.
    let hmac = with_jwk("HS256", &SigningKey::secret(SECRET.as_bytes()).jwk, "");
    let mut memory = Memory::default();
    assert_eq!((says_at(&hmac, &token(), NOW, &mut memory), memory.cached().0), ("ok", 0));
}

#[test]
fn a_key_that_is_missing_is_asked_for_once() {
    let key = SigningKey::named("ed25519");
    let policy = compile("{ algorithms: [EdDSA], jwks: https://id.example/keys }", &[]).0.expect("is good");
    let named = key.token(Algorithm::EdDsa, r#"{"alg":"EdDSA","kid":"new"}"#, CLAIMS);
    let mut jwk = key.jwk.clone();
    jwk["kid"] = "old".into();
    let set = |jwk: &serde_json::Value| {
        Some(Arc::new(key_set(jwk.to_string().as_bytes(), Trust::Address).expect("is good").0))
    };
    let mut memory = Memory::default();
    memory.keys = set(&jwk);
    assert_eq!(says_at(&policy, &named, NOW, &mut memory), "missing_key");
    jwk["kid"] = "new".into();
    memory.keys = set(&jwk);
    assert_eq!(says_at(&policy, &named, NOW, &mut memory), "ok");
    assert!(matches!(Outcome::MissingKey.settled(true), Outcome::Denied(Denial::UnknownKey)));
    assert!(matches!(Outcome::MissingKey.settled(false), Outcome::Denied(Denial::NoKeys)));
    assert!(matches!(Outcome::Known.settled(false), Outcome::Known));
}

/// A set of these keys, each under the id beside it.
fn fetched(keys: &[(&str, Option<&str>)]) -> Option<Arc<KeySet>> {
    let jwks = keys.iter().map(|(name, id)| {
        let mut jwk = vectors()["keys"][name]["jwk"].clone();
        jwk.as_object_mut().expect("is a key").remove("kid");
        if let Some(id) = id {
            jwk["kid"] = (*id).into();
        }
        jwk
    });
    let text = json!({ "keys": jwks.collect::<Vec<_>>() }).to_string();
    Some(Arc::new(key_set(text.as_bytes(), Trust::Address).expect("is good").0))
}

#[test]
fn a_key_without_an_id_makes_no_other_one_known() {
    let key = SigningKey::named("ed25519");
    let policy =
        compile("{ algorithms: [EdDSA, ES256], jwks: https://id.example/keys }", &[]).0.expect("is good");
    let named = key.token(Algorithm::EdDsa, r#"{"alg":"EdDSA","kid":"new"}"#, CLAIMS);
    let nameless = key.plain(Algorithm::EdDsa, CLAIMS);
    let mut memory = Memory::default();
    for (keys, of_named, of_nameless) in [
        // Of another algorithm; of the same one, but another key; the very key.
        (&[("ed25519_other", Some("old")), ("p256", None)][..], "missing_key", "token_signature"),
        (&[("ed25519_other", None)], "missing_key", "token_signature"),
        (&[("ed25519_other", None), ("ed25519", None)], "ok", "ok"),
        // The named key is there, and it is not the one that signed.
        (&[("ed25519_other", Some("new")), ("ed25519_other", None)], "token_signature", "token_signature"),
    ] {
        memory.keys = fetched(keys);
        assert_eq!(says_at(&policy, &named, NOW, &mut memory), of_named, "{keys:?}");
        assert_eq!(says_at(&policy, &nameless, NOW, &mut memory), of_nameless, "{keys:?}");
    }
    // Keys of a file are all that there are.
    let mut jwk = SigningKey::named("ed25519_other").jwk;
    jwk.as_object_mut().expect("is a key").remove("kid");
    assert_eq!(says(&with_jwk("EdDSA", &jwk, ""), &named), "token_signature");
}

#[test]
fn the_key_that_a_token_names_is_tried_before_those_without_an_id() {
    let key = SigningKey::named("ed25519");
    let policy = compile("{ algorithms: [EdDSA], jwks: https://id.example/keys }", &[]).0.expect("is good");
    let named = key.token(Algorithm::EdDsa, r#"{"alg":"EdDSA","kid":"new"}"#, CLAIMS);
    let mut keys = vec![("ed25519_other", None); TRIES_MAX];
    keys.push(("ed25519", Some("new")));
    let mut memory = Memory::default();
    memory.keys = fetched(&keys);
    assert_eq!(says_at(&policy, &named, NOW, &mut memory), "ok");
}
