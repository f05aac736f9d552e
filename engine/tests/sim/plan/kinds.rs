//! What an origin does with a request, and what may be wrong with one.

/// What an origin does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// 200 with a length.
    Plain,
    /// 200, chunked, with trailers now and then.
    Chunked,
    /// 200 up to the end of the connection.
    UntilClose,
    /// 200 with `Connection: close`.
    CloseAfter,
    /// 103 before the 200.
    Interim,
    /// 204.
    NoContent,
    /// 304 with the length of what is not sent.
    NotModified,
    /// 200 whose head, first half and second half come a second apart.
    Late,
    /// Answers before it has read the body, then reads it to its end.
    Early,
    /// Begins its answer before it has read the body, and gives back what of it comes.
    Mirror,
    /// 101 for who asked, then everything back that comes.
    Echo,
    /// 200 with a length, then a close that was not announced.
    CloseSilently,
    /// 200 before it has read the body, then a close without reading it.
    EarlyClose,
    /// A part of a body that the end of the connection would end, before it has read the request's; then a reset.
    EarlyReset,
    /// Reset, or end, instead of an answer.
    ResetBefore,
    FinBefore,
    /// Reset, or end, within the head of the answer.
    ResetInHead,
    FinInHead,
    /// Reset behind the head.
    ResetAfterHead,
    /// Reset, or end, within a body with a length.
    ResetInBody,
    FinInBody,
    /// Reset, or end, within a chunked body.
    ResetInChunks,
    FinInChunks,
    /// Reset within a body that the end of the connection would end.
    ResetUntilClose,
    /// No answer, for longer than `first_byte`.
    Hang,
    /// Reads no more than the head, and says nothing, for longer than all timeouts.
    Deaf,
    /// No more of the body, for longer than `between_bytes`.
    HangInBody,
    /// No HTTP.
    BadHead,
    /// Two lengths that differ.
    TwoLengths,
    /// A chunk size that is none.
    BadChunk,
    /// A whole answer and a second one that nobody asked for.
    Overlong,
    /// 101 that nobody asked for.
    Switch,
    /// Reset in a tunnel.
    EchoReset,
}

/// What is wrong with a request, where something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// No method.
    Garbage,
    /// Two lengths that differ.
    TwoLengths,
    /// A length and a coding.
    LengthAndCoding,
    /// A line that ends in a bare LF.
    BareLf,
    /// No Host.
    NoHost,
    /// An expectation nobody knows.
    Expectation,
    /// A head past the limit.
    LongHead,
    /// A target past the limit.
    LongTarget,
    /// A length past the limit.
    LongBody,
    /// Chunks past the limit.
    LongChunks,
    /// A chunk size that is none.
    BadChunk,
    /// CONNECT.
    Connect,
    /// A head that breaks off, and then silence.
    SilentHead,
    /// A body that breaks off, and then silence.
    SilentBody,
}

impl Act {
    /// Whether an origin that is in order does so.
    pub fn is_fair(self) -> bool {
        use Act::{
            Chunked, CloseAfter, Early, Echo, Interim, Late, NoContent, NotModified, Plain, UntilClose,
        };
        matches!(
            self,
            Plain
                | Chunked
                | UntilClose
                | CloseAfter
                | Interim
                | NoContent
                | NotModified
                | Late
                | Early
                | Echo
        )
    }
}

impl Spoil {
    /// The status it is answered with.
    pub fn status(self) -> u16 {
        match self {
            Spoil::Garbage | Spoil::TwoLengths | Spoil::LengthAndCoding | Spoil::BareLf | Spoil::NoHost => {
                400
            }
            Spoil::BadChunk => 400,
            Spoil::Expectation => 417,
            Spoil::LongHead => 431,
            Spoil::LongTarget => 414,
            Spoil::LongBody | Spoil::LongChunks => 413,
            Spoil::Connect => 405,
            Spoil::SilentHead | Spoil::SilentBody => 408,
        }
    }

    /// Whether the head is understood, so that an origin may have been asked by then.
    pub fn is_in_body(self) -> bool {
        matches!(self, Spoil::LongChunks | Spoil::BadChunk | Spoil::SilentBody)
    }
}

impl Act {
    /// Whether it leaves a connection that the gateway may pool and that closes without having said so.
    pub fn goes_stale(self) -> bool {
        use Act::{BadChunk, CloseSilently, FinInBody, FinInChunks, HangInBody, Overlong};
        use Act::{ResetAfterHead, ResetInBody, ResetInChunks};
        // All but the first and the last are whole answers to a HEAD.
        matches!(self, CloseSilently | ResetAfterHead | ResetInBody | FinInBody | ResetInChunks)
            || matches!(self, FinInChunks | BadChunk | HangInBody | Overlong)
    }
}
