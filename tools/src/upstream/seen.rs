//! What reached the origin: bytes as they came, and the requests read out of them.

/// How a request's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// All of it came, or there was none to come.
    Complete,
    /// It is still coming, or the origin chose not to read it.
    Unread,
    /// The peer closed or reset in the middle.
    Cut,
    /// Its framing is wrong.
    Broken(&'static str),
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// The peer closed it.
    PeerClosed,
    /// The peer reset it.
    PeerReset,
    /// The origin closed it.
    Closed,
    /// The origin reset it.
    Reset,
}

/// One connection.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Every byte read, exactly as it came.
    pub bytes: Vec<u8>,
    /// The requests on it, in order. One stands here from the moment its head is complete.
    pub requests: Vec<Request>,
    /// How it ended; none while it is open.
    pub end: Option<ConnectionEnd>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The head exactly as it came, with its empty line.
    pub head: Vec<u8>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The trailer section of a chunked body exactly as it came, without its empty line.
    pub trailers: Vec<u8>,
    /// How the body ended.
    pub end: BodyEnd,
}

impl Request {
    /// A request whose body has yet to come.
    pub(super) fn new(head: Vec<u8>) -> Request {
        Request { head, body: Vec::new(), trailers: Vec::new(), end: BodyEnd::Unread }
    }

    /// The head as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// The request line, without its end.
    pub fn line(&self) -> &str {
        let line = self.head.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or_default();
        std::str::from_utf8(line).unwrap_or_default()
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.line().split(' ').next().unwrap_or_default()
    }

    /// The request target.
    pub fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    /// The version as written: `HTTP/1.1`.
    pub fn version(&self) -> &str {
        self.line().split(' ').nth(2).unwrap_or_default()
    }

    /// All fields in order, names as written, values trimmed.
    pub fn fields(&self) -> Vec<(String, String)> {
        let text = self.text();
        let lines = text.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name.to_string(), value.trim().to_string())).collect()
    }

    /// The values of the field `name`, in order; its case does not matter.
    pub fn values(&self, name: &str) -> Vec<String> {
        let own = self.fields().into_iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value).collect()
    }

    /// The first value of the field `name`.
    pub fn value(&self, name: &str) -> Option<String> {
        self.values(name).into_iter().next()
    }
}
