//! The signature algorithms of RFC 7518 §3.1 and RFC 8037 that are verified here, and sets of them. `none` is no
//! algorithm. ES512 and ES256K are left out: ring has no such curves, and nothing else of that trust is linked.

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

use Algorithm as A;

impl Algorithm {
    /// All of them, in the order of their numbers.
    pub const ALL: [Algorithm; 12] = [
        A::Hs256,
        A::Hs384,
        A::Hs512,
        A::Rs256,
        A::Rs384,
        A::Rs512,
        A::Ps256,
        A::Ps384,
        A::Ps512,
        A::Es256,
        A::Es384,
        A::EdDsa,
    ];

    /// The name in a token's `alg`. It has a case (RFC 7515 §4.1.1).
    pub fn name(self) -> &'static str {
        match self {
            A::Hs256 => "HS256",
            A::Hs384 => "HS384",
            A::Hs512 => "HS512",
            A::Rs256 => "RS256",
            A::Rs384 => "RS384",
            A::Rs512 => "RS512",
            A::Ps256 => "PS256",
            A::Ps384 => "PS384",
            A::Ps512 => "PS512",
            A::Es256 => "ES256",
            A::Es384 => "ES384",
            A::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name. EdDSA, with the one curve that is known here, is `Ed25519` too (RFC 9864 §2.2).
    pub fn named(name: &[u8]) -> Option<Algorithm> {
        if name == b"Ed25519" {
            return Some(A::EdDsa);
        }
        Algorithm::ALL.into_iter().find(|known| known.name().as_bytes() == name)
    }

    /// Whether whoever can verify can also sign.
    pub fn is_symmetric(self) -> bool {
        Algorithms::HMAC.has(self)
    }
}

/// A set of algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Algorithms(u16);

impl Algorithms {
    /// HS256, HS384, HS512.
    pub const HMAC: Algorithms = Algorithms::of(&[A::Hs256, A::Hs384, A::Hs512]);
    /// RS256 to PS512.
    pub const RSA: Algorithms = Algorithms::of(&[A::Rs256, A::Rs384, A::Rs512, A::Ps256, A::Ps384, A::Ps512]);
    /// All of them.
    pub const ALL: Algorithms = Algorithms::of(&Algorithm::ALL);

    /// The set of these.
    pub const fn of(list: &[Algorithm]) -> Algorithms {
        let (mut set, mut at) = (0, 0);
        while at < list.len() {
            set |= 1 << list[at] as u16;
            at += 1;
        }
        Algorithms(set)
    }

    /// Whether `algorithm` is in it.
    #[inline]
    pub fn has(self, algorithm: Algorithm) -> bool {
        self.0 & 1 << algorithm as u16 != 0
    }

    /// Those in both.
    pub fn and(self, other: Algorithms) -> Algorithms {
        Algorithms(self.0 & other.0)
    }

    /// Those in either.
    pub fn or(self, other: Algorithms) -> Algorithms {
        Algorithms(self.0 | other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.has(*algorithm))
    }
}

/// Their names, with commas between.
impl std::fmt::Display for Algorithms {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.iter().map(Algorithm::name).collect();
        out.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_case_and_none_is_no_algorithm() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name().as_bytes()), Some(algorithm));
            assert_eq!(Algorithm::named(algorithm.name().to_lowercase().as_bytes()), None);
        }
        for bad in ["none", "None", "NONE", "nOnE", "", "HS256 ", "ES512", "ES256K", "RSA1_5", "dir"] {
            assert_eq!(Algorithm::named(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Algorithms::of(&[A::Rs256, A::EdDsa]);
        assert!(set.has(A::Rs256) && set.has(A::EdDsa) && !set.has(A::Hs256));
        assert_eq!(set.to_string(), "RS256, EdDSA");
        assert_eq!(Algorithms::ALL.iter().count(), Algorithm::ALL.len());
        assert!(Algorithms::HMAC.and(Algorithms::RSA).is_empty());
    }
}
