//! One connection of the load: connects, sends the request's bytes, reads the answer. All without blocking, by
//! edge-triggered readiness; `run` decides when it sends.

use super::answer::{Answer, Progress, Verdict};
use super::report::Errors;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

/// What a connection says after it was driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet.
    Wait,
    /// The answer is complete.
    Answered(Verdict),
    /// The exchange failed; the connection is gone.
    Failed(Failure),
}

/// How an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Connect,
    /// The connection ended first.
    Cut,
    /// Not an answer.
    Malformed,
}

impl Failure {
    /// Counts it.
    pub fn count(self, errors: &mut Errors) {
        match self {
            Failure::Connect => errors.connect += 1,
            Failure::Cut => errors.cut += 1,
            Failure::Malformed => errors.malformed += 1,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: Option<TcpStream>,
    is_connected: bool,
    answer: Answer,
    /// Bytes of the request sent.
    sent: usize,
    /// When the request under way was due; none while idle.
    pub due: Option<Instant>,
}

impl Client {
    /// A connection yet to be made.
    pub fn new(method: &str) -> Client {
        Client { stream: None, is_connected: false, answer: Answer::new(method), sent: 0, due: None }
    }

    /// Starts a request that was due at `due`, connecting first where there is no connection.
    pub fn start(&mut self, due: Instant, target: &Target, token: Token, scratch: &mut [u8]) -> Step {
        debug_assert!(self.due.is_none(), "one request at a time");
        self.due = Some(due);
        self.sent = 0;
        if self.stream.is_none() && self.connect(target, token).is_err() {
            return self.fail(Failure::Connect);
        }
        if self.is_connected { self.drive(target, scratch) } else { Step::Wait }
    }

    /// Forgets the connection; the next start makes a new one.
    pub fn close(&mut self) {
        // Dropping deregisters.
        self.stream = None;
        self.is_connected = false;
        self.answer.clear();
    }

    fn connect(&mut self, target: &Target, token: Token) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(target.addr)?;
        target.registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Goes as far as the socket lets it. Called on readiness.
    pub fn drive(&mut self, target: &Target, scratch: &mut [u8]) -> Step {
        match self.finish_connect() {
            Ok(true) => {}
            Ok(false) => return Step::Wait,
            Err(_) => return self.fail(Failure::Connect),
        }
        if self.due.is_none() {
            return self.idle_readable();
        }
        if self.send(target.request).is_err() {
            return self.fail(Failure::Cut);
        }
        self.receive(scratch)
    }

    /// Readiness of a socket that is still connecting may be spurious: it is connected once it has a peer.
    fn finish_connect(&mut self) -> std::io::Result<bool> {
        let Some(stream) = &self.stream else { return Ok(false) };
        if self.is_connected {
            return Ok(true);
        }
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => {
                stream.set_nodelay(true)?;
                self.is_connected = true;
                Ok(true)
            }
            Err(e) if e.kind() == ErrorKind::NotConnected => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// A connection that ends while idle is replaced by the next start and is no error.
    fn idle_readable(&mut self) -> Step {
        let mut byte = [0u8; 1];
        match self.stream.as_ref().map(|stream| stream.peek(&mut byte)) {
            Some(Err(e)) if e.kind() == ErrorKind::WouldBlock => {}
            _ => self.close(),
        }
        Step::Wait
    }

    fn send(&mut self, request: &[u8]) -> std::io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.sent < request.len() {
            match stream.write(&request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Reads until the answer is complete or the socket says that it is empty. A short read does not say so: the peer's
    /// FIN may have come with the same edge, and no other would follow.
    fn receive(&mut self, scratch: &mut [u8]) -> Step {
        loop {
            let Some(stream) = &mut self.stream else { return Step::Wait };
            let progress = match stream.read(scratch) {
                Ok(0) => match self.answer.end() {
                    Progress::Malformed => return self.fail(Failure::Cut),
                    end => end,
                },
                Ok(count) => self.answer.feed(&scratch[..count]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Step::Wait,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return self.fail(Failure::Cut),
            };
            match progress {
                Progress::More => {}
                Progress::Malformed => return self.fail(Failure::Malformed),
                Progress::Done(verdict) => return Step::Answered(verdict),
            }
        }
    }

    fn fail(&mut self, failure: Failure) -> Step {
        self.close();
        Step::Failed(failure)
    }
}

/// What all connections of a run share.
#[derive(Debug)]
pub struct Target<'a> {
    /// Where to connect.
    pub addr: SocketAddr,
    /// What to send.
    pub request: &'a [u8],
    /// Where to register.
    pub registry: &'a Registry,
}
