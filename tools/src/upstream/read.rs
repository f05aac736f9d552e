//! Reads requests off a connection and records what it reads. It follows the framing rules of RFC 9112 §6.3 and is
//! not strict beyond them: what a gateway sends is recorded exactly, judging it is the test's work.

use super::Shared;
use super::seen::{BodyEnd, ConnectionEnd, Request};
use std::io::Read;
use std::net::TcpStream;

/// Bytes of a head or of a chunk line at most.
const LINE_BYTES_MAX: usize = 1 << 20;

/// The reading side of one connection.
pub struct Reader<'a> {
    shared: &'a Shared,
    id: usize,
    stream: &'a TcpStream,
    /// Bytes read and not yet consumed.
    ahead: Vec<u8>,
    /// How the peer ended the connection, once it did.
    pub end: Option<ConnectionEnd>,
}

impl<'a> Reader<'a> {
    /// Reads connection `id`.
    pub fn new(shared: &'a Shared, id: usize, stream: &'a TcpStream) -> Reader<'a> {
        Reader { shared, id, stream, ahead: Vec::new(), end: None }
    }

    /// Reads once; none at the end of the connection.
    fn fill(&mut self) -> Option<()> {
        if self.end.is_some() {
            return None;
        }
        let mut chunk = [0u8; 16 * 1024];
        let mut stream = self.stream;
        match stream.read(&mut chunk) {
            Ok(0) => self.end = Some(ConnectionEnd::PeerClosed),
            Ok(count) => {
                let bytes = &chunk[..count];
                self.ahead.extend_from_slice(bytes);
                self.shared.record(self.id, |seen| seen.bytes.extend_from_slice(bytes));
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.end = Some(ConnectionEnd::PeerReset),
        }
        if self.end.is_some() { None } else { Some(()) }
    }

    /// The next request's head, recorded; none at the end of the connection.
    pub fn head(&mut self) -> Option<Request> {
        let mut searched = 0;
        loop {
            let from = searched.max(3) - 3;
            if let Some(at) = self.ahead[from..].windows(4).position(|w| w == b"\r\n\r\n") {
                let request = Request::new(self.ahead.drain(..from + at + 4).collect());
                self.shared.record(self.id, |seen| seen.requests.push(request.clone()));
                return Some(request);
            }
            searched = self.ahead.len();
            if searched > LINE_BYTES_MAX {
                return None;
            }
            self.fill()?;
        }
    }

    /// Reads the body of `request`, the last one read, and records it with its end.
    pub fn body(&mut self, request: &mut Request) {
        let coding = request.values("transfer-encoding").join(", ");
        let is_chunked =
            coding.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"));
        request.end = match request.value("content-length").map(|length| length.parse::<u64>()) {
            _ if is_chunked => self.chunks(request),
            _ if !coding.is_empty() => BodyEnd::Broken("transfer-encoding"),
            Some(Ok(length)) => self.counted(request, length),
            Some(Err(_)) => BodyEnd::Broken("content-length"),
            None => BodyEnd::Complete,
        };
        self.shared.record(self.id, |seen| {
            if let Some(recorded) = seen.requests.last_mut() {
                *recorded = request.clone();
            }
        });
    }

    /// Moves `length` bytes into the body.
    fn counted(&mut self, request: &mut Request, length: u64) -> BodyEnd {
        let mut left = length;
        while left > 0 {
            if self.ahead.is_empty() && self.fill().is_none() {
                return BodyEnd::Cut;
            }
            let count = left.min(self.ahead.len() as u64);
            request.body.extend(self.ahead.drain(..count as usize));
            left -= count;
        }
        BodyEnd::Complete
    }

    /// Reads chunks, the last chunk and the trailer section (RFC 9112 §7.1).
    fn chunks(&mut self, request: &mut Request) -> BodyEnd {
        loop {
            let Some(line) = self.line() else { return BodyEnd::Cut };
            let text = String::from_utf8_lossy(&line);
            let digits = text.split(';').next().unwrap_or_default().trim();
            let Ok(size) = u64::from_str_radix(digits, 16) else { return BodyEnd::Broken("chunk size") };
            if size == 0 {
                return self.trailers(request);
            }
            match self.counted(request, size) {
                BodyEnd::Complete => {}
                end => return end,
            }
            match self.line() {
                Some(line) if line.is_empty() => {}
                Some(_) => return BodyEnd::Broken("chunk end"),
                None => return BodyEnd::Cut,
            }
        }
    }

    fn trailers(&mut self, request: &mut Request) -> BodyEnd {
        while let Some(line) = self.line() {
            if line.is_empty() {
                return BodyEnd::Complete;
            }
            request.trailers.extend_from_slice(&line);
            request.trailers.extend_from_slice(b"\r\n");
        }
        BodyEnd::Cut
    }

    /// The next line without its CRLF.
    fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.ahead.windows(2).position(|w| w == b"\r\n") {
                let mut line: Vec<u8> = self.ahead.drain(..at + 2).collect();
                line.truncate(at);
                return Some(line);
            }
            if self.ahead.len() > LINE_BYTES_MAX {
                return None;
            }
            self.fill()?;
        }
    }

    /// Whatever comes next, until the peer ends the connection.
    pub fn bytes(&mut self) -> Option<Vec<u8>> {
        if self.ahead.is_empty() {
            self.fill()?;
        }
        Some(std::mem::take(&mut self.ahead))
    }

    /// Reads and records until the peer ends the connection.
    pub fn drain(&mut self) {
        while self.bytes().is_some() {}
    }
}
