//! The headers of frames as they go by, however they are torn, and of one kind the first word of what follows.

use super::HEADER_BYTES;

/// Bytes of a word: the code of a reset, the bytes of a WINDOW_UPDATE (RFC 9113 §6.4, §6.9).
const WORD_BYTES: usize = 4;

/// A frame that goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passing {
    pub(super) kind: u8,
    pub(super) stream: u32,
    /// Bytes of its payload.
    pub(super) len: u32,
    /// The first word of that, where it is looked at.
    pub(super) word: u32,
}

/// Reads frames' headers.
#[derive(Debug)]
pub(super) struct Heads {
    /// Whose first word is looked at.
    kind: u8,
    /// Bytes to pass over.
    skip: usize,
    held: [u8; HEADER_BYTES + WORD_BYTES],
    have: usize,
}

impl Heads {
    /// Of frames behind `skip` bytes, with the first word of those of `kind`.
    pub(super) fn with_word_of(kind: u8, skip: usize) -> Heads {
        Heads { kind, skip, held: [0; HEADER_BYTES + WORD_BYTES], have: 0 }
    }

    /// Sees bytes that go by, and shows `each` frame that they make known.
    pub(super) fn see(&mut self, mut bytes: &[u8], mut each: impl FnMut(Passing)) {
        while !bytes.is_empty() {
            let skipped = bytes.len().min(self.skip);
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let part = &bytes[..(self.needs() - self.have).min(bytes.len())];
            self.held[self.have..][..part.len()].copy_from_slice(part);
            self.have += part.len();
            bytes = &bytes[part.len()..];
            // It may need more once its kind is known.
            if self.have >= HEADER_BYTES && self.have == self.needs() {
                each(self.whole());
            }
        }
    }

    /// Bytes of the frame's beginning that have to be here before it is understood.
    fn needs(&self) -> usize {
        let has_word = self.have >= HEADER_BYTES && self.held[3] == self.kind;
        if has_word { HEADER_BYTES + WORD_BYTES } else { HEADER_BYTES }
    }

    fn whole(&mut self) -> Passing {
        let [a, b, c, kind, _, stream @ .., d, e, f, g] = self.held;
        let len = u32::from_be_bytes([0, a, b, c]);
        self.skip = (len as usize).saturating_sub(self.have - HEADER_BYTES);
        self.have = 0;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        Passing { kind, stream, len, word: u32::from_be_bytes([d, e, f, g]) }
    }
}
