//! The accept loop of one listening socket. Descriptors running out makes it wait, never spin; at its end the
//! queue is emptied before the socket closes, so that no finished handshake is lost.

use super::admit::{Admission, Admit};
use crate::net::listener::{Listener, is_of_one_connection};
use crate::net::spawn::{Either, race, yield_to_back};
use crate::net::{Wheel, clock};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::time::Duration;

/// Connections taken in one turn, so that those already open get theirs.
const AT_ONCE: usize = 64;
/// Wait after the system has no descriptor or memory left.
const BACKOFF: Duration = Duration::from_millis(50);

/// One connection off the queue.
#[derive(Debug)]
pub struct Accepted {
    /// Its non-blocking socket.
    pub fd: OwnedFd,
    /// Its peer.
    pub peer: SocketAddr,
}

/// What came of one connection.
#[derive(Debug)]
pub enum Arrival {
    /// It has its place under the caps.
    Admitted(Accepted, Admission),
    /// A cap is reached.
    Refused(Accepted),
}

/// Takes connections until `ending`; those whose handshake is done by then too.
pub async fn accept(
    listener: Listener,
    admit: Admit,
    wheel: Wheel,
    ending: impl Future<Output = ()>,
    mut arrival: impl FnMut(Arrival),
) {
    let backoff = wheel.deadline();
    let mut ending = pin!(ending);
    loop {
        match drain(&listener, &admit, &mut arrival) {
            Ok(true) => yield_to_back().await,
            Ok(false) => match race(ending.as_mut(), listener.ready()).await {
                Either::First(()) => break,
                Either::Second(Ok(())) => {}
                Either::Second(Err(_)) => {
                    backoff.set(clock::coarse().after(BACKOFF));
                    backoff.wait().await;
                }
            },
            Err(_) => {
                backoff.set(clock::coarse().after(BACKOFF));
                backoff.wait().await;
            }
        }
    }
    // What came since the last look: closing the socket would reset it.
    while matches!(drain(&listener, &admit, &mut arrival), Ok(true)) {}
}

/// Takes what is in the queue, a turn's worth at most; true when there may be more.
fn drain(listener: &Listener, admit: &Admit, arrival: &mut impl FnMut(Arrival)) -> io::Result<bool> {
    for _ in 0..AT_ONCE {
        match listener.try_accept() {
            Ok((fd, peer)) => {
                let accepted = Accepted { fd, peer };
                arrival(match admit.admit() {
                    Some(admission) => Arrival::Admitted(accepted, admission),
                    None => Arrival::Refused(accepted),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
