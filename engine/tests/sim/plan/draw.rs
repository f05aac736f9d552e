//! A plan from a seed.

use super::config::BODY_BYTES;
use super::{
    Act, Ask, Door, Ending, Endpoint, Excused, Pace, Patience, Plan, Sent, Session, Spoil, Upstream,
};
use ringgate::net::sim::{Random, Weather};
use std::time::Duration;

/// What origins do that are in order; the common acts stand more than once.
const FAIR: [Act; 10] = [
    Act::Plain,
    Act::Plain,
    Act::Plain,
    Act::Chunked,
    Act::Chunked,
    Act::UntilClose,
    Act::CloseAfter,
    Act::Interim,
    Act::NoContent,
    Act::NotModified,
];

/// What others do.
const FOUL: [Act; 21] = [
    Act::CloseSilently,
    Act::EarlyClose,
    Act::EarlyReset,
    Act::ResetBefore,
    Act::FinBefore,
    Act::ResetInHead,
    Act::FinInHead,
    Act::ResetAfterHead,
    Act::ResetInBody,
    Act::FinInBody,
    Act::ResetInChunks,
    Act::FinInChunks,
    Act::ResetUntilClose,
    Act::Hang,
    Act::Deaf,
    Act::HangInBody,
    Act::BadHead,
    Act::TwoLengths,
    Act::BadChunk,
    Act::Overlong,
    Act::Switch,
];

const SPOILS: [Spoil; 14] = [
    Spoil::Garbage,
    Spoil::TwoLengths,
    Spoil::LengthAndCoding,
    Spoil::BareLf,
    Spoil::NoHost,
    Spoil::Expectation,
    Spoil::LongHead,
    Spoil::LongTarget,
    Spoil::LongBody,
    Spoil::LongChunks,
    Spoil::BadChunk,
    Spoil::Connect,
    Spoil::SilentHead,
    Spoil::SilentBody,
];

/// The run of `seed`. Every third is without faults.
pub fn plan(seed: u64) -> Plan {
    let random = Random::new(seed ^ 0x005E_ED0F_91A2);
    let faults = !seed.is_multiple_of(3);
    let shards = if random.chance(30) { 2 } else { 1 };
    let upstreams: Vec<Upstream> =
        (0..1 + random.below(3)).map(|number| upstream(&random, number as u8, faults)).collect();
    let mut drawing = Drawing { random, faults, shards, upstreams: upstreams.len(), next: 0 };
    let sessions = (0..1 + drawing.random.below(7)).map(|_| drawing.session()).collect();
    let (weather, excused) = (weather(&drawing.random), Excused::default());
    Plan { seed, weather, faults, shards, upstreams, sessions, excused }
}

/// Some network, from none to speak of to one that tears everything.
pub fn weather(random: &Random) -> Weather {
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
        let patience = match random.below(10) {
            0 | 1 => Patience::Announced(random.within(1..4)),
            2..=4 if faults => Patience::Silent(pause(random)),
            _ => Patience::Endless,
        };
        Endpoint { door, patience, writes: pace(random), reads: pace(random), ..Endpoint::plain(number, at) }
    });
    let endpoints = endpoints.collect();
    let cap = if faults && random.chance(30) { random.within(1..4) as u32 } else { 64 };
    let total = (faults && random.chance(20)).then(|| Duration::from_millis(random.within(300..2000)));
    Upstream { endpoints, cap, least: random.chance(50), total }
}

/// A time that clients let pass between requests, and after which origins close: often the same, so that the one
/// comes as the other goes.
fn pause(random: &Random) -> Duration {
    Duration::from_millis(*random.one_of(&[20, 50, 100, 200, 400]))
}

fn pace(random: &Random) -> Pace {
    *random.one_of(&[Pace::Brisk, Pace::Brisk, Pace::Torn, Pace::Slow])
}

fn size(random: &Random) -> usize {
    let bound = *random.one_of(&[1, 20, 1000, 1000, 5000, 20_000, 150_000]);
    random.below(bound) as usize
}

struct Drawing {
    random: Random,
    faults: bool,
    shards: usize,
    upstreams: usize,
    next: u32,
}

impl Drawing {
    fn session(&mut self) -> Session {
        let pipelined = self.random.chance(40);
        let count = 1 + self.random.below(6);
        let mut asks: Vec<Ask> = (0..count).map(|_| self.ask()).collect();
        // A tunnel is the last thing on its connection, and whoever asks for a close asks nothing more
        // (RFC 9112 §9.6).
        let last = asks.iter().position(|ask| !ask.keeps || matches!(ask.act, Act::Echo | Act::EchoReset));
        asks.truncate(last.map_or(asks.len(), |at| at + 1));
        // Whoever pipelines speaks HTTP/1.1 and does not wait for a 100, and an answer that comes early closes the connection.
        for ask in &mut asks {
            ask.expects &= !pipelined;
            ask.version10 &= !pipelined;
            ask.halts &= !pipelined;
            if pipelined && matches!(ask.act, Act::Early | Act::Mirror) {
                ask.act = Act::Plain;
            }
        }
        let random = &self.random;
        let soon = Duration::from_millis(random.within(1..600));
        let ending = match random.below(if self.faults { 18 } else { 12 }) {
            0..6 => Ending::Close,
            6..10 => Ending::HalfClose,
            10..12 => Ending::Wait,
            12..14 => Ending::Vanish(soon),
            14..16 => Ending::Reset(soon),
            _ => Ending::Deaf,
        };
        Session {
            starts: Duration::from_millis(random.below(300)),
            shard: random.below(self.shards as u64) as usize,
            asks,
            pipelined,
            writes: pace(random),
            reads: pace(random),
            ending,
            thinks: match random.below(10) {
                0..5 => Duration::ZERO,
                5..9 => pause(random) + Duration::from_micros(random.below(2000)),
                _ => Duration::from_secs(random.within(1..3)),
            },
        }
    }

    fn ask(&mut self) -> Ask {
        self.next += 1;
        let random = &self.random;
        let plain = Ask {
            upstream: random.below(self.upstreams as u64) as usize,
            body: size(random),
            reply: size(random),
            keeps: random.chance(92),
            ..Ask::plain(self.next, 0)
        };
        if random.chance(4) {
            let act = if self.faults && random.chance(40) { Act::EchoReset } else { Act::Echo };
            return Ask { act, keeps: true, ..plain };
        }
        if self.faults && random.chance(6) {
            return spoiled(plain, *random.one_of(&SPOILS));
        }
        let method = *random.one_of(&["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT"]);
        let sent = match random.below(5) {
            _ if !matches!(method, "POST" | "PUT") => Sent::Nothing,
            0 => Sent::Nothing,
            1 | 2 => Sent::Exact,
            _ => Sent::Chunked,
        };
        let act = match random.below(100) {
            0..35 if self.faults => *random.one_of(&FOUL),
            35..40 if sent != Sent::Nothing => Act::Early,
            40..45 if sent != Sent::Nothing && plain.body > 0 => Act::Mirror,
            45..50 if method == "GET" && plain.reply > 1 => Act::Late,
            _ => *random.one_of(&FAIR),
        };
        let version10 = sent != Sent::Chunked && random.chance(8);
        let body = sent != Sent::Nothing && plain.body > 1;
        let expects = body && !version10 && random.chance(20);
        let halts = body && act == Act::Plain && random.chance(10);
        Ask { method, act, sent, expects, halts, version10, ..plain }
    }
}

/// The request `ask` with something wrong in it.
fn spoiled(ask: Ask, spoil: Spoil) -> Ask {
    let (method, sent) = match spoil {
        Spoil::LongChunks | Spoil::BadChunk => ("PUT", Sent::Chunked),
        Spoil::LongBody | Spoil::SilentBody => ("PUT", Sent::Exact),
        Spoil::Connect => ("CONNECT", Sent::Nothing),
        _ => ("GET", Sent::Nothing),
    };
    let body = match spoil {
        Spoil::LongBody | Spoil::LongChunks => BODY_BYTES + 1 + ask.body,
        _ => ask.body.max(2),
    };
    Ask { method, sent, body, keeps: true, spoil: Some(spoil), ..ask }
}
