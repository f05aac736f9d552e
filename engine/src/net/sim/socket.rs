//! One end's socket, with the calls that `net::Stream` makes of a system's and a few that scripts use.

use super::connection::{self, Connection, Parcel, Shared};
use super::world::World;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;
use std::task::Poll;

/// A socket of the simulation. Dropped with unread bytes it resets, as Linux does; else it ends the stream.
pub struct Socket {
    world: Rc<World>,
    connection: Shared,
    end: usize,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Socket(end {} of {:p})", self.end, self.connection)
    }
}

/// The sockets of a new connection whose dialling end is not connected yet.
pub(super) fn pair(world: &Rc<World>, number: u64) -> (Socket, Socket) {
    let room = world.random.within(world.weather.room.clone()) as usize;
    let connection = Rc::new(RefCell::new(Connection::new(number, room)));
    let socket = |end| {
        world.sockets.set(world.sockets.get() + 1);
        Socket { world: world.clone(), connection: connection.clone(), end }
    };
    (socket(0), socket(1))
}

impl Socket {
    /// As recv(2).
    ///
    /// # Errors
    /// `WouldBlock`; what a reset left behind, once.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut connection = self.connection.borrow_mut();
        let own = &mut connection.ends[self.end];
        let mut n = own.arrived.len().min(into.len());
        if n == 0 {
            return self.nothing(&mut connection);
        }
        if self.world.random.chance(self.world.weather.short_reads) {
            n = 1 + self.world.random.below(n as u64) as usize;
        }
        for (place, byte) in into.iter_mut().zip(own.arrived.drain(..n)) {
            *place = byte;
        }
        connection.ends[1 - self.end].wake_writers();
        self.world.tell(|| format!("{}:{} reads {n} bytes", connection.number, self.end));
        self.world.fold(n as u64);
        Ok(n)
    }

    /// What a read gives when no byte is there.
    fn nothing(&self, connection: &mut Connection) -> io::Result<usize> {
        connection.take_error(self.end)?;
        let own = &connection.ends[self.end];
        self.world.tell(|| {
            format!(
                "{}:{} reads {}",
                connection.number,
                self.end,
                if own.ended || own.dead { "the end" } else { "nothing" }
            )
        });
        if own.ended || own.dead { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    /// As sendmsg(2) of `parts`.
    ///
    /// # Errors
    /// `WouldBlock`; what a reset left behind, once, and `BrokenPipe` from then on.
    pub fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let whole: usize = parts.iter().map(|part| part.len()).sum();
        let mut connection = self.connection.borrow_mut();
        connection.take_error(self.end)?;
        let own = &connection.ends[self.end];
        if own.dead || own.finished {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if whole == 0 {
            return Ok(0);
        }
        let mut n = connection.room_of(self.end).min(whole);
        if n == 0 || own.connecting {
            return Err(ErrorKind::WouldBlock.into());
        }
        drop(connection);
        let random = &self.world.random;
        if random.chance(self.world.weather.short_writes) {
            n = 1 + random.below(n as u64) as usize;
        }
        let mut bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).take(n).collect();
        if n > 1 && random.chance(self.world.weather.torn) {
            let rest = bytes.split_off(random.within(1..n as u64) as usize);
            self.send(Parcel::Bytes(bytes));
            bytes = rest;
        }
        self.send(Parcel::Bytes(bytes));
        self.world.fold(n as u64);
        Ok(n)
    }

    fn send(&self, parcel: Parcel) {
        connection::send(&self.world, &self.connection, 1 - self.end, parcel);
    }

    /// As recv(2) of one byte with MSG_PEEK.
    ///
    /// # Errors
    /// As [`Socket::try_read`].
    pub fn peek(&self) -> io::Result<usize> {
        let mut connection = self.connection.borrow_mut();
        if connection.ends[self.end].arrived.is_empty() { self.nothing(&mut connection) } else { Ok(1) }
    }

    /// Waits until a read may not block; now and then the wait ends with nothing there.
    ///
    /// # Errors
    /// None; the signature is a driver's.
    pub async fn readable(&self) -> io::Result<()> {
        let spurious = self.spurious();
        poll_fn(|cx| {
            let own = &mut self.connection.borrow_mut().ends[self.end];
            if own.readable() || spurious {
                return Poll::Ready(Ok(()));
            }
            own.await_reading(cx);
            Poll::Pending
        })
        .await
    }

    /// Waits until a write may not block.
    ///
    /// # Errors
    /// None; the signature is a driver's.
    pub async fn writable(&self) -> io::Result<()> {
        // Before the handshake is over, readiness says that it is.
        let spurious = self.spurious() && !self.connection.borrow().ends[self.end].connecting;
        poll_fn(|cx| {
            let mut connection = self.connection.borrow_mut();
            if connection.writable(self.end) || spurious {
                return Poll::Ready(Ok(()));
            }
            connection.ends[self.end].await_writing(cx);
            Poll::Pending
        })
        .await
    }

    fn spurious(&self) -> bool {
        self.world.random.chance(self.world.weather.spurious)
    }

    /// As shutdown(2) of the sending half.
    ///
    /// # Errors
    /// `NotConnected` after a reset.
    pub fn shutdown_write(&self) -> io::Result<()> {
        {
            let own = &mut self.connection.borrow_mut().ends[self.end];
            if own.dead {
                return Err(ErrorKind::NotConnected.into());
            }
            if std::mem::replace(&mut own.finished, true) {
                return Ok(());
            }
        }
        self.send(Parcel::Fin);
        Ok(())
    }

    /// Makes the close that follows a reset.
    pub fn reset_on_close(&self) {
        self.connection.borrow_mut().ends[self.end].resets = true;
    }

    /// The pending error, once.
    ///
    /// # Errors
    /// That error.
    pub fn take_error(&self) -> io::Result<()> {
        self.connection.borrow_mut().take_error(self.end)
    }

    /// Reads once, waiting for bytes; 0 is the end.
    ///
    /// # Errors
    /// As [`Socket::try_read`], but for `WouldBlock`.
    pub async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.try_read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable().await?,
                done => return done,
            }
        }
    }

    /// Writes all of `bytes`, waiting for room.
    ///
    /// # Errors
    /// As [`Socket::try_write`], but for `WouldBlock`.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.try_write(&[IoSlice::new(bytes)]) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends `bytes` so that they arrive at once, whatever the weather and the room.
    pub fn burst(&self, bytes: &[u8]) {
        self.send(Parcel::Bytes(bytes.to_vec()));
    }

    /// Whether a reset came, even if another call was already told of it.
    pub fn is_reset(&self) -> bool {
        self.connection.borrow().ends[self.end].dead
    }

    /// Bytes sent so far.
    pub fn sent(&self) -> u64 {
        self.connection.borrow().ends[self.end].sent
    }

    /// Resets the connection.
    pub fn reset(self) {
        self.reset_on_close();
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.connection
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.world.sockets.set(self.world.sockets.get() - 1);
        let (resets, says_end) = {
            let own = &mut self.connection.borrow_mut().ends[self.end];
            own.closed = true;
            (!own.dead && (own.resets || !own.arrived.is_empty()), !own.dead && !own.finished)
        };
        if resets {
            connection::send_reset(&self.world, &self.connection, 1 - self.end);
        } else if says_end {
            self.send(Parcel::Fin);
        }
        // Whatever is still on its way here finds nobody; what the peer sends from now on is answered by a reset.
    }
}
