//! Gives a table's names the cells that they are counted in, before any shard sees it.

use super::{Endpoints, Table};
use crate::observe::Meters;
use crate::observe::metrics::meters::{Arming, Roll};

impl Table {
    /// Arms every listener, route, upstream and endpoint: names that were counted before go on. Nothing happens while
    /// `meters` has no bound.
    pub fn arm(&mut self, meters: &Meters) {
        let mut arming = meters.arm();
        // What is told of a policy, then of an upstream, matters more than of a single route, should not all find room.
        arming.keep_room(self.policies.all.len(), self.certificates());
        for listener in &mut self.listeners {
            listener.meter = arming.listener("", &listener.name);
        }
        for upstream in &mut self.upstreams {
            upstream.meter = arming.upstream("", &upstream.name);
            upstream.endpoints.arm(&upstream.name, &mut arming);
        }
        for route in &mut self.routes {
            route.meter = arming.route("", &route.name);
        }
    }

    /// What is shown is of this table from now on: nothing can refuse it any more. Arms those sets of endpoints that are not:
    /// what was found since.
    pub fn arm_for_good(&self, meters: &Meters) {
        let mut arming = meters.arm();
        arming.policies(self.policies.all.len());
        arming.certificates(self.certificates());
        self.upstreams.iter().for_each(|upstream| upstream.endpoints.arm(&upstream.name, &mut arming));
    }

    fn certificates(&self) -> usize {
        self.listeners.iter().map(|listener| listener.certificates.len()).sum()
    }
}

impl Endpoints {
    /// Arms the endpoints of `upstream`, once: what a set is counted in never changes.
    pub fn arm(&self, upstream: &str, arming: &mut Arming<'_>) {
        self.roll.get_or_init(|| {
            Roll::new(self.iter().filter_map(|endpoint| arming.endpoint(upstream, &endpoint.name)).collect())
        });
    }
}
