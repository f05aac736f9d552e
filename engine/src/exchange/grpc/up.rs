//! The body of a gRPC-Web request on its way up: frames as they are, or out of base64, a piece at a time.

use super::web::Form;
use crate::base::{Fault, Kind, Side, Tick};
use crate::net::body::{BodySource, Plain};
use crate::wire::grpc::text::Decoder;

/// Characters that are decoded at once: what is in memory of a body stays bounded, however large a piece comes.
const PIECE_CHARACTERS: usize = 32 * 1024;

/// A client's body as the origin gets it.
pub struct WebBody<'b, B> {
    from: &'b mut B,
    /// None where the frames are there as they are.
    text: Option<Text>,
}

#[derive(Default)]
struct Text {
    decoder: Decoder,
    decoded: Vec<u8>,
    /// Bytes of `decoded` that were consumed.
    at: usize,
    /// Whether bytes were let go of that had been consumed: only `from` can then give them again.
    passed: bool,
}

impl Text {
    fn left(&self) -> &[u8] {
        &self.decoded[self.at..]
    }

    /// Says what `text` says; all that was said before was consumed.
    fn take(&mut self, text: &[u8]) -> Result<(), Fault> {
        self.passed |= !self.decoded.is_empty();
        self.decoded.clear();
        self.at = 0;
        self.decoder.decode(text, &mut self.decoded).map_err(|_| MALFORMED)
    }
}

const MALFORMED: Fault = Fault::new(Side::Client, Kind::Malformed);

impl<'b, B: BodySource> WebBody<'b, B> {
    pub(super) fn new(from: &'b mut B, form: Form) -> WebBody<'b, B> {
        let text = match form {
            Form::Binary => None,
            Form::Text => Some(Text::default()),
        };
        WebBody { from, text }
    }
}

impl<B: BodySource> BodySource for WebBody<'_, B> {
    fn ends_soon(&self) -> bool {
        self.from.ends_soon()
    }

    fn may_trail(&self) -> bool {
        self.from.may_trail()
    }

    fn be_patient(&mut self) {
        self.from.be_patient();
    }

    async fn fill(&mut self) -> Result<&[u8], Fault> {
        let Some(text) = &mut self.text else { return self.from.fill().await };
        while text.left().is_empty() {
            let piece = self.from.fill().await?;
            if piece.is_empty() {
                // What is left of a group says nothing, and its end will not come.
                return if text.decoder.is_between() { Ok(&[]) } else { Err(MALFORMED) };
            }
            let len = piece.len().min(PIECE_CHARACTERS);
            text.take(&piece[..len])?;
            self.from.consume(len);
        }
        Ok(text.left())
    }

    fn consume(&mut self, n: usize) {
        match &mut self.text {
            None => self.from.consume(n),
            Some(text) => {
                debug_assert!(n <= text.left().len(), "only what was given can be consumed");
                text.at += n;
            }
        }
    }

    fn trailers(&self) -> &[u8] {
        self.from.trailers()
    }

    fn ended(&self) -> bool {
        self.from.ended() && self.text.as_ref().is_none_or(|text| text.left().is_empty())
    }

    fn rewind(&mut self) -> bool {
        match &mut self.text {
            Some(text) if !text.passed => {
                text.at = 0;
                true
            }
            text => {
                let is_there = self.from.rewind();
                if is_there && let Some(text) = text {
                    *text = Text::default();
                }
                is_there
            }
        }
    }

    /// `most` bounds what is kept: the text, which is longer than what it says.
    async fn hold(&mut self, most: u64, total: Tick) -> Result<bool, Fault> {
        self.from.hold(most, total).await
    }

    fn here(&mut self) -> Option<&[u8]> {
        let Some(text) = &mut self.text else { return self.from.here() };
        if text.decoded.is_empty() && !text.passed {
            let len = {
                let whole = self.from.here()?;
                if text.take(whole).is_err() {
                    // Whoever reads on is told.
                    *text = Text::default();
                    return None;
                }
                whole.len()
            };
            self.from.consume(len);
        }
        let is_whole = text.at == 0 && !text.passed && text.decoder.is_between() && self.from.ended();
        is_whole.then_some(&text.decoded)
    }

    fn plain(&self) -> Option<Plain<'_>> {
        if self.text.is_none() { self.from.plain() } else { None }
    }

    fn passed(&mut self, n: u64) {
        self.from.passed(n);
    }

    async fn ready(&mut self) -> Result<(), Fault> {
        self.from.ready().await
    }

    /// Of what the client sends, which is what its record tells.
    fn count(&self) -> u64 {
        self.from.count()
    }
}
