//! Replies read as strictly as the RFC is written: whatever the gateway sends that has two readings fails the test.

use super::client::{Client, End};

/// How a reply's body was delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimited {
    /// It has none, whatever its fields say.
    Nothing,
    Length,
    Chunks,
    Close,
}

/// Whether a reply is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    Yes,
    /// The connection was closed before its end.
    Cut,
    /// The connection was reset before its end.
    Reset,
}

/// One final reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The heads of the interim replies before it.
    pub interim: Vec<String>,
    /// Its head, without the empty line.
    pub head: String,
    pub status: u16,
    pub body: Vec<u8>,
    /// Trailer lines.
    pub trailers: Vec<String>,
    pub delimited: Delimited,
    pub whole: Whole,
}

impl Reply {
    /// The values of a field, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.head, name)
    }

    /// The first value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// Whether the gateway says that it closes the connection.
    pub fn says_close(&self) -> bool {
        self.values("connection").iter().any(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The gateway's reason, where it answers by itself.
    pub fn reason(&self) -> String {
        self.member("reason")
    }

    /// The detail of the reason.
    pub fn detail(&self) -> String {
        self.member("detail")
    }

    fn member(&self, name: &str) -> String {
        let tree: Result<serde_json::Value, _> = serde_json::from_slice(&self.body);
        tree.ok().and_then(|tree| tree[name].as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Asserts that it is whole, with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!((self.status, self.whole), (status, Whole::Yes), "{} {}", self.head, self.text());
        self
    }
}

fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// Reads one reply to a request with `method`.
pub fn read(client: &mut Client, method: &str) -> Reply {
    let mut interim = Vec::new();
    let (head, status) = loop {
        let head = head(client);
        let status = status(&head);
        match status {
            100 | 102..=199 => interim.push(head),
            _ => break (head, status),
        }
    };
    let coding = values(&head, "transfer-encoding");
    let length = values(&head, "content-length");
    assert!(coding.is_empty() || length.is_empty(), "a length and a coding: {head}");
    assert!(length.len() < 2 && coding.len() < 2, "framing twice: {head}");
    let mut reply = Reply {
        interim,
        status,
        body: Vec::new(),
        trailers: Vec::new(),
        delimited: Delimited::Close,
        whole: Whole::Yes,
        head: String::new(),
    };
    let length = length.first().map(|digits| digits.parse::<usize>().expect("a length is a number"));
    reply.delimited = match (length, coding.first()) {
        _ if method == "HEAD" || matches!(status, 101 | 204 | 304) => Delimited::Nothing,
        (Some(_), _) => Delimited::Length,
        (_, Some(coding)) => {
            assert_eq!(*coding, "chunked", "{head}");
            Delimited::Chunks
        }
        (None, None) => Delimited::Close,
    };
    match reply.delimited {
        Delimited::Nothing => {}
        Delimited::Length => counted(client, length.unwrap_or(0), &mut reply),
        Delimited::Chunks => chunks(client, &mut reply),
        Delimited::Close => {
            let (rest, end) = client.rest();
            reply.body = rest;
            reply.whole = if end == End::Fin { Whole::Yes } else { Whole::Reset };
        }
    }
    reply.head = head;
    reply
}

/// The next head, without its empty line.
fn head(client: &mut Client) -> String {
    let at = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n");
    client.read_until(|bytes| at(bytes).is_some());
    let Some(end) = at(client.ahead()) else {
        let came = String::from_utf8_lossy(client.ahead()).into_owned();
        panic!("the connection ended ({:?}) instead of a reply; {came:?} came", client.how_it_ended());
    };
    let mut head = client.take(end + 4);
    head.truncate(end);
    let head = String::from_utf8(head).expect("a head is text");
    for line in head.split("\r\n").skip(1) {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(is_token), "no name: {line:?}");
        assert!(!value.bytes().any(|byte| byte < 0x20 && byte != b'\t'), "no value: {line:?}");
    }
    head
}

/// The status of `HTTP/1.1 NNN reason`.
fn status(head: &str) -> u16 {
    let line = head.split("\r\n").next().unwrap_or_default();
    let rest = line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("no status line: {line:?}"));
    let (digits, _) = rest.split_once(' ').unwrap_or_else(|| panic!("no space behind the status: {line:?}"));
    assert_eq!(digits.len(), 3, "{line:?}");
    digits.parse().expect("a status is a number")
}

fn cut(client: &Client) -> Whole {
    if client.how_it_ended() == Some(End::Reset) { Whole::Reset } else { Whole::Cut }
}

fn counted(client: &mut Client, length: usize, reply: &mut Reply) {
    client.read_until(|bytes| bytes.len() >= length);
    let come = client.ahead().len().min(length);
    reply.body.extend(client.take(come));
    if come < length {
        reply.whole = cut(client);
    }
}

/// A line with its CRLF, without it; none when the connection ends before.
fn line(client: &mut Client) -> Option<String> {
    let at = |bytes: &[u8]| bytes.windows(2).position(|two| two == b"\r\n");
    client.read_until(|bytes| at(bytes).is_some());
    let end = at(client.ahead())?;
    let mut line = client.take(end + 2);
    line.truncate(end);
    Some(String::from_utf8(line).expect("a line of chunk framing is text"))
}

fn chunks(client: &mut Client, reply: &mut Reply) {
    loop {
        let Some(size) = line(client) else {
            reply.whole = cut(client);
            return;
        };
        let hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(hex, "a gateway sends chunk sizes without anything behind them: {size:?}");
        let size = usize::from_str_radix(&size, 16).expect("a size is a number");
        if size == 0 {
            break;
        }
        counted(client, size, reply);
        if reply.whole != Whole::Yes {
            return;
        }
        match line(client) {
            Some(end) => assert_eq!(end, "", "what ends a chunk"),
            None => {
                reply.whole = cut(client);
                return;
            }
        }
    }
    loop {
        match line(client) {
            Some(end) if end.is_empty() => return,
            Some(trailer) => reply.trailers.push(trailer),
            None => {
                reply.whole = cut(client);
                return;
            }
        }
    }
}
