//! Two sessions, one of each role, over a wire in memory whose bytes pass as the input says: what is read is what was written,
//! in order, whoever waits for whom; a write in hand is done by the same bytes alone; an altered record is the end, and
//! so is an end that was not told.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::base::Proven;
use ringgate::certs::{Identity, OriginTerms, Roots, Sealing, Terms, Trust};
use ringgate::mem::Pool;
use ringgate::net::Stream;
// `wire` takes them from here.
use ringgate::net::stream::{Cover, Idle};
use ringgate::tls::{Handshake, Progress};
use std::io::{ErrorKind, IoSlice};
use std::rc::Rc;
use std::sync::OnceLock;

#[path = "../../engine/src/tls/tests/wire.rs"]
mod wire;

use wire::{Wire, joined};

const CA: &[u8] = include_bytes!("../../engine/tests/data/origins/ca.pem");
const CERT: &[u8] = include_bytes!("../../engine/tests/data/origins/origin.pem");
const KEY: &[u8] = include_bytes!("../../engine/tests/data/origins/leaf.key");

fn terms() -> &'static (OriginTerms, Terms) {
    static TERMS: OnceLock<(OriginTerms, Terms)> = OnceLock::new();
    TERMS.get_or_init(|| {
        let roots = Roots::read(CA).expect("are roots");
        let identity = Identity::read(CERT, KEY).expect("is an identity");
        let client = OriginTerms::new(Trust::Roots(roots), None, None, &[b"http/1.1"], None);
        (client, Terms::new((&[identity], &[]), &[b"http/1.1"], None, Sealing::Own, None).expect("are terms"))
    })
}

/// The byte that is written at `place`, by one side or the other.
fn byte(side: usize, place: usize) -> u8 {
    (place as u8).wrapping_mul(31).wrapping_add((place >> 8) as u8) ^ (side as u8 * 0x55)
}

/// One side once the handshake is done.
struct Side {
    stream: Option<Stream>,
    number: usize,
    /// Bytes whose write was called done, and how far the last one went that was not.
    done: usize,
    ahead: usize,
    /// A write was cut short: what follows has been begun.
    is_in_hand: bool,
    /// Bytes that were read.
    read: usize,
    /// Reading or writing has ended with an error.
    is_broken: bool,
    /// The end of what is read was told.
    is_over: bool,
    /// It has ended its own writing.
    is_finished: bool,
}

impl Side {
    fn new(stream: Stream, number: usize) -> Side {
        let (is_in_hand, is_broken, is_over, is_finished) = (false, false, false, false);
        let stream = Some(stream);
        Side { stream, number, done: 0, ahead: 0, is_in_hand, read: 0, is_broken, is_over, is_finished }
    }

    fn may_write(&self) -> bool {
        !self.is_finished && !self.is_broken
    }

    fn write(&mut self, len: usize, parts: usize) {
        let Some(stream) = &self.stream else { return };
        // What may have been begun is gone on with.
        let len = len.max(self.ahead - self.done);
        let text: Vec<u8> = (self.done..self.done + len).map(|place| byte(self.number, place)).collect();
        let parts: Vec<IoSlice<'_>> = text.chunks(len.div_ceil(parts).max(1)).map(IoSlice::new).collect();
        self.ahead = self.done + len;
        match stream.try_write_parts(&parts) {
            Ok(wrote) => {
                assert!(wrote <= len, "no more is done than was written");
                self.done += wrote;
                self.is_in_hand = wrote < len;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.is_broken = true,
        }
    }

    /// Writes other bytes than those in hand.
    fn write_otherwise(&mut self) {
        let Some(stream) = &self.stream else { return };
        let text: Vec<u8> = (self.done..=self.ahead).map(|place| !byte(self.number, place)).collect();
        let wrote = stream.try_write(&text).map_err(|error| error.kind());
        assert_eq!(wrote, Err(ErrorKind::InvalidInput), "bytes in hand are no others");
        self.is_broken = true;
    }

    /// Whether something came.
    fn read(&mut self, len: usize, peer: &Side) -> bool {
        let Some(stream) = &self.stream else { return false };
        let mut into = vec![0; len];
        match stream.try_read(&mut into) {
            Ok(0) => {
                self.is_over = len > 0;
                assert!(!self.is_over || peer.is_finished || peer.stream.is_none(), "nobody ended it");
                false
            }
            Ok(got) => {
                for (at, found) in into[..got].iter().enumerate() {
                    assert_eq!(*found, byte(peer.number, self.read + at), "in order");
                }
                self.read += got;
                assert!(self.read <= peer.ahead, "nothing that was not written");
                true
            }
            Err(error) => {
                self.is_broken |= error.kind() != ErrorKind::WouldBlock;
                false
            }
        }
    }

    fn read_all(&mut self, peer: &Side) {
        while !self.is_over && !self.is_broken && self.read(4096, peer) {}
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (origin, listener) = terms();
    let ((up, down), wires) = joined();
    let pool = Pool::new();
    let mut client = Handshake::of_client(up, (origin, "localhost"), &pool, None).expect("is a name");
    let mut server = Handshake::of_server(down, listener, &pool, None).expect("are terms");
    let mut input = bytes.iter().copied();
    let mut next = || input.next();
    // The handshake: each step lets some bytes pass, and may alter one. A length that was altered is waited for in vain.
    for turn in 0.. {
        if turn == TURNS {
            return;
        }
        let (amount, altered) = match next() {
            Some(0xFF) => (usize::MAX, next()),
            Some(amount) => (usize::from(amount) + 1, None),
            None => (usize::MAX, None),
        };
        for wire in &wires {
            wire.takes.set(amount);
            wire.gives.set(amount);
        }
        let (one, other) = (client.advance(), server.advance());
        if one.is_err() || other.is_err() {
            return;
        }
        if (one, other) == (Ok(Progress::Done), Ok(Progress::Done)) {
            break;
        }
        if let Some(place) = altered {
            alter(&wires[usize::from(place & 1)], usize::from(place >> 1));
        }
    }
    let mut both = [Side::new(client.into_stream(), 0), Side::new(server.into_stream(), 1)];
    let mut altered = [false; 2];
    for _ in 0..STEPS {
        let Some(step) = next() else { break };
        let amount = usize::from(next().unwrap_or(0)) * usize::from(next().unwrap_or(0));
        let at = usize::from(step & 1);
        let [first, second] = &mut both;
        let (own, peer) = if at == 0 { (first, second) } else { (second, first) };
        // The last ones come seldom, so that much happens before.
        let is_rare = step >= 0xE0;
        match (step >> 1) % 8 {
            0 => wires[at].takes.set(amount),
            1 => wires[at].gives.set(amount),
            2 | 3 if own.may_write() => own.write(amount, 1 + usize::from(step >> 5)),
            4 if !own.is_over => drop(own.read(amount, peer)),
            // With its assertions, which releases leave out, rustls will not be told of it once it has said goodbye.
            5 if is_rare && !altered[at] && !peer.is_over && !own.is_finished && !peer.is_finished => {
                altered[at] = alter(&wires[at], amount);
            }
            6 if is_rare && own.may_write() && own.is_in_hand => own.write_otherwise(),
            7 if is_rare && own.ahead == own.done && !altered[1 - at] => {
                own.stream.as_ref().inspect(|stream| stream.shutdown_write());
                own.is_finished = true;
            }
            _ => drop(own.stream.as_ref().map(Stream::idle)),
        }
    }
    finish(&mut both, &wires, altered);
});

/// Turns of a handshake at most: far more than it has bytes.
const TURNS: usize = 20_000;
/// What happens once hands are shaken, at most.
const STEPS: usize = 500;

/// Alters a byte that is under way. Whether there was one. Not type and version in a record's front: all that a reader needs of
/// them is sealed within (RFC 8446 §5.2), so that rustls takes them for what they have to be.
fn alter(wire: &Rc<Wire>, place: usize) -> bool {
    let mut bytes = wire.bytes.borrow_mut();
    let place = place % bytes.len().max(1);
    match bytes.get_mut(place).filter(|byte| !matches!(**byte, 3 | 23)) {
        Some(byte) => *byte ^= 1 << (place % 8),
        None => return false,
    }
    true
}

/// Lets everything pass, and looks at both ends.
fn finish(both: &mut [Side; 2], wires: &[Rc<Wire>; 2], altered: [bool; 2]) {
    wires.iter().for_each(|wire| wire.open());
    let [first, second] = both;
    for own in [&mut *first, &mut *second] {
        if own.may_write() && own.ahead > own.done {
            own.write(0, 1);
            assert!(own.is_broken || own.done == own.ahead, "there is room for all of it");
        }
    }
    first.read_all(second);
    second.read_all(first);
    let is_good = !first.is_broken && !second.is_broken;
    if is_good && altered == [false; 2] {
        assert_eq!((second.read, first.read), (first.done, second.done), "all that was written");
    }
    let (own, peer) = if altered[1] { (second, first) } else { (first, second) };
    own.stream = None;
    peer.read_all(own);
    assert!(peer.is_over || peer.is_broken, "an end is seen");
    assert!(altered == [false; 2] || peer.is_broken, "an altered record is the end");
    assert!(
        !is_good || peer.is_over || peer.is_broken && altered != [false; 2],
        "an end that was told is one"
    );
}
