//! Pooled buffers as a session fills them: taken when there is something to hold, grown once, given back when empty, so
//! that a connection that waits holds none.

use crate::mem::{BULK_BYTES, Buf, Class, Pool};
use std::io;

/// Text that came and nobody had room for.
#[derive(Debug, Default)]
pub(super) struct Plain(Option<Buf>);

impl Plain {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Keeps `text`. It fits: what is kept came in one buffer of records, and none is read while some is left.
    pub(super) fn put(&mut self, text: &[u8], pool: &Pool) -> Result<(), io::ErrorKind> {
        if text.is_empty() {
            return Ok(());
        }
        let buf = room(&mut self.0, pool, text.len())?;
        let put = buf.put(text);
        debug_assert!(put, "there is room");
        Ok(())
    }

    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let Some(buf) = &mut self.0 else { return 0 };
        let len = buf.len().min(into.len());
        into[..len].copy_from_slice(&buf.filled()[..len]);
        buf.consume(len);
        if buf.is_empty() {
            self.0 = None;
        }
        len
    }
}

/// `out` with at least `bytes` of room.
pub(super) fn room<'o>(
    out: &'o mut Option<Buf>,
    pool: &Pool,
    bytes: usize,
) -> Result<&'o mut Buf, io::ErrorKind> {
    let buf = out.get_or_insert_with(|| pool.take(Class::holding(bytes)));
    if buf.room() < bytes {
        buf.pull();
    }
    if buf.room() < bytes && buf.capacity() < BULK_BYTES {
        grow(buf);
    }
    if buf.room() < bytes { Err(io::ErrorKind::OutOfMemory) } else { Ok(buf) }
}

/// Moves what a small buffer holds into a bulk one.
pub(super) fn grow(buf: &mut Buf) {
    let mut bulk = buf.pool().take(Class::Bulk);
    let fits = bulk.put(buf.filled());
    debug_assert!(fits, "a small buffer fits into a bulk one");
    *buf = bulk;
}

/// The length of the record that begins with these bytes, its front included; 0 while that is not there.
pub(super) fn record_len(bytes: &[u8]) -> usize {
    match bytes {
        [_, _, _, high, low, ..] => 5 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}
