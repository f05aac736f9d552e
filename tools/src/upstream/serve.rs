//! Performs behaviours on one connection: request by request, until one of them or the peer ends it.

use super::Shared;
use super::behaviour::{After, Behaviour};
use super::read::Reader;
use super::reply::{self, chunk, head, length, whole};
use super::seen::{BodyEnd, ConnectionEnd, Request};
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What follows an answer.
enum Next {
    /// Another request.
    Request,
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// Bytes are read, and nothing more is said.
    Drain,
    /// Nothing is read any more.
    Park,
}

/// A peer that is gone ends a behaviour early; so does stopping the origin.
struct Gone;

type Done = Result<Next, Gone>;

/// Serves connection `id` to its end, each request after `pause`.
pub fn connection(shared: &Shared, id: usize, stream: &TcpStream, pause: Duration) -> ConnectionEnd {
    let mut reader = Reader::new(shared, id, stream);
    let mut served = 0;
    while let Some(mut request) = reader.head() {
        let behaviour = Behaviour::of(&request);
        let mut answer = Answer { shared, stream, is_head: request.method() == "HEAD" };
        if behaviour.reads_body_first() {
            if request.value("expect").is_some_and(|e| e.eq_ignore_ascii_case("100-continue")) {
                // A peer that is gone shows at the next read.
                drop(answer.send(&head(100, &[])));
            }
            reader.body(&mut request);
        }
        if !pause.is_zero() && !shared.pause(pause) {
            break;
        }
        let done = match request.end {
            BodyEnd::Broken(what) => answer.whole(400, what.as_bytes()).map(|_| Next::Close),
            _ => answer.perform(&behaviour, &mut request, &mut reader, served),
        };
        let next = match done {
            Ok(Next::Request) if asks_to_close(&request) => Next::Close,
            Ok(next) => next,
            Err(Gone) => break,
        };
        served += 1;
        match next {
            Next::Request => {}
            Next::Close => return ConnectionEnd::Closed,
            Next::Reset => return ConnectionEnd::Reset,
            Next::Drain => reader.drain(),
            Next::Park => return park(shared, stream),
        }
    }
    reader.end.unwrap_or(ConnectionEnd::Closed)
}

/// Keeps a connection open without reading until the origin stops. A small receive buffer makes the peer feel it.
pub fn park(shared: &Shared, stream: &TcpStream) -> ConnectionEnd {
    drop(socket2::SockRef::from(stream).set_recv_buffer_size(4096));
    while shared.pause(Duration::from_secs(60)) {}
    ConnectionEnd::Closed
}

/// RFC 9112 §9.3: by `close`, or an HTTP/1.0 request without `keep-alive`.
fn asks_to_close(request: &Request) -> bool {
    let options = request.values("connection").join(",").to_ascii_lowercase();
    let says = |option: &str| options.split(',').any(|o| o.trim() == option);
    says("close") || (request.version() == "HTTP/1.0" && !says("keep-alive"))
}

struct Answer<'a> {
    shared: &'a Shared,
    stream: &'a TcpStream,
    is_head: bool,
}

impl Answer<'_> {
    fn perform(
        &mut self,
        behaviour: &Behaviour,
        request: &mut Request,
        reader: &mut Reader,
        served: u32,
    ) -> Done {
        use Behaviour::*;
        match behaviour {
            Ok => self.whole(200, b"ok\n"),
            Unknown => self.whole(404, b"no such behaviour\n"),
            Echo => self.whole(200, &[&request.head[..], &request.body].concat()),
            EchoJson => self.whole(200, json(request).as_bytes()),
            Status(status) => self.status(*status),
            Bytes(bytes) => self.counted(*bytes, *bytes, Next::Request),
            CloseDelimited(bytes) => {
                self.close_delimited(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", *bytes)
            }
            Http10 => self.close_delimited(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n", 1000),
            Chunked(bytes, size) => self.chunked(*bytes, *size, b"0\r\n\r\n", Next::Request),
            Trailers => self.trailers(),
            CutChunked(bytes) => self.chunked(*bytes, u64::MAX, b"", Next::Close),
            CutLength(sent) => self.counted(100_000, *sent, Next::Close),
            ResetMidBody(sent) => {
                self.counted(100_000, *sent, Next::Reset)?;
                self.pause_then(Duration::from_millis(20), Next::Reset)
            }
            ResetBeforeHead => Result::Ok(Next::Reset),
            CloseBeforeHead => Result::Ok(Next::Close),
            CloseAfter => self.whole(200, b"ok\n").map(|_| Next::Close),
            ResetAfter => {
                self.whole(200, b"ok\n")?;
                self.pause_then(Duration::from_millis(20), Next::Reset)
            }
            Once if served > 0 => Result::Ok(Next::Close),
            Once => self.whole(200, b"ok\n"),
            SlowHead(time) => self.slow_head(*time),
            SlowBody(time, bytes) => self.slow_body(*time, *bytes),
            EarlyAnswer => self.whole(200, b"early\n").map(|_| Next::Drain),
            EarlyAnswerClose => self.whole(200, b"early\n").map(|_| Next::Close),
            Continue => {
                self.send(&head(100, &[]))?;
                reader.body(request);
                self.whole(200, &[&request.head[..], &request.body].concat())
            }
            EarlyHints => self.hints(1),
            ManyInterim(count) => self.hints(*count),
            NoContentWithBody => {
                self.sent(&[&head(204, &[&length(5)])[..], b"hello"].concat(), Next::Request)
            }
            NotModified => self.sent(&head(304, &["ETag: \"a\"", &length(1000)]), Next::Request),
            ExtraBytes => self.sent(&[whole(200, b"ok\n"), whole(200, b"poison\n")].concat(), Next::Request),
            Raw(bytes, None, after) => self.sent(bytes, after.next()),
            Raw(bytes, Some(time), after) => self.torn(bytes, *time, after.next()),
            Script(name, after) => self.script(name, *after),
            Held(at, name, after) => self.held(*at, name, *after),
            Upgrade => self.upgrade(request.value("upgrade"), reader),
            UpgradeUnasked => self.upgrade(Some("websocket".to_string()), reader),
            Never => Result::Ok(Next::Drain),
            NoRead => Result::Ok(Next::Park),
            BigHead(bytes) => self.big_head(*bytes),
            ManyFields(count) => self.many_fields(*count),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let mut stream = self.stream;
        stream.write_all(bytes).map_err(|_| Gone)
    }

    fn sent(&mut self, bytes: &[u8], next: Next) -> Done {
        self.send(bytes).map(|()| next)
    }

    fn pause(&self, time: Duration) -> Result<(), Gone> {
        if self.shared.pause(time) { Ok(()) } else { Err(Gone) }
    }

    /// Lets what was sent arrive before what follows overtakes it: a reset may discard bytes on their way.
    fn pause_then(&self, time: Duration, next: Next) -> Done {
        self.pause(time).map(|()| next)
    }

    /// A whole answer, its body left out for HEAD.
    fn whole(&mut self, status: u16, body: &[u8]) -> Done {
        let bytes = whole(status, body);
        let end = if self.is_head { bytes.len() - body.len() } else { bytes.len() };
        self.sent(&bytes[..end], Next::Request)
    }

    fn status(&mut self, status: u16) -> Done {
        match status {
            100..=199 | 204 | 304 => self.sent(&head(status, &[]), Next::Request),
            _ => self.whole(status, format!("{status}\n").as_bytes()),
        }
    }

    /// `sent` of the `bytes` bytes that the head promises.
    fn counted(&mut self, bytes: u64, sent: u64, next: Next) -> Done {
        self.send(&head(200, &["Content-Type: text/plain", &length(bytes)]))?;
        self.blocks(sent)?;
        Ok(next)
    }

    fn blocks(&mut self, bytes: u64) -> Result<(), Gone> {
        for block in reply::blocks(if self.is_head { 0 } else { bytes }) {
            self.send(&block)?;
        }
        Ok(())
    }

    fn close_delimited(&mut self, head: &[u8], bytes: u64) -> Done {
        self.send(head)?;
        self.blocks(bytes)?;
        Ok(Next::Close)
    }

    fn chunked(&mut self, bytes: u64, size: u64, last: &[u8], next: Next) -> Done {
        self.send(&head(200, &["Content-Type: text/plain", "Transfer-Encoding: chunked"]))?;
        if self.is_head {
            return Ok(next);
        }
        let body = reply::pattern(bytes as usize);
        for piece in body.chunks(size.min(bytes).max(1) as usize) {
            self.send(&chunk(piece))?;
        }
        self.sent(last, next)
    }

    fn trailers(&mut self) -> Done {
        self.send(&head(200, &["Trailer: X-Checksum", "Transfer-Encoding: chunked"]))?;
        let body = [&chunk(b"hello")[..], b"0\r\nX-Checksum: 7\r\n\r\n"].concat();
        self.sent(if self.is_head { b"" } else { &body }, Next::Request)
    }

    fn slow_head(&mut self, time: Duration) -> Done {
        let bytes = whole(200, b"slow\n");
        let half = b"HTTP/1.1 200 OK\r\nConte".len();
        self.send(&bytes[..half])?;
        self.pause(time)?;
        let end = if self.is_head { bytes.len() - b"slow\n".len() } else { bytes.len() };
        self.sent(&bytes[half..end], Next::Request)
    }

    fn slow_body(&mut self, time: Duration, bytes: u64) -> Done {
        self.send(&head(200, &[&length(bytes)]))?;
        let body = reply::pattern(if self.is_head { 0 } else { bytes as usize });
        for byte in body.chunks(1) {
            self.pause(time)?;
            self.send(byte)?;
        }
        Ok(Next::Request)
    }

    fn hints(&mut self, count: u64) -> Done {
        for number in 0..count {
            self.send(&head(103, &[&format!("Link: </style-{number}.css>; rel=preload")]))?;
        }
        self.whole(200, b"ok\n")
    }

    fn torn(&mut self, bytes: &[u8], time: Duration, next: Next) -> Done {
        for byte in bytes.chunks(1) {
            self.send(byte)?;
            self.pause(time)?;
        }
        Ok(next)
    }

    fn script(&mut self, name: &str, after: After) -> Done {
        let bytes = self.shared.lock().scripts.get(name).cloned();
        match bytes {
            Some(bytes) => {
                self.send(&bytes)?;
                let time = if after == After::Reset { 20 } else { 0 };
                self.pause_then(Duration::from_millis(time), after.next())
            }
            None => self.whole(404, b"no such script\n"),
        }
    }

    fn held(&mut self, at: usize, name: &str, after: After) -> Done {
        let Some(bytes) = self.shared.lock().scripts.get(name).cloned() else {
            return self.whole(404, b"no such script\n");
        };
        let (first, rest) = bytes.split_at(at.min(bytes.len()));
        self.send(first)?;
        if !self.shared.hold() {
            return Err(Gone);
        }
        self.sent(rest, after.next())
    }

    /// 101, then every byte comes back until the peer's FIN, which is answered by ours.
    fn upgrade(&mut self, protocol: Option<String>, reader: &mut Reader) -> Done {
        let Some(protocol) = protocol else {
            return self.whole(426, b"upgrade to what?\n").map(|_| Next::Close);
        };
        self.send(&head(101, &["Connection: Upgrade", &format!("Upgrade: {protocol}")]))?;
        while let Some(bytes) = reader.bytes() {
            self.send(&bytes)?;
        }
        // The peer may have closed both ways already.
        drop(self.stream.shutdown(Shutdown::Write));
        Err(Gone)
    }

    fn big_head(&mut self, bytes: u64) -> Done {
        let filler = format!("X-Filler: {}", "a".repeat(bytes as usize));
        self.sent(&head(200, &[&filler, &length(0)]), Next::Request)
    }

    fn many_fields(&mut self, count: u64) -> Done {
        let mut fields: Vec<String> =
            (0..count).map(|number| format!("X-Field-{number}: {number}")).collect();
        fields.push(length(0));
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        self.sent(&head(200, &fields), Next::Request)
    }
}

impl After {
    fn next(self) -> Next {
        match self {
            After::Keep => Next::Request,
            After::Close => Next::Close,
            After::Reset => Next::Reset,
        }
    }
}

fn json(request: &Request) -> String {
    serde_json::json!({
        "method": request.method(),
        "target": request.target(),
        "version": request.version(),
        "fields": request.fields(),
        "body": String::from_utf8_lossy(&request.body),
        "trailers": String::from_utf8_lossy(&request.trailers),
    })
    .to_string()
}
