//! The bounded ring between one shard and the log thread. Full batches go one way, empty buffers come back the
//! other, so that a warm shard allocates nothing. Neither side waits: a full ring refuses, an empty one says so.
//! The log thread is woken once a batch, and only if it sleeps.

use crossbeam::queue::ArrayQueue;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

/// Capacity of a new buffer: a batch is handed over at 64 KiB, with the line that made it full.
const BUFFER_BYTES: usize = 68 * 1024;

/// A buffer that grew past this is not used again, so that a burst of long lines does not hold its memory.
const KEPT_BYTES: usize = 128 * 1024;

#[derive(Debug)]
struct Ring {
    full: ArrayQueue<Vec<u8>>,
    empty: ArrayQueue<Vec<u8>>,
    reader: OnceLock<Thread>,
}

/// The shard's end.
#[derive(Debug)]
pub struct Sender(Arc<Ring>);

/// The log thread's end.
#[derive(Debug)]
pub struct Receiver(Arc<Ring>);

/// How full a ring is, for whoever only looks.
#[derive(Debug, Clone)]
pub struct Depth(Arc<Ring>);

impl Depth {
    /// Batches that wait now.
    pub fn now(&self) -> usize {
        self.0.full.len()
    }
}

/// A ring for `batches` at most, and at least one.
pub fn ring(batches: usize) -> (Sender, Receiver) {
    let batches = batches.max(1);
    let ring = Arc::new(Ring {
        full: ArrayQueue::new(batches),
        empty: ArrayQueue::new(batches),
        reader: OnceLock::new(),
    });
    (Sender(ring.clone()), Receiver(ring))
}

impl Sender {
    /// Hands `batch` over and gives an empty buffer for the next one. *Errors*: the batch itself when the ring
    /// is full. *Cost*: two queue operations; a futex call when the log thread sleeps.
    pub fn send(&self, batch: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        self.0.full.push(batch)?;
        if let Some(reader) = self.0.reader.get() {
            reader.unpark();
        }
        Ok(self.0.empty.pop().unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES)))
    }
}

impl Receiver {
    /// A look at the ring from elsewhere.
    pub fn depth(&self) -> Depth {
        Depth(self.0.clone())
    }

    /// Names the thread that sends wake. Batches sent before wait for its first [`Receiver::take`]; one sent at
    /// this very moment may wake nobody, so the reader sleeps with a timeout.
    pub fn wakes(&self, reader: Thread) {
        let first = self.0.reader.set(reader).is_ok();
        debug_assert!(first, "a ring has one reader");
    }

    /// The oldest batch, if there is one.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.0.full.pop()
    }

    /// Gives a buffer back to the shard.
    pub fn put_back(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BYTES {
            buffer.clear();
            // A full queue means that the shard has buffers enough: this one is freed.
            let _ = self.0.empty.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_gives_the_batch_back_untouched() {
        let (sender, receiver) = ring(2);
        assert!(sender.send(b"1".to_vec()).is_ok());
        assert!(sender.send(b"2".to_vec()).is_ok());
        assert_eq!(sender.send(b"3".to_vec()), Err(b"3".to_vec()));
        assert_eq!(receiver.take(), Some(b"1".to_vec()));
        assert!(sender.send(b"4".to_vec()).is_ok());
        assert_eq!([receiver.take(), receiver.take()], [Some(b"2".to_vec()), Some(b"4".to_vec())]);
        assert_eq!(receiver.take(), None);
    }

    #[test]
    fn a_buffer_comes_back_empty_and_is_used_again() {
        let (sender, receiver) = ring(4);
        sender.send(b"first".to_vec()).unwrap();
        let buffer = receiver.take().unwrap();
        let at = buffer.as_ptr();
        receiver.put_back(buffer);
        let again = sender.send(b"second".to_vec()).unwrap();
        assert_eq!((again.len(), again.as_ptr()), (0, at));
    }

    #[test]
    fn a_buffer_that_grew_is_not_kept() {
        let (sender, receiver) = ring(4);
        receiver.put_back(Vec::with_capacity(KEPT_BYTES + 1));
        assert_eq!(sender.send(Vec::new()).unwrap().capacity(), BUFFER_BYTES);
    }

    #[test]
    fn batches_arrive_in_order_across_threads_and_none_is_lost() {
        let (sender, receiver) = ring(8);
        let reader = std::thread::spawn(move || {
            receiver.wakes(std::thread::current());
            let mut seen = 0u32;
            while seen < 100_000 {
                match receiver.take() {
                    Some(batch) => {
                        assert_eq!(batch, seen.to_le_bytes());
                        receiver.put_back(batch);
                        seen += 1;
                    }
                    None => std::thread::park_timeout(std::time::Duration::from_millis(10)),
                }
            }
        });
        let mut buffer = Vec::new();
        for i in 0..100_000u32 {
            buffer.extend_from_slice(&i.to_le_bytes());
            loop {
                match sender.send(buffer) {
                    Ok(empty) => {
                        buffer = empty;
                        break;
                    }
                    Err(refused) => {
                        buffer = refused;
                        std::thread::yield_now();
                    }
                }
            }
        }
        reader.join().unwrap();
    }
}
