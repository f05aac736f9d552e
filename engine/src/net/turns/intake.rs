//! How many exchanges begin in a row. After a look at the driver a shard may find a thousand requests readable;
//! were all begun before any reply is taken, each would be out of the CPU's cache, with its upstream
//! connection, when its turn comes again. So no more than a few begin before the driver is looked at
//! once more, and replies that have come meanwhile go first. The others wait in the order they came.

use super::turnstile::give_way;
use crate::net::spawn::spawn;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Exchanges that begin in a row, while none moves on.
const AT_ONCE: u32 = 64;

/// A shard's intake of requests; cloning it clones a handle.
#[derive(Debug, Clone, Default)]
pub struct Intake(Rc<State>);

#[derive(Debug, Default)]
struct State {
    /// Exchanges begun since one moved on.
    begun: Cell<u32>,
    waiting: RefCell<VecDeque<Waker>>,
    usher: RefCell<Usher>,
}

/// The task that admits those who wait.
#[derive(Debug, Default)]
enum Usher {
    /// Nobody has waited yet.
    #[default]
    Absent,
    Asleep(Waker),
    Awake,
}

impl Intake {
    /// Waits until an exchange may begin: not at all, as long as few have begun.
    pub async fn enter(&self) {
        let state = &*self.0;
        if state.begun.get() < AT_ONCE && state.waiting.borrow().is_empty() {
            state.begun.set(state.begun.get() + 1);
            return;
        }
        let mut queued = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut queued, true) {
                return Poll::Ready(());
            }
            state.waiting.borrow_mut().push_back(cx.waker().clone());
            match state.usher.replace(Usher::Awake) {
                Usher::Absent => spawn(self.clone().usher()),
                Usher::Asleep(usher) => usher.wake(),
                Usher::Awake => {}
            }
            Poll::Pending
        })
        .await;
    }

    /// An exchange that had begun moves on: another may begin.
    pub fn moved_on(&self) {
        self.0.begun.set(0);
    }

    /// Admits those who wait, a few after each look at the driver.
    async fn usher(self) {
        let state = &*self.0;
        loop {
            poll_fn(|cx| {
                if !state.waiting.borrow().is_empty() {
                    return Poll::Ready(());
                }
                state.usher.replace(Usher::Asleep(cx.waker().clone()));
                Poll::Pending
            })
            .await;
            give_way().await;
            let mut waiting = state.waiting.borrow_mut();
            let few = waiting.len().min(AT_ONCE as usize);
            state.begun.set(few as u32);
            // Waking only queues a task; nothing runs meanwhile.
            waiting.drain(..few).for_each(Waker::wake);
        }
    }
}
