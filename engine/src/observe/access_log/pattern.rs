//! Lines by pattern: literal text with `%{name}` for values. Compiled to a list of pieces when a table is built;
//! `combined` is one of these patterns. Values that are absent are `-`, values of unknown bytes are escaped as
//! nginx does, and outside quotes a space in them is escaped too, so that no value looks like two.

use super::escape::{Place, put_text};
use super::stamp::LineState;
use super::value::{put_client, put_client_ip, put_number};
use crate::observe::Record;

/// Literals and values, in order.
#[derive(Debug, Clone)]
pub struct Pattern(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Literal(Box<[u8]>),
    Value(Name, Place),
}

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        /// What `%{...}` may name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Name {
            $($name,)*
        }

        impl Name {
            const ALL: &'static [(&'static str, Name)] = &[$(($text, Name::$name),)*];
        }
    };
}

names! {
    Time = "time",
    TimeLocal = "time_local",
    TimeUnixMs = "time_unix_ms",
    Shard = "shard",
    Generation = "generation",
    Listener = "listener",
    Client = "client",
    ClientIp = "client_ip",
    Request = "request",
    Method = "method",
    Host = "host",
    Path = "path",
    Version = "version",
    Route = "route",
    Upstream = "upstream",
    Endpoint = "endpoint",
    Status = "status",
    Reason = "reason",
    Detail = "detail",
    BytesIn = "bytes_in",
    BytesOut = "bytes_out",
    RequestId = "request_id",
    UserAgent = "user_agent",
    Referer = "referer",
    Tries = "tries",
    Reused = "reused",
    TotalUs = "total_us",
    FirstByteUs = "first_byte_us",
    UpstreamUs = "upstream_us",
    OverheadUs = "overhead_us",
    Tunnel = "tunnel",
    Consumer = "consumer",
    User = "user",
    Policy = "policy",
    Shadow = "shadow",
}

/// Compiles a pattern. *Errors*: the offset of what is wrong, in bytes, and what would be right.
pub fn compile(text: &str) -> Result<Pattern, (usize, String)> {
    let mut pieces = Pieces::default();
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        pieces.literal(&rest[..percent]);
        let at = text.len() - rest.len() + percent;
        let after = &rest[percent + 1..];
        if let Some(after) = after.strip_prefix('%') {
            pieces.literal("%");
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let Some(end) = after.find('}') else {
                return Err((at, "`%{` is not closed: write `%{name}`".into()));
            };
            let name = named(&after[..end]).map_err(|message| (at + 2, message))?;
            pieces.value(name);
            rest = &after[end + 1..];
        } else {
            return Err((
                at,
                "`%` stands alone: write `%{name}` for a value, `%%` for a percent sign".into(),
            ));
        }
    }
    pieces.literal(rest);
    if let Some(at) = text.find(|c: char| c.is_control() && c != '\t') {
        return Err((at, "a pattern is one line, without control characters".into()));
    }
    pieces.done().ok_or_else(|| (0, no_value(text)))
}

fn named(text: &str) -> Result<Name, String> {
    if let Some((_, name)) = Name::ALL.iter().find(|(known, _)| *known == text) {
        return Ok(*name);
    }
    let known: Vec<_> = Name::ALL.iter().map(|(name, _)| *name).collect();
    let hint = nearest(text, &known).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    Err(format!("unknown value `{text}`; {hint}known are {}", known.join(", ")))
}

fn no_value(text: &str) -> String {
    let hint = nearest(text, &["json", "combined"]).map(|name| format!("; did you mean `{name}`?"));
    let hint = hint.unwrap_or_default();
    format!("a format is `json`, `combined` or a pattern that names a value, such as `%{{path}}`{hint}")
}

/// The known name with the fewest edits from `text`, if they are few for its length.
fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let most = text.chars().count().div_ceil(3);
    known
        .iter()
        .map(|name| (edits(text, name), *name))
        .filter(|(n, _)| *n <= most)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance: characters put in, taken out or exchanged to make `b` of `a`.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.chars().enumerate() {
            let exchanged = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

/// The pieces so far. Literals that follow each other become one; quotes are counted, since they decide how a
/// value is escaped.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    literal: Vec<u8>,
    quoted: bool,
}

impl Pieces {
    fn literal(&mut self, text: &str) {
        self.literal.extend_from_slice(text.as_bytes());
        self.quoted ^= text.matches('"').count() % 2 == 1;
    }

    fn value(&mut self, name: Name) {
        self.end_literal();
        self.done.push(Piece::Value(name, if self.quoted { Place::Quoted } else { Place::Bare }));
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            self.done.push(Piece::Literal(std::mem::take(&mut self.literal).into()));
        }
    }

    /// The pattern, or `None` if it names no value.
    fn done(mut self) -> Option<Pattern> {
        self.end_literal();
        let names_one = self.done.iter().any(|piece| matches!(piece, Piece::Value(..)));
        names_one.then_some(Pattern(self.done))
    }
}

impl Pattern {
    /// Appends the line, without a line feed.
    pub fn write(&self, record: &Record<'_>, state: &mut LineState, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Value(name, place) => put(*name, *place, record, state, out),
            }
        }
    }
}

fn put(name: Name, place: Place, record: &Record<'_>, state: &mut LineState, out: &mut Vec<u8>) {
    match name {
        Name::Time => state.put_iso(record.at_unix_ms, out),
        Name::TimeLocal => state.put_local(record.at_unix_ms, out),
        Name::TimeUnixMs => put_number(record.at_unix_ms, out),
        Name::Shard => put_number(record.shard, out),
        Name::Generation => put_number(record.generation, out),
        Name::Listener => put_or_dash(record.listener.as_bytes(), place, out),
        Name::Client => put_client(record.client, out),
        Name::ClientIp => put_client_ip(record.client_ip, out),
        Name::Request => put_request(record, place, out),
        Name::Method => put_or_dash(record.method, place, out),
        Name::Host => put_or_dash(record.host, place, out),
        Name::Path => put_or_dash(record.path, place, out),
        Name::Version => out.extend_from_slice(version(record)),
        Name::Route => put_or_dash(record.route.unwrap_or_default().as_bytes(), place, out),
        Name::Upstream => put_or_dash(record.upstream.unwrap_or_default().as_bytes(), place, out),
        Name::Endpoint => put_or_dash(record.endpoint.unwrap_or_default().as_bytes(), place, out),
        // Three digits even when none was sent, since readers of `combined` count on three.
        Name::Status if record.status == 0 => out.extend_from_slice(b"000"),
        Name::Status => put_number(record.status, out),
        Name::Reason => out.extend_from_slice(record.reason.as_str().as_bytes()),
        Name::Detail => put_or_dash(record.reason.detail().as_bytes(), place, out),
        Name::BytesIn => put_number(record.bytes_in, out),
        Name::BytesOut => put_number(record.bytes_out, out),
        Name::RequestId => put_or_dash(record.request_id, place, out),
        Name::UserAgent => put_or_dash(record.user_agent, place, out),
        Name::Referer => put_or_dash(record.referer, place, out),
        Name::Tries => put_number(record.tries, out),
        Name::Reused => put_flag(record.reused, out),
        Name::TotalUs => put_number(record.total_us, out),
        Name::FirstByteUs => put_number(record.first_byte_us, out),
        Name::UpstreamUs => put_number(record.upstream_us, out),
        // What was not the upstream's; where it was not asked, all of it.
        Name::OverheadUs => put_number(record.total_us.saturating_sub(record.upstream_us), out),
        Name::Tunnel => put_flag(record.tunnel, out),
        Name::Consumer => put_or_dash(record.consumer.unwrap_or_default().as_bytes(), place, out),
        Name::User => put_or_dash(record.user, place, out),
        Name::Policy => put_or_dash(record.policy.unwrap_or_default().as_bytes(), place, out),
        Name::Shadow => put_or_dash(record.shadow, place, out),
    }
}

fn put_or_dash(value: &[u8], place: Place, out: &mut Vec<u8>) {
    put_text(if value.is_empty() { b"-" } else { value }, place, out);
}

fn put_flag(is_so: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if is_so { b"true" } else { b"false" });
}

/// The request line; `-` when no line was parsed.
fn put_request(record: &Record<'_>, place: Place, out: &mut Vec<u8>) {
    if record.method.is_empty() {
        return put_or_dash(b"", place, out);
    }
    let space: &[u8] = if place == Place::Quoted { b" " } else { b"\\x20" };
    put_text(record.method, place, out);
    out.extend_from_slice(space);
    put_or_dash(record.path, place, out);
    out.extend_from_slice(space);
    out.extend_from_slice(version(record));
}

fn version(record: &Record<'_>) -> &'static [u8] {
    record.version.name().as_bytes()
}
