//! Tasks of a shard. A connection's task is spawned guarded: a panic in it ends that task and is counted, and
//! the shard goes on, since monoio itself would end the thread.

use super::turns::share;
pub use super::turns::turnstile::{give_way, yield_to_back};
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

/// Runs `task` on this shard. A panic in it ends the task and not the thread. `ended` is told how it ended, and
/// what it owns is dropped then or with the shard.
pub fn spawn_guarded(
    task: impl Future<Output = ()> + 'static,
    ended: impl FnOnce(Result<(), Panicked>) + 'static,
) {
    spawn(Guarded { task, ended: Some(ended) });
}

/// A task with what is to be done at its end. A struct and not an async block, which would store the task twice.
struct Guarded<F, E> {
    task: F,
    ended: Option<E>,
}

impl<F: Future<Output = ()>, E: FnOnce(Result<(), Panicked>)> Future for Guarded<F, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: `task` is structurally pinned: it is never moved out of `self`. `ended` is never pinned.
        #[allow(unsafe_code)]
        let (task, ended) = unsafe {
            let guarded = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut guarded.task), &mut guarded.ended)
        };
        share::begin();
        // Unwind safety: a task that panicked is not polled again, and all it shares are cells with drop guards.
        let end = match catch_unwind(AssertUnwindSafe(|| task.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => Ok(()),
            Err(_) => Err(Panicked),
        };
        if let Some(ended) = ended.take() {
            ended(end);
        }
        Poll::Ready(())
    }
}

/// The task panicked; the panic hook has said where.
#[derive(Debug)]
pub struct Panicked;

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
