//! Which policies a request passes: chains by listener and route. Equal lists of policies are one chain.

use crate::base::{ListenerId, RouteId};
use crate::policy::{Chain, Policy};
use std::sync::Arc;

/// All policies, and the chains they are bound into.
#[derive(Debug, Default)]
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

    /// The chain that dresses an answer to a request that no route takes.
    pub fn miss(&self, listener: ListenerId) -> Option<&Chain> {
        self.misses.get(listener.index())?.as_ref()
    }
}
