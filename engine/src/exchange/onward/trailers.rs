//! A request's body as an upstream gets it: without the trailers that a client sends under names by which origins are told
//! who calls, or whom the gateway forwards for. A body that has no trailers costs a look at their length.

use super::forward::is_odd_forwarding;
use crate::base::{Fault, Tick};
use crate::net::body::{BodySource, Plain};
use crate::policy::fields::Identity;
use std::cell::OnceCell;

/// A client's body whose trailers say nothing of who calls.
pub struct Stripped<'b, B> {
    from: &'b mut B,
    identity: &'b Identity,
    /// The trailers that are passed on, once they were asked for.
    kept: OnceCell<Box<[u8]>>,
}

impl<'b, B: BodySource> Stripped<'b, B> {
    /// The body that `from` gives.
    pub fn new(from: &'b mut B, identity: &'b Identity) -> Stripped<'b, B> {
        Stripped { from, identity, kept: OnceCell::new() }
    }

    #[cold]
    fn kept(&self) -> &[u8] {
        self.kept.get_or_init(|| {
            let mut kept = Vec::new();
            self.identity.strip_trailers(self.from.trailers(), is_odd_forwarding, &mut kept);
            kept.into()
        })
    }
}

impl<B: BodySource> BodySource for Stripped<'_, B> {
    async fn fill(&mut self) -> Result<&[u8], Fault> {
        self.from.fill().await
    }

    fn consume(&mut self, n: usize) {
        self.from.consume(n);
    }

    /// Asked for once the end was seen: what they are no longer changes.
    fn trailers(&self) -> &[u8] {
        let sent = self.from.trailers();
        if sent.is_empty() { sent } else { self.kept() }
    }

    fn ended(&self) -> bool {
        self.from.ended()
    }

    fn rewind(&mut self) -> bool {
        self.from.rewind()
    }

    async fn hold(&mut self, most: u64, total: Tick) -> Result<bool, Fault> {
        self.from.hold(most, total).await
    }

    fn here(&mut self) -> Option<&[u8]> {
        self.from.here()
    }

    fn plain(&self) -> Option<Plain<'_>> {
        self.from.plain()
    }

    fn passed(&mut self, n: u64) {
        self.from.passed(n);
    }

    async fn ready(&mut self) -> Result<(), Fault> {
        self.from.ready().await
    }

    fn may_trail(&self) -> bool {
        self.from.may_trail()
    }

    fn be_patient(&mut self) {
        self.from.be_patient();
    }

    fn count(&self) -> u64 {
        self.from.count()
    }
}
