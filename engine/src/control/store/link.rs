//! One connection to the store: signed in, with the script taken in. Whoever uses it bounds the time.

use super::fault::Fault;
use super::script;
use crate::control::resolve::addresses;
use crate::table::{Resolver, Store};
use crate::wire::resp::{self, REPLY_BYTES_MAX, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Addresses of a name that are tried at most.
const TRIED: usize = 4;

/// A connection.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    /// What came and was not read yet, from `read` on.
    input: Vec<u8>,
    read: usize,
    /// The script's digest.
    digest: Box<[u8]>,
}

/// An answer that only says that it is done, or what is wrong.
fn done(reply: &Reply<'_>) -> Result<(), Fault> {
    match reply {
        Reply::Status(_) => Ok(()),
        Reply::Error(said) => Err(Fault::said(said)),
        _ => Err(Fault::garbled()),
    }
}

impl Link {
    /// Connects to `store`, whose host is looked up as `rule` says.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn open(store: &Store, rule: &Resolver) -> Result<Link, Fault> {
        let found = timeout(store.timeout, addresses(&store.host, store.port, rule));
        let found = found.await.map_err(|_| Fault::timeout(store.timeout))?.map_err(Fault::unreachable)?;
        let mut last = Fault::unreachable("it has no address");
        for addr in found.into_iter().take(TRIED) {
            let opened = timeout(store.timeout, async {
                let stream = TcpStream::connect(addr).await;
                let stream = stream
                    .map_err(|error| Fault::unreachable(format!("no connection to {addr}: {error}")))?;
                Link::greet(stream, store).await
            });
            match opened.await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(fault)) => last = fault,
                Err(_) => last = Fault::timeout(store.timeout),
            }
        }
        Err(last)
    }

    /// Signs in, chooses the database and has the script taken in: one exchange.
    async fn greet(stream: TcpStream, store: &Store) -> Result<Link, Fault> {
        // Small questions whose answers are waited for.
        stream.set_nodelay(true).map_err(Fault::unreachable)?;
        let mut link = Link { stream, input: Vec::new(), read: 0, digest: Box::default() };
        let mut out = Vec::new();
        match (&store.user, &store.password) {
            (Some(user), Some(password)) => {
                resp::command(&[b"AUTH", user.as_bytes(), password.as_bytes()], &mut out);
            }
            (None, Some(password)) => resp::command(&[b"AUTH", password.as_bytes()], &mut out),
            (_, None) => {}
        }
        let mut database = itoa::Buffer::new();
        resp::command(&[b"SELECT", database.format(store.database).as_bytes()], &mut out);
        resp::command(&[b"SCRIPT", b"LOAD", script::TEXT.as_bytes()], &mut out);
        link.send(&out).await?;
        if store.password.is_some() {
            link.reply(done).await?.map_err(Fault::signing_in)?;
        }
        link.reply(done).await??;
        let digest = link.reply(|reply| match reply {
            Reply::Text(Some(digest)) => Ok(Box::from(*digest)),
            Reply::Error(said) => Err(Fault::said(said)),
            _ => Err(Fault::garbled()),
        });
        link.digest = digest.await??;
        Ok(link)
    }

    /// The script's digest.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Sends questions.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn send(&mut self, questions: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(questions).await.map_err(Fault::unreachable)
    }

    /// Reads the next answer and gives what `take` makes of it.
    ///
    /// # Errors
    /// When the connection broke, or what came is no answer.
    pub async fn reply<T>(&mut self, take: impl FnOnce(&Reply<'_>) -> T) -> Result<T, Fault> {
        loop {
            if let Some((reply, length)) =
                resp::reply(&self.input[self.read..]).map_err(|_| Fault::garbled())?
            {
                let taken = take(&reply);
                self.read += length;
                if self.read == self.input.len() {
                    self.input.clear();
                    self.read = 0;
                }
                return Ok(taken);
            }
            self.input.drain(..self.read);
            self.read = 0;
            // No more than one answer and the beginning of the next are ever held.
            self.input.reserve(REPLY_BYTES_MAX / 4);
            let read = self.stream.read_buf(&mut self.input).await.map_err(Fault::unreachable)?;
            if read == 0 {
                return Err(Fault::unreachable("it closed the connection"));
            }
        }
    }

    /// Whether something came, or the connection broke, though nothing was asked.
    pub fn is_broken(&self) -> bool {
        !self.input.is_empty()
            || !matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
