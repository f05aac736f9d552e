//! A byte sent to oneself: it arrives when the driver is looked at, behind all that was there before.

use crate::net::stream::Stream;
use socket2::{Domain, Socket, Type};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;

/// Two ends of a pair of sockets.
pub struct Bell {
    ringer: Stream,
    hearer: Stream,
}

impl Bell {
    /// A bell.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> io::Result<Bell> {
        let (ringer, hearer) = Socket::pair(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        let stream = |socket| Stream::adopt(OwnedFd::from(socket));
        Ok(Bell { ringer: stream(ringer)?, hearer: stream(hearer)? })
    }

    /// Rings, and waits until that is heard.
    pub async fn rung(&self) {
        let mut heard = pin!(self.hearer.readable());
        let mut rings = true;
        poll_fn(|cx| {
            let heard = heard.as_mut().poll(cx);
            // Only now: what is there before anybody listens is heard without a look at the driver, where that is epoll.
            if heard.is_pending() && std::mem::take(&mut rings) {
                // Fails only where a byte is still there, which serves as well.
                let _ = self.ringer.try_write(&[0]);
            }
            heard.map(drop)
        })
        .await;
        let _ = self.hearer.try_read(&mut [0; 8]);
    }
}
