//! Exchanges that last for as long as their client likes: tunnels, and replies that are streams. When the gateway ends, they
//! may have a time of their own, and no wait of theirs is cut with those of the others.

use super::context::Context;
use crate::base::{Line, Place, Tick};
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context as Poller, Poll};

/// Those of a shard.
#[derive(Debug, Default)]
pub struct Lasting {
    count: Cell<u32>,
    until: Cell<Option<Tick>>,
    waiting: RefCell<Line>,
}

impl Lasting {
    /// The gateway ends, and each of them at `until`.
    pub fn end_at(&self, until: Tick) {
        self.until.set(Some(until));
        self.waiting.borrow_mut().call_all();
    }

    /// Whether any of them goes on at `now`, by its own time.
    pub fn goes_on(&self, now: Tick) -> bool {
        self.count.get() > 0 && self.until.get().is_some_and(|until| now < until)
    }
}

/// One of them on its way, until this is dropped.
struct Going<'a> {
    lasting: &'a Lasting,
    place: Place,
}

impl<'a> Going<'a> {
    fn begin(lasting: &'a Lasting) -> Going<'a> {
        lasting.count.set(lasting.count.get() + 1);
        Going { lasting, place: Place::default() }
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        self.lasting.count.set(self.lasting.count.get() - 1);
        self.lasting.waiting.borrow_mut().leave(self.place);
    }
}

/// What cuts an exchange that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The end of the gateway.
    Gateway,
    /// Its own age.
    Age,
}

/// Has `work`, which lasts, come to its end.
///
/// # Errors
/// `by`, or the end of the gateway, came first.
pub async fn until_the_end<T>(ctx: &Context<'_>, by: Tick, work: impl Future<Output = T>) -> Result<T, Cut> {
    let lent = ctx.lent;
    ctx.lasts.set(true);
    let end = lent.upstream.wheel.deadline();
    let mut going = Going::begin(&lent.lasting);
    let mut work = pin!(work);
    let mut poll = |cx: &mut Poller<'_>| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        let until = lent.lasting.until.get();
        if until.is_none() {
            lent.lasting.waiting.borrow_mut().keep(&mut going.place, cx.waker());
        }
        let until = until.unwrap_or(Tick::NEVER);
        end.set(until.min(by));
        end.poll_passed(cx).map(|()| Err(if until <= by { Cut::Gateway } else { Cut::Age }))
    };
    poll_fn(|cx| lent.upstream.wheel.spare(|| poll(cx))).await
}

/// Whether a reply is a stream: server-sent events, or what a call of gRPC is answered with.
pub fn is_stream(head: Head<'_>, length: Length) -> bool {
    // Nearly all that are none say how long they are.
    matches!(length, Length::Chunked | Length::UntilClose)
        && head.field(Field::CONTENT_TYPE).is_some_and(|kind| {
            let begins =
                |with: &[u8]| kind.get(..with.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(with));
            begins(b"text/event-stream") || begins(b"application/grpc")
        })
}
