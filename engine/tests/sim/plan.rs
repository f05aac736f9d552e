//! What happens in a run: the network, the configuration, who asks what in which manner, and how origins act on
//! it. `draw` makes one from a seed; regressions write theirs down.

use ringgate::net::sim::Weather;
use std::net::SocketAddr;
use std::time::Duration;

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

/// How a request's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Nothing,
    Exact,
    Chunked,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Ask {
    pub id: u32,
    pub method: &'static str,
    pub upstream: usize,
    pub act: Act,
    pub sent: Sent,
    /// Bytes of its body; of a tunnel, bytes said in it.
    pub body: usize,
    /// Whether it sends the second half of its body a second after the first.
    pub halts: bool,
    /// Bytes of the reply's body.
    pub reply: usize,
    /// Whether it says `Expect: 100-continue`.
    pub expects: bool,
    pub version10: bool,
    /// Whether it lets the connection stay.
    pub keeps: bool,
    pub spoil: Option<Spoil>,
}

impl Ask {
    /// A GET that is answered with `reply` bytes.
    pub fn plain(id: u32, reply: usize) -> Ask {
        Ask {
            id,
            method: "GET",
            upstream: 0,
            act: Act::Plain,
            sent: Sent::Nothing,
            body: 0,
            halts: false,
            reply,
            expects: false,
            version10: false,
            keeps: true,
            spoil: None,
        }
    }

    pub fn is_idempotent(&self) -> bool {
        self.method != "POST"
    }

    /// Bytes of the body that an origin reads.
    pub fn sent_bytes(&self) -> usize {
        if self.sent == Sent::Nothing { 0 } else { self.body }
    }
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Once everything is answered.
    Close,
    /// The sending half once everything is asked, the rest once everything is answered.
    HalfClose,
    /// The gateway's idle timeout.
    Wait,
    /// After this time, whatever is going on.
    Vanish(Duration),
    /// The same, with a reset.
    Reset(Duration),
}

/// The manner in which bytes are written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    Brisk,
    Torn,
    Slow,
}

/// One connection of a client.
#[derive(Debug, Clone)]
pub struct Session {
    pub starts: Duration,
    pub shard: usize,
    pub asks: Vec<Ask>,
    pub pipelined: bool,
    pub writes: Pace,
    pub reads: Pace,
    pub ending: Ending,
    /// Time between an answer and the next request.
    pub thinks: Duration,
}

impl Session {
    /// A brisk client that asks one thing after the other and closes.
    pub fn plain(asks: Vec<Ask>) -> Session {
        Session {
            starts: Duration::ZERO,
            shard: 0,
            asks,
            pipelined: false,
            writes: Pace::Brisk,
            reads: Pace::Brisk,
            ending: Ending::Close,
            thinks: Duration::ZERO,
        }
    }

    pub fn vanishes(&self) -> bool {
        matches!(self.ending, Ending::Vanish(_) | Ending::Reset(_))
    }
}

/// What answers at an endpoint's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Open,
    Refuses,
    Swallows,
}

/// When an endpoint closes a connection that is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    Endless,
    /// After this time, without a word: a request may be on its way.
    Silent(Duration),
    /// After this many seconds, which it announces in each answer.
    Announced(u64),
}

/// One endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub addr: SocketAddr,
    pub door: Door,
    pub patience: Patience,
    pub writes: Pace,
    pub reads: Pace,
}

impl Endpoint {
    /// A brisk endpoint in order, number `at` of upstream `number`.
    pub fn plain(number: u8, at: u8) -> Endpoint {
        let addr = SocketAddr::from(([10, 0, number, at], 80));
        Endpoint {
            addr,
            door: Door::Open,
            patience: Patience::Endless,
            writes: Pace::Brisk,
            reads: Pace::Brisk,
        }
    }
}

/// One upstream.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub endpoints: Vec<Endpoint>,
    pub cap: u32,
    pub least: bool,
}

impl Upstream {
    /// One brisk endpoint in order.
    pub fn plain(number: u8) -> Upstream {
        Upstream { endpoints: vec![Endpoint::plain(number, 0)], cap: 64, least: false }
    }
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub weather: Weather,
    /// Whether anybody misbehaves.
    pub faults: bool,
    pub shards: usize,
    pub upstreams: Vec<Upstream>,
    pub sessions: Vec<Session>,
}

impl Plan {
    /// One upstream in order, one shard, and these sessions.
    pub fn plain(seed: u64, weather: Weather, sessions: Vec<Session>) -> Plan {
        let faults = sessions.iter().flat_map(|session| &session.asks).any(|ask| !ask.act.is_fair());
        Plan { seed, weather, faults, shards: 1, upstreams: vec![Upstream::plain(0)], sessions }
    }

    pub fn ask(&self, id: u32) -> Option<&Ask> {
        self.sessions.iter().flat_map(|session| &session.asks).find(|ask| ask.id == id)
    }
}
