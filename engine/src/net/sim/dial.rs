//! Dialling within the simulation.

use super::listener::{Accepts, BACKLOG};
use super::socket::{Socket, pair};
use super::world::{World, current};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;

/// A socket that is on its way to `addr`: writable once it is connected or refused. None without a run.
pub fn dial(addr: SocketAddr) -> Option<io::Result<Socket>> {
    let world = current()?;
    let number = world.dialled.get() + 1;
    world.dialled.set(number);
    world.tell(|| format!("{number}:0 dials {addr}"));
    let (ours, theirs) = pair(&world, number);
    let there = world.clone();
    world.at(world.arrival(), move || knock(&there, addr, theirs));
    Some(Ok(ours))
}

/// The handshake reaches its port.
fn knock(world: &Rc<World>, addr: SocketAddr, theirs: Socket) {
    let shared = theirs.shared().clone();
    if shared.borrow().ends[0].closed {
        return;
    }
    let mut ports = world.ports.borrow_mut();
    let port = ports.get_mut(&addr).filter(|port| port.queue.len() < BACKLOG);
    let accepts = port.as_ref().map_or(Accepts::No, |port| port.accepts);
    let waiting = match (accepts, port) {
        (Accepts::Yes, Some(port)) => {
            port.queue.push_back(theirs);
            port.waiting.take()
        }
        (Accepts::Yes | Accepts::No, _) => {
            drop(ports);
            let heard = shared.clone();
            world.at(world.arrival(), move || {
                let own = &mut heard.borrow_mut().ends[0];
                own.connecting = false;
                own.dead = true;
                own.error = Some(ErrorKind::ConnectionRefused);
                own.wake();
            });
            shared.borrow_mut().ends[1].dead = true;
            return;
        }
        // The far end never existed, so nothing is ever heard of it.
        (Accepts::Never, _) => {
            shared.borrow_mut().ends[1].dead = true;
            return;
        }
    };
    drop(ports);
    waiting.into_iter().for_each(std::task::Waker::wake);
    world.at(world.arrival(), move || {
        let own = &mut shared.borrow_mut().ends[0];
        own.connecting = false;
        own.wake();
    });
}

/// A socket connected to `addr`.
///
/// # Errors
/// `ConnectionRefused`; `NotConnected` outside a run.
pub async fn connect(addr: SocketAddr) -> io::Result<Socket> {
    let socket = dial(addr).unwrap_or_else(|| Err(ErrorKind::NotConnected.into()))?;
    socket.writable().await?;
    socket.take_error()?;
    Ok(socket)
}
