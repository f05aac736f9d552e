//! The cap of an upstream, model-checked: the count and the wish for a slot of it are compiled here from their own source
//! files with loom's atomics, and every interleaving up to `LOOM_MAX_PREEMPTIONS` (3) is tried.

use base::counters::{Capped, Slot};
use loom::future::block_on;
use loom::thread;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use upstream::wish::{Asker, Wish};

const PREEMPTIONS: usize = 3;

/// Tries every interleaving of `law`.
fn check(law: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(PREEMPTIONS));
    model.check(law);
}

#[path = "../src/base"]
mod base {
    #[allow(dead_code)]
    pub mod counters;

    use loom::sync::atomic::{AtomicU32, AtomicU64};
}

#[path = "../src/upstream"]
mod upstream {
    #[allow(dead_code)]
    pub mod wish;

    use loom::sync::atomic::AtomicU8;
}

/// No stronger than a mailbox of one message, which has a model of its own.
mod net {
    pub mod mailbox {
        use loom::future::AtomicWaker;
        use loom::sync::atomic::AtomicBool;
        use loom::sync::atomic::Ordering::{AcqRel, Acquire};
        use std::sync::Arc;
        use std::task::{Context, Poll};

        #[derive(Debug)]
        pub struct Mailbox<T> {
            is_full: AtomicBool,
            waker: AtomicWaker,
            of: std::marker::PhantomData<T>,
        }

        impl Mailbox<()> {
            pub fn new(_: usize) -> Arc<Self> {
                let (is_full, waker) = (AtomicBool::new(false), AtomicWaker::new());
                Arc::new(Mailbox { is_full, waker, of: std::marker::PhantomData })
            }

            pub fn send(&self, (): ()) -> Result<(), ()> {
                if self.is_full.swap(true, AcqRel) {
                    return Err(());
                }
                self.waker.wake();
                Ok(())
            }

            pub fn poll_recv(&self, cx: &Context<'_>) -> Poll<()> {
                if self.is_full.swap(false, AcqRel) {
                    return Poll::Ready(());
                }
                self.waker.register_by_ref(cx.waker());
                if self.is_full.load(Acquire) && self.is_full.swap(false, AcqRel) {
                    return Poll::Ready(());
                }
                Poll::Pending
            }
        }
    }
}

fn count() -> Arc<Capped> {
    Arc::default()
}

fn wish(count: &Arc<Capped>) -> Arc<Wish> {
    let wish = Arc::new(Wish::new(count.clone()));
    wish.open();
    wish
}

#[test]
fn of_those_who_take_the_last_slot_one_has_it() {
    check(|| {
        let count = count();
        let taking = [(); 2].map(|()| {
            let count = count.clone();
            thread::spawn(move || count.take(1))
        });
        let taken = taking.into_iter().filter_map(|taking| taking.join().ok().filter(|took| *took)).count();
        assert_eq!((taken, count.now()), (1, 1));
    });
}

#[test]
fn nobody_is_refused_for_one_who_is_refused() {
    check(|| {
        let count = count();
        let refused = count.clone();
        let taking = thread::spawn(move || refused.take(0));
        assert!(count.take(1), "there is room all the time");
        assert!(!taking.join().expect("asks"), "there was never room");
    });
}

#[test]
fn a_slot_that_is_given_is_had_and_whoever_waits_is_woken() {
    check(|| {
        let count = count();
        let wish = wish(&count);
        let slot = Slot::take(count.clone(), 1).expect("is free");
        let asker = Asker::new(&wish, 0);
        let giving = thread::spawn(move || asker.give(slot).is_ok());
        let had = block_on(poll_fn(|cx| match wish.is_given(cx) {
            true => Poll::Ready(wish.take()),
            false => Poll::Pending,
        }));
        assert!(giving.join().expect("gives") && had.is_some());
        assert!(!count.take(1), "it was taken all the time");
        drop(had);
        assert_eq!(count.now(), 0);
    });
}

#[test]
fn of_two_slots_that_are_given_one_is_had_and_one_comes_back() {
    check(|| {
        let count = count();
        let wish = wish(&count);
        let giving = [(); 2].map(|()| {
            let slot = Slot::take(count.clone(), 2).expect("is free");
            let asker = Asker::new(&wish, 0);
            thread::spawn(move || asker.give(slot).is_ok())
        });
        let given = giving.into_iter().filter_map(|giving| giving.join().ok().filter(|given| *given)).count();
        assert_eq!((given, count.now()), (1, 1));
        assert!(wish.take().is_some() && wish.take().is_none());
    });
}

#[test]
fn no_slot_is_lost_to_one_who_leaves() {
    for goes in [false, true] {
        check(move || {
            let count = count();
            let wish = wish(&count);
            let slot = Slot::take(count.clone(), 1).expect("is free");
            let asker = Asker::new(&wish, 0);
            let giving = thread::spawn(move || asker.give(slot).is_ok());
            if !goes {
                wish.close();
                giving.join().expect("gives");
            } else {
                drop(wish);
                giving.join().expect("gives");
            }
            assert_eq!(count.now(), 0);
        });
    }
}
