//! Yielding to the back of the queue. monoio puts a task that wakes itself to the *front* of its queue, where it
//! is polled again before every other task, for ever. So a task that yields has itself woken by another one, the
//! usher, of which each driver runs one: it is queued behind all that can run now, and wakes those that yield
//! behind whatever came meanwhile.

use crate::net::spawn::spawn;
use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

thread_local! {
    static TURNSTILE: RefCell<Turnstile> = RefCell::default();
}

#[derive(Default)]
struct Turnstile {
    /// Wakes the usher; none before it has run for the first time, which it will without being woken.
    usher: Option<Waker>,
    yielding: Vec<Waker>,
}

/// The usher's service, for as long as a driver runs on this thread.
pub(in crate::net) struct Open(());

/// Starts the usher on the driver that runs.
pub(in crate::net) fn open() -> Open {
    spawn(poll_fn(|cx| {
        TURNSTILE.with_borrow_mut(|turnstile| {
            if !turnstile.usher.as_ref().is_some_and(|usher| usher.will_wake(cx.waker())) {
                turnstile.usher = Some(cx.waker().clone());
            }
            // Waking only queues a task; nothing runs meanwhile.
            turnstile.yielding.drain(..).for_each(Waker::wake);
        });
        Poll::Pending
    }));
    Open(())
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(TURNSTILE.take());
    }
}

/// Lets every other task that can run now run once. Between two yields of the same task the driver is looked at
/// sooner or later, but neither its timers nor wakers from other threads: a task that yields for as long as the
/// shard runs turns the wheel and empties the mailbox itself.
pub async fn yield_to_back() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        #[cfg(feature = "sim")]
        if crate::net::sim::active() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        TURNSTILE.with_borrow_mut(|turnstile| {
            turnstile.yielding.push(cx.waker().clone());
            if let Some(usher) = &turnstile.usher {
                usher.wake_by_ref();
            }
        });
        Poll::Pending
    })
    .await;
}
