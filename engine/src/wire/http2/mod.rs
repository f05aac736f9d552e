//! What of HTTP/2 is looked at beside the library that speaks it: the headers of frames, by which a peer is known that
//! makes work and asks for nothing (RFC 9113 §10.5), what the library refuses by itself, and whether a server takes bodies.

mod blocks;
mod heads;
mod refusals;
mod window;

pub use blocks::Blocks;
pub use refusals::{Refusal, Refusals};
pub use window::Window;

use crate::base::Tick;
use std::time::Duration;

/// What a client begins with (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's header (RFC 9113 §4.1).
const HEADER_BYTES: usize = 9;

/// Types of frames and their flags (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 32;

/// Credit of a peer at most, and at the start.
const CREDIT: u32 = 4000;
/// Credit that comes back in a second, whatever is asked for.
const CREDIT_PER_SECOND: u64 = 200;

/// What a peer does that the library lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// It makes more work than it has credit for.
    Flood,
    /// Its first frame is not its SETTINGS (RFC 9113 §3.4).
    Preface,
}

/// Reads the headers of frames as they pass by, however they are torn, and counts those that ask for nothing. Each costs
/// credit; what was done for the peer, and time, give it back.
#[derive(Debug)]
pub struct Tap {
    /// Bytes to pass over: the preface, or the rest of a frame's payload.
    skip: u32,
    header: [u8; HEADER_BYTES],
    have: u8,
    /// Of the last header.
    kind: u8,
    /// Whether a field block is open (RFC 9113 §4.3).
    block: bool,
    /// Whether the first frame was seen.
    begun: bool,
    /// Whether all of it was.
    settled: bool,
    credit: u32,
    since: Tick,
    /// Frames since they were counted last.
    frames: u32,
}

/// What a frame costs by its type (RFC 9113 §6), flags and length. Requests and the bytes of their bodies are free here:
/// they have limits of their own, and those that are refused unseen cost what `refusals` says.
fn price(kind: u8, flags: u8, len: u32) -> u32 {
    match kind {
        // DATA: an empty one that does not end its stream says nothing.
        DATA if len == 0 && flags & END_STREAM == 0 => 4,
        DATA | HEADERS => 0,
        // What was begun for it was in vain.
        RST_STREAM => 8,
        // SETTINGS has to be answered, and each may change every stream's window.
        SETTINGS => 20,
        // PING has to be answered.
        6 => 4,
        CONTINUATION => 4,
        // PRIORITY, WINDOW_UPDATE, GOAWAY, and what nobody knows.
        _ => 1,
    }
}

impl Tap {
    /// Of what a client sends, its preface first.
    pub fn of_client(now: Tick) -> Tap {
        Tap { skip: PREFACE.len() as u32, ..Tap::of_server(now) }
    }

    /// Of what a server sends.
    pub fn of_server(now: Tick) -> Tap {
        Tap {
            skip: 0,
            header: [0; HEADER_BYTES],
            have: 0,
            kind: SETTINGS,
            block: false,
            begun: false,
            settled: false,
            credit: CREDIT,
            since: now,
            frames: 0,
        }
    }

    /// The peer got something that it asked for.
    pub fn earned(&mut self, credit: u32) {
        self.credit = self.credit.saturating_add(credit).min(CREDIT);
    }

    /// The peer made us do this much in vain.
    ///
    /// # Errors
    /// [`Breach::Flood`] when its credit is used up.
    pub fn spend(&mut self, credit: u32, now: Tick) -> Result<(), Breach> {
        self.give_back(now);
        let left = self.credit.checked_sub(credit);
        self.credit = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Breach::Flood)
    }

    /// Frames that have come since this was asked last.
    pub fn take_frames(&mut self) -> u32 {
        std::mem::take(&mut self.frames)
    }

    /// Sees bytes that came.
    ///
    /// # Errors
    /// [`Breach::Flood`] when the peer's credit is used up, [`Breach::Preface`] when it does not begin with its SETTINGS.
    pub fn see(&mut self, mut bytes: &[u8], now: Tick) -> Result<(), Breach> {
        self.give_back(now);
        let mut seen = Ok(());
        while !bytes.is_empty() {
            let skipped = bytes.len().min(self.skip as usize);
            self.skip -= skipped as u32;
            bytes = &bytes[skipped..];
            self.settled |= self.begun && self.skip == 0;
            let missing = HEADER_BYTES - usize::from(self.have);
            let part = &bytes[..missing.min(bytes.len())];
            self.header[usize::from(self.have)..][..part.len()].copy_from_slice(part);
            self.have += part.len() as u8;
            bytes = &bytes[part.len()..];
            if usize::from(self.have) == HEADER_BYTES {
                let [a, b, c, kind, flags, ..] = self.header;
                let len = u32::from_be_bytes([0, a, b, c]);
                self.frames += 1;
                (self.have, self.skip, self.kind) = (0, len, kind);
                self.block = matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS == 0;
                if !std::mem::replace(&mut self.begun, true) {
                    if (kind, flags & ACK) != (SETTINGS, 0) {
                        return Err(Breach::Preface);
                    }
                    continue;
                }
                match self.credit.checked_sub(price(kind, flags, len)) {
                    Some(left) => self.credit = left,
                    None => seen = Err(Breach::Flood),
                }
            }
        }
        self.settled |= self.begun && self.skip == 0;
        seen
    }

    /// Whether the peer has told its settings.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether something is begun that has to be whole before anything can be done with it: a preface with its SETTINGS,
    /// a field block, or a frame other than DATA, whose bytes have a time of their own.
    pub fn is_within(&self) -> bool {
        !self.begun || self.block || self.have > 0 || (self.skip > 0 && self.kind != DATA)
    }

    fn give_back(&mut self, now: Tick) {
        let passed = now.since(self.since);
        if passed >= Duration::from_millis(100) {
            self.since = now;
            let back = passed.as_millis() as u64 * CREDIT_PER_SECOND / 1000;
            self.earned(u32::try_from(back).unwrap_or(CREDIT));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let len = (payload.len() as u32).to_be_bytes();
        [&[len[1], len[2], len[3], kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// What every client begins with.
    fn begin() -> Vec<u8> {
        [PREFACE, &frame(SETTINGS, 0, b"")].concat()
    }

    /// How many of `frame` a fresh client may send at once, torn into pieces of `piece` bytes.
    fn at_once(frame: &[u8], piece: usize) -> usize {
        let start = Tick(1);
        let mut tap = Tap::of_client(start);
        tap.see(&begin(), start).expect("the preface is free");
        (0..20_000).take_while(|_| frame.chunks(piece).all(|part| tap.see(part, start).is_ok())).count()
    }

    #[test]
    fn frames_that_ask_for_nothing_use_credit_up_however_they_are_torn() {
        for (name, frame, most) in [
            ("ping", frame(6, 0, &[7; 8]), 1000),
            ("settings", frame(4, 0, &[0, 3, 0, 0, 0, 9]), 200),
            ("reset", frame(3, 0, &[0; 4]), 500),
            ("empty data", frame(0, 0, b""), 1000),
            ("continuation", frame(9, 0, b"x"), 1000),
            ("window update", frame(8, 0, &[0, 0, 0, 1]), 4000),
            ("unknown", frame(0xb7, 0, b"grease"), 4000),
            ("headers", frame(1, 5, b"abc"), 20_000),
            ("data", frame(0, 0, b"abc"), 20_000),
            ("the end", frame(0, 1, b""), 20_000),
        ] {
            for piece in [1, 2, 5, 9, 10, 1000] {
                assert_eq!(at_once(&frame, piece), most, "{name} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_done_in_vain_uses_credit_up_too_and_frames_are_counted_once() {
        let mut tap = Tap::of_client(Tick(0));
        tap.see(&[begin(), frame(6, 0, &[7; 8]).repeat(2)].concat(), Tick(0)).expect("is no flood");
        assert_eq!((tap.take_frames(), tap.take_frames()), (3, 0));
        assert_eq!(tap.spend(CREDIT - 8, Tick(0)), Ok(()));
        assert_eq!(tap.spend(1, Tick(0)), Err(Breach::Flood));
        assert_eq!(tap.spend(200, Tick(0).after(Duration::from_secs(1))), Ok(()));
    }

    #[test]
    fn credit_comes_back_with_time_and_with_what_was_done() {
        let ping = frame(6, 0, &[7; 8]);
        let mut tap = Tap::of_server(Tick(0));
        let mut now = Tick(0);
        tap.see(&frame(SETTINGS, 0, b""), now).expect("a server begins so");
        while tap.see(&ping, now).is_ok() {}
        now = now.after(Duration::from_secs(1));
        let after_a_second = (0..5000).take_while(|_| tap.see(&ping, now).is_ok()).count();
        assert_eq!(after_a_second, 50);
        tap.earned(8);
        assert!(tap.see(&ping, now).is_ok() && tap.see(&ping, now).is_ok() && tap.see(&ping, now).is_err());
    }

    #[test]
    fn a_peer_begins_with_its_settings() {
        for (first, expected) in [
            (frame(SETTINGS, 0, b""), Ok(())),
            (frame(SETTINGS, ACK, b""), Err(Breach::Preface)),
            (frame(6, 0, &[7; 8]), Err(Breach::Preface)),
            (frame(1, 5, b"abc"), Err(Breach::Preface)),
            (frame(0x70, 0, b""), Err(Breach::Preface)),
        ] {
            let mut whole = Tap::of_client(Tick(0));
            assert_eq!(whole.see(&[PREFACE, &first].concat(), Tick(0)), expected);
            let mut torn = Tap::of_server(Tick(0));
            assert_eq!(first.iter().try_for_each(|byte| torn.see(&[*byte], Tick(0))), expected);
        }
    }

    #[test]
    fn what_is_begun_is_known_until_it_is_whole() {
        let mut tap = Tap::of_client(Tick(0));
        tap.see(PREFACE, Tick(0)).expect("is no flood");
        assert!(tap.is_within(), "its SETTINGS are missing");
        tap.see(&frame(SETTINGS, 0, b""), Tick(0)).expect("begins as it has to");
        assert!(!tap.is_within());
        let [head, rest] = [frame(HEADERS, END_STREAM, b"ab"), frame(CONTINUATION, END_HEADERS, b"c")];
        for (bytes, within) in [
            (&head[..3], true),
            (&head[3..10], true),
            (&head[10..], true),
            (&rest[..9], true),
            (&rest[9..], false),
            (&frame(DATA, 0, b"body")[..11], false),
            (b"dy", false),
            (&frame(6, 0, &[7; 8])[..16], true),
            (&[7], false),
        ] {
            tap.see(bytes, Tick(0)).expect("is no flood");
            assert_eq!(tap.is_within(), within, "{bytes:?}");
        }
    }
}
