//! What the library refuses by itself, without a word to us: a malformed request is reset, one beyond the streams that a client
//! may have is refused, and one whose fields are too many is answered with 431. The frames that say so are seen on their way
//! out, so that each of these requests is recorded as any other (RFC 9113 §8.1.1, §5.1.2, §6.5.2).

use super::heads::{Heads, Passing};
use super::{HEADERS, RST_STREAM};

/// Codes (RFC 9113 §7): of a request that was not looked at, and of streams that only their client's own faults end.
const REFUSED_STREAM: u32 = 7;
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;

/// Credit that a reset costs which the client has provoked while its request was served: as much as one of its own.
const PROVOKED: u32 = 8;
/// Credit for what came on a stream that is over. Whoever is answered before its upload is sends on until it hears of that, is told
/// so a few times, and has earned more by the answer.
const LATE: u32 = 1;

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

impl Refusal {
    /// Credit that it costs.
    fn price(self) -> u32 {
        match self {
            // What was read of it was in vain, as of one that is reset.
            Refusal::Malformed => PROVOKED,
            Refusal::Streams | Refusal::Head => 4,
        }
    }
}

/// Reads what goes to a client, however it is torn.
#[derive(Debug)]
pub struct Refusals {
    heads: Heads,
    /// The highest stream that was served, or refused: the library tells of them in order, and answers none before.
    known: u32,
    /// Streams that are served now.
    served: Vec<u32>,
}

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals { heads: Heads::with_word_of(RST_STREAM, 0), known: 0, served: Vec::new() }
    }
}

impl Refusals {
    /// A stream is served.
    pub fn serves(&mut self, stream: u32) {
        self.known = self.known.max(stream);
        self.served.push(stream);
    }

    /// It is no more.
    pub fn served(&mut self, stream: u32) {
        if let Some(at) = self.served.iter().position(|known| *known == stream) {
            self.served.swap_remove(at);
        }
    }

    /// Sees bytes that go out, and tells `refused` of each stream that is ended by them and was never served. Gives the credit
    /// that what they say costs.
    pub fn see(&mut self, bytes: &[u8], mut refused: impl FnMut(Refusal)) -> u32 {
        let (known, served, mut price) = (&mut self.known, &self.served, 0);
        self.heads.see(bytes, |Passing { kind, stream, word, .. }| {
            if stream <= *known {
                price += match (kind, word) {
                    (RST_STREAM, PROTOCOL_ERROR | FLOW_CONTROL_ERROR) => PROVOKED,
                    (RST_STREAM, STREAM_CLOSED) if served.contains(&stream) => PROVOKED,
                    (RST_STREAM, STREAM_CLOSED) => LATE,
                    _ => 0,
                };
                return;
            }
            let refusal = match (kind, word) {
                (HEADERS, _) => Refusal::Head,
                (RST_STREAM, REFUSED_STREAM) => Refusal::Streams,
                (RST_STREAM, _) => Refusal::Malformed,
                _ => return,
            };
            *known = stream;
            price += refusal.price();
            refused(refusal);
        });
        price
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
    fn a_reset_that_a_client_provokes_costs_more_than_what_it_sends_behind_an_answer() {
        for (code, is_served, price) in [
            (PROTOCOL_ERROR, true, PROVOKED),
            (FLOW_CONTROL_ERROR, true, PROVOKED),
            (STREAM_CLOSED, true, PROVOKED),
            (STREAM_CLOSED, false, LATE),
            (REFUSED_STREAM, true, 0),
            (0, true, 0),
        ] {
            let mut refusals = Refusals::default();
            refusals.serves(1);
            refusals.serves(3);
            if !is_served {
                refusals.served(3);
            }
            let told = refusals.see(&frame(RST_STREAM, 3, &code.to_be_bytes()), |_| panic!("it was seen"));
            assert_eq!(told, price, "{code} {is_served}");
        }
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
            // What its client sent on.
            frame(RST_STREAM, 1, &[0, 0, 0, 5]),
            frame(7, 0, &[0; 8]),
        ]
        .concat();
        for piece in 1..sent.len() {
            let (mut refusals, mut told) = (Refusals::default(), Vec::new());
            refusals.serves(1);
            refusals.served(1);
            let price: u32 =
                sent.chunks(piece).map(|part| refusals.see(part, |refusal| told.push(refusal))).sum();
            assert_eq!(told, [Refusal::Malformed, Refusal::Head, Refusal::Streams], "in pieces of {piece}");
            assert_eq!(price, PROVOKED + 4 + 4 + LATE, "in pieces of {piece}");
        }
    }
}
