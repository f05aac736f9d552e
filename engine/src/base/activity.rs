//! How a shard knows that it is at work, and somebody of it that it is at work again.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// Moves on with everything that a shard does for a client.
#[derive(Debug, Default)]
pub struct Activity {
    beats: Cell<u64>,
    /// Whether `sleeper` is there: one look for each beat, where nobody waits.
    waited_for: Cell<bool>,
    sleeper: RefCell<Option<Waker>>,
}

impl Activity {
    /// Something was done.
    #[inline]
    pub fn beat(&self) {
        self.beats.set(self.beats.get().wrapping_add(1));
        if self.waited_for.get() {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        self.waited_for.set(false);
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.wake();
        }
    }

    /// How often something was done.
    pub fn beats(&self) -> u64 {
        self.beats.get()
    }

    /// Waits until something is done after the beat that was `seen`. One task at a time.
    pub fn poll_past(&self, seen: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.beats.get() != seen {
            return Poll::Ready(());
        }
        self.waited_for.set(true);
        self.sleeper.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Wake;

    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn whoever_waits_is_woken_by_the_next_beat_and_by_no_other() {
        let (activity, wakes) = (Activity::default(), Arc::new(Wakes(AtomicUsize::new(0))));
        let waker = Waker::from(wakes.clone());
        let cx = &mut Context::from_waker(&waker);
        activity.beat();
        assert!(activity.poll_past(0, cx).is_ready(), "it was done already");
        assert!(activity.poll_past(1, cx).is_pending());
        assert!(activity.poll_past(1, cx).is_pending());
        (0..3).for_each(|_| activity.beat());
        assert_eq!((wakes.0.load(Relaxed), activity.beats()), (1, 4));
        assert!(activity.poll_past(1, cx).is_ready());
    }
}
