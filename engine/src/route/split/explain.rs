//! Why a request goes to one side of a route and not to the others, as far as the request decides it; for `ringgate
//! explain`. Where chance decides, the likeliest side stands for all.

use super::{By, Split, Sticky};
use crate::base::UpstreamId;
use crate::route::finder::Caches;
use crate::wire::head::Head;
use std::cmp::Reverse;
use std::fmt;

/// What becomes of a request at a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained<'s> {
    /// What decides.
    pub by: Decider<'s>,
    /// The place of the side it goes to; by chance the likeliest one.
    pub at: usize,
    /// All sides, in file order.
    pub sides: Vec<Side<'s>>,
}

/// What decides between the sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decider<'s> {
    /// There is one only.
    Nothing,
    /// A target's `when`.
    When,
    /// The request's sticky cookie of this name.
    Cookie(&'s str),
    /// The request has no such cookie and is given one, which belongs to a side by the weights.
    NewCookie(&'s str),
    /// The request's field of this name.
    Field(&'s str),
    /// A draw by the weights.
    Chance,
}

/// A side, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side<'s> {
    /// Its upstream.
    pub upstream: UpstreamId,
    /// Why it is taken, or not.
    pub why: Why<'s>,
}

/// Why a side is taken, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why<'s> {
    /// Taken: there is no other.
    Only,
    /// Taken: its `when` fits, and none before it.
    Fits,
    /// Taken: the sticky key is its own.
    ItsKey,
    /// Taken with this probability: so many parts of so many.
    Share(u32, u32),
    /// Not taken: its `when` wants this, and it has no weight.
    Wants(&'s str),
    /// Not taken: the `when` of another fits.
    OtherFits,
    /// Not taken: the sticky key is another's.
    OtherKey,
    /// Not taken: it has no weight.
    NoWeight,
}

impl Split {
    /// What [`Split::choose`] does with this request. Draws and issues nothing.
    pub fn explain(&self, head: Head<'_>, caches: &mut Caches) -> Explained<'_> {
        let by = self.by(head, caches);
        let likeliest = || {
            let weighted = self.targets.iter().enumerate();
            weighted.max_by_key(|(at, target)| (target.weight, Reverse(*at))).map_or(0, |(at, _)| at)
        };
        let (decider, at) = match (&by, &self.sticky) {
            _ if self.only.is_some() => (Decider::Nothing, 0),
            (By::When(at), _) => (Decider::When, *at),
            (By::Key(key), Some(Sticky::Cookie { name, .. })) => (Decider::Cookie(name), self.side_of(key)),
            (By::Key(key), Some(Sticky::Field(name))) => (Decider::Field(name), self.side_of(key)),
            (By::NewCookie, Some(Sticky::Cookie { name, .. })) => (Decider::NewCookie(name), likeliest()),
            _ => (Decider::Chance, likeliest()),
        };
        let mut why = |place: usize| {
            let target = &self.targets[place];
            let wanted = target.when.as_ref().and_then(|when| when.failed(head, caches));
            match decider {
                Decider::Nothing => Why::Only,
                Decider::When if place == at => Why::Fits,
                Decider::When => wanted.map_or(Why::OtherFits, Why::Wants),
                _ if target.weight == 0 => wanted.map_or(Why::NoWeight, Why::Wants),
                Decider::Cookie(_) | Decider::Field(_) if place == at => Why::ItsKey,
                Decider::Cookie(_) | Decider::Field(_) => Why::OtherKey,
                Decider::NewCookie(_) | Decider::Chance => Why::Share(target.weight, self.weights),
            }
        };
        let sides = self.targets.iter().enumerate();
        let sides = sides.map(|(at, target)| Side { upstream: target.upstream, why: why(at) }).collect();
        Explained { by: decider, at, sides }
    }
}

impl fmt::Display for Decider<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decider::Nothing => write!(out, "the only one"),
            Decider::When => write!(out, "by its 'when'"),
            Decider::Cookie(name) => write!(out, "by the cookie {name}"),
            Decider::NewCookie(name) => write!(out, "by a new cookie {name}, drawn by weight"),
            Decider::Field(name) => write!(out, "by the field {name}"),
            Decider::Chance => write!(out, "drawn by weight"),
        }
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Only => write!(out, "taken: the only one"),
            Why::Fits => write!(out, "taken: its 'when' fits"),
            Why::ItsKey => write!(out, "taken: the sticky key is its own"),
            Why::Share(weight, of) => write!(out, "{weight} of {of}"),
            Why::Wants(wanted) => write!(out, "wants {wanted}"),
            Why::OtherFits => write!(out, "another's 'when' fits"),
            Why::OtherKey => write!(out, "the sticky key is another's"),
            Why::NoWeight => write!(out, "has no weight"),
        }
    }
}
