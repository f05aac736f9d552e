//! How a client or an origin writes and reads: at once, in small pieces, with pauses.

use crate::plan::Pace;
use ringgate::net::sim::{Random, Socket, sleep};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// How one side of a connection behaves.
#[derive(Debug, Clone)]
pub struct Manner {
    random: Rc<Random>,
    /// Largest piece of one read or write.
    piece: u64,
    /// Longest pause before one, in milliseconds.
    pause_ms: u64,
    /// Pauses left: bounds the time that all of them take.
    pauses: u32,
}

impl Manner {
    /// The manner of `pace`. Slow ones stay well below the gateway's timeouts in all.
    pub fn of(random: &Rc<Random>, pace: Pace) -> Manner {
        let (piece, pause_ms, pauses) = match pace {
            Pace::Brisk => (u64::MAX, 0, 0),
            Pace::Torn => (300, 0, 0),
            Pace::Slow => (2000, 100, 8),
        };
        Manner { random: random.clone(), piece, pause_ms, pauses }
    }

    /// The size of the next piece.
    pub fn piece(&self) -> usize {
        if self.piece == u64::MAX { usize::MAX } else { 1 + self.random.below(self.piece) as usize }
    }

    /// A pause, if one is due.
    pub async fn pause(&mut self) {
        if self.pauses > 0 && self.random.chance(50) {
            self.pauses -= 1;
            sleep(Duration::from_millis(self.random.below(self.pause_ms + 1))).await;
        }
    }

    /// Writes `bytes`.
    pub async fn write(&mut self, socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.pause().await;
            let piece = self.piece().min(bytes.len());
            socket.write_all(&bytes[..piece]).await?;
            bytes = &bytes[piece..];
        }
        Ok(())
    }
}
