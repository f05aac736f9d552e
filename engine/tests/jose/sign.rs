//! Signing, for tests: every algorithm, with the keys of `vectors.json`.

use crate::rig::vectors;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use ring::{hmac, rsa};
use ringgate::policy::auth::base64url;
use ringgate::policy::auth::keys::Algorithm;
use serde_json::{Value, json};

/// A key that signs, with its public half or its secret as a JWK.
pub struct SigningKey {
    /// Its name in the vectors, or `secret`.
    pub name: &'static str,
    /// What verifies it.
    pub jwk: Value,
    pair: Pair,
}

enum Pair {
    Secret(Vec<u8>),
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// Text as base64url.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    let mut text = Vec::new();
    base64url::encode_onto(bytes.as_ref(), &mut text);
    String::from_utf8(text).expect("base64url is text")
}

impl SigningKey {
    /// A secret of HMACs.
    pub fn secret(bytes: &[u8]) -> SigningKey {
        let jwk = json!({ "kty": "oct", "k": encode(bytes) });
        SigningKey { name: "secret", jwk, pair: Pair::Secret(bytes.to_vec()) }
    }

    /// The key of the vectors with this name.
    pub fn named(name: &'static str) -> SigningKey {
        let key = vectors()["keys"][name].clone();
        let bytes = |member: &str| {
            let text = key[member].as_str().unwrap_or_default();
            base64url::decode(text.as_bytes()).expect("the vectors are base64url")
        };
        let random = SystemRandom::new();
        let pair = match name {
            "rsa" | "rsa_other" => {
                Pair::Rsa(Box::new(rsa::KeyPair::from_pkcs8(&bytes("pkcs8")).expect("is a key")))
            }
            "p256" | "p256_other" => {
                let curve = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                Pair::Ec(EcdsaKeyPair::from_pkcs8(curve, &bytes("pkcs8"), &random).expect("is a key"))
            }
            "p384" | "p384_other" => {
                let curve = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
                Pair::Ec(EcdsaKeyPair::from_pkcs8(curve, &bytes("pkcs8"), &random).expect("is a key"))
            }
            _ => Pair::Ed(Ed25519KeyPair::from_seed_unchecked(&bytes("seed")).expect("is a key")),
        };
        SigningKey { name, jwk: key["jwk"].clone(), pair }
    }

    /// The key that signs by `algorithm`, and another of its kind.
    pub fn both_of(algorithm: Algorithm) -> [SigningKey; 2] {
        let names = match algorithm.name() {
            "ES256" => ["p256", "p256_other"],
            "ES384" => ["p384", "p384_other"],
            "EdDSA" => ["ed25519", "ed25519_other"],
            name if name.starts_with("HS") => {
                return [&[0x61; 64], &[0x62; 64]].map(|b| SigningKey::secret(b));
            }
            _ => ["rsa", "rsa_other"],
        };
        names.map(SigningKey::named)
    }

    /// The signature of `message`.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Secret(bytes) => {
                let hash = match algorithm {
                    Algorithm::Hs384 => hmac::HMAC_SHA384,
                    Algorithm::Hs512 => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                hmac::sign(&hmac::Key::new(hash, bytes), message).as_ref().to_vec()
            }
            Pair::Rsa(key) => {
                let encoding: &'static dyn signature::RsaEncoding = match algorithm {
                    Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(encoding, &random, message, &mut signed).expect("the key signs");
                signed
            }
            Pair::Ec(key) => key.sign(&random, message).expect("the key signs").as_ref().to_vec(),
            Pair::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with this header and these claims.
    pub fn token(&self, algorithm: Algorithm, header: &str, claims: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }

    /// A token with the plain header of its algorithm.
    pub fn plain(&self, algorithm: Algorithm, claims: impl AsRef<[u8]>) -> String {
        self.token(algorithm, &format!(r#"{{"alg":"{}","typ":"JWT"}}"#, algorithm.name()), claims)
    }
}
