//! The one message form: a head is the bytes as they came and [`Lines`], ranges into them. [`Head`] is the view of
//! both that every room reads. It never changes after the parse; `http1::request::parse` and `http1::reply::parse`
//! fill the lines, a connection keeps them, so that a warm parse allocates nothing.

use super::field::{Field, FieldSet};
use super::method::Method;
use super::uri::Authority;

/// A range of the head's bytes.
#[derive(Copy, Clone, Default, PartialEq, Eq, Debug)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Bytes.
    pub len: u32,
}

impl Span {
    /// The range of `part` in `whole`, of which it is a part.
    #[inline]
    pub(crate) fn within(whole: &[u8], part: &[u8]) -> Span {
        let start = part.as_ptr() as usize - whole.as_ptr() as usize;
        debug_assert!(start + part.len() <= whole.len(), "a span lies within its bytes");
        Span { start: start as u32, len: part.len() as u32 }
    }

    /// The bytes of this range.
    #[inline]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end()]
    }

    /// One past the last byte.
    #[inline]
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }
}

/// One field line.
#[derive(Copy, Clone, Debug)]
pub struct Line {
    /// Its name, if well known.
    pub field: Field,
    /// The name as received.
    pub name: Span,
    /// The value without surrounding whitespace.
    pub value: Span,
}

/// The version a message claims, or came by. Nothing else passes the parsers.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2, laid into the form of an HTTP/1.1 head.
    Http2,
}

impl Version {
    /// As a start line spells it, and logs.
    pub fn name(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2.0",
        }
    }
}

/// The four forms of a request target (RFC 9112 §3.2).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `host:port`, with CONNECT only.
    Authority,
    /// `*`, with OPTIONS only; or an absolute-form without path and query, which stands for it (RFC 9112 §3.2.4).
    Asterisk,
}

/// What the start line says. Of a request the first group, of a reply the second.
#[derive(Copy, Clone, Default, Debug)]
pub(crate) struct Start {
    pub method: Method,
    pub form: Form,
    pub method_bytes: Span,
    pub target: Span,
    pub path: Span,
    pub query: Option<Span>,
    /// The effective host: the target's authority in absolute-form, else the Host field's value.
    pub host: Span,

    pub status: u16,
    pub reason: Span,

    pub version: Version,
    /// Bytes of the head with the empty lines before it and the one behind it.
    pub head_len: u32,
    /// Empty lines before the start line, in bytes.
    pub skipped: u32,
}

/// Fields that heads of browsers do not exceed; a line is 20 bytes.
const FIELDS_USUAL: usize = 32;

/// Where the parts of a head are. Scratch that a connection keeps; clearing it costs a few stores.
#[derive(Debug)]
pub struct Lines {
    pub(crate) start: Start,
    list: Vec<Line>,
    /// Fields that occur, and those that occur more than once.
    seen: FieldSet,
    repeated: FieldSet,
    /// Index of a field's first line; valid only for fields in `seen`, so that it need not be cleared.
    first: [u16; Field::COUNT],
}

impl Default for Lines {
    fn default() -> Self {
        Lines::new()
    }
}

impl Lines {
    /// No lines. Allocates at the first parse and never gives back.
    pub fn new() -> Lines {
        Lines {
            start: Start::default(),
            list: Vec::new(),
            seen: FieldSet::EMPTY,
            repeated: FieldSet::EMPTY,
            first: [0; Field::COUNT],
        }
    }

    /// Forgets the last head.
    pub fn clear(&mut self) {
        self.start = Start::default();
        self.list.clear();
        self.seen = FieldSet::EMPTY;
        self.repeated = FieldSet::EMPTY;
    }

    /// Appends the lines of a message, in order. Room for a usual head is made at once: scratch that has only seen
    /// a small reply shall not grow when a request gets it next.
    #[inline]
    pub(crate) fn extend(&mut self, lines: impl ExactSizeIterator<Item = Line>) {
        let start = self.list.len();
        self.list.reserve(lines.len().max(FIELDS_USUAL));
        self.list.extend(lines);
        for (index, line) in self.list.iter().enumerate().skip(start) {
            if self.seen.contains(line.field) {
                self.repeated.insert(line.field);
            } else {
                self.seen.insert(line.field);
                self.first[line.field.index()] = index as u16;
            }
        }
    }

    /// The head just parsed is one that HTTP/2 brought.
    pub fn came_by_http2(&mut self) {
        self.start.version = Version::Http2;
    }

    /// The fields that occur.
    #[inline]
    pub fn seen(&self) -> FieldSet {
        self.seen
    }

    /// The fields that occur more than once.
    #[inline]
    pub fn repeated(&self) -> FieldSet {
        self.repeated
    }

    /// The value of the first line of `field`.
    #[inline]
    pub(crate) fn first(&self, field: Field) -> Option<Span> {
        self.seen.contains(field).then(|| self.list[self.first[field.index()] as usize].value)
    }

    /// The lines in order.
    #[inline]
    pub fn list(&self) -> &[Line] {
        &self.list
    }
}

/// A parsed head, borrowed: the bytes it was parsed from and where its parts are.
#[derive(Copy, Clone, Debug)]
pub struct Head<'a> {
    bytes: &'a [u8],
    lines: &'a Lines,
}

impl<'a> Head<'a> {
    /// The head that a parse of `bytes` left in `lines`. `bytes` may have grown at its end since.
    #[inline]
    pub fn new(bytes: &'a [u8], lines: &'a Lines) -> Head<'a> {
        debug_assert!(lines.start.head_len as usize <= bytes.len(), "lines belong to these bytes");
        Head { bytes, lines }
    }

    /// The request's method; [`Method::Other`] for a reply.
    #[inline]
    pub fn method(self) -> Method {
        self.lines.start.method
    }

    /// The method as received.
    pub fn method_bytes(self) -> &'a [u8] {
        self.lines.start.method_bytes.of(self.bytes)
    }

    /// The request target as received.
    pub fn target(self) -> &'a [u8] {
        self.lines.start.target.of(self.bytes)
    }

    /// The form of the target.
    pub fn form(self) -> Form {
        self.lines.start.form
    }

    /// The path of the target as received, without query. `/` for an absolute-form without path, `*` for
    /// asterisk-form, empty for authority-form.
    pub fn path(self) -> &'a [u8] {
        match self.lines.start.path.of(self.bytes) {
            b"" => match self.form() {
                Form::Absolute => b"/",
                Form::Asterisk => b"*",
                Form::Origin | Form::Authority => b"",
            },
            path => path,
        }
    }

    /// What follows the first `?` of the target, if there is one.
    pub fn query(self) -> Option<&'a [u8]> {
        self.lines.start.query.map(|query| query.of(self.bytes))
    }

    /// The effective host with port, as sent: the target's authority in absolute- and authority-form, else the
    /// Host field (RFC 9112 §3.2.2). Valid by grammar; empty only where HTTP/1.0 left it out.
    pub fn host(self) -> &'a [u8] {
        self.lines.start.host.of(self.bytes)
    }

    /// The effective host, split. None only where HTTP/1.0 left it out.
    pub fn authority(self) -> Option<Authority<'a>> {
        Authority::parse(self.host())
    }

    /// The reply's status; 0 for a request.
    #[inline]
    pub fn status(self) -> u16 {
        self.lines.start.status
    }

    /// The reason phrase as received, often empty.
    pub fn reason(self) -> &'a [u8] {
        self.lines.start.reason.of(self.bytes)
    }

    /// The version of the message.
    #[inline]
    pub fn version(self) -> Version {
        self.lines.start.version
    }

    /// The value of the first line of `field`. For [`Field::OTHER`], of the first unknown name.
    #[inline]
    pub fn field(self, field: Field) -> Option<&'a [u8]> {
        self.lines.first(field).map(|value| value.of(self.bytes))
    }

    /// The values of all lines of `field`, in order.
    pub fn all(self, field: Field) -> impl Iterator<Item = &'a [u8]> + Clone {
        let lines = match self.lines.seen.contains(field) {
            true => &self.lines.list[self.lines.first[field.index()] as usize..],
            false => &[],
        };
        lines.iter().filter(move |line| line.field == field).map(move |line| line.value.of(self.bytes))
    }

    /// Whether `field` occurs.
    #[inline]
    pub fn has(self, field: Field) -> bool {
        self.lines.seen.contains(field)
    }

    /// Whether `field` occurs more than once.
    #[inline]
    pub fn repeats(self, field: Field) -> bool {
        self.lines.repeated.contains(field)
    }

    /// The first value of a field by any name, without case. An unknown name costs a walk over the lines.
    pub fn named(self, name: &[u8]) -> Option<&'a [u8]> {
        match Field::of(name) {
            Field::OTHER => self.all_other(name).next(),
            field => self.field(field),
        }
    }

    /// All values of a field by any name, without case, in order.
    pub fn all_named<'n>(self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let field = Field::of(name);
        let known = (field != Field::OTHER).then(|| self.all(field));
        let other = (field == Field::OTHER).then(|| self.all_other(name));
        known.into_iter().flatten().chain(other.into_iter().flatten())
    }

    fn all_other<'n>(self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.lines()
            .filter(move |(field, other, _)| *field == Field::OTHER && other.eq_ignore_ascii_case(name))
            .map(|(_, _, value)| value)
    }

    /// All field lines in order: field, name as received, value.
    pub fn lines(self) -> impl Iterator<Item = (Field, &'a [u8], &'a [u8])> + Clone {
        let bytes = self.bytes;
        self.lines.list.iter().map(move |line| (line.field, line.name.of(bytes), line.value.of(bytes)))
    }

    /// The fields that occur.
    #[inline]
    pub fn seen(self) -> FieldSet {
        self.lines.seen
    }

    /// Number of field lines.
    pub fn field_count(self) -> usize {
        self.lines.list.len()
    }

    /// Bytes of the head, with the empty lines before and behind it: where the body begins.
    #[inline]
    pub fn head_len(self) -> usize {
        self.lines.start.head_len as usize
    }

    /// The bytes the head was parsed from, and whatever follows.
    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Where the parts are.
    #[inline]
    pub(crate) fn parts(self) -> &'a Lines {
        self.lines
    }
}
