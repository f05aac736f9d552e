//! Bodies without the trailers that may not pass. On their way up: those by which a client would tell an origin who calls or
//! whom the gateway forwards for, and those that policies remove of heads. On their way down: what policies remove there. A body
//! that has no trailers costs a look at their length.

use super::forward::is_odd_forwarding;
use crate::base::{Fault, Tick};
use crate::exchange::context::Context;
use crate::net::body::{BodySource, Plain};
use crate::policy::{Chain, Passage};
use std::cell::OnceCell;

/// A body some of whose trailers are not passed on.
pub struct Stripped<'b, B, F> {
    from: &'b mut B,
    /// Whether one of this name is not.
    gone: F,
    /// Those that are, once they were asked for.
    kept: OnceCell<Box<[u8]>>,
}

/// A client's body as an upstream gets it.
pub fn upward<'b, B: BodySource>(
    ctx: &'b Context<'_>,
    from: &'b mut B,
) -> Stripped<'b, B, impl Fn(&[u8]) -> bool> {
    let gone = |name: &[u8]| {
        let ours = &ctx.table.policies.identity;
        ours.holds(name) || is_odd_forwarding(name) || by_policy(ctx, name, Chain::takes_of_request)
    };
    Stripped { from, gone, kept: OnceCell::new() }
}

/// An upstream's body as the client gets it.
pub fn downward<'b, B: BodySource>(
    ctx: &'b Context<'_>,
    from: &'b mut B,
) -> Stripped<'b, B, impl Fn(&[u8]) -> bool> {
    let gone = |name: &[u8]| by_policy(ctx, name, Chain::takes_of_reply);
    Stripped { from, gone, kept: OnceCell::new() }
}

/// Whether the policies of an exchange take a trailer of this name away.
fn by_policy(ctx: &Context<'_>, name: &[u8], takes: fn(&Chain, &Passage, &[u8]) -> bool) -> bool {
    let passage = ctx.passage.borrow();
    ctx.chain().zip(passage.as_deref()).is_some_and(|(chain, passage)| takes(chain, passage, name))
}

impl<B: BodySource, F: Fn(&[u8]) -> bool> Stripped<'_, B, F> {
    #[cold]
    fn kept(&self) -> &[u8] {
        self.kept.get_or_init(|| {
            let lines = self.from.trailers().split_inclusive(|byte| *byte == b'\n');
            let passes =
                |line: &&[u8]| !(self.gone)(line.split(|byte| *byte == b':').next().unwrap_or_default());
            lines.filter(passes).collect::<Vec<_>>().concat().into()
        })
    }
}

impl<B: BodySource, F: Fn(&[u8]) -> bool> BodySource for Stripped<'_, B, F> {
    fn ends_soon(&self) -> bool {
        self.from.ends_soon()
    }

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
