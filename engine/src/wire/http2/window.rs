//! What a server lets all streams of a connection send together (RFC 9113 §6.9): used up by one of them that its origin does not
//! read, it holds up the bodies of all others. The library tells of no stream's part in it, so the frames are seen that use it
//! and give it back.

use super::heads::Heads;
use super::{DATA, PREFACE, WINDOW_UPDATE};
use crate::base::Tick;
use std::time::Duration;

/// What every server gives at first, whatever its settings say (RFC 9113 §6.9.2).
const FIRST_BYTES: i64 = 65_535;
/// How long it may be used up: whoever reads gives it back in the time that a packet takes there and back.
const STUCK: Duration = Duration::from_millis(100);

/// The window of a connection, as its server gives it.
#[derive(Debug)]
pub struct Window {
    left: i64,
    /// Since when nothing is left.
    closed: Option<Tick>,
    sent: Heads,
    came: Heads,
}

impl Default for Window {
    fn default() -> Window {
        Window {
            left: FIRST_BYTES,
            closed: None,
            sent: Heads::with_word_of(WINDOW_UPDATE, PREFACE.len()),
            came: Heads::with_word_of(WINDOW_UPDATE, 0),
        }
    }
}

impl Window {
    /// Sees what is sent to the server, the preface first.
    pub fn sent(&mut self, bytes: &[u8], now: Tick) {
        let left = &mut self.left;
        self.sent.see(bytes, |frame| {
            if frame.kind == DATA {
                *left -= i64::from(frame.len);
            }
        });
        if self.left <= 0 {
            self.closed.get_or_insert(now);
        }
    }

    /// Sees what came from it.
    pub fn came(&mut self, bytes: &[u8]) {
        let left = &mut self.left;
        self.came.see(bytes, |frame| {
            if frame.kind == WINDOW_UPDATE && frame.stream == 0 {
                *left += i64::from(frame.word & 0x7fff_ffff);
            }
        });
        if self.left > 0 {
            self.closed = None;
        }
    }

    /// Whether it has been used up for so long that whoever joins would wait.
    pub fn is_stuck(&self, now: Tick) -> bool {
        self.closed.is_some_and(|since| since.after(STUCK) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http2::HEADERS;
    use crate::wire::http2::refusals::tests::frame;

    #[test]
    fn a_window_that_is_used_up_and_not_given_back_is_stuck_after_a_while_however_frames_are_torn() {
        let body = [PREFACE.to_vec(), frame(HEADERS, 1, &[0x88; 40])];
        let body = [&body[..], &vec![frame(DATA, 1, &[8; 13_107]); 5]].concat().concat();
        let others = frame(WINDOW_UPDATE, 1, &[0, 0, 0, 100]);
        for piece in [1, 7, 9, 13, 1000, body.len()] {
            let mut window = Window::default();
            let (last, before) = body.split_last().expect("has bytes");
            before.chunks(piece).for_each(|part| window.sent(part, Tick(1)));
            let late = Tick(1).after(STUCK);
            assert!(!window.is_stuck(Tick(1)), "it was used up just now");
            window.sent(&[*last], Tick(1));
            others.chunks(piece).for_each(|part| window.came(part));
            assert!(window.is_stuck(late), "what a stream of its own is given is not for all");
            frame(WINDOW_UPDATE, 0, &[0x80, 0, 0, 1]).chunks(piece).for_each(|part| window.came(part));
            assert!(!window.is_stuck(late), "a byte may be sent");
            window.sent(&frame(DATA, 1, b"x"), late);
            assert!(!window.is_stuck(late) && window.is_stuck(late.after(STUCK)));
        }
    }
}
