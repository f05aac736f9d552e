//! Finds the end of an answer in a stream of bytes (RFC 9112 §6.3). It checks what a comparison needs: a 2xx status,
//! framing that adds up, no bytes behind the end. It keeps no body.

/// Bytes of a head or a chunk line at most.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How far the bytes given so far have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More must come.
    More,
    /// The answer is complete.
    Done(Verdict),
    /// These are not the bytes of one answer.
    Malformed,
}

/// What a complete answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Its status is 2xx.
    pub is_success: bool,
    /// The connection may carry another request.
    pub keeps_alive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Counted(u64),
    /// In a chunk's size line.
    Size,
    /// In a chunk, with as many bytes to come, its CRLF counted.
    Chunk(u64),
    /// Behind the last chunk.
    Trailers,
    ToEnd,
}

/// Reads answers one after the other.
#[derive(Debug)]
pub struct Answer {
    state: State,
    /// What was read of a head or a line that is not complete.
    line: Vec<u8>,
    verdict: Verdict,
    has_body: bool,
}

impl Answer {
    /// Reads answers to requests of `method`.
    pub fn new(method: &str) -> Answer {
        let verdict = Verdict { is_success: false, keeps_alive: true };
        Answer { state: State::Head, line: Vec::new(), verdict, has_body: method != "HEAD" }
    }

    /// Forgets what was read, for a new connection.
    pub fn clear(&mut self) {
        self.state = State::Head;
        self.line.clear();
    }

    /// Takes the next bytes of the connection.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Progress {
        while !bytes.is_empty() {
            let step = match self.state {
                State::Head => self.head(&mut bytes),
                State::Counted(left) => self.counted(&mut bytes, left),
                State::Size => self.size(&mut bytes),
                State::Chunk(left) => self.chunk(&mut bytes, left),
                State::Trailers => self.trailers(&mut bytes),
                State::ToEnd => return Progress::More,
            };
            match step {
                Progress::More => {}
                // No request is sent ahead, so nothing may follow an answer.
                Progress::Done(_) if !bytes.is_empty() => return Progress::Malformed,
                end => return end,
            }
        }
        Progress::More
    }

    /// The connection ended: right only for a body that ends with it.
    pub fn end(&mut self) -> Progress {
        match self.state {
            State::ToEnd => {
                self.verdict.keeps_alive = false;
                self.done()
            }
            _ => Progress::Malformed,
        }
    }

    fn done(&mut self) -> Progress {
        self.clear();
        Progress::Done(self.verdict)
    }

    /// Moves bytes up to and with `end` into `line`; true when they are all there.
    fn take_until(&mut self, bytes: &mut &[u8], end: &[u8]) -> Option<bool> {
        let held = self.line.len();
        let from = held.saturating_sub(end.len() - 1);
        self.line.extend_from_slice(bytes);
        match self.line[from..].windows(end.len()).position(|w| w == end) {
            Some(at) => {
                let whole = from + at + end.len();
                *bytes = &bytes[whole - held..];
                self.line.truncate(whole);
                Some(true)
            }
            None => {
                *bytes = &[];
                (self.line.len() <= LINE_BYTES_MAX).then_some(false)
            }
        }
    }

    fn head(&mut self, bytes: &mut &[u8]) -> Progress {
        match self.take_until(bytes, b"\r\n\r\n") {
            Some(true) => {}
            Some(false) => return Progress::More,
            None => return Progress::Malformed,
        }
        let Some(head) = Head::read(&self.line) else { return Progress::Malformed };
        self.line.clear();
        if (100..200).contains(&head.status) {
            return if head.status == 101 { Progress::Malformed } else { Progress::More };
        }
        self.verdict =
            Verdict { is_success: (200..300).contains(&head.status), keeps_alive: head.keeps_alive };
        if !self.has_body || head.status == 204 || head.status == 304 {
            return self.done();
        }
        self.state = match (head.is_chunked, head.length) {
            (true, _) => State::Size,
            (false, Some(0)) => return self.done(),
            (false, Some(length)) => State::Counted(length),
            (false, None) => State::ToEnd,
        };
        Progress::More
    }

    fn counted(&mut self, bytes: &mut &[u8], left: u64) -> Progress {
        let count = left.min(bytes.len() as u64);
        *bytes = &bytes[count as usize..];
        self.state = State::Counted(left - count);
        if left == count { self.done() } else { Progress::More }
    }

    fn size(&mut self, bytes: &mut &[u8]) -> Progress {
        match self.take_until(bytes, b"\r\n") {
            Some(true) => {}
            Some(false) => return Progress::More,
            None => return Progress::Malformed,
        }
        let line = std::str::from_utf8(&self.line).unwrap_or_default();
        let digits = line.split(';').next().unwrap_or_default().trim();
        let Ok(size) = u64::from_str_radix(digits, 16) else { return Progress::Malformed };
        self.line.clear();
        self.state = if size == 0 { State::Trailers } else { State::Chunk(size.saturating_add(2)) };
        Progress::More
    }

    fn chunk(&mut self, bytes: &mut &[u8], left: u64) -> Progress {
        let count = left.min(bytes.len() as u64);
        *bytes = &bytes[count as usize..];
        self.state = if left == count { State::Size } else { State::Chunk(left - count) };
        Progress::More
    }

    fn trailers(&mut self, bytes: &mut &[u8]) -> Progress {
        match self.take_until(bytes, b"\r\n") {
            Some(true) if self.line == b"\r\n" => self.done(),
            Some(true) => {
                self.line.clear();
                Progress::More
            }
            Some(false) => Progress::More,
            None => Progress::Malformed,
        }
    }
}

struct Head {
    status: u16,
    length: Option<u64>,
    is_chunked: bool,
    keeps_alive: bool,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Head> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let version = words.next().filter(|v| v.starts_with("HTTP/1."))?;
        let status = words.next()?.parse().ok()?;
        let mut head = Head { status, length: None, is_chunked: false, keeps_alive: version == "HTTP/1.1" };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                head.length = Some(value.parse().ok()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.is_chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                head.keeps_alive = !value.eq_ignore_ascii_case("close");
            }
        }
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Progress = Progress::Done(Verdict { is_success: true, keeps_alive: true });
    const LAST: Progress = Progress::Done(Verdict { is_success: true, keeps_alive: false });
    const BAD_STATUS: Progress = Progress::Done(Verdict { is_success: false, keeps_alive: true });

    /// Feeds `bytes` whole, and torn at every byte boundary.
    fn check(bytes: &str, expected: Progress) {
        assert_eq!(Answer::new("GET").feed(bytes.as_bytes()), expected, "{bytes:?}");
        for at in 0..bytes.len() {
            let mut answer = Answer::new("GET");
            let (first, second) = bytes.as_bytes().split_at(at);
            let found = match answer.feed(first) {
                Progress::More => answer.feed(second),
                early => early,
            };
            let is_early = matches!(expected, Progress::Malformed) && matches!(found, Progress::Done(_));
            assert!(found == expected || is_early, "{bytes:?} torn at {at}: {found:?}");
        }
    }

    #[test]
    fn an_answer_ends_where_its_framing_says() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", GOOD);
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", Progress::More);
        check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: close\r\n\r\n", LAST);
        check("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", LAST);
        check("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", GOOD);
        check("HTTP/1.1 204 No Content\r\n\r\n", GOOD);
        check("HTTP/1.1 503 No\r\nContent-Length: 1\r\n\r\nx", BAD_STATUS);
        check("HTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", GOOD);
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{chunked}0\r\n\r\n"), GOOD);
        check(&format!("{chunked}a;x=1\r\n0123456789\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n"), GOOD);
        check(&format!("{chunked}1\r\nx\r\n0\r\n"), Progress::More);
    }

    #[test]
    fn bytes_that_do_not_add_up_are_malformed() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", Progress::Malformed);
        check("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Progress::Malformed);
        check("HTTP/2 200 OK\r\n\r\n", Progress::Malformed);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", Progress::Malformed);
    }

    #[test]
    fn a_body_without_length_ends_with_the_connection() {
        let mut answer = Answer::new("GET");
        assert_eq!(answer.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), Progress::More);
        assert_eq!(answer.end(), LAST);
        assert_eq!(answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), Progress::More);
        assert_eq!(answer.end(), Progress::Malformed);
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let mut answer = Answer::new("HEAD");
        assert_eq!(answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), GOOD);
    }
}
