//! Scripted origins: each reads requests strictly and acts on them as the plan says.

mod act;

use crate::ledger::{Moment, Run};
use crate::manner::Manner;
use crate::pattern::Pattern;
use crate::plan::config::FOR_EVER;
use crate::plan::{Act, Ask, Door, Endpoint, Patience, Sent};
use crate::request::{has_trailers, is_tunnel};
use crate::wire::{Body, Broken, Framing, Head, Wire};
use act::Then;
use ringgate::net::sim::{self, Listener, Socket};
use ringgate::net::spawn::{Either, race, spawn};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Opens the doors of every endpoint.
pub fn open_all(run: &Rc<Run>) {
    for upstream in &run.plan.upstreams {
        for endpoint in &upstream.endpoints {
            match endpoint.door {
                // Open before anybody knocks, whenever the task is polled.
                Door::Open => spawn(accept(run.clone(), endpoint.clone(), sim::listen(endpoint.addr))),
                Door::Refuses => sim::refuse(endpoint.addr),
                Door::Swallows => sim::swallow(endpoint.addr),
            }
        }
    }
}

async fn accept(run: Rc<Run>, endpoint: Endpoint, listener: Listener) {
    loop {
        let socket = Rc::new(listener.accept().await);
        let (run, endpoint) = (run.clone(), endpoint.clone());
        spawn(async move { Origin::new(run, endpoint, socket).serve().await });
    }
}

/// One connection of an origin.
pub struct Origin {
    pub run: Rc<Run>,
    pub socket: Rc<Socket>,
    pub wire: Wire,
    pub patience: Patience,
    writes: Manner,
}

impl Origin {
    fn new(run: Rc<Run>, endpoint: Endpoint, socket: Rc<Socket>) -> Origin {
        let wire = Wire::new(socket.clone(), Manner::of(&run.random, endpoint.reads));
        let writes = Manner::of(&run.random, endpoint.writes);
        Origin { run, socket, wire, patience: endpoint.patience, writes }
    }

    async fn serve(mut self) {
        let mut first = true;
        loop {
            let head = match self.next(std::mem::take(&mut first)).await {
                Ok(Some(head)) => head,
                Ok(None) => return,
                Err(broken) => return self.run.garbled("an origin", &broken),
            };
            match self.answer(&head).await {
                Ok(Then::Next) => {}
                Ok(Then::Close) => return,
                Ok(Then::Reset) => return self.socket.reset_on_close(),
                Err(broken) => return self.run.garbled("an origin", &broken),
            }
        }
    }

    /// The next request's head; none when patience, or the connection, has ended. A new connection is given all
    /// the time it takes, or none could ever be served.
    async fn next(&mut self, first: bool) -> Result<Option<Head>, Broken> {
        let idle = match self.patience {
            _ if first => None,
            Patience::Endless => None,
            Patience::Silent(idle) => Some(idle),
            Patience::Announced(seconds) => Some(Duration::from_secs(seconds)),
        };
        let begun = match idle {
            None => self.wire.begun().await,
            Some(idle) => match race(self.wire.begun(), sim::sleep(idle)).await {
                Either::First(begun) => begun,
                Either::Second(()) => return Ok(None),
            },
        };
        if begun.is_err() { Ok(None) } else { self.wire.head().await.map(Some) }
    }

    async fn answer(&mut self, head: &Head) -> Result<Then, Broken> {
        let id = head.field("x-ask").and_then(|id| id.parse().ok());
        let run = self.run.clone();
        let Some(ask) = id.and_then(|id| run.plan.ask(id)) else {
            run.breach(format!("an origin was asked what nobody asked: {head:?}"));
            return Ok(Then::Close);
        };
        run.head_came(ask.id);
        self.check(head, ask);
        let framing = head.framing(Framing::Nothing)?;
        let early = matches!(ask.act, Act::Early | Act::EarlyClose | Act::EarlyReset);
        if ask.act == Act::Mirror {
            return self.mirror(framing, ask, head.field("expect").is_some()).await;
        }
        if ask.act == Act::Deaf {
            sim::sleep(FOR_EVER).await;
            return Ok(Then::Close);
        }
        if !early {
            if head.field("expect").is_some() {
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            self.read_body(framing, ask).await?;
        }
        let then = self.act(ask).await?;
        if ask.act == Act::Early {
            self.read_body(framing, ask).await?;
        }
        Ok(then)
    }

    fn check(&self, head: &Head, ask: &Ask) {
        let line = format!("{} /u{}/{} HTTP/1.1", ask.method, ask.upstream, ask.id);
        if head.start != line {
            self.run.breach(format!("request {} came as {:?}", ask.id, head.start));
        }
        if head.field("via").is_none() || head.field("x-request-id") != Some(&format!("ask-{}", ask.id)) {
            self.run.breach(format!("request {} came without its Via and id: {head:?}", ask.id));
        }
        let upgrade = is_tunnel(ask).then_some("websocket");
        if head.field("upgrade") != upgrade || head.field("expect") != ask.expects.then_some("100-continue") {
            self.run.breach(format!("request {} came with the wrong Upgrade or Expect: {head:?}", ask.id));
        }
    }

    async fn read_body(&mut self, framing: Framing, ask: &Ask) -> Result<(), Broken> {
        let run = self.run.clone();
        let half = || run.comes(ask.id, Moment::Sent);
        let mut body = Body::new(Pattern::request(ask.id), ask.body.div_ceil(2), half);
        self.wire.body(framing, &mut body).await?;
        let seen = body.pattern.seen();
        if seen != ask.sent_bytes() || ask.spoil.is_some_and(|spoil| spoil.is_in_body()) {
            run.breach(format!("request {} came whole with {seen} of {} bytes", ask.id, ask.sent_bytes()));
        }
        if body.has_trailers != (ask.sent == Sent::Chunked && has_trailers(ask)) {
            run.breach(format!("request {} came with trailers: {}", ask.id, body.has_trailers));
        }
        run.whole_came(ask.id);
        Ok(())
    }

    /// Begins to answer at once and gives back what comes as it comes.
    async fn mirror(&mut self, framing: Framing, ask: &Ask, expects: bool) -> Result<Then, Broken> {
        if expects {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        self.begin_mirror(ask).await?;
        let run = self.run.clone();
        let came = RefCell::new(Vec::new());
        let mut body =
            Body::new(Pattern::request(ask.id), ask.body.div_ceil(2), || run.comes(ask.id, Moment::Sent));
        body.kept = Some(&came);
        let mut reading = Box::pin(self.wire.body(framing, &mut body));
        loop {
            // What is there is written before more of it is waited for.
            let more = poll_fn(|cx| match reading.as_mut().poll(cx) {
                Poll::Pending if came.borrow().is_empty() => Poll::Pending,
                Poll::Pending => Poll::Ready(None),
                Poll::Ready(done) => Poll::Ready(Some(done)),
            });
            let done = more.await;
            let piece = std::mem::take(&mut *came.borrow_mut());
            if !piece.is_empty() {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
                self.writes.write(&self.socket, &chunk).await.map_err(|_| Broken::Reset)?;
            }
            if let Some(done) = done {
                done?;
                break;
            }
        }
        drop(reading);
        run.whole_came(ask.id);
        self.write(b"0\r\n\r\n").await?;
        Ok(Then::Next)
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.writes.write(&self.socket, bytes).await.map_err(|_| Broken::Reset)
    }
}
