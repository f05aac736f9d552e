//! A session's bytes on their way out. What is written becomes records in a pooled buffer: a write counts as done only
//! when the socket has taken its last record, so that backpressure is that of the socket.

use super::engine::{RECORD_EXTRA, Step, Want};
use super::state::{End, State};
use crate::mem::{BULK_BYTES, Class};
use crate::net::Stream;
use std::io::{self, IoSlice};

/// Plain text of one record at most (RFC 8446 §5.1).
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Front of a write that the socket did not take whole, by which the next one is known again.
const KNOWN_BYTES: usize = 32;

/// A write whose records are all in `outgoing` or sent, and which was not called done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    len: usize,
    first: [u8; KNOWN_BYTES],
}

impl State {
    pub(super) fn write(&mut self, below: &Stream, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut done = 0;
        if let Some(ahead) = self.ahead {
            if total < ahead.len || front(parts, 0, ahead.len) != ahead.first {
                self.end = Some(End::Failed(io::ErrorKind::InvalidInput));
                return Err(io::ErrorKind::InvalidInput.into());
            }
            self.flush(below)?;
            self.ahead = None;
            done = ahead.len;
        }
        self.flush(below)?;
        while done < total {
            let sealed = self.seal(parts, done)?;
            match self.flush(below) {
                Ok(()) => done += sealed,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ahead = Some(Ahead { len: sealed, first: front(parts, done, sealed) });
                    return if done > 0 { Ok(done) } else { Err(error) };
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Makes records of `parts` from byte `from` on, as many as one buffer holds. Gives the bytes that they hold.
    fn seal(&mut self, parts: &[IoSlice<'_>], from: usize) -> io::Result<usize> {
        let mut sealed = 0;
        loop {
            let room = self.outgoing.as_ref().map_or(BULK_BYTES, |out| BULK_BYTES - out.len());
            let most = RECORD_BYTES_MAX.min(room.saturating_sub(RECORD_EXTRA));
            let rest = rest(parts, from + sealed);
            let Some((first, more)) = rest else { return Ok(sealed) };
            if most == 0 || (sealed > 0 && most < RECORD_BYTES_MAX) {
                return Ok(sealed);
            }
            if first.len() >= most || more.iter().all(|part| part.is_empty()) {
                let text = &first[..first.len().min(most)];
                self.seal_one(text)?;
                sealed += text.len();
                continue;
            }
            // Short parts become one record: two would cost twice.
            let len = most.min(first.len() + more.iter().map(|part| part.len()).sum::<usize>());
            let mut text = self.pool.take(Class::holding(len));
            for part in std::iter::once(first).chain(more.iter().map(|part| &**part)) {
                let fits = part.len().min(len - text.len());
                let put = text.put(&part[..fits]);
                debug_assert!(put, "the buffer holds the length it was taken for");
            }
            self.seal_one(text.filled())?;
            sealed += len;
        }
    }

    fn seal_one(&mut self, text: &[u8]) -> io::Result<()> {
        loop {
            match self.step(Want::Write(text))? {
                // What has come meanwhile is read on the way.
                Step::Going => {}
                Step::Open => return Ok(()),
                Step::Closed => self.end = Some(End::Closed),
                Step::Over => return Err(io::ErrorKind::BrokenPipe.into()),
                Step::Shaking => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }
}

/// What is left of `parts` behind byte `from`: the rest of one of them, and those behind it.
fn rest<'p>(parts: &'p [IoSlice<'p>], mut from: usize) -> Option<(&'p [u8], &'p [IoSlice<'p>])> {
    for (at, part) in parts.iter().enumerate() {
        if from < part.len() {
            return Some((&part[from..], &parts[at + 1..]));
        }
        from -= part.len();
    }
    None
}

/// The first of `len` bytes of `parts` from byte `from` on, zeros behind their end.
fn front(parts: &[IoSlice<'_>], from: usize, len: usize) -> [u8; KNOWN_BYTES] {
    let mut first = [0; KNOWN_BYTES];
    let bytes = parts.iter().flat_map(|part| part.iter()).skip(from).take(len);
    first.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    first
}
