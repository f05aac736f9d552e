//! The accept loop of one listening socket. Descriptors running out makes it wait, never spin; at its end the
//! queue is emptied before the socket closes, so that no finished handshake is lost.

use super::admit::Admission;
use crate::base::ClientAddr;
use crate::net::listener::{Listener, is_of_one_connection};
use crate::net::spawn::{Either, give_way, race};
use crate::net::{Shortage, Wheel, clock};
use std::future::Future;
use std::io;
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
    pub peer: ClientAddr,
}

/// What came of one connection.
#[derive(Debug)]
pub enum Arrival {
    /// It has its place under the caps.
    Admitted(Accepted, Admission),
    /// A cap is reached.
    Refused(Accepted),
}

/// Takes connections until `ended`, and then those still in the queue. `admit` gives each its place under the caps; `short` is
/// told what the process lacks to take one.
pub async fn accept(
    listener: Listener,
    admit: impl Fn() -> Option<Admission>,
    wheel: Wheel,
    ended: impl Future<Output = ()>,
    (mut arrival, short): (impl FnMut(Arrival), impl Fn(Shortage)),
) {
    let backoff = wheel.deadline();
    let mut ended = pin!(ended);
    loop {
        let taken = drain(&listener, &admit, &mut arrival);
        let next = async {
            match taken {
                Ok(true) => return give_way().await,
                Ok(false) if listener.ready().await.is_ok() => return,
                Ok(false) => {}
                Err(error) => Shortage::of(&error).into_iter().for_each(&short),
            }
            backoff.set(clock::coarse().after(BACKOFF));
            backoff.wait().await;
        };
        if let Either::First(()) = race(ended.as_mut(), next).await {
            while matches!(drain(&listener, &admit, &mut arrival), Ok(true)) {}
            // Dropping the socket ends it a turn later, and what comes until then would be lost.
            listener.shut();
            while matches!(drain(&listener, &admit, &mut arrival), Ok(true)) {}
            return;
        }
    }
}

/// Takes what is in the queue, a turn's worth at most; true when there may be more.
fn drain(
    listener: &Listener,
    admit: &impl Fn() -> Option<Admission>,
    arrival: &mut impl FnMut(Arrival),
) -> io::Result<bool> {
    for _ in 0..AT_ONCE {
        match listener.try_accept() {
            Ok((fd, peer)) => {
                let accepted = Accepted { fd, peer };
                arrival(match admit() {
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
