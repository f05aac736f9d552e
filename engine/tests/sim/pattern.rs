//! Bodies that tell whose they are: each byte follows from the request's id, the direction and its place.

/// A body's content, and how much of it was seen.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    key: u64,
    at: usize,
}

impl Pattern {
    /// The body of request `id`.
    pub fn request(id: u32) -> Pattern {
        Pattern { key: u64::from(id) * 2 + 1, at: 0 }
    }

    /// The body of the reply to request `id`.
    pub fn reply(id: u32) -> Pattern {
        Pattern { key: u64::from(id) * 2 + 2, at: 0 }
    }

    fn byte(&self, at: usize) -> u8 {
        // Letters, so that a trace can be read; the period is no power of two, so that a shift shows.
        b'a' + ((self.key.wrapping_mul(0x9E37_79B9) >> 3).wrapping_add(at as u64 * 7 + at as u64 / 23) % 26)
            as u8
    }

    /// Bytes seen so far.
    pub fn seen(&self) -> usize {
        self.at
    }

    /// Holds `bytes` against the content that follows what was seen.
    pub fn matches(&mut self, bytes: &[u8]) -> Result<(), String> {
        for byte in bytes {
            if *byte != self.byte(self.at) {
                let found = bytes[..bytes.len().min(80)].escape_ascii();
                return Err(format!("foreign byte at {} of a body: {found}", self.at));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// The next `len` bytes of the content.
    pub fn next(&mut self, len: usize) -> Vec<u8> {
        let bytes = (self.at..self.at + len).map(|at| self.byte(at)).collect();
        self.at += len;
        bytes
    }
}
