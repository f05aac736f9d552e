//! Which upstream of a route's `to` a request goes to: the first target whose `when` it fits, else the side that its
//! sticky key belongs to, else a draw by weight. Pure: the request's head and a random number go in, a side comes out.
//!
//! A sticky key belongs to a side by weighted rendezvous hashing over upstream *names*: each side scores −w ⁄ ln u,
//! where u in (0, 1) is drawn from key and name, and the highest score wins. A side's score depends on nothing but
//! its own name and weight, so that a reload moves only keys that a grown side wins or a shrunken one loses.

mod explain;
mod when;

pub use explain::{Decider, Explained, Side, Why};
pub use when::When;

use super::finder::Caches;
use crate::base::{UpstreamId, hash};
use crate::wire::cookie::cookie;
use crate::wire::head::Head;

/// A route's targets.
#[derive(Debug)]
pub struct Split {
    /// Set when there is nothing to decide.
    only: Option<UpstreamId>,
    /// In file order.
    targets: Vec<Target>,
    /// The sum of all weights.
    weights: u32,
    sticky: Option<Sticky>,
}

/// One target.
#[derive(Debug)]
pub struct Target {
    /// Where to.
    pub upstream: UpstreamId,
    /// Its share of what no `when` takes; 0 is none.
    pub weight: u32,
    /// The stable hash of the upstream's name.
    pub name: u64,
    /// What it takes before anything is drawn.
    pub when: Option<When>,
}

/// What keeps a client on its side.
#[derive(Debug, Clone)]
pub enum Sticky {
    /// A cookie, issued where it is missing.
    Cookie {
        /// Its name, a token.
        name: String,
        /// How long clients keep it, in seconds; to the end of the client's session unless given.
        max_age: Option<u64>,
    },
    /// A field; without it the side is drawn.
    Field(String),
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The upstream.
    pub upstream: UpstreamId,
    /// The sticky cookie to issue on the reply.
    pub issue: Option<CookieId>,
}

/// The value of a sticky cookie: 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieId([u8; 16]);

impl CookieId {
    /// An id from two random numbers. They are hashed into half as many bits, so that ids tell nothing of the
    /// generator's state.
    fn of(random: [u64; 2]) -> CookieId {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mixed = hash::mix(random[0] ^ hash::mix(random[1]).rotate_left(23));
        CookieId(std::array::from_fn(|at| DIGITS[(mixed >> (60 - at * 4)) as usize & 15]))
    }
}

impl Split {
    /// The split over `targets`, given in file order. At least one has a weight, and the sum of weights fits.
    pub fn new(targets: Vec<Target>, sticky: Option<Sticky>) -> Split {
        let only = match &targets[..] {
            [only] if only.when.is_none() => Some(only.upstream),
            _ => None,
        };
        let weights = targets.iter().fold(0_u32, |sum, target| sum.saturating_add(target.weight));
        Split { only, targets, weights, sticky }
    }

    /// The targets, in file order.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// What keeps a client on its side.
    pub fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
    }

    /// The one upstream there is, where nothing has to be decided.
    #[inline]
    pub fn only(&self) -> Option<UpstreamId> {
        self.only
    }

    /// Where a request goes. `random` is asked only when something has to be drawn or issued. No allocation; a look
    /// at each target, one logarithm a target for a sticky key.
    pub fn choose(&self, head: Head<'_>, caches: &mut Caches, random: &mut dyn FnMut() -> u64) -> Choice {
        let at = match self.by(head, caches) {
            By::When(at) => at,
            By::Key(key) => self.side_of(key),
            By::NewCookie => {
                let id = CookieId::of([random(), random()]);
                return Choice { upstream: self.targets[self.side_of(&id.0)].upstream, issue: Some(id) };
            }
            By::Chance => self.draw(random()),
        };
        Choice { upstream: self.targets[at].upstream, issue: None }
    }

    /// What decides for this request.
    fn by<'h>(&self, head: Head<'h>, caches: &mut Caches) -> By<'h> {
        let fits = |target: &Target| target.when.as_ref().is_some_and(|when| when.holds(head, caches));
        if let Some(at) = self.targets.iter().position(fits) {
            return By::When(at);
        }
        match &self.sticky {
            None => By::Chance,
            Some(Sticky::Field(name)) => head.named(name.as_bytes()).map_or(By::Chance, By::Key),
            Some(Sticky::Cookie { name, .. }) => {
                let value = cookie(head, name.as_bytes()).filter(|value| !value.is_empty());
                value.map_or(By::NewCookie, By::Key)
            }
        }
    }

    /// The side of a sticky key: the place of its target.
    fn side_of(&self, key: &[u8]) -> usize {
        let key = hash::stable(key);
        let mut best = (f64::NEG_INFINITY, 0);
        for (at, target) in self.targets.iter().enumerate().filter(|(_, target)| target.weight > 0) {
            let score = score(key, target);
            if score > best.0 {
                best = (score, at);
            }
        }
        best.1
    }

    /// A side by weight.
    fn draw(&self, random: u64) -> usize {
        // The upper bits times the sum: no bias worth naming, and no division.
        let mut left = (((random >> 32) * u64::from(self.weights)) >> 32) as u32;
        for (at, target) in self.targets.iter().enumerate() {
            if left < target.weight {
                return at;
            }
            left -= target.weight;
        }
        0
    }
}

/// What decides between the targets.
enum By<'h> {
    /// The `when` of this target, which is the first that fits.
    When(usize),
    /// A sticky key.
    Key(&'h [u8]),
    /// A key that the client is given now.
    NewCookie,
    /// Nothing but the weights.
    Chance,
}

fn score(key: u64, target: &Target) -> f64 {
    /// 2⁻⁵³: the numbers below lie in the middle of as many steps, so that none is 0 or 1.
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    let drawn = hash::mix(key ^ target.name) >> 11;
    let u = (drawn as f64 + 0.5) * STEP;
    -f64::from(target.weight) / u.ln()
}

impl Sticky {
    /// Appends the Set-Cookie that issues `id` (RFC 6265 §4.1): of no use to scripts, and not sent along with
    /// requests that another site makes in the background.
    pub fn set_cookie(&self, id: CookieId, out: &mut Vec<u8>) {
        let Sticky::Cookie { name, max_age } = self else { return };
        for part in [name.as_bytes(), b"=", &id.0, b"; Path=/; HttpOnly; SameSite=Lax"] {
            out.extend_from_slice(part);
        }
        if let Some(seconds) = max_age {
            out.extend_from_slice(b"; Max-Age=");
            out.extend_from_slice(itoa::Buffer::new().format(*seconds).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
