//! The handshake, in both roles. Before it is done nothing is known of the peer, so all it can cost is one buffer and a
//! bounded wait. A peer that breaks the protocol is told so by an alert.

use super::engine::{Engine, Step, Want};
use super::session::Session;
use super::state::State;
use super::wrong::Wrong;
use crate::base::Proven;
use crate::certs::{ACME_TLS, Asked, OriginTerms, Terms};
use crate::mem::{Buf, Pool};
use crate::net::stream::Wait;
use crate::net::{Deadline, Stream};
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use std::io;

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It was not done in time.
    Timeout,
    /// The peer went without a byte: a client that only looked whether somebody listens.
    Silent,
    /// The peer went.
    Cut,
    /// It was an issuer's, which has seen the proof that it looked for. Nothing is spoken on its connection (RFC 8737 §3).
    Proof,
    /// The peer proves nothing to us, would not have what is offered, or broke the protocol.
    Wrong(Wrong),
}

/// Shakes hands with the client of `below` by these terms before `deadline`. `first` has come from it already.
///
/// # Errors
/// Why not; the connection is to be closed, and not before the client could read the alert that says why.
pub async fn accept(
    below: Stream,
    terms: &Terms,
    pool: &Pool,
    first: Option<Buf>,
    deadline: &Deadline,
) -> Result<Stream, (Refused, Stream)> {
    Handshake::of_server(below, terms, pool, first)?.finish(deadline).await
}

/// Shakes hands with the origin of `below`, reached by the name `host`, by these terms before `deadline`. `first` is sent
/// as it is, before the first record.
///
/// # Errors
/// Why not; the connection is to be closed.
pub async fn dial(
    below: Stream,
    (terms, host): (&OriginTerms, &str),
    pool: &Pool,
    first: Option<Buf>,
    deadline: &Deadline,
) -> Result<Stream, Refused> {
    let handshake = Handshake::of_client(below, (terms, host), pool, first)?;
    handshake.finish(deadline).await.map_err(|(refused, _)| refused)
}

/// A handshake that goes on as bytes come and go, without waiting itself.
#[expect(missing_debug_implementations, reason = "it holds secrets")]
pub struct Handshake {
    below: Stream,
    state: State,
    next: Next,
    /// A byte of the peer has come.
    came: bool,
    asked: Asked,
    /// What a client is held to.
    terms: Option<Terms>,
    proven: Option<Proven>,
}

/// What a handshake does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// To process what is there; then to flush.
    Step,
    /// To send what answers it; then to fetch.
    Flush,
    /// To take what comes; then to step.
    Fetch,
    /// To send the last records.
    Last,
}

/// How far a handshake came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// It goes on when there is something to read.
    Reads,
    /// It goes on when there is room to write.
    Writes,
}

impl Handshake {
    /// That of a listener: see [`accept`].
    ///
    /// # Errors
    /// The terms are no terms.
    pub fn of_server(
        below: Stream,
        terms: &Terms,
        pool: &Pool,
        first: Option<Buf>,
    ) -> Result<Handshake, (Refused, Stream)> {
        let engine = match UnbufferedServerConnection::new(terms.config()) {
            Ok(engine) => engine,
            Err(error) => return Err((refused(&error), below)),
        };
        let came = first.is_some();
        let state = State::new(Engine::Server(engine), pool.clone(), first, None);
        let terms = Some(terms.clone());
        Ok(Handshake { below, state, next: Next::Step, came, asked: Asked::default(), terms, proven: None })
    }

    /// That of who dials: see [`dial`].
    ///
    /// # Errors
    /// The terms are no terms, or `host` is no name.
    pub fn of_client(
        below: Stream,
        (terms, host): (&OriginTerms, &str),
        pool: &Pool,
        first: Option<Buf>,
    ) -> Result<Handshake, Refused> {
        let name = terms.name(host).ok_or(Refused::Wrong(Wrong::Certificate("no_name_to_verify")))?;
        let engine =
            UnbufferedClientConnection::new(terms.config(), name).map_err(|error| refused(&error))?;
        let state = State::new(Engine::Client(engine), pool.clone(), None, first);
        let (terms, proven) = (None, None);
        Ok(Handshake { below, state, next: Next::Step, came: false, asked: Asked::default(), terms, proven })
    }

    /// Goes on as far as it can without waiting.
    ///
    /// # Errors
    /// Why it is over; the peer was told what could be told.
    pub fn advance(&mut self) -> Result<Progress, Refused> {
        loop {
            let io = match self.next {
                Next::Step => {
                    self.next = self.step()?;
                    continue;
                }
                Next::Flush | Next::Last => (self.state.flush(&self.below), Progress::Writes),
                Next::Fetch => (self.state.fetch(&self.below), Progress::Reads),
            };
            match io {
                (Ok(()), Progress::Reads) if self.state.is_ended() => return Err(self.cut()),
                (Ok(()), Progress::Reads) => (self.next, self.came) = (Next::Step, true),
                (Ok(()), _) if self.next == Next::Last => {
                    self.prove()?;
                    return Ok(Progress::Done);
                }
                (Ok(()), _) => self.next = Next::Fetch,
                (Err(error), waits) if error.kind() == io::ErrorKind::WouldBlock => return Ok(waits),
                (Err(_), _) => return Err(self.cut()),
            }
        }
    }

    fn step(&mut self) -> Result<Next, Refused> {
        let step = self.state.step(Want::Nothing);
        if let Some(asked) = Terms::asked() {
            self.asked = asked;
        }
        match step {
            Ok(Step::Going) => Ok(Next::Step),
            // Records that answer each other leave in one send.
            Ok(Step::Shaking) => Ok(Next::Flush),
            Ok(Step::Open) => Ok(Next::Last),
            Ok(Step::Closed) if self.state.is_closed_behind_handshake() => Ok(Next::Last),
            Ok(Step::Closed | Step::Over) => Err(Refused::Cut),
            Err(_) => {
                // What can be sent at once is enough.
                let _ = self.state.flush(&self.below);
                Err(Refused::Wrong(self.state.wrong.unwrap_or(Wrong::Protocol("too_long"))))
            }
        }
    }

    /// Notes who a client is. One that comes back by a ticket was held to the terms as they are now when that was opened.
    fn prove(&mut self) -> Result<(), Refused> {
        const BAD: Refused = Refused::Wrong(Wrong::Certificate("bad_certificate"));
        let (Some(engine), Some(terms)) = (self.state.server(), &self.terms) else { return Ok(()) };
        let certificate = match engine.peer_certificates() {
            Some(chain) => Some(Box::new(Terms::told(chain).ok_or(BAD)?)),
            None => None,
        };
        self.proven = Some(Proven::new(certificate, terms.number()));
        Ok(())
    }

    fn cut(&self) -> Refused {
        if self.came { Refused::Cut } else { Refused::Silent }
    }

    /// The session as a stream, once the handshake is done.
    pub fn into_stream(self) -> Stream {
        debug_assert!(self.next == Next::Last, "the handshake is done");
        Stream::covered(Box::new(Session::new(self.below, self.state, self.asked.host, self.proven)))
    }

    async fn finish(mut self, deadline: &Deadline) -> Result<Stream, (Refused, Stream)> {
        loop {
            let waited = match self.advance() {
                Ok(Progress::Done) if self.state.protocol() == Some(ACME_TLS) => {
                    // A client that would have spoken something else beside was shown no proof.
                    let refused = match self.asked.proof {
                        true => Refused::Proof,
                        false => Refused::Wrong(Wrong::Protocol("no_common_protocol")),
                    };
                    return Err((refused, self.below));
                }
                Ok(Progress::Done) => return Ok(self.into_stream()),
                Ok(Progress::Reads) => self.below.readable_by(deadline).await,
                Ok(Progress::Writes) => self.below.writable_by(deadline).await,
                Err(refused) => return Err((refused, self.below)),
            };
            let refused = match waited {
                Ok(()) => continue,
                Err(Wait::Expired) => Refused::Timeout,
                Err(Wait::Io(_)) => self.cut(),
            };
            return Err((refused, self.below));
        }
    }
}

fn refused(error: &rustls::Error) -> Refused {
    Refused::Wrong(Wrong::of(error))
}
