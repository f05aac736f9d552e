//! Yielding. monoio puts a task that wakes itself to the *front* of its queue, where it is polled again before every other
//! task, for ever. So a task that yields has itself woken by another one, an usher, of which each driver runs two. One is
//! queued behind all that can run now, and wakes those that yield behind whatever came meanwhile. The other one waits until
//! the driver has been looked at: it is parked only when nothing can run, and only then its timers are told and what other
//! threads have woken is taken in.

use super::bell::Bell;
use crate::net::spawn::spawn;
use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

thread_local! {
    static TURNSTILE: RefCell<Turnstile> = RefCell::default();
}

#[derive(Default)]
struct Turnstile {
    /// Those that go to the back of the queue.
    yielding: Row,
    /// Those that let the driver be looked at.
    giving_way: Row,
}

/// Tasks that one usher wakes.
#[derive(Default)]
struct Row {
    /// Wakes the usher; none before it has run for the first time, which it will without being woken.
    usher: Option<Waker>,
    waiting: Vec<Waker>,
}

impl Row {
    fn enter(&mut self, task: &Waker) {
        self.waiting.push(task.clone());
        if let Some(usher) = &self.usher {
            usher.wake_by_ref();
        }
    }

    /// The usher, whom `usher` wakes, has come: waking only queues a task, and nothing runs meanwhile.
    fn pass(&mut self, usher: &Waker) {
        self.is_served_by(usher);
        self.waiting.drain(..).for_each(Waker::wake);
    }

    fn is_served_by(&mut self, usher: &Waker) {
        if !self.usher.as_ref().is_some_and(|known| known.will_wake(usher)) {
            self.usher = Some(usher.clone());
        }
    }
}

/// The ushers' service, for as long as a driver runs on this thread.
pub(in crate::net) struct Open(());

/// Starts the ushers on the driver that runs.
pub(in crate::net) fn open() -> Open {
    spawn(poll_fn(|cx| {
        TURNSTILE.with_borrow_mut(|turnstile| turnstile.yielding.pass(cx.waker()));
        Poll::Pending
    }));
    spawn(async {
        let mut bell = None;
        loop {
            poll_fn(|cx| {
                TURNSTILE.with_borrow_mut(|Turnstile { giving_way, .. }| {
                    giving_way.is_served_by(cx.waker());
                    if giving_way.waiting.is_empty() { Poll::Pending } else { Poll::Ready(()) }
                })
            })
            .await;
            if bell.is_none() {
                bell = Bell::new().ok();
            }
            match &bell {
                Some(bell) => bell.rung().await,
                None => yield_to_back().await,
            }
            poll_fn(|cx| {
                TURNSTILE.with_borrow_mut(|turnstile| turnstile.giving_way.pass(cx.waker()));
                Poll::Ready(())
            })
            .await;
        }
    });
    Open(())
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(TURNSTILE.take());
    }
}

/// Lets every other task that can run now run once. Between two yields of the same task the driver is looked at
/// sooner or later, but neither its timers nor wakers from other threads: a task that yields for as long as the
/// shard runs turns the wheel and empties the mailbox itself. What others may make one do for long [gives way](give_way).
pub async fn yield_to_back() {
    enter(|turnstile| &mut turnstile.yielding).await;
}

/// Lets all others go first: tasks that can run, sockets that are ready, timers and what other threads have sent. For
/// whoever has had his share, and would go on for as long as another one keeps him busy. *Cost*: three system calls, for
/// all that give way at once.
pub async fn give_way() {
    enter(|turnstile| &mut turnstile.giving_way).await;
}

async fn enter(row: impl Fn(&mut Turnstile) -> &mut Row) {
    let mut entered = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut entered, true) {
            return Poll::Ready(());
        }
        #[cfg(feature = "sim")]
        if crate::net::sim::active() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        TURNSTILE.with_borrow_mut(|turnstile| row(turnstile).enter(cx.waker()));
        Poll::Pending
    })
    .await;
}
