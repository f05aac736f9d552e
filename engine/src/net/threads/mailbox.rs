//! A shard's mailbox: a bounded lock-free queue and one waker. Senders on other threads push and wake; a wake
//! that finds the shard awake costs no system call.

use super::{Arc, ArrayQueue, AtomicWaker};
use std::future::poll_fn;
use std::task::{Context, Poll};

/// The sending and receiving end in one; any thread may send, one shard receives.
#[derive(Debug)]
pub struct Mailbox<T> {
    queue: ArrayQueue<T>,
    waker: AtomicWaker,
}

impl<T: Send> Mailbox<T> {
    /// A mailbox of at most `messages`.
    pub fn new(messages: usize) -> Arc<Mailbox<T>> {
        Arc::new(Mailbox { queue: ArrayQueue::new(messages), waker: AtomicWaker::new() })
    }

    /// Puts `message` in and wakes the shard.
    ///
    /// # Errors
    /// Gives the message back when the mailbox is full.
    pub fn send(&self, message: T) -> Result<(), T> {
        self.queue.push(message)?;
        self.waker.wake();
        Ok(())
    }

    /// The next message, if one is there.
    pub fn try_recv(&self) -> Option<T> {
        self.queue.pop()
    }

    /// Messages that wait now.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Waits for a message. One receiver at a time.
    pub async fn recv(&self) -> T {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next message; if none is there, `cx` is woken when one is. One receiver at a time.
    pub fn poll_recv(&self, cx: &Context<'_>) -> Poll<T> {
        if let Some(message) = self.queue.pop() {
            return Poll::Ready(message);
        }
        self.waker.register(cx.waker());
        // A message pushed between the look and the registration woke nobody: look again.
        self.queue.pop().map_or(Poll::Pending, Poll::Ready)
    }
}
