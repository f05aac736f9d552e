//! The examples of the standards.

use crate::rig::{NOW, policy, says, says_at, vectors, with_jwk};
use ringgate::policy::auth::jwt::Memory;
use ringgate::policy::auth::keys::{Algorithm, Trust, key_set};
use ringgate::policy::auth::{ClaimPath, Principal};

/// The examples of RFC 7515 expire in 2011.
const THEN: u64 = 1_300_000_000_000;

#[test]
fn rfc_7515_appendix_a() {
    let examples = &vectors()["examples"];
    for (name, algorithms) in
        [("rfc7515_a1", "HS256"), ("rfc7515_a2", "RS256, PS256, RS512"), ("rfc7515_a3", "ES256")]
    {
        let example = &examples[name];
        let token = example["token"].as_str().expect("is text");
        let mut jwk = example["jwk"].clone();
        // The set calls its HMAC key by a name that its token does not use: no `kid` may be any key.
        let policy = with_jwk(algorithms, &jwk, "");
        let mut memory = Memory::default();
        assert_eq!(says_at(&policy, token, THEN, &mut memory), "ok", "{name}");
        assert_eq!(says_at(&policy, token, 1_300_819_379_999, &mut memory), "ok", "{name}");
        assert_eq!(says_at(&policy, token, 1_300_819_380_000, &mut memory), "token_expired", "{name}");
        jwk["kid"] = "another".into();
        assert_eq!(says_at(&with_jwk(algorithms, &jwk, ""), token, THEN, &mut memory), "ok", "{name}");
        let mut principal = Principal::default();
        let outcome =
            policy.verify(token.as_bytes(), THEN, &crate::rig::nobody(), &mut memory, &mut principal);
        assert!(matches!(outcome, ringgate::policy::auth::Outcome::Known));
        let claim = |path: &str| principal.claim_bytes(&ClaimPath::new(path).expect("is a path"));
        assert_eq!(
            (claim("iss"), claim("http://example.com/is_root")),
            (Some(&b"joe"[..]), Some(&b"true"[..]))
        );
    }
    // A.4 signs with ES512, on P-521, which is left out.
    let example = &examples["rfc7515_a4"];
    let refused = key_set(example["jwk"].to_string().as_bytes(), Trust::File).expect_err("is left out");
    assert!(refused.1.contains("P-521"), "{}", refused.1);
    let any = with_jwk("ES256", &examples["rfc7515_a3"]["jwk"], "");
    assert_eq!(says(&any, example["token"].as_str().expect("is text")), "token_algorithm");
}

#[test]
fn rfc_7515_appendix_a5_and_rfc_7519_6_1_are_unsecured_and_refused() {
    let examples = &vectors()["examples"];
    let token = examples["rfc7519_6_1"]["token"].as_str().expect("is text");
    for (name, algorithm) in [("rfc7515_a1", "HS256"), ("rfc7515_a2", "RS256"), ("rfc7515_a3", "ES256")] {
        let policy = with_jwk(algorithm, &examples[name]["jwk"], "");
        assert_eq!(says_at(&policy, token, THEN, &mut Memory::default()), "token_algorithm");
    }
}

#[test]
fn rfc_7519_a1_and_rfc_7516_are_encrypted_and_refused() {
    let examples = &vectors()["examples"];
    let policy = with_jwk("HS256", &examples["rfc7515_a1"]["jwk"], "");
    let token = examples["rfc7516_a1"]["token"].as_str().expect("is text");
    assert_eq!(token.matches('.').count(), 4);
    assert_eq!(says(&policy, token), "token_encrypted");
}

#[test]
fn rfc_8037_appendix_a4() {
    let example = &vectors()["examples"]["rfc8037_a4"];
    let (set, skipped) = key_set(example["jwk"].to_string().as_bytes(), Trust::Address).expect("is a key");
    assert!(skipped.is_empty());
    let token = example["token"].as_str().expect("is text");
    let (signed, signature) = token.rsplit_once('.').expect("has three parts");
    let signature = ringgate::policy::auth::base64url::decode(signature.as_bytes()).expect("is base64url");
    assert!(set.verifies(Algorithm::EdDsa, None, signed.as_bytes(), &signature));
    assert!(!set.verifies(Algorithm::EdDsa, None, &signed.as_bytes()[1..], &signature));
    // What it signs is a text, not claims.
    assert_eq!(says(&with_jwk("EdDSA", &example["jwk"], ""), token), "token_claims");
}

#[test]
fn a_token_of_the_sample_configuration_is_taken() {
    let secret = "0123456789abcdef0123456789abcdef";
    let key = crate::sign::SigningKey::secret(secret.as_bytes());
    let policy = policy(
        &format!("{{ algorithms: [HS256], secret: {secret}, issuer: https://id, audience: [api, web] }}"),
        &[],
    );
    let exp = NOW / 1000 + 60;
    let claims = |iss: &str, aud: &str| format!(r#"{{"sub":"ann","iss":"{iss}","aud":"{aud}","exp":{exp}}}"#);
    for (iss, aud, expected) in [
        ("https://id", "web", "ok"),
        ("https://id", "other", "token_audience"),
        ("https://other", "web", "token_issuer"),
    ] {
        assert_eq!(says(&policy, &key.plain(Algorithm::Hs256, claims(iss, aud))), expected);
    }
}
