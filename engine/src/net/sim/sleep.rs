//! Sleeping in virtual time.

use super::world::current;
use crate::base::Tick;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A timer that may be set anew.
#[derive(Debug)]
pub struct Sleep {
    at: Tick,
    /// An event that wakes the task is on its way.
    scheduled: bool,
}

impl Sleep {
    /// Ready at `at`.
    pub fn until(at: Tick) -> Sleep {
        Sleep { at, scheduled: false }
    }

    /// Ready at `at` instead.
    pub fn reset(&mut self, at: Tick) {
        *self = Sleep::until(at);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Without a run nobody moves the clock, and whoever sleeps is about to be dropped.
        let Some(world) = current() else { return Poll::Pending };
        if world.now.get() >= self.at {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut self.scheduled, true) {
            let waker = cx.waker().clone();
            world.at(self.at, move || waker.wake());
        }
        Poll::Pending
    }
}

/// Sleeps for `span` of virtual time.
pub async fn sleep(span: Duration) {
    let now = current().map_or(Tick::default(), |world| world.now.get());
    Sleep::until(now.after(span)).await;
}
