//! Reads a chunked body as it comes (RFC 9112 §7.1). All state is in the struct, so it may be torn at every byte and
//! dropped at any time. Extensions are checked, bounded and forgotten; data is given as ranges of the input.
//!
//! ```text
//! Size → (Gap) → Extension… → SizeLf → Data → DataCr → DataLf → Size
//!                                  └ 0 → Trailer → End
//! ```

use super::fault::{ChunkFault, LineFault};
use super::trailer::Trailer;
use crate::wire::head::Head;
use crate::wire::token::{is_ows, is_token_byte, is_value_byte};

/// Digits of a chunk size: what fits 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;

/// Bounds of what is not data in a chunked body.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ChunkLimits {
    /// Bytes of extensions that are not paid for by data: each byte of data allows one more.
    pub extension_bytes: u32,
    /// Bytes of the trailer section.
    pub trailer_bytes: u32,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        ChunkLimits { extension_bytes: 4 * 1024, trailer_bytes: 8 * 1024 }
    }
}

/// What a step found in its input.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// All `used` bytes were framing; give more input.
    More {
        /// Bytes consumed: the whole input.
        used: usize,
    },
    /// `input[skip..skip + len]` is data; `len` is not zero.
    Data {
        /// Framing before it.
        skip: usize,
        /// Bytes of data.
        len: usize,
    },
    /// The body ended after `used` bytes; what follows is the next message.
    End {
        /// Bytes consumed.
        used: usize,
    },
}

impl Step {
    /// Bytes of the input that this step is about; the next step begins behind them.
    pub fn used(self) -> usize {
        match self {
            Step::More { used } | Step::End { used } => used,
            Step::Data { skip, len } => skip + len,
        }
    }
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    /// Before or in the size.
    Size,
    /// Whitespace behind size or value: only `;` may follow, or the end of the line where that is taken.
    Gap,
    /// Behind `;`: whitespace, then a name.
    NameStart,
    Name,
    /// Whitespace behind a name: `=` or `;` may follow.
    NameGap,
    /// Behind `=`: whitespace, then a value.
    ValueStart,
    Value,
    Quoted,
    /// Behind `\` in a quoted value.
    Escaped,
    QuotedEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    End,
}

/// The reader of one chunked body.
#[derive(Debug)]
pub struct Chunked {
    state: State,
    digits: u8,
    /// The size as far as it is read; then the bytes of data left.
    left: u64,
    /// Bytes of extensions not paid for by data.
    unpaid: u32,
    limits: ChunkLimits,
    /// Whether whitespace may stand behind a size.
    lenient: bool,
    trailer: Trailer,
}

impl Chunked {
    /// A reader at the start of a body. No allocation until a trailer field comes.
    pub fn new(limits: ChunkLimits) -> Chunked {
        Chunked {
            state: State::Size,
            digits: 0,
            left: 0,
            unpaid: 0,
            limits,
            lenient: false,
            trailer: Trailer::default(),
        }
    }

    /// A reader that takes whitespace behind a size, where RFC 9112 §7.1 has none: there are servers that pad their sizes.
    /// For replies alone, since what is passed on is framed anew.
    pub fn lenient(self) -> Chunked {
        Chunked { lenient: true, ..self }
    }

    /// Back to the start of the body.
    pub fn restart(&mut self) {
        (self.state, self.digits, self.left, self.unpaid) = (State::Size, 0, 0, 0);
        self.trailer.restart();
    }

    /// Drops the trailer fields that `head`, which this body belongs to, names in Connection. Without a call only
    /// fields that may never stand in a trailer are dropped. Allocates only if unknown fields are named.
    pub fn drop_named(&mut self, head: Head<'_>) {
        self.trailer.drop_named(head);
    }

    /// Reads on at the front of `input`, up to the next range of data or the end. After a fault the message is
    /// broken for good, and so is the connection.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, ChunkFault> {
        let mut at = 0;
        loop {
            match self.state {
                State::End => return Ok(Step::End { used: at }),
                State::Data if at < input.len() => {
                    let len = self.left.min((input.len() - at) as u64) as usize;
                    self.left -= len as u64;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Step::Data { skip: at, len });
                }
                State::Trailer => {
                    let (used, ended) = self.trailer.read(&input[at..], self.limits.trailer_bytes)?;
                    at += used;
                    if !ended {
                        return Ok(Step::More { used: at });
                    }
                    self.state = State::End;
                }
                _ => {
                    let Some(byte) = input.get(at) else { return Ok(Step::More { used: at }) };
                    self.byte(*byte)?;
                    at += 1;
                }
            }
        }
    }

    /// The trailer fields read so far that may be passed on: `name: value CRLF` each, without the empty line.
    pub fn trailers(&self) -> &[u8] {
        self.trailer.kept()
    }

    /// Whether the body was read to its end.
    pub fn is_ended(&self) -> bool {
        self.state == State::End
    }

    /// One byte of framing outside the trailer section.
    #[inline]
    fn byte(&mut self, byte: u8) -> Result<(), ChunkFault> {
        self.state = match (self.state, byte) {
            (State::Size, b'0'..=b'9') => return self.digit(byte - b'0'),
            (State::Size, b'a'..=b'f') => return self.digit(byte - b'a' + 10),
            (State::Size, b'A'..=b'F') => return self.digit(byte - b'A' + 10),
            (State::Size, _) if self.digits == 0 => return Err(stray(byte, ChunkFault::Size)),
            (State::Size | State::Name | State::Value | State::QuotedEnd, b'\r') => State::SizeLf,
            (State::Gap, b'\r') if self.lenient => State::SizeLf,
            (State::SizeLf, b'\n') => return self.size_ended(),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size,
            (State::SizeLf, _) => return Err(ChunkFault::Line(LineFault::BareCr)),
            (State::DataCr | State::DataLf, _) => return Err(ChunkFault::DataEnd),
            (state, _) => self.extension(state, byte)?,
        };
        Ok(())
    }

    fn digit(&mut self, digit: u8) -> Result<(), ChunkFault> {
        if self.digits == SIZE_DIGITS_MAX {
            return Err(ChunkFault::SizeOverflow);
        }
        self.digits += 1;
        self.left = self.left << 4 | u64::from(digit);
        Ok(())
    }

    fn size_ended(&mut self) -> Result<(), ChunkFault> {
        self.digits = 0;
        self.unpaid = self.unpaid.saturating_sub(u32::try_from(self.left).unwrap_or(u32::MAX));
        self.state = if self.left == 0 { State::Trailer } else { State::Data };
        Ok(())
    }

    /// The state after a byte of an extension or of the whitespace before it:
    /// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, RFC 9112 §7.1.1.
    fn extension(&mut self, state: State, byte: u8) -> Result<State, ChunkFault> {
        self.unpaid = self.unpaid.saturating_add(1);
        if self.unpaid > self.limits.extension_bytes {
            return Err(ChunkFault::ExtensionTooLong);
        }
        let token = is_token_byte(byte);
        let next = match (state, byte) {
            (State::Quoted, b'"') => State::QuotedEnd,
            (State::Quoted, b'\\') => State::Escaped,
            (State::Quoted | State::Escaped, _) if is_value_byte(byte) => State::Quoted,
            (State::Size | State::Gap | State::Value | State::QuotedEnd, b';') => State::NameStart,
            (State::Size | State::Gap | State::Value | State::QuotedEnd, _) if is_ows(byte) => State::Gap,
            (State::Name | State::NameGap, b';') => State::NameStart,
            (State::Name | State::NameGap, b'=') => State::ValueStart,
            (State::Name | State::NameGap, _) if is_ows(byte) => State::NameGap,
            (State::NameStart | State::ValueStart, _) if is_ows(byte) => state,
            (State::NameStart | State::Name, _) if token => State::Name,
            (State::ValueStart, b'"') => State::Quoted,
            (State::ValueStart | State::Value, _) if token => State::Value,
            (State::Size, _) => return Err(stray(byte, ChunkFault::Size)),
            _ => return Err(stray(byte, ChunkFault::Extension)),
        };
        Ok(next)
    }
}

/// The fault of a byte that cannot stand where it does: a line ending by itself says more than `otherwise`.
fn stray(byte: u8, otherwise: ChunkFault) -> ChunkFault {
    match byte {
        b'\n' => ChunkFault::Line(LineFault::BareLf),
        0 => ChunkFault::Line(LineFault::Nul),
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests;
