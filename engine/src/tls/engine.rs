//! rustls' engines of both roles as one: a step takes records and gives what it came to. Client and server differ in a
//! type parameter of rustls and in nothing else, so [`act`] is the one place that knows its states.

use super::buffers::{Plain, room};
use super::wrong::Wrong;
use crate::mem::{Buf, Pool};
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use std::io;

/// What a record adds to its text at most, in the suites that rustls speaks (22 bytes in TLS 1.3, 29 in 1.2).
pub(super) const RECORD_EXTRA: usize = 64;

/// One side of a session.
pub(super) enum Engine {
    /// We dialled.
    Client(UnbufferedClientConnection),
    /// We were dialled.
    Server(UnbufferedServerConnection),
}

/// What a step is to do where it can.
pub(super) enum Want<'w> {
    Nothing,
    /// Fill the slice, and count.
    Read(&'w mut [u8], &'w mut usize),
    /// Make a record of this.
    Write(&'w [u8]),
    /// Make the record that says that nothing more will come.
    Goodbye,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more to do with what is there.
    Going,
    /// Nothing more before bytes come; the handshake is not done.
    Shaking,
    /// The handshake is done: what was to be written is records now, and what was to be read has not come.
    Open,
    /// The peer has closed its side.
    Closed,
    /// So have we.
    Over,
}

/// Why a step came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stuck {
    /// The peer broke the protocol.
    Peer(Wrong),
    /// There was no room, or the session has no keys left.
    Us(io::ErrorKind),
}

/// Where a step puts things.
pub(super) struct Places<'p> {
    /// Text that nobody has room for.
    pub(super) plain: &'p mut Plain,
    /// Records to be sent.
    pub(super) outgoing: &'p mut Option<Buf>,
    pub(super) pool: &'p Pool,
}

impl Engine {
    /// One step with `records`, which have come. Gives how many bytes of them are done with, too.
    pub(super) fn step(
        &mut self,
        records: &mut [u8],
        want: Want<'_>,
        places: Places<'_>,
    ) -> (usize, Result<Step, Stuck>) {
        match self {
            Engine::Client(engine) => act(engine.process_tls_records(records), want, places),
            Engine::Server(engine) => act(engine.process_tls_records(records), want, places),
        }
    }

    /// Whether records wait that a step would put in `outgoing`.
    pub(super) fn owes(&self) -> bool {
        match self {
            Engine::Client(engine) => engine.wants_write(),
            Engine::Server(engine) => engine.wants_write(),
        }
    }

    /// Whether the handshake is not done.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Engine::Client(engine) => engine.is_handshaking(),
            Engine::Server(engine) => engine.is_handshaking(),
        }
    }

    /// What was agreed to speak (RFC 7301).
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        match self {
            Engine::Client(engine) => engine.alpn_protocol(),
            Engine::Server(engine) => engine.alpn_protocol(),
        }
    }

    /// The engine of a side that was dialled.
    pub(super) fn server(&self) -> Option<&UnbufferedServerConnection> {
        match self {
            Engine::Client(_) => None,
            Engine::Server(engine) => Some(engine),
        }
    }

    /// Whether the other side dialled us.
    pub(super) fn is_server(&self) -> bool {
        matches!(self, Engine::Server(_))
    }
}

fn act<Role>(
    UnbufferedStatus { mut discard, state }: UnbufferedStatus<'_, '_, Role>,
    want: Want<'_>,
    Places { plain, outgoing, pool }: Places<'_>,
) -> (usize, Result<Step, Stuck>) {
    let step = match state {
        Ok(ConnectionState::ReadTraffic(mut traffic)) => {
            let (into, read) = match want {
                Want::Read(into, read) => (into, read),
                _ => (&mut [][..], &mut 0),
            };
            let mut step = Ok(Step::Going);
            while let Some(Ok(record)) = traffic.next_record() {
                discard += record.discard;
                let fits = record.payload.len().min(into.len() - *read);
                into[*read..*read + fits].copy_from_slice(&record.payload[..fits]);
                *read += fits;
                if let Err(kind) = plain.put(&record.payload[fits..], pool) {
                    step = Err(Stuck::Us(kind));
                }
            }
            step
        }
        Ok(ConnectionState::EncodeTlsData(mut record)) => match record.encode(&mut []) {
            Err(EncodeError::InsufficientSize(size)) => {
                put(outgoing, pool, size.required_size, |out| record.encode(out).map_err(|_| Stuck::FULL))
            }
            _ => Ok(()),
        }
        .map(|()| Step::Going),
        // It is in `outgoing`, which goes before everything else.
        Ok(ConnectionState::TransmitTlsData(records)) => {
            records.done();
            Ok(Step::Going)
        }
        Ok(ConnectionState::WriteTraffic(mut traffic)) => match want {
            Want::Write(text) => put(outgoing, pool, text.len() + RECORD_EXTRA, |out| {
                traffic.encrypt(text, out).map_err(|error| unsealed(&error))
            }),
            Want::Goodbye => put(outgoing, pool, RECORD_EXTRA, |out| {
                traffic.queue_close_notify(out).map_err(|error| unsealed(&error))
            }),
            Want::Nothing | Want::Read(..) => Ok(()),
        }
        .map(|()| Step::Open),
        Ok(ConnectionState::BlockedHandshake) => Ok(Step::Shaking),
        Ok(ConnectionState::PeerClosed) => Ok(Step::Closed),
        Ok(ConnectionState::Closed) => Ok(Step::Over),
        // Early data is not offered, and there is no other state.
        Ok(_) => Err(Stuck::Peer(Wrong::Protocol("misbehaved"))),
        Err(error) => Err(Stuck::Peer(Wrong::of(&error))),
    };
    (discard, step)
}

impl Stuck {
    const FULL: Stuck = Stuck::Us(io::ErrorKind::OutOfMemory);
}

impl From<Stuck> for io::Error {
    fn from(stuck: Stuck) -> io::Error {
        match stuck {
            Stuck::Peer(_) => io::ErrorKind::InvalidData.into(),
            Stuck::Us(kind) => kind.into(),
        }
    }
}

/// Has `seal` fill room for `bytes` in `outgoing`.
fn put(
    outgoing: &mut Option<Buf>,
    pool: &Pool,
    bytes: usize,
    seal: impl FnOnce(&mut [u8]) -> Result<usize, Stuck>,
) -> Result<(), Stuck> {
    let out = room(outgoing, pool, bytes).map_err(Stuck::Us)?;
    let len = seal(out.spare())?;
    out.advance(len);
    Ok(())
}

fn unsealed(error: &EncryptError) -> Stuck {
    match error {
        EncryptError::InsufficientSize(_) => Stuck::FULL,
        EncryptError::EncryptExhausted => Stuck::Us(io::ErrorKind::BrokenPipe),
    }
}
