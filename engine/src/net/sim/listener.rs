//! Ports of the simulated network: what answers where.

use super::socket::Socket;
use super::world::{World, current};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Connections that wait to be accepted at most; more are refused.
pub const BACKLOG: usize = 1024;

/// What happens to a handshake at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// It is finished, and the connection queued.
    Yes,
    /// It is refused.
    No,
    /// Nothing: the dialler hears no answer.
    Never,
}

/// A port.
#[derive(Debug)]
pub struct Port {
    pub accepts: Accepts,
    pub queue: VecDeque<Socket>,
    pub waiting: Option<Waker>,
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    addr: SocketAddr,
}

/// Listens at `addr`. A port that refused or swallowed takes connections from now on.
///
/// # Panics
/// Outside a run.
pub fn listen(addr: SocketAddr) -> Listener {
    set(addr, Accepts::Yes);
    Listener { addr }
}

/// Refuses connections to `addr` from now on, as every port does that nobody listens at.
pub fn refuse(addr: SocketAddr) {
    set(addr, Accepts::No);
}

/// Leaves connections to `addr` without an answer from now on.
pub fn swallow(addr: SocketAddr) {
    set(addr, Accepts::Never);
}

fn set(addr: SocketAddr, accepts: Accepts) {
    let world = here();
    let mut ports = world.ports.borrow_mut();
    ports.entry(addr).or_insert_with(|| Port { accepts, queue: VecDeque::new(), waiting: None }).accepts =
        accepts;
}

fn here() -> Rc<World> {
    current().expect("ports exist only in a run")
}

impl Listener {
    /// The next connection.
    pub async fn accept(&self) -> Socket {
        poll_fn(|cx| {
            let world = here();
            let mut ports = world.ports.borrow_mut();
            let Some(port) = ports.get_mut(&self.addr) else { return Poll::Pending };
            if let Some(socket) = port.queue.pop_front() {
                return Poll::Ready(socket);
            }
            port.waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for Listener {
    /// Connections still queued are dropped with their port.
    fn drop(&mut self) {
        let port = current().and_then(|world| world.ports.borrow_mut().remove(&self.addr));
        drop(port);
    }
}
