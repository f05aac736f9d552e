//! What one request pays for being known: an HS256 token of 300 bytes with its claims, verified in full and remembered,
//! beside crate jsonwebtoken with the same HMAC of ring, which remembers none; an API key; each of the asymmetric
//! algorithms once in full.

use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use ringgate::config::read::Memory as Files;
use ringgate::policy::auth::jwt::{self, Jwt, Memory};
use ringgate::policy::auth::keys::Algorithm;
use ringgate::policy::auth::registry::{Entry, sha256};
use ringgate::policy::auth::{Blind, Outcome, Principal, Registry, base64url};
use std::hint::black_box;

const SECRET: &str = "bench-secret-0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_700_000_000_000;
const CLAIMS: &str = r#"{"iss":"https://id.example","sub":"user-4711","aud":"api","exp":4102444800,"iat":1699999000,"scope":"orders.read orders.write","roles":["buyer","admin"],"azp":"web"}"#;

fn policy(section: &str, jwk: &str) -> Jwt {
    let text = format!("version: 1\npolicies: {{ p: {{ jwt: {section} }} }}\n");
    let mut files = Files::default().file("g.yaml", text).file("k.json", jwk);
    let config = files.clone().read("g.yaml").expect("is good");
    let given = config.policies.0[0].1.jwt.as_ref().expect("is a policy of tokens");
    let mut flaws = Vec::new();
    let policy = jwt::compile(given, &mut files, &mut flaws);
    policy.unwrap_or_else(|| panic!("{flaws:?}"))
}

fn registry(count: usize) -> Registry {
    let entry = |number: usize| Entry {
        name: format!("consumer-{number}"),
        keys: vec![sha256(format!("key-{number}").as_bytes())],
        ..Entry::default()
    };
    Registry::new(&(0..count).map(entry).collect::<Vec<_>>(), &Blind::of(&[1; 32]))
}

/// The HMAC of ring as jsonwebtoken asks for it: a key is made for each token, since the crate keeps none ready.
struct RingHmac(hmac::Key);

impl signature::Verifier<Vec<u8>> for RingHmac {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingHmac {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        jsonwebtoken::Algorithm::HS256
    }
}

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |_, key| {
        Ok(Box::new(RingHmac(hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?))))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Two tokens of one length that push each other out of the memory of what came before, so that neither is ever
/// remembered however often they take turns.
fn tokens_never_remembered(policy: &Jwt, registry: &Registry) -> [String; 2] {
    let of = |number: u32| {
        let claims = CLAIMS.replace("user-4711", &format!("u-{number:07}"));
        jwt::mint(SECRET.as_bytes(), Algorithm::Hs256, None, &claims).expect("is minted")
    };
    let mut principal = Principal::default();
    let mut is_kept = |memory: &mut Memory, token: &String| {
        let before = memory.cached().0;
        policy.verify(token.as_bytes(), NOW, registry, memory, &mut principal);
        memory.cached().0 > before
    };
    // Among so many, some fall into the place of another.
    let tokens: Vec<String> = (0..400).map(of).collect();
    let mut memory = Memory::default();
    // The first token that is kept binds the memory to its keys, and all that came before is forgotten.
    let first = of(400);
    assert!([&first, &first].map(|token| is_kept(&mut memory, token)) == [false, true]);
    tokens
        .iter()
        .for_each(|token| assert!(!is_kept(&mut memory, token), "no token is kept at its first use"));
    let lost = tokens.iter().find(|token| !is_kept(&mut memory, token)).expect("two share a place");
    let other = tokens.iter().find(|other| {
        let mut memory = Memory::default();
        *other != lost && [lost, other, lost].into_iter().all(|token| !is_kept(&mut memory, token))
    });
    [lost.clone(), other.expect("something took its place").clone()]
}

fn hmac_tokens(c: &mut Criterion) {
    let token = jwt::mint(SECRET.as_bytes(), Algorithm::Hs256, None, CLAIMS).expect("is minted");
    println!("an HS256 token of {} bytes", token.len());
    assert!((295..=305).contains(&token.len()), "what is measured is a token of 300 bytes");
    let more = "issuer: https://id.example, audience: api";
    let policy = policy(&format!("{{ algorithms: [HS256], secret: {SECRET}, {more} }}"), "");
    let (registry, mut memory, mut principal) = (registry(1), Memory::default(), Principal::default());
    let mut group = c.benchmark_group("auth/hs256");
    let mut verify = |token: &str, memory: &mut Memory| {
        let outcome = policy.verify(black_box(token.as_bytes()), NOW, &registry, memory, &mut principal);
        assert!(matches!(outcome, Outcome::Known));
    };
    let (pair, mut turn) = (tokens_never_remembered(&policy, &registry), 0);
    group.bench_function("ringgate/in full", |b| {
        b.iter(|| {
            turn ^= 1;
            verify(&pair[turn], &mut memory);
        });
    });
    assert_eq!(memory.cached().0, 0, "each of them was verified in full");
    (0..2).for_each(|_| verify(&token, &mut memory));
    assert_eq!(memory.cached().0, 1, "from its second use on it is remembered");
    group.bench_function("ringgate/remembered", |b| b.iter(|| verify(&token, &mut memory)));
    let _already = RING.install_default();
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_issuer(&["https://id.example"]);
    validation.set_audience(&["api"]);
    group.bench_function("jsonwebtoken", |b| {
        b.iter(|| {
            jsonwebtoken::decode::<serde_json::Value>(black_box(&token), &key, &validation).expect("is good")
        });
    });
    group.finish();
}

fn sign(header: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let mut token = Vec::new();
    base64url::encode_onto(header.as_bytes(), &mut token);
    token.push(b'.');
    base64url::encode_onto(CLAIMS.as_bytes(), &mut token);
    let signature = sign(&token);
    token.push(b'.');
    base64url::encode_onto(&signature, &mut token);
    String::from_utf8(token).expect("is text")
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    base64url::encode_onto(bytes, &mut text);
    String::from_utf8(text).expect("is text")
}

fn asymmetric_tokens(c: &mut Criterion) {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("is made");
    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
        .expect("is a key");
    let ed = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("is a key");
    let point = ec.public_key().as_ref();
    let ec_jwk = format!(
        r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#,
        encoded(&point[1..33]),
        encoded(&point[33..])
    );
    let ed_jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, encoded(ed.public_key().as_ref()));
    let ec_token = sign(r#"{"alg":"ES256","typ":"JWT"}"#, |message| {
        ec.sign(&random, message).expect("signs").as_ref().to_vec()
    });
    let ed_token = sign(r#"{"alg":"EdDSA","typ":"JWT"}"#, |message| ed.sign(message).as_ref().to_vec());
    let registry = registry(1);
    let mut principal = Principal::default();
    let mut group = c.benchmark_group("auth/asymmetric");
    for (name, jwk, token) in [("ES256", &ec_jwk, &ec_token), ("EdDSA", &ed_jwk, &ed_token)] {
        let policy = policy(&format!("{{ algorithms: [{name}], jwks_file: k.json, audience: api }}"), jwk);
        let mut memory = Memory::default();
        let mut verify = |memory: &mut Memory| {
            let outcome = policy.verify(black_box(token.as_bytes()), NOW, &registry, memory, &mut principal);
            assert!(matches!(outcome, Outcome::Known));
        };
        group.bench_function(format!("{name}/remembered"), |b| b.iter(|| verify(&mut memory)));
        group.bench_function(format!("{name}/new"), |b| b.iter(|| verify(&mut Memory::default())));
    }
    group.finish();
}

fn api_keys(c: &mut Criterion) {
    let mut principal = Principal::default();
    let mut group = c.benchmark_group("auth/api_key");
    for count in [10, 100_000] {
        let registry = registry(count);
        let mut number = 0;
        let keys: Vec<String> = (0..1024).map(|at| format!("key-{}", at * 97 % count)).collect();
        group.bench_function(format!("of {count}"), |b| {
            b.iter(|| {
                number = (number + 1) % keys.len();
                assert!(registry.find(black_box(keys[number].as_bytes()), &mut principal));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hmac_tokens, asymmetric_tokens, api_keys);
criterion_main!(benches);
