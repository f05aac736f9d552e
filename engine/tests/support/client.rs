//! A client of exact bytes: what it is given is what leaves, what came is what it shows.

use super::PATIENCE;
use super::reply::{self, Reply};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How the gateway ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order.
    Fin,
    /// By a reset.
    Reset,
}

/// One connection to a gateway.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    local: SocketAddr,
    /// Bytes read and not yet taken.
    ahead: Vec<u8>,
    end: Option<End>,
    deadline: Instant,
}

impl Client {
    /// Connects; everything on this connection has to happen within [`PATIENCE`].
    pub fn connect(addr: SocketAddr) -> Client {
        Client::try_connect(addr).expect("the gateway takes a connection")
    }

    /// Connects, if the gateway takes the connection.
    pub fn try_connect(addr: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true).unwrap();
        let local = stream.local_addr().unwrap();
        Ok(Client::over(stream, local))
    }

    /// As [`Client::connect`], from this address of the loopback.
    pub fn connect_from(ip: [u8; 4], addr: SocketAddr) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((ip, 0)).into()).expect("all of 127.0.0.0/8 is loopback");
        socket.connect(&addr.into()).expect("the gateway takes a connection");
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).unwrap();
        let local = stream.local_addr().unwrap();
        Client::over(stream, local)
    }

    /// As [`Client::connect`], to a Unix socket. It has no address of its own: see [`Client::addr`].
    pub fn connect_at(path: &Path) -> Client {
        let stream = UnixStream::connect(path).expect("the gateway takes a connection");
        // Whatever the kind of a socket, the calls that are made on it from here on are the same.
        Client::over(TcpStream::from(OwnedFd::from(stream)), (Ipv4Addr::UNSPECIFIED, 0).into())
    }

    fn over(stream: TcpStream, local: SocketAddr) -> Client {
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, local, ahead: Vec::new(), end: None, deadline: Instant::now() + PATIENCE }
    }

    /// Its own address: how the access log names this connection, unless it is that of a Unix socket.
    pub fn addr(&self) -> SocketAddr {
        self.local
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.try_send(bytes).expect("the gateway takes what is sent");
        self
    }

    /// Sends these bytes if the gateway still takes them.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Ends the sending half.
    pub fn finish(&mut self) -> &mut Client {
        // The gateway may have ended the connection already.
        drop(self.stream.shutdown(Shutdown::Write));
        self
    }

    /// Closes by a reset, which leaves no connection behind to wait out its time.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Reads until `holds` of what has come and was not taken, or the connection ends.
    pub fn read_until(&mut self, holds: impl Fn(&[u8]) -> bool) -> &[u8] {
        while !holds(&self.ahead) && self.fill() {}
        &self.ahead
    }

    /// The next reply to a request with `method`, interim replies before it included.
    ///
    /// # Panics
    /// When what comes is no valid reply. A cut body is one: see [`Reply::whole`].
    pub fn reply_to(&mut self, method: &str) -> Reply {
        reply::read(self, method)
    }

    /// The next reply to a GET or POST.
    pub fn reply(&mut self) -> Reply {
        self.reply_to("GET")
    }

    /// Everything up to the end of the connection, and how it ended.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        while self.fill() {}
        (std::mem::take(&mut self.ahead), self.end.expect("the connection has ended"))
    }

    /// The end of a connection on which nothing more may come.
    pub fn end(&mut self) -> End {
        let (rest, end) = self.rest();
        assert!(rest.is_empty(), "{:?} came before the end", String::from_utf8_lossy(&rest));
        end
    }

    /// How long a single look for more may take from now on.
    pub fn patience(&mut self, look: Duration) {
        self.stream.set_read_timeout(Some(look)).unwrap();
    }

    /// How long a single send may take from now on.
    pub fn sends_within(&mut self, time: Duration) {
        self.stream.set_write_timeout(Some(time)).unwrap();
    }

    /// Looks once, as long as [`Client::patience`] allows, whether anything came or the connection ended.
    pub fn came(&mut self) -> bool {
        loop {
            match self.stream.peek(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return false,
                Ok(_) | Err(_) => return true,
            }
        }
    }

    /// Whether bytes beyond those taken came so far.
    pub fn has_more(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Takes `count` bytes that have come.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        self.ahead.drain(..count).collect()
    }

    /// Reads once; false at the end of the connection.
    ///
    /// # Panics
    /// When nothing comes in time.
    pub fn fill(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => self.end = Some(End::Fin),
            Ok(count) => self.ahead.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => {
                let (all, shown) = (self.ahead.len(), &self.ahead[..self.ahead.len().min(500)]);
                panic!("nothing more came in time after {all} bytes, {:?}", String::from_utf8_lossy(shown));
            }
            Err(_) => self.end = Some(End::Reset),
        }
        self.end.is_none()
    }

    /// What came and was not taken.
    pub fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// How the connection ended, if it did.
    pub fn how_it_ended(&self) -> Option<End> {
        self.end
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
