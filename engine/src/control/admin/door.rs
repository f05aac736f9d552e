//! The listener: bound before anything starts, then served on the control thread. At most [`CONNECTIONS`] at once, each
//! closed after [`SILENCE`] without a byte from its client, or [`HEAD`] after a request began whose head has not ended, so
//! that nobody keeps others out; what is long leaves in bursts.

use super::gate::Gate;
use super::live::Live;
use super::pages;
use crate::base::Address;
use crate::control::Refused;
use crate::control::diagnostics::advice;
use crate::net::listener::Bound;
use crate::net::unix::SocketFile;
use crate::table::Admin;
use axum::serve::Listener;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Connections at once.
const CONNECTIONS: usize = 64;
/// Longest silence of a client.
const SILENCE: Duration = Duration::from_secs(75);
/// A head is whole within this, from its first byte; the first one from the connection's beginning.
const HEAD: Duration = Duration::from_secs(10);
/// Connections that wait to be taken.
const BACKLOG: i32 = 128;

/// A bound listener of the administration interface.
pub struct Door {
    socket: Socket,
    /// Whether it is on loopback, where web pages could send a browser to.
    by_loopback: bool,
    bound: Address,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Door({})", self.bound)
    }
}

enum Socket {
    Tcp(TcpListener),
    /// Its file is removed with it.
    Unix(UnixListener, SocketFile),
}

impl Door {
    /// Binds what `admin` says. To be called within the control thread's runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(admin: &Admin) -> Result<Door, Refused> {
        let refused = |error: io::Error| {
            let advice = advice::bind(&admin.bind, &error);
            Refused::Runtime(format!("admin cannot bind {}: {error}{advice}", admin.bind))
        };
        let (socket, bound) = socket(&admin.bind).map_err(refused)?;
        let by_loopback = admin.is_local() && matches!(bound, Address::Tcp(_));
        Ok(Door { socket, by_loopback, bound })
    }

    /// Where it listens; a port that was chosen for port 0 is told.
    pub fn bound(&self) -> &Address {
        &self.bound
    }

    /// Serves it until it is dropped.
    pub async fn serve(self, live: Arc<Live>) {
        let router = pages::router(Gate { by_loopback: self.by_loopback, live });
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        // Neither returns: an accept that fails is tried again.
        match self.socket {
            Socket::Tcp(listener) => drop(axum::serve(Bounded { listener, places }, router).await),
            Socket::Unix(listener, file) => {
                drop(axum::serve(Bounded { listener, places }, router).await);
                drop(file);
            }
        }
    }
}

fn socket(wanted: &Address) -> io::Result<(Socket, Address)> {
    match wanted {
        // Not shared between processes, as listeners are: who asks one must know which.
        Address::Tcp(addr) => {
            let socket = std::net::TcpListener::bind(addr)?;
            socket.set_nonblocking(true)?;
            let bound = socket.local_addr()?.into();
            Ok((Socket::Tcp(TcpListener::from_std(socket)?), bound))
        }
        Address::Unix(path) => {
            let (socket, file) = Bound::unix(path, BACKLOG)?;
            Ok((Socket::Unix(UnixListener::from_std(socket.into_unix()?)?, file), wanted.clone()))
        }
    }
}

/// A listener whose connections have a place each and may not be silent for long.
struct Bounded<L> {
    listener: L,
    places: Arc<Semaphore>,
}

impl<L: Listener> Listener for Bounded<L> {
    type Io = Held<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Held<L::Io>, L::Addr) {
        let place = self.places.clone().acquire_owned().await.expect("the semaphore is never closed");
        let (io, addr) = self.listener.accept().await;
        let held = Held {
            io,
            awaits: Awaits::Head([0; 4]),
            end: Box::pin(sleep(HEAD)),
            written: 0,
            pause: None,
            _place: place,
        };
        (held, addr)
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

/// Bytes written in one go: copying them takes some tenths of a millisecond, for which a shard on the same CPU waits.
const BURST: usize = 1024 * 1024;
/// How long shards have the CPU after that. The timer makes one to two milliseconds of it.
const PAUSE: Duration = Duration::from_millis(1);

/// A connection.
struct Held<S> {
    io: S,
    awaits: Awaits,
    /// Of the silence, or of the head that is on its way.
    end: Pin<Box<Sleep>>,
    /// Bytes written since the last pause.
    written: usize,
    pause: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

/// What a connection waits for. What comes before the answer is the request's body, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Request,
    /// The end of a head, of which these four bytes came last.
    Head([u8; 4]),
    Answer,
}

impl Awaits {
    /// `bytes` came; gives how much longer the client may take, where that changes.
    fn read(&mut self, bytes: &[u8]) -> Option<Duration> {
        let (mut last, begins) = match *self {
            Awaits::Request => ([0; 4], true),
            Awaits::Head(last) => (last, false),
            Awaits::Answer => return Some(SILENCE),
        };
        for byte in bytes {
            last = [last[1], last[2], last[3], *byte];
            if last == *b"\r\n\r\n" {
                *self = Awaits::Answer;
                return Some(SILENCE);
            }
        }
        *self = Awaits::Head(last);
        begins.then_some(HEAD)
    }

    /// Something of an answer has left.
    fn wrote(&mut self) {
        if *self == Awaits::Answer {
            *self = Awaits::Request;
        }
    }
}

impl<S> Held<S> {
    /// Waits where much was written at once; then gives how much more may be.
    fn room(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.written >= BURST {
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(PAUSE)));
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
            self.written = 0;
        }
        Poll::Ready(BURST - self.written)
    }

    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.written += bytes;
            self.awaits.wrote();
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(done) = Pin::new(&mut self.io).poll_read(cx, buf) {
            if let Some(span) = self.awaits.read(&buf.filled()[before..]) {
                self.end.as_mut().reset(Instant::now() + span);
            }
            return Poll::Ready(done);
        }
        self.end.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let room = ready!(self.room(cx));
        let written = Pin::new(&mut self.io).poll_write(cx, &buf[..buf.len().min(room)]);
        self.count(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let room = ready!(self.room(cx));
        let mut sum = 0;
        let whole = bufs.iter().take_while(|buf| {
            sum += buf.len();
            sum <= room
        });
        let written = match (whole.count(), bufs.first()) {
            (0, Some(first)) => Pin::new(&mut self.io).poll_write(cx, &first[..room]),
            (whole, _) => Pin::new(&mut self.io).poll_write_vectored(cx, &bufs[..whole]),
        };
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_its_time_from_its_first_byte_however_slowly_it_comes() {
        let mut awaits = Awaits::Head([0; 4]);
        let told: Vec<Option<Duration>> =
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".iter().map(|byte| awaits.read(&[*byte])).collect();
        let (last, before) = told.split_last().expect("bytes came");
        assert!(before.iter().all(Option::is_none), "the first head has its time from the beginning");
        assert_eq!((*last, awaits), (Some(SILENCE), Awaits::Answer));
        assert_eq!(awaits.read(b"a body\r\n\r\n of two pieces"), Some(SILENCE));
        awaits.wrote();
        assert_eq!(awaits.read(b"G"), Some(HEAD));
        assert_eq!(awaits.read(b"ET"), None);
        assert_eq!(awaits.read(b" / HTTP/1.1\r\n\r\nbody"), Some(SILENCE));
    }
}
