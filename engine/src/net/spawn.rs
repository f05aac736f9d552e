//! Tasks of a shard. A connection's task is spawned guarded: a panic in it ends that task and is counted, and
//! the shard goes on, since monoio itself would end the thread.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Runs `task` on this shard.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    #[cfg(feature = "sim")]
    if super::sim::active() {
        super::sim::spawn(Box::pin(task));
        return;
    }
    drop(monoio::spawn(task));
}

/// A future whose panic is an output, not the end of the thread.
pub struct Guarded<F>(pub F);

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the one field is structurally pinned: it is never moved out of `self`.
        #[allow(unsafe_code)]
        let inner = unsafe { self.map_unchecked_mut(|guarded| &mut guarded.0) };
        // Unwind safety: after a panic the future is dropped, and all it shares are cells with drop guards.
        match catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

/// The task panicked; the panic hook has said where.
#[derive(Debug)]
pub struct Panicked;

/// Lets every other runnable task run once and the driver look at its completions.
///
/// A task that only wakes itself would be polled again before the driver is looked at, so the yield is two
/// turns: monoio drains its queue at most twice before it submits.
pub async fn yield_to_back() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What the first of two futures gave.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The first ended first.
    First(A),
    /// The second ended first.
    Second(B),
}

/// Runs both until one ends; the other is dropped where it stands. The first is polled first.
pub async fn race<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| {
        if let Poll::Ready(done) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::First(done));
        }
        b.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

/// Runs `side` beside `main` until `main` ends; `side` may end before, its output is then kept in `ended`.
pub async fn beside<M: Future, S: Future>(main: M, side: S, ended: &Cell<Option<S::Output>>) -> M::Output {
    let (mut main, mut side) = (pin!(main), pin!(side));
    let mut running = true;
    poll_fn(|cx| {
        if running && let Poll::Ready(done) = side.as_mut().poll(cx) {
            ended.set(Some(done));
            running = false;
        }
        main.as_mut().poll(cx)
    })
    .await
}
