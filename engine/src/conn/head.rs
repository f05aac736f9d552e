//! Reading a request's head into a pooled buffer, within the listener's limits and times. Nothing is held while
//! nothing has come.

use crate::base::Tick;
use crate::exchange::answer::of_head;
use crate::exchange::{Home, Lent};
use crate::mem::{Buf, Class};
use crate::net::stream::{Wait, until};
use crate::net::{Link, clock};
use crate::observe::Reason;
use crate::wire::head::Lines;
use crate::wire::http1::{Parsed, may_be_complete, request};
use std::io;
use std::time::Duration;

/// How the wait for a head ended.
pub enum Came {
    /// A whole head lies at the front of the buffer; its first byte was read at the moment given.
    Whole(Tick),
    /// No byte within the grace.
    Nothing,
    /// The client ended the connection before a head.
    Gone,
    /// What came cannot be served, or the client ended the connection within it.
    Refused(Reason, Tick),
}

/// Whether bytes are known to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The socket is readable: read at once.
    Bytes,
    /// Wait first: a read would find nothing.
    Silence,
}

/// Where a head is read from and to.
pub struct Reader<'a> {
    pub link: &'a Link,
    pub lent: &'a Lent,
    /// Whose listener's bounds hold: looked at when they are needed, since a table is not held while nothing comes.
    pub home: &'a Home,
    /// The buffer to begin with: bulk where the request before had a body that filled a small one, so that head
    /// and body come in one read and leave in one send.
    pub class: Class,
    /// How long to wait for a first byte.
    pub grace: Duration,
}

impl Reader<'_> {
    /// Reads until `buf` holds a whole head, which is then parsed into `lines`. `buf` may hold bytes already.
    pub async fn head(&self, buf: &mut Option<Buf>, lines: &mut Lines, expect: Expect) -> Came {
        let mut began = None::<Tick>;
        let mut silent_by = None::<Tick>;
        let mut parsed_to = 0;
        let mut expect = expect;
        loop {
            if let Some(held) = buf.as_ref().filter(|held| held.len() > parsed_to) {
                let since = *began.get_or_insert_with(clock::now);
                match self.parse(held, lines, parsed_to) {
                    Ok(true) => return Came::Whole(since),
                    Ok(false) => parsed_to = held.len(),
                    Err(reason) => return Came::Refused(reason, since),
                }
                // What some clients send behind a body is no beginning of a head (RFC 9112 §2.2).
                if request::is_blank(held.filled()) {
                    began = None;
                }
            }
            if expect == Expect::Silence {
                // The head's time counts from its first byte, whatever comes between.
                let end = match began {
                    Some(began) => began.after(self.home.look(self.lent, |listener| listener.timeouts.head)),
                    None if self.grace.is_zero() => return Came::Nothing,
                    None => *silent_by.get_or_insert_with(|| until(self.grace)),
                };
                self.link.reading.set(end);
                let ready = self.link.stream.readable_by(&self.link.reading).await;
                self.link.reading.clear();
                match (ready, began) {
                    (Ok(()), _) => {}
                    (Err(Wait::Expired), None) => return Came::Nothing,
                    (Err(Wait::Expired), Some(began)) => return Came::Refused(Reason::HeadTimeout, began),
                    (Err(Wait::Io(_)), began) => return gone(began),
                }
            }
            expect = Expect::Silence;
            if began.is_none() {
                self.lent.upstream.intake.enter().await;
            }
            match self.read(buf) {
                Ok(0) => return gone(began),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // An empty buffer goes back before the wait, so that the few in use stay hot.
                    if buf.as_ref().is_some_and(Buf::is_empty) {
                        *buf = None;
                    }
                }
                Err(_) => return gone(began),
            }
        }
    }

    fn parse(&self, held: &Buf, lines: &mut Lines, parsed_to: usize) -> Result<bool, Reason> {
        let limits = &self.home.look(self.lent, |listener| listener.limits.head());
        // Past the limit the parse is asked again, since it is the one to say which limit was passed.
        let whole = parsed_to == 0 || held.len() > limits.head_bytes as usize;
        if !whole && !may_be_complete(held.filled(), parsed_to) {
            request::screen(held.filled(), limits).map_err(of_head)?;
            return Ok(false);
        }
        match request::parse(held.filled(), lines, limits) {
            Ok(Parsed::Complete { .. }) => Ok(true),
            Ok(Parsed::Partial) => Ok(false),
            Err(fault) => Err(of_head(fault)),
        }
    }

    fn read(&self, buf: &mut Option<Buf>) -> io::Result<usize> {
        let held = buf.get_or_insert_with(|| self.lent.upstream.buffers.take(self.class));
        if held.room() == 0 {
            let mut bulk = self.lent.upstream.buffers.take(Class::Bulk);
            let fits = bulk.put(held.filled());
            debug_assert!(fits, "a head is refused before it fills a bulk buffer");
            *held = bulk;
        }
        let n = self.link.stream.try_read(held.spare())?;
        held.advance(n);
        Ok(n)
    }
}

/// The client is gone; where it had begun a head, that is told.
fn gone(began: Option<Tick>) -> Came {
    began.map_or(Came::Gone, |began| Came::Refused(Reason::ClientGone, began))
}
