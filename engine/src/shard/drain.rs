//! The end of a shard: no new connections, answers say `Connection: close`, exchanges run to their end or to the
//! deadline. What is idle then goes with the runtime.

use crate::exchange::Lent;
use crate::net::clock;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// How often the end looks whether exchanges are still running.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tells the shard's own tasks that it ends.
#[derive(Debug, Clone, Default)]
pub struct Ending(Rc<Told>);

#[derive(Debug, Default)]
struct Told {
    within: Cell<Option<Duration>>,
    waiting: RefCell<Vec<Waker>>,
}

impl Ending {
    /// Begins it.
    pub fn begin(&self, within: Duration) {
        self.0.within.set(Some(within));
        self.0.waiting.borrow_mut().drain(..).for_each(Waker::wake);
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        self.begun_within().await;
    }

    /// Waits until it begins; gives the time it may take.
    pub async fn begun_within(&self) -> Duration {
        poll_fn(|cx| match self.0.within.get() {
            Some(within) => Poll::Ready(within),
            None => {
                let mut waiting = self.0.waiting.borrow_mut();
                if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
        })
        .await
    }
}

/// Waits until no exchange is running, `within` at most.
pub async fn ended(lent: &Lent, within: Duration) {
    let deadline = clock::now().after(within);
    let look = lent.upstream.wheel.deadline();
    // One look at least: connections accepted last have not been read yet.
    loop {
        look.set(clock::coarse().after(LOOK_EVERY));
        look.wait().await;
        if lent.busy.get() == 0 || clock::now() >= deadline {
            return;
        }
    }
}
