//! Who shares a count: a list of parts, read from the facts of a request and written one behind the other as bytes
//! that no other list of values gives. They are hashed with a secret of the process and not kept.

pub mod sip;

pub use sip::Seed;

use super::store::Key;
use crate::config::policy::limit::KeyPart;
use crate::policy::fields::Sent;
use sip::sip128;
use std::net::IpAddr;

/// Reads a claim of the principal: appends its text to the bytes and says whether there is one.
pub type Claim<'a> = &'a dyn Fn(&str, &mut Vec<u8>) -> bool;

/// What a key may be made of.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The client's address, behind trusted proxies the one they tell of; none behind a Unix socket.
    pub client: Option<IpAddr>,
    /// The request's fields, for `header.NAME`.
    pub sent: Sent<'a>,
    /// The route's name.
    pub route: &'a str,
    /// The listener's name.
    pub listener: &'a str,
    /// The consumer's name; none before authentication, and for others.
    pub consumer: Option<&'a str>,
    /// What tells an API key from others, such as its digest.
    pub api_key: Option<&'a [u8]>,
    /// The consumer's tier.
    pub tier: Option<&'a str>,
    /// The claims, each with the method that says it.
    pub claim: Claim<'a>,
}

/// A key that was written, hashed.
#[inline]
pub fn hashed(seed: Seed, written: &[u8]) -> Key {
    let (low, high) = sip128::<1, 3>(seed, written);
    Key(low, high)
}

/// A limit's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOf {
    parts: Box<[KeyPart]>,
    /// Keeps the first bits of an IPv6 address: a client has a network of them.
    mask: u128,
}

/// Written before a part, so that parts of different kinds never look alike. [`CLIENT`] stands also where a part is
/// absent and the address takes its place.
const CLIENT: u8 = 0;

impl KeyOf {
    /// The key made of `parts`; of an IPv6 address, the first `ipv6_prefix` bits.
    pub fn new(parts: &[KeyPart], ipv6_prefix: u8) -> KeyOf {
        let mask = u128::MAX.checked_shl(128 - u32::from(ipv6_prefix.min(128))).unwrap_or(0);
        KeyOf { parts: parts.into(), mask }
    }

    /// Whether it can be read only when it is known who calls.
    pub fn needs_principal(&self) -> bool {
        let by = |part: &KeyPart| {
            matches!(part, KeyPart::Consumer | KeyPart::ApiKey | KeyPart::Claim(_) | KeyPart::Tier)
        };
        self.parts.iter().any(by)
    }

    /// Writes the key into `out`, which is emptied first.
    pub fn write(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        out.clear();
        for part in &self.parts {
            let start = out.len();
            // Its kind, and its length behind it once that is known.
            out.extend_from_slice(&[0; 5]);
            let kind = self.part(part, facts, out).unwrap_or_else(|| {
                out.truncate(start + 5);
                self.client(facts.client, out);
                CLIENT
            });
            let len = u32::try_from(out.len() - start - 5).unwrap_or(u32::MAX);
            out[start] = kind;
            out[start + 1..start + 5].copy_from_slice(&len.to_le_bytes());
        }
    }

    /// The key of a request, hashed. *Cost*: no allocation once `scratch` is warm.
    #[inline]
    pub fn hash(&self, facts: &Facts<'_>, seed: Seed, scratch: &mut Vec<u8>) -> Key {
        self.write(facts, scratch);
        hashed(seed, scratch)
    }

    fn client(&self, client: Option<IpAddr>, out: &mut Vec<u8>) {
        match client {
            Some(IpAddr::V4(v4)) => out.extend_from_slice(&v4.octets()),
            Some(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
                Some(v4) => out.extend_from_slice(&v4.octets()),
                None => out.extend_from_slice(&(v6.to_bits() & self.mask).to_be_bytes()),
            },
            None => {}
        }
    }

    /// Appends a part and gives its kind; none if it is absent.
    fn part(&self, part: &KeyPart, facts: &Facts<'_>, out: &mut Vec<u8>) -> Option<u8> {
        let mut put = |kind: u8, value: Option<&[u8]>| {
            out.extend_from_slice(value?);
            Some(kind)
        };
        match part {
            KeyPart::ClientIp => None,
            KeyPart::Consumer => put(1, facts.consumer.map(str::as_bytes)),
            KeyPart::ApiKey => put(2, facts.api_key),
            KeyPart::Header(name) => put(3, facts.sent.named(name.as_bytes())),
            KeyPart::Claim(name) => (facts.claim)(name, out).then_some(4),
            KeyPart::Route => put(5, Some(facts.route.as_bytes())),
            KeyPart::Listener => put(6, Some(facts.listener.as_bytes())),
            KeyPart::Tier => put(7, facts.tier.map(str::as_bytes)),
            KeyPart::Global => Some(8),
        }
    }
}
