//! Keys that verify tokens, and sets of them. A key says by itself which algorithms it serves: by its kind, by the
//! `alg`, `use` and `key_ops` of a JWK, by its length. A token's `alg` can only choose among those, so that an RSA key
//! can never be taken for the secret of an HMAC (RFC 8725 §3.1). Signatures are verified by ring alone: it covers each
//! algorithm of [`Algorithm`], takes keys in the very form that SPKI and JWK give them, and allocates nothing for HMAC;
//! a JWT crate would put its own types between and need a second crypto library beside.
//! Built at load or by control, shared by all shards, never changed.

mod address;
mod algorithm;
mod der;
mod fetched;
mod jwk;
mod pem;

pub use address::KeyAddress;
pub use algorithm::{Algorithm, Algorithms};
pub use fetched::{Fetched, News};
pub use jwk::{SET_BYTES_MAX, Skipped, Trust, key_set};
pub use pem::{PemFlaw, public_keys};

use ring::agreement::{self, EphemeralPrivateKey, agree_ephemeral};
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use ring::{digest, hmac, rand::SystemRandom};

/// Keys tried for one token that does not say which one it means.
pub const TRIES_MAX: usize = 8;
/// Bits of an RSA modulus: below, keys can be broken (RFC 7518 §3.3); above, one check costs a millisecond.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// One key.
pub struct Key {
    id: Option<Box<[u8]>>,
    algorithms: Algorithms,
    material: Material,
    /// A digest of kind, id, algorithms and bytes.
    print: [u8; 32],
}

enum Material {
    /// Ready for each of the three hash functions that the secret is long enough for.
    Hmac(Box<[Option<hmac::Key>; 3]>),
    Rsa(RsaPublicKeyComponents<Box<[u8]>>),
    /// An uncompressed point, or the 32 bytes of Ed25519.
    Point(&'static dyn signature::VerificationAlgorithm, Box<[u8]>),
}

/// Never shows a secret.
impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.id.as_deref().unwrap_or_default();
        write!(out, "Key({}, {})", id.escape_ascii(), self.algorithms)
    }
}

impl Key {
    /// The secret of HMACs. It serves those whose hash is no longer than itself (RFC 7518 §3.2).
    ///
    /// # Errors
    /// It is too short for any.
    pub fn secret(bytes: &[u8]) -> Result<Key, String> {
        let hashes = [
            (Algorithm::Hs256, hmac::HMAC_SHA256),
            (Algorithm::Hs384, hmac::HMAC_SHA384),
            (Algorithm::Hs512, hmac::HMAC_SHA512),
        ];
        let fits = |hash: hmac::Algorithm| bytes.len() >= hash.digest_algorithm().output_len();
        let algorithms: Vec<Algorithm> =
            hashes.iter().filter(|(_, hash)| fits(*hash)).map(|(algorithm, _)| *algorithm).collect();
        if algorithms.is_empty() {
            return Err(format!("a secret of {} bytes is too short: HS256 takes 32 or more", bytes.len()));
        }
        let keys = hashes.map(|(_, hash)| fits(hash).then(|| hmac::Key::new(hash, bytes)));
        Ok(Key::new(Algorithms::of(&algorithms), Material::Hmac(Box::new(keys)), bytes))
    }

    /// An RSA key of modulus and exponent, big-endian.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence without its end.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Key, String> {
        let [n, e] = [n, e].map(|number| &number[number.iter().take_while(|byte| **byte == 0).count()..]);
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            let (from, to) = (RSA_BITS.start(), RSA_BITS.end());
            return Err(format!("an RSA key of {bits} bits is refused: {from} to {to} bits are accepted"));
        }
        let exponent = e.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        // What ring takes: odd, from 3 to 2^33 - 1.
        if e.len() > 5
            || !(3..1 << 33).contains(&exponent)
            || exponent % 2 == 0
            || n.last().is_none_or(|n| n % 2 == 0)
        {
            return Err("this is not an RSA key: its numbers cannot be a modulus and an exponent".into());
        }
        let print = [n, &[0], e].concat();
        let material = Material::Rsa(RsaPublicKeyComponents { n: n.into(), e: e.into() });
        Ok(Key::new(Algorithms::RSA, material, &print))
    }

    /// A key on P-256: 0x04 and both coordinates.
    ///
    /// # Errors
    /// It is not a point of that curve.
    pub fn p256(point: &[u8]) -> Result<Key, String> {
        on_curve(&agreement::ECDH_P256, point, "P-256")?;
        let material = Material::Point(&signature::ECDSA_P256_SHA256_FIXED, point.into());
        Ok(Key::new(Algorithms::of(&[Algorithm::Es256]), material, point))
    }

    /// A key on P-384: 0x04 and both coordinates.
    ///
    /// # Errors
    /// It is not a point of that curve.
    pub fn p384(point: &[u8]) -> Result<Key, String> {
        on_curve(&agreement::ECDH_P384, point, "P-384")?;
        let material = Material::Point(&signature::ECDSA_P384_SHA384_FIXED, point.into());
        Ok(Key::new(Algorithms::of(&[Algorithm::Es384]), material, point))
    }

    /// A key of Ed25519.
    ///
    /// # Errors
    /// It has not 32 bytes.
    pub fn ed25519(bytes: &[u8]) -> Result<Key, String> {
        if bytes.len() != 32 {
            return Err(format!("a key of Ed25519 has 32 bytes, not {}", bytes.len()));
        }
        let material = Material::Point(&signature::ED25519, bytes.into());
        Ok(Key::new(Algorithms::of(&[Algorithm::EdDsa]), material, bytes))
    }

    fn new(algorithms: Algorithms, material: Material, bytes: &[u8]) -> Key {
        let mut key = Key { id: None, algorithms, material, print: [0; 32] };
        key.print = digest(&[bytes]);
        key
    }

    /// The same key under the id that tokens call it by.
    pub fn with_id(mut self, id: &[u8]) -> Key {
        self.id = Some(id.into());
        self.print = digest(&[&self.print, b"id", id]);
        self
    }

    /// The same key for fewer algorithms.
    pub fn only(mut self, algorithms: Algorithms) -> Key {
        self.algorithms = self.algorithms.and(algorithms);
        self.print = digest(&[&self.print, b"only", self.algorithms.to_string().as_bytes()]);
        self
    }

    /// The id that tokens call it by.
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// The algorithms that it serves.
    pub fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// Whether `signature` is one of `message` by `algorithm` with this key. No allocation for HMAC; the comparison takes
    /// the same time wherever the two differ.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.algorithms.has(algorithm) {
            return false;
        }
        let verified = match &self.material {
            Material::Hmac(keys) => match keys.get(algorithm as usize) {
                Some(Some(key)) => hmac::verify(key, message, signature),
                _ => return false,
            },
            Material::Rsa(key) => match rsa_parameters(algorithm) {
                Some(parameters) => key.verify(parameters, message, signature),
                None => return false,
            },
            Material::Point(curve, bytes) => UnparsedPublicKey::new(*curve, bytes).verify(message, signature),
        };
        verified.is_ok()
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// ring looks at a point only when it is used, and there tells a bad one and a bad signature alike. An agreement with a
/// throw-away key looks at it here, so that a broken key is a problem of the file and not of each token.
fn on_curve(curve: &'static agreement::Algorithm, point: &[u8], name: &str) -> Result<(), String> {
    let peer = agreement::UnparsedPublicKey::new(curve, point);
    let ours = EphemeralPrivateKey::generate(curve, &SystemRandom::new())
        .map_err(|_| "the system gives no random numbers".to_owned())?;
    agree_ephemeral(ours, &peer, |_| ()).map_err(|_| format!("this is not a point of the curve {name}"))
}

/// SHA-256 of `parts`, each with its length.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// Keys that stand for each other, as of one issuer. Published whole, never changed.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    algorithms: Algorithms,
    version: [u8; 32],
}

/// How one set differs from the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Ids of keys that are new, or changed; empty for those without.
    pub added: Vec<String>,
    /// Ids of keys that are gone, or changed.
    pub removed: Vec<String>,
}

impl KeySet {
    /// The set of these keys.
    pub fn new(keys: Vec<Key>) -> KeySet {
        let algorithms = keys.iter().fold(Algorithms::default(), |all, key| all.or(key.algorithms));
        let prints: Vec<&[u8]> = keys.iter().map(|key| &key.print[..]).collect();
        let version = digest(&prints);
        KeySet { keys, algorithms, version }
    }

    /// What the set holds, as one number: two sets have the same only if they hold the same keys in the same order.
    pub fn version(&self) -> &[u8; 32] {
        &self.version
    }

    /// The algorithms that some key of it serves.
    pub fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// Its keys.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether a key of the set has this id.
    pub fn names(&self, id: &[u8]) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
    }

    /// Whether a token that names `id` may have been signed by a key of this set: one has the id, or one of that algorithm
    /// has none.
    pub fn knows(&self, algorithm: Algorithm, id: &[u8]) -> bool {
        self.names(id) || self.keys.iter().any(|key| key.id.is_none() && key.algorithms.has(algorithm))
    }

    /// Whether a key that may be meant by `id` verifies the signature. A token without an id may mean any key, a key
    /// without an id may be meant by any token; [`TRIES_MAX`] are tried, those first that have the id.
    pub fn verifies(
        &self,
        algorithm: Algorithm,
        id: Option<&[u8]>,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let serving = || self.keys.iter().filter(|key| key.algorithms.has(algorithm));
        let named = serving().filter(|key| id.is_some() && key.id() == id);
        let others = serving().filter(|key| id.is_none() || key.id.is_none());
        let mut meant = named.chain(others).take(TRIES_MAX);
        meant.any(|key| key.verifies(algorithm, message, signature))
    }

    /// What of `self` is not in `next`, and what of `next` is not in `self`.
    pub fn difference(&self, next: &KeySet) -> Difference {
        let missing = |of: &KeySet, other: &KeySet| {
            let gone = |key: &&Key| !other.keys.iter().any(|known| known.print == key.print);
            let name = |key: &Key| key.id().unwrap_or_default().escape_ascii().to_string();
            of.keys.iter().filter(gone).map(name).collect()
        };
        Difference { added: missing(next, self), removed: missing(self, next) }
    }
}
