//! Which policies a request passes: chains by listener and route. Equal lists of policies are one chain.

use crate::base::{ListenerId, RouteId, Tick};
use crate::policy::auth::keys::KeyAddress;
use crate::policy::auth::{Blind, Registry};
use crate::policy::fields::Identity;
use crate::policy::limit::{Seed, Sets, Share};
use crate::policy::{By, Chain, Kind, Policy, SignIn};
use std::sync::Arc;

/// What policies of all generations share: the cells of limits by name, and the key of hashes that are never stored.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The cells of limits.
    pub sets: Sets,
    /// The key of hashes.
    pub blind: Blind,
}

impl Ground {
    /// That of a new process. `offset` is what to add to the monotonic clock for the nanoseconds since 1970. None if the
    /// system gives no random numbers.
    pub fn new(offset: u64) -> Option<Ground> {
        Some(Ground { sets: Sets::new(Seed::random(), offset), blind: Blind::random()? })
    }
}

/// All policies, and the chains they are bound into.
#[derive(Debug)]
pub struct Policies {
    /// Every policy that is not off, in file order.
    pub all: Vec<Arc<Policy>>,
    /// The distinct chains.
    pub(super) chains: Vec<Chain>,
    /// By listener, then route: one more than the index of its chain, 0 for none. Empty where nothing is attached.
    pub(super) of: Vec<u32>,
    /// Number of routes.
    pub(super) routes: usize,
    /// By listener: what dresses an answer to a request that no route takes. Empty where there is none.
    pub(super) misses: Vec<Option<Chain>>,
    /// Whether a chain answers preflights.
    pub has_cors: bool,
    /// Fields that tell an origin who calls.
    pub identity: Identity,
    /// Consumers, by key and by name.
    pub registry: Registry,
    /// What the next generation goes on with.
    pub ground: Ground,
}

impl Policies {
    /// The chain of a request. *Cost*: one branch where nothing is attached anywhere.
    #[inline]
    pub fn chain(&self, listener: ListenerId, route: RouteId) -> Option<&Chain> {
        if self.of.is_empty() {
            return None;
        }
        let at = self.of[listener.index() * self.routes + route.index()];
        self.chains.get((at as usize).wrapping_sub(1))
    }

    /// Makes what this table changes of limits that were there before hold: to be called once it is served.
    pub fn publish(&self) {
        for policy in &self.all {
            match &policy.kind {
                Kind::Limit(limit) => limit.publish(),
                Kind::InFlight(limit) => limit.publish(),
                _ => {}
            }
        }
    }

    /// Has what is owed of limits that were there before count by their rates in this table: to be called once it is served in
    /// the place of another one, by whoever sees to it that tables follow each other.
    pub fn take_over(&self, now: &dyn Fn() -> Tick) {
        for policy in &self.all {
            if let Kind::Limit(limit) = &policy.kind {
                limit.take_over(now);
            }
        }
    }

    /// What limits share with other machines.
    pub fn shares(&self) -> impl Iterator<Item = &Arc<Share>> {
        self.all
            .iter()
            .flat_map(|policy| match &policy.kind {
                Kind::Limit(limit) => Some(limit.shares()),
                _ => None,
            })
            .flatten()
    }

    /// Query parameters by which somebody signs in.
    pub fn secret_parameters(&self) -> impl Iterator<Item = &[u8]> {
        let secrets = self.all.iter().flat_map(|policy| match &policy.kind {
            Kind::SignIn(method) => method.by.secrets(),
            _ => Vec::new(),
        });
        secrets.filter(|(kind, _)| *kind == "query").map(|(_, name)| name)
    }

    /// Where key sets are fetched.
    pub fn key_addresses(&self) -> impl Iterator<Item = &KeyAddress> {
        self.all.iter().filter_map(|policy| match &policy.kind {
            Kind::SignIn(SignIn { by: By::Jwt(jwt), .. }) => jwt.keys_address(),
            _ => None,
        })
    }

    /// The chain that dresses an answer to a request that no route takes.
    pub fn miss(&self, listener: ListenerId) -> Option<&Chain> {
        self.misses.get(listener.index())?.as_ref()
    }
}
