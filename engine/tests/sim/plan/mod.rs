//! What happens in a run, drawn from its seed: the network, the configuration, who asks what in which manner, and
//! how origins act on it.

use ringgate::net::sim::{Random, Weather};
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
    /// 100 if asked for, and 103, before the 200.
    Interim,
    /// 204.
    NoContent,
    /// 304 with the length of what is not sent.
    NotModified,
    /// Answers before it has read the body, then reads it to its end.
    Early,
    /// 200 with a length, then a close that was not announced.
    CloseSilently,
    /// As `Early`, but closes without reading.
    EarlyClose,
    /// Reset, or end, instead of an answer.
    ResetBefore,
    FinBefore,
    /// Reset, or end, within the head of the answer.
    ResetInHead,
    FinInHead,
    /// Reset behind the head; reset, or end, within the body.
    ResetAfterHead,
    ResetInBody,
    FinInBody,
    /// No answer, for longer than `first_byte`.
    Hang,
    /// No more of the body, for longer than `between_bytes`.
    HangInBody,
    /// No HTTP.
    BadHead,
    /// Two lengths that differ.
    TwoLengths,
    /// A whole answer and a second one that nobody asked for.
    Overlong,
    /// 101 that nobody asked for.
    Switch,
}

impl Act {
    /// What origins do that are in order.
    pub const FAIR: [Act; 8] = [
        Act::Plain,
        Act::Plain,
        Act::Chunked,
        Act::UntilClose,
        Act::CloseAfter,
        Act::Interim,
        Act::NoContent,
        Act::NotModified,
    ];
    /// What others do.
    pub const FOUL: [Act; 15] = [
        Act::CloseSilently,
        Act::EarlyClose,
        Act::ResetBefore,
        Act::FinBefore,
        Act::ResetInHead,
        Act::FinInHead,
        Act::ResetAfterHead,
        Act::ResetInBody,
        Act::FinInBody,
        Act::Hang,
        Act::HangInBody,
        Act::BadHead,
        Act::TwoLengths,
        Act::Overlong,
        Act::Switch,
    ];

    pub fn is_fair(self) -> bool {
        Act::FAIR.contains(&self) || self == Act::Early
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
    pub body: usize,
    /// Bytes of the reply's body.
    pub reply: usize,
    /// Whether it says `Expect: 100-continue`.
    pub expects: bool,
    pub version10: bool,
    /// Whether it asks for the connection to stay, or to close.
    pub keeps: bool,
}

impl Ask {
    pub fn is_idempotent(&self) -> bool {
        self.method != "POST"
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
#[derive(Debug, Clone, Copy)]
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

/// What answers at an endpoint's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Open,
    Refuses,
    Swallows,
}

/// One endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub addr: SocketAddr,
    pub door: Door,
    /// It closes a connection that is idle for this long, without a word.
    pub idle: Option<Duration>,
    pub writes: Pace,
    pub reads: Pace,
}

/// One upstream.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub endpoints: Vec<Endpoint>,
    pub cap: u32,
    pub least: bool,
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub weather: Weather,
    pub faults: bool,
    pub shards: usize,
    pub upstreams: Vec<Upstream>,
    pub sessions: Vec<Session>,
}

/// Timeouts of every run; pauses of fair peers stay well below them.
pub const HEAD: Duration = Duration::from_secs(3);
pub const BODY: Duration = Duration::from_secs(3);
pub const IDLE: Duration = Duration::from_secs(4);
pub const CONNECT: Duration = Duration::from_millis(500);
pub const FIRST_BYTE: Duration = Duration::from_secs(3);
pub const BETWEEN_BYTES: Duration = Duration::from_secs(3);
pub const POOL_IDLE: Duration = Duration::from_secs(6);

impl Plan {
    /// The run of `seed`. Every third is without faults.
    pub fn of(seed: u64) -> Plan {
        let random = Random::new(seed ^ 0x005E_ED0F_91A2);
        let faults = seed % 3 != 0;
        let shards = if random.chance(30) { 2 } else { 1 };
        let upstreams: Vec<Upstream> =
            (0..1 + random.below(3)).map(|number| upstream(&random, number as u8, faults)).collect();
        let mut next = 1;
        let sessions = (0..1 + random.below(7))
            .map(|_| session(&random, &mut next, Known { faults, shards, upstreams: upstreams.len() }))
            .collect();
        Plan { seed, weather: weather(&random), faults, shards, upstreams, sessions }
    }

    pub fn ask(&self, id: u32) -> Option<&Ask> {
        self.sessions.iter().flat_map(|session| &session.asks).find(|ask| ask.id == id)
    }

    /// The configuration.
    pub fn yaml(&self) -> String {
        let mut text = String::from("version: 1\naccess_log: { path: stdout, format: json }\n");
        text.push_str("listeners:\n  - name: l\n    bind: 127.0.0.1:8080\n    timeouts: ");
        text.push_str(&format!("{{ head: {HEAD:?}, body: {BODY:?}, idle: {IDLE:?} }}\nupstreams:\n"));
        for (number, upstream) in self.upstreams.iter().enumerate() {
            let balance = if upstream.least { "least_connections" } else { "round_robin" };
            text.push_str(&format!("  u{number}:\n    balance: {balance}\n"));
            text.push_str(&format!(
                "    pool: {{ connections: {}, idle: {POOL_IDLE:?} }}\n    endpoints:\n",
                upstream.cap
            ));
            for endpoint in &upstream.endpoints {
                text.push_str(&format!("      - address: \"{}\"\n", endpoint.addr));
            }
        }
        text.push_str("routes:\n");
        for number in 0..self.upstreams.len() {
            text.push_str(&format!(
                "  - name: r{number}\n    match: {{ path: /u{number}/* }}\n    to: u{number}\n"
            ));
            text.push_str(&format!("    timeouts: {{ connect: {CONNECT:?}, first_byte: {FIRST_BYTE:?}, "));
            text.push_str(&format!("between_bytes: {BETWEEN_BYTES:?} }}\n"));
        }
        text
    }
}

fn weather(random: &Random) -> Weather {
    let calm = Weather::calm();
    match random.below(4) {
        0 => calm,
        1 => Weather { delay: 0..1000, spurious: 1, poll: 0..20_000, ..calm },
        2 => Weather {
            delay: 0..15_000_000,
            room: 1024..64 * 1024,
            short_reads: 20,
            short_writes: 20,
            torn: 20,
            spurious: 2,
            discards: 50,
            poll: 0..20_000,
        },
        _ => Weather {
            delay: 10_000..3_000_000,
            room: 16..4096,
            short_reads: 50,
            short_writes: 50,
            torn: 50,
            spurious: 10,
            discards: 50,
            poll: 0..5_000,
        },
    }
}

fn upstream(random: &Random, number: u8, faults: bool) -> Upstream {
    let endpoints = (0..1 + random.below(3) as u8).map(|at| {
        let door = match random.below(12) {
            0 if faults => Door::Refuses,
            1 if faults => Door::Swallows,
            _ => Door::Open,
        };
        let idle = (faults && random.chance(40)).then(|| Duration::from_millis(random.within(5..400)));
        let addr = SocketAddr::from(([10, 0, number, at], 80));
        Endpoint { addr, door, idle, writes: pace(random), reads: pace(random) }
    });
    let endpoints = endpoints.collect();
    let cap = if faults && random.chance(30) { random.within(1..4) as u32 } else { 64 };
    Upstream { endpoints, cap, least: random.chance(50) }
}

fn pace(random: &Random) -> Pace {
    *random.one_of(&[Pace::Brisk, Pace::Brisk, Pace::Torn, Pace::Slow])
}

/// What a session has to know of the rest.
#[derive(Clone, Copy)]
struct Known {
    faults: bool,
    shards: usize,
    upstreams: usize,
}

fn session(random: &Random, next: &mut u32, known: Known) -> Session {
    let pipelined = random.chance(40);
    let count = 1 + random.below(6);
    let asks = (0..count).map(|_| {
        *next += 1;
        ask(random, *next, known)
    });
    let mut asks: Vec<Ask> = asks.collect();
    // Whoever pipelines does not wait for a 100, and an answer that comes early closes the connection.
    for ask in &mut asks {
        ask.expects &= !pipelined;
        if pipelined && ask.act == Act::Early {
            ask.act = Act::Plain;
        }
    }
    let soon = Duration::from_millis(random.within(1..600));
    let ending = match random.below(if known.faults { 8 } else { 6 }) {
        0..=2 => Ending::Close,
        3 | 4 => Ending::HalfClose,
        5 => Ending::Wait,
        6 => Ending::Vanish(soon),
        _ => Ending::Reset(soon),
    };
    Session {
        starts: Duration::from_millis(random.below(300)),
        shard: random.below(known.shards as u64) as usize,
        asks,
        pipelined,
        writes: pace(random),
        reads: pace(random),
        ending,
        thinks: Duration::from_millis(if random.chance(50) { 0 } else { random.below(500) }),
    }
}

fn ask(random: &Random, id: u32, known: Known) -> Ask {
    let method = *random.one_of(&["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT"]);
    let has_body = matches!(method, "POST" | "PUT");
    let sent = match random.below(5) {
        _ if !has_body => Sent::Nothing,
        0 => Sent::Nothing,
        1 | 2 => Sent::Exact,
        _ => Sent::Chunked,
    };
    let act = if known.faults && random.chance(35) {
        *random.one_of(&Act::FOUL)
    } else if sent != Sent::Nothing && random.chance(10) {
        Act::Early
    } else {
        *random.one_of(&Act::FAIR)
    };
    let version10 = sent != Sent::Chunked && random.chance(8);
    Ask {
        id,
        method,
        upstream: random.below(known.upstreams as u64) as usize,
        act,
        sent,
        body: size(random),
        reply: size(random),
        expects: sent != Sent::Nothing && !version10 && random.chance(20),
        version10,
        keeps: random.chance(92),
    }
}

fn size(random: &Random) -> usize {
    let bound = *random.one_of(&[1, 20, 1000, 1000, 5000, 20_000, 150_000]);
    random.below(bound) as usize
}
