//! A client of exact frames: it sends any bytes, and holds each frame that comes to what a server may send
//! (RFC 9113 §4, §5, §6, §8). Whatever a server may not fails the test.

use super::hpack::{Decoder, Field, plain};
use crate::support::{Client, End};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a client begins with (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const WITH_PRIORITY: u8 = 32;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const INTERNAL_ERROR: u32 = 2;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// Window of a stream and of a connection where nothing else is said (RFC 9113 §6.9.2).
const WINDOW: i64 = 65_535;
/// Payload of a frame at most where nothing else is said (RFC 9113 §4.2).
const FRAME_BYTES: usize = 16_384;

/// A frame's bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let len = (payload.len() as u32).to_be_bytes();
    [&[len[1], len[2], len[3], kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A SETTINGS frame.
pub fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        pairs.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(SETTINGS, 0, 0, payload)
}

pub fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, more.to_be_bytes())
}

pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, code.to_be_bytes())
}

/// The pseudo-fields of a request.
pub fn asking(method: &str, path: &str) -> Vec<Field> {
    [(":method", method), (":scheme", "http"), (":authority", "a.test"), (":path", path)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// A whole request without a body.
pub fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, plain(&asking("GET", path)))
}

/// The head of a request whose body follows.
pub fn post(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, plain(&asking("POST", path)))
}

/// What came on a stream.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub interim: Vec<Vec<Field>>,
    pub status: u16,
    pub fields: Vec<Field>,
    pub body: Vec<u8>,
    pub trailers: Vec<Field>,
    pub ended: bool,
    pub reset: Option<u32>,
}

impl Answer {
    /// The first value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        self.ended || self.reset.is_some()
    }

    /// Asserts that it is whole, with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        let text = &self.text()[..self.body.len().min(300)];
        assert!(self.ended && self.reset.is_none(), "not whole: {:?} {} {text}", self.reset, self.status);
        assert_eq!(self.status, status, "{:?} {text}", self.fields);
        self
    }
}

/// What came of a look for the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Frame,
    /// The connection is over.
    End,
    /// Nothing came for as long as [`Peer::patience`].
    Silence,
}

/// One connection.
#[derive(Debug)]
pub struct Peer {
    client: Client,
    decoder: Decoder,
    pub answers: BTreeMap<u32, Answer>,
    /// What the server said in SETTINGS.
    pub settings: BTreeMap<u16, u32>,
    /// How many of our SETTINGS it acknowledged.
    pub acknowledged: usize,
    pub pongs: Vec<Vec<u8>>,
    /// PINGs of its own.
    pub pings: usize,
    /// The last GOAWAY: the last stream, and the code.
    pub goaway: Option<(u32, u32)>,
    /// What we may send: on the connection (0) and on the streams, beyond their first window.
    pub credit: BTreeMap<u32, i64>,
    /// What it may send us, likewise.
    granted: BTreeMap<u32, i64>,
    /// The first window of its streams.
    first_window: i64,
    /// Whether it is given new credit for all that comes.
    pub gives: bool,
    /// Whether PINGs are answered.
    pub pongs_back: bool,
    /// Frames that must be CONTINUATION of this.
    block: Option<(u32, u8, Vec<u8>)>,
    /// How long a look waits. None: until the connection's own deadline, and then it fails.
    pub patience: Option<Duration>,
    /// DATA frames that came.
    pub pieces: usize,
}

impl Peer {
    /// Over `client`, on which nothing was said.
    pub fn over(client: Client) -> Peer {
        Peer {
            client,
            decoder: Decoder::new(4096),
            answers: BTreeMap::new(),
            settings: BTreeMap::new(),
            acknowledged: 0,
            pongs: Vec::new(),
            pings: 0,
            goaway: None,
            credit: BTreeMap::new(),
            granted: BTreeMap::new(),
            first_window: WINDOW,
            gives: true,
            pongs_back: true,
            block: None,
            patience: None,
            pieces: 0,
        }
    }

    /// Over `client`, and both prefaces are through.
    pub fn greeted(client: Client) -> Peer {
        Peer::greeted_with(client, &[])
    }

    /// As [`Peer::greeted`], with these settings.
    pub fn greeted_with(client: Client, pairs: &[(u16, u32)]) -> Peer {
        let mut peer = Peer::over(client);
        peer.says(pairs);
        peer.send([PREFACE, &settings(pairs)].concat());
        peer.until("the prefaces", |peer| peer.acknowledged == 1);
        peer
    }

    /// Takes what our settings mean for what may come.
    pub fn says(&mut self, pairs: &[(u16, u32)]) {
        for (id, value) in pairs {
            match id {
                1 => self.decoder = Decoder::new(*value as usize),
                4 => self.first_window = i64::from(*value),
                _ => {}
            }
        }
    }

    /// Sends bytes; those of a window update count. What the server does not take any more is not sent.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Peer {
        drop(self.client.try_send(bytes));
        self
    }

    /// As [`Peer::send`], telling whether it was taken.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.client.try_send(bytes).is_ok()
    }

    /// Lets the server send more.
    pub fn grant(&mut self, stream: u32, more: u32) -> &mut Peer {
        *self.granted.entry(stream).or_default() += i64::from(more);
        self.send(window_update(stream, more))
    }

    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Names of fields that came as never indexed.
    pub fn never(&self) -> &[String] {
        &self.decoder.never
    }

    pub fn into_client(self) -> Client {
        self.client
    }

    /// The next frame, taken in.
    pub fn look(&mut self) -> Look {
        loop {
            let bytes = self.client.ahead();
            if let Some(header) = bytes.first_chunk::<9>() {
                let len = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
                assert!(len <= FRAME_BYTES, "a frame of {len} bytes: {header:?}");
                if bytes.len() >= 9 + len {
                    let whole = self.client.take(9 + len);
                    self.take_in(&whole);
                    return Look::Frame;
                }
            }
            if let Some(patience) = self.patience {
                self.client.patience(patience);
                if !self.client.came() {
                    return Look::Silence;
                }
            }
            if !self.client.fill() {
                return Look::End;
            }
        }
    }

    /// Takes frames in until `holds`.
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn(&Peer) -> bool) -> &mut Peer {
        while !holds(self) {
            let look = self.look();
            assert!(
                look == Look::Frame || holds(self),
                "{what}: {look:?}, {:?} {:?}",
                self.goaway,
                self.answers
            );
        }
        self
    }

    /// The answer on `stream`, once it is over.
    #[track_caller]
    pub fn answer(&mut self, stream: u32) -> Answer {
        self.until("an answer", |peer| peer.answers.get(&stream).is_some_and(Answer::is_over));
        self.answers.get(&stream).cloned().expect("it is there")
    }

    /// Takes in what comes until the answer on `stream` is over, or nothing more comes.
    pub fn settle(&mut self, stream: u32) -> &mut Peer {
        while !self.answers.get(&stream).is_some_and(Answer::is_over) && self.look() == Look::Frame {}
        self
    }

    /// Asks and waits for the answer.
    #[track_caller]
    pub fn ask(&mut self, stream: u32, path: &str) -> Answer {
        self.send(get(stream, path)).answer(stream)
    }

    /// Waits until the server has read all that was sent before.
    #[track_caller]
    pub fn barrier(&mut self) -> &mut Peer {
        let before = self.pongs.len();
        self.send(frame(PING, 0, 0, b"barrier!"));
        self.until("a pong", |peer| peer.pongs.len() > before)
    }

    /// Takes in all that comes until the end, and how it ended.
    pub fn rest(&mut self) -> End {
        while self.look() == Look::Frame {}
        self.client.how_it_ended().expect("the connection has ended")
    }

    /// Sends a body as far as the server's windows allow, taking in what comes meanwhile, and the end behind it.
    #[track_caller]
    pub fn send_body(&mut self, stream: u32, body: &[u8], piece: usize) -> &mut Peer {
        let mut left = body;
        while !left.is_empty() {
            let window = i64::from(self.settings.get(&4).copied().unwrap_or(WINDOW as u32));
            let own = window + self.credit.get(&stream).copied().unwrap_or_default();
            let of_all = WINDOW + self.credit.get(&0).copied().unwrap_or_default();
            let len = left.len().min(piece).min(usize::try_from(own.min(of_all)).unwrap_or(0));
            if len == 0 {
                assert_eq!(self.look(), Look::Frame, "credit for {} bytes", left.len());
                if self.answers.get(&stream).is_some_and(|answer| answer.reset.is_some()) {
                    return self;
                }
                continue;
            }
            let flags = if len == left.len() { END_STREAM } else { 0 };
            self.send(frame(DATA, flags, stream, &left[..len]));
            for of in [0, stream] {
                *self.credit.entry(of).or_default() -= len as i64;
            }
            left = &left[len..];
        }
        self
    }

    fn take_in(&mut self, whole: &[u8]) {
        let (kind, flags) = (whole[3], whole[4]);
        let stream = u32::from_be_bytes(whole[5..9].try_into().expect("four bytes"));
        let payload = &whole[9..];
        let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes"));
        if let Some((of, ..)) = &self.block {
            assert_eq!((kind, stream), (CONTINUATION, *of), "a field block goes on (§4.3)");
        }
        match kind {
            DATA => self.take_data(stream, flags, payload),
            HEADERS => {
                assert!(flags & (PADDED | WITH_PRIORITY) == 0, "nothing that this reader does not know");
                self.block = Some((stream, flags, payload.to_vec()));
                self.take_block(flags);
            }
            CONTINUATION => {
                let block = self.block.as_mut().expect("a field block is open (§6.10)");
                block.2.extend_from_slice(payload);
                self.take_block(flags);
            }
            RST_STREAM => {
                assert!(stream % 2 == 1 && payload.len() == 4, "§6.4");
                let answer = self.answers.entry(stream).or_default();
                assert!(answer.reset.is_none(), "a stream is reset once");
                answer.reset = Some(number(0));
            }
            SETTINGS => {
                assert!(stream == 0 && payload.len().is_multiple_of(6), "§6.5");
                if flags & ACK != 0 {
                    assert!(payload.is_empty(), "§6.5");
                    self.acknowledged += 1;
                    return;
                }
                for pair in payload.chunks(6) {
                    let value = u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]);
                    self.settings.insert(u16::from_be_bytes([pair[0], pair[1]]), value);
                }
                assert!(
                    self.settings.get(&2).is_none_or(|push| *push == 0),
                    "a server does not push (§6.5.2)"
                );
                self.send(frame(SETTINGS, ACK, 0, b""));
            }
            PING => {
                assert!(stream == 0 && payload.len() == 8, "§6.7");
                if flags & ACK != 0 {
                    self.pongs.push(payload.to_vec());
                } else {
                    self.pings += 1;
                    if self.pongs_back {
                        self.send(frame(PING, ACK, 0, payload));
                    }
                }
            }
            GOAWAY => {
                assert!(stream == 0 && payload.len() >= 8, "§6.8");
                let last = self.goaway.map_or(u32::MAX, |(last, _)| last);
                assert!(number(0) <= last, "a GOAWAY takes no promise back (§6.8)");
                self.goaway = Some((number(0), number(4)));
            }
            WINDOW_UPDATE => {
                assert!(payload.len() == 4 && number(0) > 0, "§6.9");
                *self.credit.entry(stream).or_default() += i64::from(number(0));
            }
            PUSH_PROMISE => panic!("a push that nobody allowed (§8.4)"),
            PRIORITY => panic!("a server sets no priorities"),
            _ => {}
        }
    }

    fn take_data(&mut self, stream: u32, flags: u8, payload: &[u8]) {
        assert!(flags & PADDED == 0, "nothing that this reader does not know");
        let first_window = self.first_window;
        let answer = self.answers.get_mut(&stream).expect("a head comes first (§8.1)");
        assert!(answer.status != 0 && !answer.is_over(), "DATA on stream {stream}: {answer:?}");
        answer.body.extend_from_slice(payload);
        answer.ended = flags & END_STREAM != 0;
        self.pieces += 1;
        for (of, first) in [(0, WINDOW), (stream, first_window)] {
            let granted = self.granted.entry(of).or_default();
            *granted -= payload.len() as i64;
            assert!(
                first + *granted >= 0 || payload.is_empty(),
                "{} bytes too many on {of} (§6.9.1)",
                -first - *granted
            );
        }
        if self.gives && !payload.is_empty() {
            let more = payload.len() as u32;
            self.grant(0, more);
            if flags & END_STREAM == 0 {
                self.grant(stream, more);
            }
        }
    }

    fn take_block(&mut self, flags: u8) {
        if flags & END_HEADERS == 0 {
            return;
        }
        let (stream, flags, block) = self.block.take().expect("a block is open");
        let fields = self.decoder.decode(&block).unwrap_or_else(|why| panic!("{why}: {block:02x?}"));
        let ends = flags & END_STREAM != 0;
        assert!(stream % 2 == 1, "a server answers on the client's streams");
        let answer = self.answers.entry(stream).or_default();
        assert!(!answer.is_over(), "a head on stream {stream}, which is over");
        for (name, value) in &fields {
            check(name, value);
        }
        let (pseudo, fields): (Vec<Field>, Vec<Field>) =
            fields.into_iter().partition(|(name, _)| name.starts_with(':'));
        if answer.status != 0 {
            assert!(ends && pseudo.is_empty(), "trailers end a stream (§8.1): {pseudo:?}");
            (answer.trailers, answer.ended) = (fields, true);
            return;
        }
        let [(name, status)] = &pseudo[..] else { panic!("pseudo-fields of a reply (§8.3.2): {pseudo:?}") };
        assert_eq!(name, ":status");
        let status: u16 = status.parse().expect("a status is a number");
        if status < 200 {
            assert!(
                !ends && status != 101,
                "an interim reply ends nothing (§8.1) and switches nothing (§8.6)"
            );
            answer.interim.push(fields);
        } else {
            (answer.status, answer.fields, answer.ended) = (status, fields, ends);
        }
    }
}

/// A field of a reply as it has to be (RFC 9113 §8.2).
fn check(name: &str, value: &str) {
    let of_a_connection =
        ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te"];
    assert!(!of_a_connection.contains(&name), "{name}: {value} (§8.2.2)");
    assert!(
        !name.bytes().any(|byte| byte <= 0x20 || byte >= 0x7f || byte.is_ascii_uppercase()),
        "{name:?} (§8.2.1)"
    );
    assert!(
        !value.bytes().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) && value.trim() == value,
        "{name}: {value:?} (§8.2.1)"
    );
}
