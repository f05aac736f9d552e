//! The handshake of a client: before it is done nothing is known of it, so all it can cost is one buffer and a bounded
//! wait. A client that breaks the protocol is told so by an alert.

use super::session::{Session, State, Step, Want};
use crate::base::Proven;
use crate::certs::Terms;
use crate::mem::{Buf, Pool};
use crate::net::stream::Wait;
use crate::net::{Deadline, Stream};
use rustls::HandshakeKind;
use rustls::server::UnbufferedServerConnection;
use std::io;

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It was not done in time.
    Timeout,
    /// The client went without a byte: it only looked whether somebody listens.
    Silent,
    /// The client went.
    Cut,
    /// The client broke the protocol, or would not have what is offered.
    Broken(&'static str),
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
    match shake(&below, terms, pool, first, deadline).await {
        Ok((state, asked, proven)) => {
            Ok(Stream::covered(Box::new(Session::new(below, state, asked, proven))))
        }
        Err(refused) => Err((refused, below)),
    }
}

/// Gives the session, the host that the client asked for, and who it is.
async fn shake(
    below: &Stream,
    terms: &Terms,
    pool: &Pool,
    first: Option<Buf>,
    deadline: &Deadline,
) -> Result<(State, Option<Box<str>>, Proven), Refused> {
    let engine =
        UnbufferedServerConnection::new(terms.config()).map_err(|_| Refused::Broken("misconfigured"))?;
    let mut came = first.is_some();
    let mut state = State::new(engine, pool.clone(), first);
    let mut server_name = None;
    loop {
        let step = state.step(Want::Nothing);
        server_name = Terms::asked().or(server_name);
        match step {
            Ok(Step::Going) => {}
            Ok(Step::Shaking) => {
                flush(&mut state, below, deadline).await?;
                fetch(&mut state, below, deadline).await.map_err(|refused| match refused {
                    Refused::Cut if !came => Refused::Silent,
                    refused => refused,
                })?;
                came = true;
            }
            Ok(Step::Open) => break,
            Ok(Step::Closed | Step::Over) => return Err(Refused::Cut),
            Err(_) => {
                // What can be sent at once is enough.
                let _ = state.flush(below);
                return Err(Refused::Broken(state.why.unwrap_or("too_long")));
            }
        }
    }
    flush(&mut state, below, deadline).await?;
    let proven = proven(&state.engine, terms).ok_or(Refused::Broken("bad_certificate"))?;
    Ok((state, server_name, proven))
}

/// Who the client is. One that comes back by a ticket was not asked again: what the ticket says of it is held to the terms as
/// they are now. None where it is not let in.
fn proven(engine: &UnbufferedServerConnection, terms: &Terms) -> Option<Proven> {
    let certificate = match engine.peer_certificates() {
        Some(chain) => Some(Box::new(Terms::told(chain)?)),
        None => None,
    };
    let is_back = engine.handshake_kind() == Some(HandshakeKind::Resumed);
    if is_back && !terms.admit(certificate.as_deref()) {
        return None;
    }
    Some(Proven::new(certificate, terms.number()))
}

async fn flush(state: &mut State, below: &Stream, deadline: &Deadline) -> Result<(), Refused> {
    loop {
        match state.flush(below) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                below.writable_by(deadline).await.map_err(waited)?;
            }
            Err(_) => return Err(Refused::Cut),
        }
    }
}

async fn fetch(state: &mut State, below: &Stream, deadline: &Deadline) -> Result<(), Refused> {
    loop {
        match state.fetch(below) {
            Ok(()) if state.is_ended() => return Err(Refused::Cut),
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                below.readable_by(deadline).await.map_err(waited)?;
            }
            Err(_) => return Err(Refused::Cut),
        }
    }
}

fn waited(wait: Wait) -> Refused {
    match wait {
        Wait::Expired => Refused::Timeout,
        Wait::Io(_) => Refused::Cut,
    }
}
