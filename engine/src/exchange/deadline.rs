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

    /// Whether `total`, by which something must be over, is the time that a gRPC caller gives.
    pub fn is_callers(&self, total: Tick) -> bool {
        total >= self.by.get()
    }

    /// The reason, or that of the whole exchange where something was waited for and its time is over, or that of the gateway's
    /// end.
    pub fn timed_out(&self, reason: Reason) -> Reason {
        if is_late(reason) && self.is_cut() {
            return Reason::Draining;
        }
        if is_late(reason) && clock::now() >= self.total() { Reason::TotalTimeout } else { reason }
    }

    /// Whether what runs is cut, and this with it.
    fn is_cut(&self) -> bool {
        self.lent.cut.get() && !(self.lasts.get() && self.lent.lasting.goes_on(clock::now()))
    }
}

/// Whether something was waited for in vain.
fn is_late(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::BodyTimeout
            | Reason::PoolFull
            | Reason::UpstreamConnectTimeout
            | Reason::UpstreamTlsTimeout
            | Reason::UpstreamTimeout
            | Reason::UpstreamBodyTimeout
            | Reason::TotalTimeout
    )
}
