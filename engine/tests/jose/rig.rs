//! A policy of tokens from the text of its section, and what it says of a token.

use ringgate::config::read::Memory;
use ringgate::policy::auth::jwt::{self, Jwt};
use ringgate::policy::auth::{Blind, Flaw, Outcome, Principal, Registry};
use serde_json::Value;

/// Milliseconds since 1970 at which all of this happens.
pub const NOW: u64 = 1_700_000_000_000;

/// The committed examples and keys.
pub fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).expect("the committed vectors are JSON")
}

/// A registry with nobody in it.
pub fn nobody() -> Registry {
    Registry::new(&[], &Blind::of(&[1; 32]))
}

/// The policy of `section`, flow-style YAML, with these files; else what is wrong with it.
pub fn compile(section: &str, files: &[(&str, &str)]) -> (Option<Jwt>, Vec<Flaw>) {
    let text = format!("version: 1\npolicies:\n  p:\n    jwt: {section}\n");
    let mut memory = Memory::default().file("g.yaml", &text);
    for (name, text) in files {
        memory = memory.file(name, text);
    }
    let config = memory.clone().read("g.yaml").unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    let given = config.policies.0[0].1.jwt.as_ref().expect("the policy has a section jwt");
    let mut flaws = Vec::new();
    let policy = jwt::compile(given, &mut memory, &mut flaws);
    (policy, flaws)
}

/// The policy of `section`, which must be good.
pub fn policy(section: &str, files: &[(&str, &str)]) -> Jwt {
    let (policy, flaws) = compile(section, files);
    policy.unwrap_or_else(|| panic!("{section}: {flaws:?}"))
}

/// The policy with one key in a JWK file.
pub fn with_jwk(algorithms: &str, jwk: &Value, more: &str) -> Jwt {
    policy(
        &format!("{{ algorithms: [{algorithms}], jwks_file: k.json{more} }}"),
        &[("k.json", &jwk.to_string())],
    )
}

/// What a policy says of a token: `ok`, or the word of the denial.
pub fn says(policy: &Jwt, token: &str) -> &'static str {
    says_at(policy, token, NOW, &mut jwt::Memory::default())
}

/// The same at another time, with a memory that lasts.
pub fn says_at(policy: &Jwt, token: &str, now: u64, memory: &mut jwt::Memory) -> &'static str {
    let mut principal = Principal::default();
    let outcome = policy.verify(token.as_bytes(), now, &nobody(), memory, &mut principal);
    assert_eq!(principal.is_known(), matches!(outcome, Outcome::Known));
    match outcome {
        Outcome::Known => "ok",
        Outcome::Denied(denial) => denial.word(),
        Outcome::MissingKey => "missing_key",
        Outcome::Absent | Outcome::Verify(_) | Outcome::Call(_) => {
            panic!("a token that is there is decided on")
        }
    }
}
