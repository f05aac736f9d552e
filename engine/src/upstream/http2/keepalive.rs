//! Whether an origin that has requests to answer is still there: it is asked once nothing has come of it for a while
//! (PING, RFC 9113 §6.7), and gone if it does not answer.

use crate::base::Tick;
use h2::{Ping, PingPong};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long whoever is there may take to answer, and no longer than it was silent before it was asked.
const ANSWER: Duration = Duration::from_secs(20);

/// Of one connection.
pub(super) struct Keepalive {
    pings: Option<PingPong>,
    /// The silence after which it is asked; never if none.
    after: Option<Duration>,
    /// When it was asked, if it has not answered.
    asked_at: Option<Tick>,
}

/// What a look came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Something comes of it, or it may still answer: look again then.
    There(Tick),
    /// A question waits to leave; look again then.
    Asked(Tick),
    /// It does not answer.
    Gone,
}

impl Keepalive {
    pub(super) fn new(pings: Option<PingPong>, after: Option<Duration>) -> Keepalive {
        Keepalive { pings, after, asked_at: None }
    }

    /// Takes the answer, if it is here.
    pub(super) fn hear(&mut self, cx: &mut Context<'_>) {
        if self.asked_at.is_some()
            && let Some(pings) = &mut self.pings
            && let Poll::Ready(Ok(_)) = pings.poll_pong(cx)
        {
            self.asked_at = None;
        }
    }

    /// Looks at `now`; bytes were `heard` last then.
    pub(super) fn look(&mut self, now: Tick, heard: Tick) -> Found {
        let (Some(after), Some(pings)) = (self.after, &mut self.pings) else {
            return Found::There(Tick::NEVER);
        };
        match self.asked_at {
            Some(asked_at) if heard <= asked_at => match asked_at.after(after.min(ANSWER)) {
                until if until <= now => Found::Gone,
                until => Found::There(until),
            },
            _ if heard.after(after) > now => Found::There(heard.after(after)),
            // Whatever comes is as good as an answer.
            _ => {
                // Refused while one is under way, which will do.
                let _ = pings.send_ping(Ping::opaque());
                self.asked_at = Some(now);
                Found::Asked(now.after(after.min(ANSWER)))
            }
        }
    }
}
