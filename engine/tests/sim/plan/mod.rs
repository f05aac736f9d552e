//! What happens in a run: the network, the configuration, who asks what in which manner, and how origins act on
//! it. `draw` makes one from a seed; scenes write theirs down.

pub mod config;
pub mod draw;
mod kinds;

pub use kinds::{Act, Spoil};

use ringgate::net::sim::Weather;
use std::net::SocketAddr;
use std::time::Duration;

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
    /// Reads nothing at all, for longer than all timeouts.
    Deaf,
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

    /// Whether its client does not stay to read its answers.
    pub fn vanishes(&self) -> bool {
        matches!(self.ending, Ending::Vanish(_) | Ending::Reset(_) | Ending::Deaf)
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
    /// `timeouts.total` of its route.
    pub total: Option<Duration>,
}

impl Upstream {
    /// One brisk endpoint in order.
    pub fn plain(number: u8) -> Upstream {
        Upstream { endpoints: vec![Endpoint::plain(number, 0)], cap: 64, least: false, total: None }
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
    pub excused: Excused,
}

/// What a plan's own circumstances excuse; scenes that leave no room for it say so.
#[derive(Debug, Clone, Copy)]
pub struct Excused {
    /// A request that cannot be sent again met a close.
    pub stale: bool,
    /// A request found no connection free under the cap.
    pub crowded: bool,
}

impl Default for Excused {
    fn default() -> Self {
        Excused { stale: true, crowded: true }
    }
}

impl Plan {
    /// One upstream in order, one shard, and these sessions.
    pub fn plain(seed: u64, weather: Weather, sessions: Vec<Session>) -> Plan {
        let (upstreams, excused) = (vec![Upstream::plain(0)], Excused::default());
        Plan { seed, weather, faults: false, shards: 1, upstreams, sessions: Vec::new(), excused }
            .with(sessions)
    }

    /// The same with these sessions.
    pub fn with(mut self, sessions: Vec<Session>) -> Plan {
        let foul =
            |session: &Session| session.vanishes() || session.asks.iter().any(|ask| !ask.act.is_fair());
        self.faults = sessions.iter().any(foul);
        self.sessions = sessions;
        self
    }

    /// The same, in which no connection may be found stale by a request that is sent on it.
    pub fn never_stale(mut self) -> Plan {
        self.excused.stale = false;
        self
    }

    /// The same, in which no request may miss its connection for want of room under a cap.
    pub fn roomy(mut self) -> Plan {
        self.excused.crowded = false;
        self
    }

    pub fn ask(&self, id: u32) -> Option<&Ask> {
        self.sessions.iter().flat_map(|session| &session.asks).find(|ask| ask.id == id)
    }
}
