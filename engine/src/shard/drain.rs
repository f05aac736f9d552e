//! The end of a shard: no new connections, answers say `Connection: close`, silent connections close after a while, exchanges
//! run to their end or to the deadline. What is left then is cut and recorded.

use crate::base::Tick;
use crate::exchange::Lent;
use crate::net::clock;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// How often the end looks whether exchanges are still running.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What exchanges that are cut are given to be recorded and to say so.
const FAREWELL: Duration = Duration::from_millis(500);

/// Tells the shard's own tasks that it ends.
#[derive(Debug, Clone, Default)]
pub struct Ending(Rc<State>);

#[derive(Debug, Default)]
struct State {
    within: Cell<Option<Duration>>,
    /// One entry a waiter; those of waiters that are gone are free.
    waiting: RefCell<Vec<Option<Waker>>>,
}

impl Ending {
    /// Begins it.
    pub fn begin(&self, within: Duration) {
        self.0.within.set(Some(within));
        self.0.waiting.borrow().iter().flatten().for_each(Waker::wake_by_ref);
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        self.begun_within().await;
    }

    /// Waits until it begins; gives the time it may take.
    pub async fn begun_within(&self) -> Duration {
        let waiter = Waiter::take(&self.0);
        poll_fn(|cx| match self.0.within.get() {
            Some(within) => Poll::Ready(within),
            None => {
                waiter.set(cx.waker());
                Poll::Pending
            }
        })
        .await
    }
}

/// The place of one waiter among those to be woken. It is polled at every wake of its task, so it keeps one
/// waker, whatever comes to be waited for beside it.
struct Waiter<'a> {
    state: &'a State,
    index: usize,
}

impl<'a> Waiter<'a> {
    fn take(state: &'a State) -> Waiter<'a> {
        let mut waiting = state.waiting.borrow_mut();
        let index = waiting.iter().position(Option::is_none).unwrap_or(waiting.len());
        if index == waiting.len() {
            waiting.push(None);
        }
        waiting[index] = Some(Waker::noop().clone());
        Waiter { state, index }
    }

    fn set(&self, waker: &Waker) {
        if let Some(kept) = &mut self.state.waiting.borrow_mut()[self.index] {
            kept.clone_from(waker);
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.state.waiting.borrow_mut()[self.index] = None;
    }
}

/// Waits until no connection is open. Those that are silent close by themselves after a while; what is open after `within` is
/// cut, and exchanges that have their own time when that is over.
pub async fn ended(lent: &Lent, open: impl Fn() -> u32, within: Duration) {
    let deadline = clock::now().after(within);
    let (mut last, mut cut_next) = (Tick::NEVER, deadline);
    let look = lent.upstream.wheel.deadline();
    // One look at least: connections accepted last have not been read yet.
    loop {
        look.set(clock::coarse().after(LOOK_EVERY));
        look.wait().await;
        let now = clock::now();
        if open() == 0 || now >= last {
            return;
        }
        if now < cut_next {
            continue;
        }
        // Each is told by the wait that it is in that its time is over, and may begin another one.
        lent.cut.set(true);
        if !lent.lasting.goes_on(now) {
            last = last.min(now.after(FAREWELL));
            lent.upstream.wheel.pass_all();
            continue;
        }
        lent.upstream.wheel.pass_others();
        // Each pass has connections with what lasts looked at too: with thousands of them not a hundred times a second.
        if now >= deadline.after(FAREWELL) {
            cut_next = now.after(FAREWELL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    #[test]
    fn a_waiter_keeps_one_place_however_often_it_is_polled() {
        let ending = Ending::default();
        let mut context = Context::from_waker(Waker::noop());
        {
            let (mut first, mut second) = (pin!(ending.begun()), pin!(ending.begun()));
            for _ in 0..100 {
                assert!(first.as_mut().poll(&mut context).is_pending());
                assert!(second.as_mut().poll(&mut context).is_pending());
            }
            assert_eq!(ending.0.waiting.borrow().len(), 2);
            ending.begin(Duration::ZERO);
            assert!(first.as_mut().poll(&mut context).is_ready());
        }
        assert!(ending.0.waiting.borrow().iter().all(Option::is_none), "those gone are not woken");
    }
}
