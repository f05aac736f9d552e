//! The mailbox, model-checked: its own source file is compiled here with loom's atomics in its queue and waker, and
//! every interleaving up to `LOOM_MAX_PREEMPTIONS` (3) is tried. A wake-up that is lost shows as a deadlock. loom needs
//! no build of its own for that: nothing but this test is made of its types.

use loom::future::block_on;
use loom::thread;
use model::{ArrayQueue, AtomicWaker};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Wake};
use threads::mailbox::Mailbox;

/// Preemptions of a run where the environment does not say: two senders without a bound take hours.
const PREEMPTIONS: usize = 3;

/// Tries every interleaving of `law`.
fn check(law: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(PREEMPTIONS));
    model.check(law);
}

/// In the place of `net::threads`: what the mailbox is made of.
#[path = "../src/net/threads"]
mod threads {
    pub mod mailbox;

    use super::model::{ArrayQueue, AtomicWaker};
    use loom::sync::Arc;
}

/// Models of the two parts that come from elsewhere: no stronger than what those promise.
mod model {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicUsize;
    use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
    use std::task::Waker;

    /// A bounded queue for many senders and one receiver. What is being pushed and not there yet is not seen: a
    /// sender wakes the receiver after it.
    #[derive(Debug)]
    pub struct ArrayQueue<T> {
        slots: Vec<Slot<T>>,
        head: AtomicUsize,
        tail: AtomicUsize,
    }

    #[derive(Debug)]
    struct Slot<T> {
        /// The position that may be written here next, or one more when it has been.
        stamp: AtomicUsize,
        value: UnsafeCell<Option<T>>,
    }

    // SAFETY: a slot's value is touched only by who took its position, and handed on by its stamp.
    #[allow(unsafe_code)]
    unsafe impl<T: Send> Sync for ArrayQueue<T> {}
    // SAFETY: as above.
    #[allow(unsafe_code)]
    unsafe impl<T: Send> Send for ArrayQueue<T> {}

    impl<T> ArrayQueue<T> {
        pub fn new(len: usize) -> ArrayQueue<T> {
            let slot = |at| Slot { stamp: AtomicUsize::new(2 * at), value: UnsafeCell::new(None) };
            let (head, tail) = (AtomicUsize::new(0), AtomicUsize::new(0));
            ArrayQueue { slots: (0..len).map(slot).collect(), head, tail }
        }

        /// How many there are, as of some moment: for whoever only looks.
        pub fn len(&self) -> usize {
            self.tail.load(Relaxed).wrapping_sub(self.head.load(Relaxed))
        }

        /// The slot of a position, and the stamp that says that it may be written.
        fn slot(&self, at: usize) -> (&Slot<T>, usize) {
            (&self.slots[at % self.slots.len()], 2 * at)
        }

        pub fn push(&self, value: T) -> Result<(), T> {
            let mut tail = self.tail.load(Relaxed);
            loop {
                let (slot, free) = self.slot(tail);
                let stamp = slot.stamp.load(Acquire);
                if stamp < free {
                    return Err(value);
                }
                if stamp > free {
                    tail = self.tail.load(Relaxed);
                    continue;
                }
                match self.tail.compare_exchange(tail, tail + 1, Relaxed, Relaxed) {
                    Ok(_) => {
                        // SAFETY: the position is this sender's, and nobody looks before the stamp says so.
                        #[allow(unsafe_code)]
                        slot.value.with_mut(|at| unsafe { *at = Some(value) });
                        slot.stamp.store(free + 1, Release);
                        return Ok(());
                    }
                    Err(now) => tail = now,
                }
            }
        }

        pub fn pop(&self) -> Option<T> {
            let head = self.head.load(Relaxed);
            let (slot, free) = self.slot(head);
            if slot.stamp.load(Acquire) != free + 1 {
                return None;
            }
            self.head.store(head + 1, Relaxed);
            // SAFETY: the stamp says that the sender is done, and there is one receiver.
            #[allow(unsafe_code)]
            let value = slot.value.with_mut(|at| unsafe { (*at).take() });
            slot.stamp.store(2 * (head + self.slots.len()), Release);
            value
        }
    }

    /// loom's own model, with the names of the crate used.
    #[derive(Debug)]
    pub struct AtomicWaker(loom::future::AtomicWaker);

    impl AtomicWaker {
        pub fn new() -> AtomicWaker {
            AtomicWaker(loom::future::AtomicWaker::new())
        }

        pub fn register(&self, waker: &Waker) {
            self.0.register_by_ref(waker);
        }

        pub fn wake(&self) {
            self.0.wake();
        }
    }
}

#[test]
fn no_wake_up_of_one_sender_is_lost() {
    check(|| {
        let mailbox = Mailbox::new(2);
        let sender = mailbox.clone();
        let sending = thread::spawn(move || {
            sender.send(1).expect("has room");
            sender.send(2).expect("has room");
        });
        assert_eq!([block_on(mailbox.recv()), block_on(mailbox.recv())], [1, 2]);
        sending.join().expect("sends");
        assert_eq!((mailbox.try_recv(), mailbox.waiting()), (None, 0));
    });
}

#[test]
fn no_wake_up_of_two_senders_is_lost() {
    check(|| {
        let mailbox = Mailbox::new(2);
        let senders = [1, 2].map(|message| {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.send(message).expect("has room"))
        });
        assert_eq!(block_on(mailbox.recv()) + block_on(mailbox.recv()), 3);
        senders.into_iter().for_each(|sender| sender.join().expect("sends"));
        assert_eq!(mailbox.try_recv(), None);
    });
}

#[test]
fn a_message_given_back_by_a_full_mailbox_can_be_sent_again() {
    check(|| {
        let mailbox = Mailbox::new(1);
        let sender = mailbox.clone();
        let sending = thread::spawn(move || {
            sender.send(1).expect("has room");
            let mut message = 2;
            while let Err(refused) = sender.send(message) {
                assert_eq!(refused, 2);
                message = refused;
                thread::yield_now();
            }
        });
        assert_eq!([block_on(mailbox.recv()), block_on(mailbox.recv())], [1, 2]);
        sending.join().expect("sends");
    });
}

type Parts = (ArrayQueue<i32>, AtomicWaker);

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// Whether a task that polls `receive` once, beside a sender of one message, has the message or is woken for it.
fn has_it_or_is_woken(receive: fn(&mut Context<'_>, &Parts) -> Poll<i32>) {
    check(move || {
        let parts = loom::sync::Arc::new((ArrayQueue::new(1), AtomicWaker::new()));
        let sender = parts.clone();
        let sending = thread::spawn(move || {
            sender.0.push(1).expect("has room");
            sender.1.wake();
        });
        let woken = std::sync::Arc::new(Woken::default());
        let polled = receive(&mut Context::from_waker(&woken.clone().into()), &parts);
        sending.join().expect("sends");
        let lost = polled.is_pending() && !woken.0.load(Relaxed);
        assert!(!lost, "a wake-up is lost");
    });
}

#[test]
fn a_receiver_that_looks_once_it_is_registered_has_the_message_or_is_woken() {
    has_it_or_is_woken(|cx, parts| {
        parts.1.register(cx.waker());
        parts.0.pop().map_or(Poll::Pending, Poll::Ready)
    });
}

#[test]
#[should_panic(expected = "a wake-up is lost")]
fn a_receiver_that_looks_only_before_it_is_registered_is_caught_by_the_model() {
    has_it_or_is_woken(|cx, parts| match parts.0.pop() {
        Some(message) => Poll::Ready(message),
        None => {
            parts.1.register(cx.waker());
            Poll::Pending
        }
    });
}
