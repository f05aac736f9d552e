//! HTTP/1.1 as clients and origins of the simulation read it: written apart from the gateway's own parser, and
//! strict, so that whatever the gateway sends is held to the letter.

use crate::manner::Manner;
use crate::pattern::Pattern;
use ringgate::net::sim::Socket;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// Why a message could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The peer ended the stream.
    Fin,
    /// The peer reset the connection.
    Reset,
    /// The bytes break the protocol, or are not those of this message.
    Garbled(String),
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Nothing,
    Exact(usize),
    Chunked,
    UntilClose,
}

/// A message's head.
#[derive(Debug, Clone)]
pub struct Head {
    pub start: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// The value of the one field `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the message says that its connection closes after it.
    pub fn closes(&self) -> bool {
        let option = self.field("connection").unwrap_or_default();
        option.eq_ignore_ascii_case("close")
    }

    /// A reply's status.
    pub fn status(&self) -> Result<u16, Broken> {
        let digits = self.start.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        digits
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| garbled(format!("status line {:?}", self.start)))
    }

    /// The framing that the fields tell; `otherwise` when there are none.
    pub fn framing(&self, otherwise: Framing) -> Result<Framing, Broken> {
        let named =
            |name: &str| self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).count();
        let (lengths, codings) = (named("content-length"), named("transfer-encoding"));
        match (lengths, codings) {
            (0, 0) => Ok(otherwise),
            (0, 1) if self.field("transfer-encoding") == Some("chunked") => Ok(Framing::Chunked),
            (1, 0) => {
                let digits = self.field("content-length").unwrap_or_default();
                digits.parse().map(Framing::Exact).map_err(|_| garbled(format!("length {digits:?}")))
            }
            _ => Err(garbled(format!("{lengths} lengths and {codings} codings"))),
        }
    }
}

/// A body that is read, with its content and a place whose arrival is told.
pub struct Body<'a> {
    pub pattern: Pattern,
    /// Whether it ended in trailer fields.
    pub has_trailers: bool,
    /// Where what comes is kept, for whoever wants it.
    pub kept: Option<&'a RefCell<Vec<u8>>>,
    mark: usize,
    arrived: Box<dyn FnMut() + 'a>,
}

impl<'a> Body<'a> {
    /// A body of `pattern`; `arrived` is called once, when `mark` bytes have come.
    pub fn new(pattern: Pattern, mark: usize, arrived: impl FnMut() + 'a) -> Body<'a> {
        Body { pattern, has_trailers: false, kept: None, mark, arrived: Box::new(arrived) }
    }

    fn takes(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let before = self.pattern.seen();
        self.pattern.matches(bytes).map_err(Broken::Garbled)?;
        if before < self.mark && self.pattern.seen() >= self.mark {
            (self.arrived)();
        }
        if let Some(kept) = self.kept {
            kept.borrow_mut().extend_from_slice(bytes);
        }
        Ok(())
    }
}

pub fn garbled(text: impl Into<String>) -> Broken {
    Broken::Garbled(text.into())
}

/// The reading side of a connection.
pub struct Wire {
    socket: Rc<Socket>,
    buf: Vec<u8>,
    manner: Manner,
}

/// Bytes of one line, beyond which it is taken for something else.
const LINE_MAX: usize = 16 * 1024;

impl Wire {
    pub fn new(socket: Rc<Socket>, manner: Manner) -> Wire {
        Wire { socket, buf: Vec::new(), manner }
    }

    /// Reads once.
    async fn more(&mut self) -> Result<(), Broken> {
        self.manner.pause().await;
        let mut some = vec![0; self.manner.piece().min(16 * 1024)];
        match self.socket.read(&mut some).await {
            Ok(0) => Err(if self.socket.is_reset() { Broken::Reset } else { Broken::Fin }),
            Ok(n) => {
                self.buf.extend_from_slice(&some[..n]);
                Ok(())
            }
            Err(error) => {
                debug_assert_ne!(error.kind(), io::ErrorKind::WouldBlock);
                Err(Broken::Reset)
            }
        }
    }

    async fn line(&mut self) -> Result<String, Broken> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.buf[seen..].iter().position(|byte| *byte == b'\n').map(|at| at + seen) {
                let line: Vec<u8> = self.buf.drain(..=at).collect();
                let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
                return text
                    .map(str::to_owned)
                    .ok_or_else(|| garbled(format!("line {:?}", line.escape_ascii().to_string())));
            }
            seen = self.buf.len();
            if seen > LINE_MAX {
                return Err(garbled(format!("no line in {}", self.buf[..60].escape_ascii())));
            }
            self.more().await?;
        }
    }

    /// Waits until a byte is there that has not been read.
    pub async fn begun(&mut self) -> Result<(), Broken> {
        if self.buf.is_empty() { self.more().await } else { Ok(()) }
    }

    /// Whatever has come, at least one byte.
    pub async fn some(&mut self) -> Result<Vec<u8>, Broken> {
        self.begun().await?;
        Ok(std::mem::take(&mut self.buf))
    }

    /// What was received and not read.
    pub fn rest(&self) -> &[u8] {
        &self.buf
    }

    /// Reads a head.
    pub async fn head(&mut self) -> Result<Head, Broken> {
        let start = self.line().await?;
        let fields = self.fields().await?;
        Ok(Head { start, fields })
    }

    async fn fields(&mut self) -> Result<Vec<(String, String)>, Broken> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| garbled(format!("field {line:?}")))?;
            if name.is_empty() || name.contains(' ') || name.starts_with('\t') {
                return Err(garbled(format!("field name {name:?}")));
            }
            fields.push((name.to_owned(), value.trim_matches(' ').to_owned()));
        }
    }

    /// Reads a body and holds each byte against `body`, whose position tells how far it came.
    pub async fn body(&mut self, framing: Framing, body: &mut Body<'_>) -> Result<(), Broken> {
        match framing {
            Framing::Nothing => Ok(()),
            Framing::Exact(len) => self.take(len, body).await,
            Framing::Chunked => self.chunked(body).await,
            Framing::UntilClose => loop {
                let here = self.buf.len();
                self.take(here, body).await?;
                match self.more().await {
                    Ok(()) => {}
                    Err(Broken::Fin) => return Ok(()),
                    Err(broken) => return Err(broken),
                }
            },
        }
    }

    /// Reads a body whose content is free.
    pub async fn text(&mut self, framing: Framing) -> Result<(), Broken> {
        let Framing::Exact(len) = framing else {
            return if framing == Framing::Nothing {
                Ok(())
            } else {
                Err(garbled("an answer without a length"))
            };
        };
        while self.buf.len() < len {
            self.more().await?;
        }
        self.buf.drain(..len);
        Ok(())
    }

    async fn take(&mut self, mut len: usize, body: &mut Body<'_>) -> Result<(), Broken> {
        while len > 0 {
            self.begun().await?;
            let n = self.buf.len().min(len);
            body.takes(&self.buf[..n])?;
            self.buf.drain(..n);
            len -= n;
        }
        Ok(())
    }

    async fn chunked(&mut self, body: &mut Body<'_>) -> Result<(), Broken> {
        loop {
            let line = self.line().await?;
            let digits = line.split(';').next().unwrap_or_default();
            let len =
                usize::from_str_radix(digits, 16).map_err(|_| garbled(format!("chunk size {line:?}")))?;
            if len == 0 {
                body.has_trailers = self.fields().await?.iter().any(|(name, _)| name == "X-Sum");
                return Ok(());
            }
            self.take(len, body).await?;
            let end = self.line().await?;
            if !end.is_empty() {
                return Err(garbled(format!("{end:?} after a chunk")));
            }
        }
    }
}
