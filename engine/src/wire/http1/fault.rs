//! What can be wrong with a message, one closed enum a reader. Each fault knows the reason that logs show; those
//! of a client know the status they are answered with. `exchange/answer` turns them into replies.

/// A line that breaks the grammar, in a request or in a reply (RFC 9112 §2.2, §5; RFC 9110 §5.5).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LineFault {
    /// LF without CR before it.
    BareLf,
    /// CR without LF behind it.
    BareCr,
    /// A zero byte.
    Nul,
    /// A line that continues the one before (obs-fold).
    ObsFold,
    /// Whitespace before the first field.
    LeadingSpace,
    /// Whitespace between a name and its colon.
    SpaceBeforeColon,
    /// Nothing before the colon.
    EmptyName,
    /// A line without a colon.
    NoColon,
    /// A name that is no token.
    BadName,
    /// A control byte in a value.
    BadValue,
    /// More options in Connection than anyone has use for; each costs a comparison with every field.
    ManyOptions,
}

impl LineFault {
    /// The reason as logs show it.
    pub fn reason(self) -> &'static str {
        match self {
            LineFault::BareLf => "bare_lf",
            LineFault::BareCr => "bare_cr",
            LineFault::Nul => "nul",
            LineFault::ObsFold => "obs_fold",
            LineFault::LeadingSpace => "leading_space",
            LineFault::SpaceBeforeColon => "space_before_colon",
            LineFault::EmptyName => "empty_name",
            LineFault::NoColon => "no_colon",
            LineFault::BadName => "bad_name",
            LineFault::BadValue => "bad_value",
            LineFault::ManyOptions => "many_connection_options",
        }
    }
}

/// Why a request head is refused. The connection is closed after the answer.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RequestFault {
    /// A line that breaks the grammar.
    Line(LineFault),
    /// More than four empty lines before the request line.
    EmptyLines,
    /// No request line of the form `method SP target SP HTTP/d.d`.
    NotHttp,
    /// A TLS handshake on a plain port.
    Tls,
    /// The preface of HTTP/2 on a port without it.
    Http2Preface,
    /// A method that is no token, or longer than any.
    Method,
    /// A target with bytes or of a form that the method does not allow.
    Target,
    /// A target past its limit.
    TargetTooLong,
    /// A version other than 1.0 and 1.1.
    Version,
    /// A head past its limit.
    HeadTooLong,
    /// More field lines than the limit.
    TooManyFields,
    /// HTTP/1.1 without Host.
    HostMissing,
    /// More than one Host.
    HostTwice,
    /// A Host that is no host.
    HostInvalid,
}

impl RequestFault {
    /// The reason as logs show it.
    pub fn reason(&self) -> &'static str {
        match self {
            RequestFault::Line(line) => line.reason(),
            RequestFault::EmptyLines => "empty_lines",
            RequestFault::NotHttp => "not_http",
            RequestFault::Tls => "tls_on_plain_port",
            RequestFault::Http2Preface => "http2_preface",
            RequestFault::Method => "bad_method",
            RequestFault::Target => "bad_target",
            RequestFault::TargetTooLong => "target_too_long",
            RequestFault::Version => "bad_version",
            RequestFault::HeadTooLong => "head_too_long",
            RequestFault::TooManyFields => "too_many_fields",
            RequestFault::HostMissing => "host_missing",
            RequestFault::HostTwice => "host_twice",
            RequestFault::HostInvalid => "host_invalid",
        }
    }

    /// The status a client sees: 400, 414, 431 or 505.
    pub fn status(&self) -> u16 {
        match self {
            RequestFault::TargetTooLong => 414,
            RequestFault::HeadTooLong | RequestFault::TooManyFields => 431,
            RequestFault::Version | RequestFault::Http2Preface => 505,
            _ => 400,
        }
    }
}

/// Why a reply head is refused; the client sees 502 and the upstream connection is closed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ReplyFault {
    /// A line that breaks the grammar.
    Line(LineFault),
    /// No status line of the form `HTTP/1.x SP 3DIGIT [SP reason]`.
    StatusLine,
    /// A version other than 1.0 and 1.1.
    Version,
    /// A status below 100.
    Status,
    /// A head past its limit.
    HeadTooLong,
    /// More field lines than the limit.
    TooManyFields,
}

impl ReplyFault {
    /// The reason as logs show it.
    pub fn reason(&self) -> &'static str {
        match self {
            ReplyFault::Line(line) => line.reason(),
            ReplyFault::StatusLine => "bad_status_line",
            ReplyFault::Version => "bad_version",
            ReplyFault::Status => "bad_status",
            ReplyFault::HeadTooLong => "head_too_long",
            ReplyFault::TooManyFields => "too_many_fields",
        }
    }
}

/// Why a message's length or its wishes for the connection have no one reading (RFC 9112 §6.3).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FramingFault {
    /// Both Content-Length and Transfer-Encoding.
    LengthAndCoding,
    /// A Content-Length that is no decimal number.
    Length,
    /// Content-Lengths that differ.
    LengthsDiffer,
    /// A Content-Length past 64 bits.
    LengthOverflow,
    /// A Transfer-Encoding other than one `chunked`.
    Coding,
    /// Transfer-Encoding in HTTP/1.0.
    CodingInHttp10,
    /// A 205 that announces content (RFC 9110 §15.3.6).
    ResetContent,
    /// An expectation other than 100-continue.
    Expectation,
}

impl FramingFault {
    /// The reason as logs show it.
    pub fn reason(&self) -> &'static str {
        match self {
            FramingFault::LengthAndCoding => "length_and_coding",
            FramingFault::Length => "bad_content_length",
            FramingFault::LengthsDiffer => "content_lengths_differ",
            FramingFault::LengthOverflow => "content_length_overflow",
            FramingFault::Coding => "bad_transfer_encoding",
            FramingFault::CodingInHttp10 => "transfer_encoding_in_http10",
            FramingFault::ResetContent => "reset_content_with_body",
            FramingFault::Expectation => "unknown_expectation",
        }
    }

    /// The status a client sees when its request has the fault: 400 or 417. Of a reply it is always 502.
    pub fn status(&self) -> u16 {
        match self {
            FramingFault::Expectation => 417,
            _ => 400,
        }
    }
}

/// Why a chunked body cannot be read on (RFC 9112 §7.1). The message ends here as an error.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ChunkFault {
    /// No hexadecimal size, or something else behind it than an extension or the end of the line.
    Size,
    /// A size of more than 16 digits.
    SizeOverflow,
    /// An extension that breaks the grammar.
    Extension,
    /// More bytes of extensions than the limit, data taken into account.
    ExtensionTooLong,
    /// No CRLF where the data of a chunk has to end.
    DataEnd,
    /// A line that breaks the grammar: in the trailer section, or a bare CR or LF anywhere.
    Line(LineFault),
    /// A trailer section past its limit.
    TrailerTooLong,
}

impl ChunkFault {
    /// The reason as logs show it.
    pub fn reason(&self) -> &'static str {
        match self {
            ChunkFault::Size => "bad_chunk_size",
            ChunkFault::SizeOverflow => "chunk_size_overflow",
            ChunkFault::Extension => "bad_chunk_extension",
            ChunkFault::ExtensionTooLong => "chunk_extension_too_long",
            ChunkFault::DataEnd => "chunk_data_end",
            ChunkFault::Line(line) => line.reason(),
            ChunkFault::TrailerTooLong => "trailer_too_long",
        }
    }

    /// The status a client sees when its request has the fault and no answer was begun: 400 or 431.
    pub fn status(&self) -> u16 {
        match self {
            ChunkFault::TrailerTooLong => 431,
            _ => 400,
        }
    }
}
