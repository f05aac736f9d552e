//! One pooled buffer: filled from the left, consumed from the left, given back when dropped.

use super::pool::Pool;
use std::mem;

/// A buffer of the shard's pool. `start..end` is filled; what lies behind is spare.
pub struct Buf {
    bytes: Box<[u8]>,
    start: u32,
    end: u32,
    pool: Pool,
}

impl std::fmt::Debug for Buf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buf({}..{} of {})", self.start, self.end, self.bytes.len())
    }
}

impl Buf {
    pub(super) fn new(bytes: Box<[u8]>, pool: Pool) -> Buf {
        Buf { bytes, start: 0, end: 0, pool }
    }

    /// The filled bytes not yet consumed.
    pub fn filled(&self) -> &[u8] {
        &self.bytes[self.start as usize..self.end as usize]
    }

    /// The filled bytes, to be changed in place.
    pub fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start as usize..self.end as usize]
    }

    /// Room behind the filled bytes.
    pub fn spare(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end as usize..]
    }

    /// Bytes of room behind the filled ones.
    pub fn room(&self) -> usize {
        self.bytes.len() - self.end as usize
    }

    /// Marks `n` bytes of [`Buf::spare`] as filled.
    pub fn advance(&mut self, n: usize) {
        debug_assert!(n <= self.room(), "only room can be filled");
        self.end += n as u32;
    }

    /// Takes `n` bytes off the front of the filled ones.
    pub fn consume(&mut self, n: usize) {
        debug_assert!(n <= self.len(), "only filled bytes can be consumed");
        self.start += n as u32;
    }

    /// Forgets all bytes, filled and consumed.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Moves the filled bytes to the front, so that all other bytes are room. Copies [`Buf::len`] bytes.
    pub fn pull(&mut self) {
        self.bytes.copy_within(self.start as usize..self.end as usize, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Filled bytes.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether no filled byte is left.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// All bytes, filled or not.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Appends `bytes`; false, and nothing appended, when they do not fit.
    #[must_use]
    pub fn put(&mut self, bytes: &[u8]) -> bool {
        let end = self.end as usize;
        let Some(room) = self.bytes.get_mut(end..end + bytes.len()) else { return false };
        room.copy_from_slice(bytes);
        self.end += bytes.len() as u32;
        true
    }

    /// The pool this buffer came from.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        self.pool.put(mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::Class;

    #[test]
    fn a_dropped_buffer_is_the_next_one_taken() {
        let pool = Pool::new();
        let mut first = pool.take(Class::Small);
        assert!(first.put(b"seen"));
        let at = first.filled().as_ptr();
        drop(first);
        let again = pool.take(Class::Small);
        assert!(again.is_empty());
        assert_eq!(again.bytes.as_ptr(), at);
        assert_eq!(pool.lent(), 1);
    }

    #[test]
    fn what_was_consumed_gives_room_once_the_rest_is_pulled_to_the_front() {
        let pool = Pool::new();
        let mut buf = pool.take(Class::Small);
        assert!(buf.put(b"head|body"));
        buf.consume(5);
        assert_eq!((buf.filled(), buf.room()), (&b"body"[..], buf.capacity() - 9));
        buf.pull();
        assert_eq!((buf.filled(), buf.room()), (&b"body"[..], buf.capacity() - 4));
    }

    #[test]
    fn put_refuses_what_does_not_fit() {
        let pool = Pool::new();
        let mut buf = pool.take(Class::Small);
        assert!(buf.put(&[1; SMALL]));
        assert!(!buf.put(b"x"));
        const SMALL: usize = crate::mem::SMALL_BYTES;
    }
}
