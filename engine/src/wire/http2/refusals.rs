//! What the library refuses by itself, without a word to us: a malformed request is reset, one beyond the streams that a client
//! may have is refused, and one whose fields are too many is answered with 431. The frames that say so are seen on their way
//! out, so that each of these requests is recorded as any other (RFC 9113 §8.1.1, §5.1.2, §6.5.2).

use super::heads::{Heads, Passing};
use super::{HEADERS, RST_STREAM};

/// The code of a request that was not looked at (RFC 9113 §7).
const REFUSED_STREAM: u32 = 7;

/// How a request was refused that nobody here has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It breaks the protocol.
    Malformed,
    /// The client has too many streams already.
    Streams,
    /// Its head is larger than what is allowed; it was answered with 431.
    Head,
}

/// Reads what goes to a client, however it is torn.
#[derive(Debug)]
pub struct Refusals {
    heads: Heads,
    /// The highest stream that was served, or refused: the library tells of them in order, and answers none before.
    known: u32,
}

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals { heads: Heads::with_word_of(RST_STREAM, 0), known: 0 }
    }
}

impl Refusals {
    /// A stream is served.
    pub fn serves(&mut self, stream: u32) {
        self.known = self.known.max(stream);
    }

    /// Sees bytes that go out, and tells `refused` of each stream that is ended by them and was never served.
    pub fn see(&mut self, bytes: &[u8], mut refused: impl FnMut(Refusal)) {
        let known = &mut self.known;
        self.heads.see(bytes, |Passing { kind, stream, word, .. }| {
            if stream <= *known {
                return;
            }
            let refusal = match (kind, word) {
                (HEADERS, _) => Refusal::Head,
                (RST_STREAM, REFUSED_STREAM) => Refusal::Streams,
                (RST_STREAM, _) => Refusal::Malformed,
                _ => return,
            };
            *known = stream;
            refused(refusal);
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A frame without flags.
    pub fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let len = (payload.len() as u32).to_be_bytes();
        [&[len[1], len[2], len[3], kind, 0], &stream.to_be_bytes()[..], payload].concat()
    }

    #[test]
    fn each_request_that_was_refused_unseen_is_told_of_once_however_its_frames_are_torn() {
        let sent = [
            frame(4, 0, &[0; 12]),
            frame(HEADERS, 1, b"a reply"),
            frame(RST_STREAM, 3, &[0, 0, 0, 1]),
            frame(0, 1, &[RST_STREAM; 40]),
            frame(HEADERS, 5, b"431"),
            // Behind the answer, so that no body is sent.
            frame(RST_STREAM, 5, &[0, 0, 0, 7]),
            frame(RST_STREAM, 7, &[0, 0, 0, 7]),
            // Served before, ended by whoever served it.
            frame(RST_STREAM, 1, &[0, 0, 0, 2]),
            frame(7, 0, &[0; 8]),
        ]
        .concat();
        for piece in 1..sent.len() {
            let (mut refusals, mut told) = (Refusals::default(), Vec::new());
            refusals.serves(1);
            sent.chunks(piece).for_each(|part| refusals.see(part, |refusal| told.push(refusal)));
            assert_eq!(told, [Refusal::Malformed, Refusal::Head, Refusal::Streams], "in pieces of {piece}");
        }
    }
}
