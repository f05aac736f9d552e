//! When an exchange must be over, and whether that was it.

use super::context::Context;
use crate::base::Tick;
use crate::net::clock;
use crate::observe::Reason;

impl Context<'_> {
    /// When the whole exchange must be over: the route's total time, or the one that a gRPC caller gives.
    pub fn total(&self) -> Tick {
        let route = self.route.get().map(|id| self.table.route(id));
        self.began.after_some(route.and_then(|route| route.timeouts.total)).min(self.by.get())
    }

    /// The reason, or that of the whole exchange where it is a silence and its time is over.
    pub fn timed_out(&self, reason: Reason) -> Reason {
        let is_silence = matches!(reason, Reason::UpstreamBodyTimeout | Reason::BodyTimeout);
        if is_silence && clock::now() >= self.total() { Reason::TotalTimeout } else { reason }
    }
}
