//! Work that takes long, such as hashing a password: done on a few threads of the process, off the shards. The queue is
//! bounded; who finds it full is told so at once.

use super::Arc;
use super::mailbox::Mailbox;
use crate::net::turns::awaited::Awaited;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// Threads.
const THREADS: usize = 2;
/// Pieces of work that wait for one, at most.
const WAITING: usize = 64;

type Work = Box<dyn FnOnce() + Send>;

/// A handle on the threads, which begin with the first piece of work; where they cannot be had, the next piece tries again.
#[derive(Debug, Clone, Default)]
pub struct Offload(Arc<OnceLock<SyncSender<Work>>>);

impl Offload {
    /// Has `work` done; gives what comes of it, or nothing if it panicked. None when too much waits already, or there are
    /// no threads.
    pub fn run<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> Option<impl Future<Output = Option<T>> + use<T, F>> {
        let done = Mailbox::new(1);
        let answer = Answer { to: Arc::clone(&done), value: None };
        let task: Work = Box::new(move || {
            let mut answer = answer;
            answer.value = Some(work());
        });
        self.begun(start).ok()?.try_send(task).ok()?;
        Some(async move {
            let _awaited = Awaited::begin();
            done.recv().await
        })
    }

    /// The way to the threads, which `start` gives if there are none yet.
    fn begun(&self, start: impl FnOnce() -> io::Result<SyncSender<Work>>) -> io::Result<&SyncSender<Work>> {
        if let Some(begun) = self.0.get() {
            return Ok(begun);
        }
        let started = start()?;
        // Where another shard was faster, these end with their sender.
        Ok(self.0.get_or_init(|| started))
    }
}

fn start() -> io::Result<SyncSender<Work>> {
    let (sender, receiver) = sync_channel::<Work>(WAITING);
    // One thread at a time waits for work and holds the lock meanwhile; none of them is a shard.
    #[expect(clippy::disallowed_types, reason = "taken by the threads of the pool only")]
    let shared = Arc::new(std::sync::Mutex::new(receiver));
    for index in 0..THREADS {
        let shared = Arc::clone(&shared);
        thread::Builder::new().name(format!("offload-{index}")).spawn(move || {
            let next = || match shared.lock() {
                Ok(receiver) => receiver.recv(),
                Err(broken) => broken.into_inner().recv(),
            };
            while let Ok(work) = next() {
                // A fault in one piece of work is told to who waits for it, and ends no thread.
                drop(catch_unwind(AssertUnwindSafe(work)));
            }
        })?;
    }
    Ok(sender)
}

/// Sends its value when it is dropped, on a panic too, so that nobody waits for ever.
struct Answer<T: Send> {
    to: Arc<Mailbox<Option<T>>>,
    value: Option<T>,
}

impl<T: Send> Drop for Answer<T> {
    fn drop(&mut self) {
        // The box is this answer's own and holds one: it cannot be full.
        drop(self.to.send(self.value.take()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};
    use std::time::{Duration, Instant};

    /// Polls until it is there: what a shard's driver does, with a deadline.
    #[expect(clippy::disallowed_methods, reason = "a test brings its own clock")]
    fn wait<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return value;
            }
            assert!(Instant::now() < end, "the work is done in time");
            thread::yield_now();
        }
    }

    #[test]
    fn work_is_done_elsewhere_and_a_panic_is_told() {
        let offload = Offload::default();
        let own = thread::current().id();
        let elsewhere = offload.run(move || thread::current().id() != own).expect("there is room");
        assert_eq!(wait(elsewhere), Some(true));
        let broken = offload.run(|| -> u8 { panic!("as planned") }).expect("there is room");
        assert_eq!(wait(broken), None);
        for number in 0..10 {
            assert_eq!(wait(offload.run(move || number).expect("there is room")), Some(number));
        }
    }

    #[test]
    fn threads_that_could_not_be_had_are_tried_for_again() {
        let offload = Offload::default();
        assert!(offload.begun(|| Err(io::ErrorKind::WouldBlock.into())).is_err());
        assert_eq!(wait(offload.run(|| 7).expect("there is room")), Some(7));
        assert!(offload.begun(|| Err(io::ErrorKind::WouldBlock.into())).is_ok(), "they are started once");
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let offload = Offload::default();
        let gate = Arc::new(std::sync::Barrier::new(THREADS + 1));
        let mut waiting = Vec::new();
        let mut refused = 0;
        for _ in 0..THREADS + WAITING + 3 {
            let gate = Arc::clone(&gate);
            let is_first = waiting.len() < THREADS;
            match offload.run(move || {
                if is_first {
                    gate.wait();
                }
            }) {
                Some(work) => waiting.push(work),
                None => refused += 1,
            }
        }
        assert!(refused >= 3, "{refused}");
        gate.wait();
        waiting.into_iter().for_each(|work| assert_eq!(wait(work), Some(())));
    }
}
