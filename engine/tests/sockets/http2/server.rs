//! An origin of exact frames: what it does on each connection is the test's.

use super::frames::*;
use super::hpack::{Decoder, plain};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
    /// What a head asks for.
    pub path: String,
    /// Names of its fields that came as never indexed.
    pub never: Vec<String>,
}

impl Frame {
    pub fn ends(&self) -> bool {
        matches!(self.kind, HEADERS | DATA) && self.flags & END_STREAM != 0
    }
}

/// One connection, which has begun.
pub struct Served {
    stream: TcpStream,
    decoder: Decoder,
    /// The first window of each stream, and what was given and used besides; of the connection under 0.
    window: i64,
    credit: BTreeMap<u32, i64>,
    /// Bytes of bodies that are still to leave.
    left: BTreeMap<u32, usize>,
}

/// A head that ends its stream with it, or not.
pub fn head(stream: u32, status: &str, ends: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | ends, stream, plain(&[(":status", status)]))
}

/// An origin that says `pairs` as its settings, and how many connections spoke to it.
pub fn origin(
    pairs: &'static [(u16, u32)],
    serve: impl Fn(usize, Served) + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("is bound");
    let (count, serve) = (Arc::new(AtomicUsize::new(0)), Arc::new(serve));
    let counted = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("is connected");
            let (serve, count) = (serve.clone(), counted.clone());
            thread::spawn(move || {
                // Whoever connected may only have looked whether it is there.
                if stream.read_exact(&mut [0; PREFACE.len()]).is_err() {
                    return;
                }
                let at = count.fetch_add(1, Relaxed);
                let mut served = Served {
                    stream,
                    decoder: Decoder::new(4096),
                    window: 65_535,
                    credit: BTreeMap::from([(0, 65_535)]),
                    left: BTreeMap::new(),
                };
                served.send(settings(pairs));
                serve(at, served);
            });
        }
    });
    (addr, count)
}

impl Served {
    /// The next frame, unless the connection is over. What its kind demands is done.
    pub fn next(&mut self) -> Option<Frame> {
        let mut header = [0; 9];
        self.stream.read_exact(&mut header).ok()?;
        let [a, b, c, kind, flags, id @ ..] = header;
        let stream = u32::from_be_bytes(id);
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.stream.read_exact(&mut payload).ok()?;
        let mut path = String::new();
        match kind {
            HEADERS => {
                let fields = self.decoder.decode(&payload).expect("a whole head");
                path = fields.into_iter().find(|(name, _)| name == ":path").map_or(path, |(_, value)| value);
            }
            SETTINGS if flags & ACK == 0 => {
                for pair in payload.chunks(6).filter(|pair| pair[..2] == [0, 4]) {
                    self.window = i64::from(u32::from_be_bytes(pair[2..].try_into().expect("four bytes")));
                }
                self.send(frame(SETTINGS, ACK, 0, b""));
            }
            PING if flags & ACK == 0 => self.send(frame(PING, ACK, 0, &payload)),
            WINDOW_UPDATE => {
                let more = u32::from_be_bytes(payload[..4].try_into().expect("four bytes"));
                *self.credit.entry(stream).or_default() += i64::from(more);
                self.go_on();
            }
            RST_STREAM => drop(self.left.remove(&stream)),
            _ => {}
        }
        let never = std::mem::take(&mut self.decoder.never);
        Some(Frame { kind, flags, stream, payload, path, never })
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // It may be gone.
        drop(self.stream.write_all(bytes.as_ref()));
    }

    /// Whoever else writes to it.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().expect("has a descriptor")
    }

    /// A reply with a body of so many bytes, which leave as far as there is credit.
    pub fn large(&mut self, stream: u32, bytes: usize) {
        self.send(head(stream, "200", 0));
        self.left.insert(stream, bytes);
        self.go_on();
    }

    fn go_on(&mut self) {
        for (stream, mut left) in std::mem::take(&mut self.left) {
            loop {
                let room = self.credit[&0].min(self.window + self.credit.get(&stream).copied().unwrap_or(0));
                let len = left.min(16_384).min(usize::try_from(room).unwrap_or(0));
                if len == 0 {
                    break;
                }
                left -= len;
                for of in [0, stream] {
                    *self.credit.entry(of).or_default() -= len as i64;
                }
                let flags = if left == 0 { END_STREAM } else { 0 };
                self.send(frame(DATA, flags, stream, vec![b'x'; len]));
            }
            if left > 0 {
                self.left.insert(stream, left);
            }
        }
    }
}
