//! Laws of HTTP/2 from clients. The tap: a slow reading of the same frames comes to the same verdict, however they are torn,
//! and light traffic never trips it. The server, over the simulated network: whatever a client sends, nothing panics, what
//! is answered is frames, and nothing is left once the client has gone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::accept::Admit;
use ringgate::base::{Generation, ListenerId, Tick};
use ringgate::conn::connection;
use ringgate::control::load;
use ringgate::exchange::{Home, Peer};
use ringgate::net::driver::Driver;
use ringgate::net::sim::{self, Socket, Weather};
use ringgate::net::spawn::{Either, race, spawn, spawn_guarded};
use ringgate::net::{Stream, ring};
use ringgate::observe::Counts;
use ringgate::shard::{Setup, Shared, housekeeping, lent};
use ringgate::table::Table;
use ringgate::wire::http2::{Blocks, Breach, PREFACE, Tap};
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Frames that cost a peer no more than it has, whatever they are.
const LIGHT: usize = 199;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[choice, seed], rest)) = bytes.split_first_chunk::<2>() else { return };
    tap(rest, seed);
    blocks(rest, seed);
    if choice % 2 == 0 {
        serve(rest, seed);
    }
});

fn tap(bytes: &[u8], seed: u8) {
    let frames = frames(bytes);
    let expected = verdict(&frames);
    assert!(frames.len() > LIGHT || expected != Err(Breach::Flood), "light traffic is no flood");
    let now = Tick(1);
    let mut whole = Tap::of_server(now);
    assert_eq!(whole.see(bytes, now), expected);
    let mut torn = Tap::of_client(now);
    torn.see(PREFACE, now).expect("a preface breaks nothing");
    let pieces = bytes.chunks(1 + usize::from(seed % 40));
    let seen: Vec<Result<(), Breach>> = pieces.map(|piece| torn.see(piece, now)).collect();
    assert_eq!(seen.iter().find(|seen| seen.is_err()).copied().unwrap_or(Ok(())), expected);
    if expected.is_ok() {
        let last = frames.last();
        let is_cut = bytes.len()
            > frames.iter().map(|frame| 9 + frame.len).sum::<usize>() - last.map_or(0, |last| last.missing);
        let is_half = last.is_some_and(|last| last.missing > 0 && last.kind != 0);
        let block = last.is_some_and(|last| matches!(last.kind, 1 | 9) && last.flags & 4 == 0);
        assert_eq!(whole.is_within(), frames.is_empty() || is_cut || is_half || block);
        assert_eq!(whole.is_within(), torn.is_within());
    }
}

/// Field blocks are put together alike however frames are torn, nothing grows, and what has none of them is not touched.
fn blocks(bytes: &[u8], seed: u8) {
    let size = 64 + usize::from(seed) * 100;
    let given = |piece: usize| {
        let mut blocks = Blocks::of_client(size);
        let mut out = Vec::new();
        for piece in [PREFACE, bytes].concat().chunks(piece) {
            let passes = blocks.passes(piece);
            out.extend_from_slice(&piece[..passes]);
            if passes < piece.len() {
                blocks.put(&piece[passes..], &mut out);
            }
        }
        out.split_off(PREFACE.len())
    };
    let whole = given(usize::MAX);
    assert_eq!(whole, given(1 + usize::from(seed % 40)));
    let frames = frames(bytes);
    assert!(whole.len() <= bytes.len() + frames.len());
    let mut seen = HashSet::new();
    let passes =
        frames.iter().all(|frame| frame.kind != 1 || (frame.flags & 4 != 0 && seen.insert(frame.stream)));
    if passes {
        assert!(bytes.starts_with(&whole) && whole.len() + 9 > bytes.len(), "all of it passes");
    }
}

/// A frame's header, and the bytes of its payload that did not come.
struct Frame {
    len: usize,
    kind: u8,
    flags: u8,
    stream: u32,
    missing: usize,
}

/// Frames one behind the other, the last one perhaps cut; what is no whole header is left out.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some([a, b, c, kind, flags, stream @ ..]) = bytes.get(at..at + 9) {
        let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        at += 9 + len;
        let stream = stream.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
        frames.push(Frame {
            len,
            kind: *kind,
            flags: *flags,
            stream,
            missing: at.saturating_sub(bytes.len()),
        });
    }
    frames
}

/// What a peer that was given nothing and waited for nothing has come to.
fn verdict(frames: &[Frame]) -> Result<(), Breach> {
    let Some(first) = frames.first() else { return Ok(()) };
    if first.kind != 4 || first.flags & 1 != 0 {
        return Err(Breach::Preface);
    }
    let mut left = 4000_i64;
    for frame in &frames[1..] {
        let price = match (frame.kind, frame.flags & 1, frame.len) {
            (0, 0, 0) | (6 | 9, ..) => 4,
            (0 | 1, ..) => 0,
            (3, ..) => 8,
            (4, ..) => 20,
            _ => 1,
        };
        if price > left {
            return Err(Breach::Flood);
        }
        left -= price;
    }
    Ok(())
}

const GATEWAY: ([u8; 4], u16) = ([10, 255, 0, 0], 8080);
const ORIGIN: ([u8; 4], u16) = ([10, 1, 0, 1], 9000);

static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| {
    let text = "version: 1\naccess_log: off\nlisteners:\n- { name: a, bind: 127.0.0.1:0, protocols: [http1, http2], \
        timeouts: { head: 1s, body: 1s, idle: 2s } }\nupstreams: { origin: { endpoints: [{ address: '10.1.0.1:9000' }] } }\n\
        routes:\n- { name: own, match: { path: /own }, respond: { body: own } }\n\
        - { name: all, match: { path: /* }, to: origin, timeouts: { first_byte: 1s, between_bytes: 1s } }\n";
    let config = load::parse("fuzz.yaml", text.to_owned()).expect("is a configuration");
    Arc::new(load::compile(&config, Generation(1), None).expect("is compiled").0)
});

/// Lets a client send `bytes` and go.
fn serve(bytes: &[u8], seed: u8) {
    let rough = seed % 4 * 20;
    let weather = Weather {
        short_reads: rough,
        short_writes: rough,
        torn: rough,
        spurious: rough / 4,
        ..Weather::calm()
    };
    let setup = sim::Setup { seed: u64::from(seed), weather, within: Duration::from_secs(120), trace: false };
    let bytes = bytes.to_vec();
    let ran = sim::run(setup, async move { session(bytes).await });
    ran.expect("a client that has gone leaves nothing that waits for ever");
}

async fn session(bytes: Vec<u8>) {
    let (table, shared) = (TABLE.clone(), Shared::new(1));
    let counts = Arc::new(Counts::default());
    let setup = Setup {
        index: 0,
        cpu: 0,
        driver: Driver::Epoll,
        table: table.clone(),
        shared: shared.clone(),
        counts: counts.clone(),
        listeners: Vec::new(),
        seed: 1,
    };
    let (log, _logged) = ring::ring(64);
    let shard = lent(&setup, log);
    spawn(shard.upstream.wheel.clone().drive());
    spawn(housekeeping(shard.clone()));
    let spec = &table.listeners[0];
    let admit = Admit {
        listener: (spec.count.clone(), spec.limits.connections),
        process: (shared.connections.clone(), table.gateway.connections),
    };
    let (gateway, origin) = (sim::listen(GATEWAY.into()), sim::listen(ORIGIN.into()));
    spawn(async move {
        loop {
            spawn(answer(origin.accept().await));
        }
    });
    let (own, seen) = (shard.clone(), counts.clone());
    spawn(async move {
        let home = Home::new(ListenerId(0));
        loop {
            let stream = Stream::simulated(gateway.accept().await);
            let admission = admit.admit().expect("one connection is within every cap");
            let from: SocketAddr = ([10, 9, 9, 9], 1000).into();
            let peer = Peer::new(&own.table(), ListenerId(0), from.into());
            let counts = seen.clone();
            spawn_guarded(connection(stream, own.clone(), home.clone(), peer), move |ended| {
                if ended.is_err() {
                    counts.panics.add(1);
                }
                drop(admission);
            });
        }
    });
    let client = Rc::new(sim::connect(GATEWAY.into()).await.expect("the gateway listens"));
    let sending = {
        let client = client.clone();
        async move {
            // What it does not take any more is not sent.
            let _ = send(&client, &[PREFACE, &bytes].concat()).await;
            let _ = client.shutdown_write();
            std::future::pending::<()>().await;
        }
    };
    let came = match race(read(&client), sending).await {
        Either::First(came) => came,
        Either::Second(()) => Vec::new(),
    };
    drop(client);
    answered(&came);
    while table.listeners[0].count.now() > 0 {
        sim::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(counts.panics.now(), 0, "a task panicked");
}

async fn send(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(&[io::IoSlice::new(bytes)]) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// All that comes until the end.
async fn read(socket: &Socket) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match socket.try_read(&mut piece) {
            Ok(0) => return all,
            Ok(read) => all.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if socket.readable().await.is_err() {
                    return all;
                }
            }
            Err(_) => return all,
        }
    }
}

/// An origin that answers each request's head, and the end.
async fn answer(socket: Socket) {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match socket.try_read(&mut piece) {
            Ok(0) => return,
            Ok(_) if head.ends_with(b"answered") => {}
            Ok(read) => head.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if socket.readable().await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
        if head.windows(4).any(|four| four == b"\r\n\r\n") {
            head = b"answered".to_vec();
            let _ =
                send(&socket, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
            let _ = socket.shutdown_write();
        }
    }
}

/// What a server sent is its SETTINGS and frames of sizes that every client takes.
fn answered(came: &[u8]) {
    let frames = frames(came);
    assert!(
        frames.first().is_none_or(|first| first.kind == 4 && first.flags & 1 == 0),
        "{}",
        came.escape_ascii()
    );
    for frame in &frames {
        assert!(
            frame.len <= 16_384 && frame.kind <= 9 && !matches!(frame.kind, 2 | 5),
            "{}",
            came.escape_ascii()
        );
    }
}
