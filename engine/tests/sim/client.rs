//! Scripted clients: a session is one connection that asks, reads what comes and notes it down.

use crate::ledger::{Answer, Moment, Run};
use crate::manner::Manner;
use crate::pattern::Pattern;
use crate::plan::config::{FOR_EVER, IDLE};
use crate::plan::{Act, Ask, Ending, Session};
use crate::request::{self, LATE};
use crate::wire::{Body, Broken, Framing, Head, Wire, garbled};
use ringgate::net::sim::{self, Socket};
use ringgate::net::spawn::{Either, race};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// How long a client waits for a 100 before it sends the body all the same (RFC 9110 §10.1.1). So long that the
/// gateway's own timeout comes first: a 100 that never comes is to be seen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How soon a connection closes that was said to.
const CLOSING: Duration = Duration::from_secs(1);

/// Runs a session to its end.
pub async fn session(run: Rc<Run>, session: Session, gateway: SocketAddr) {
    sim::sleep(session.starts).await;
    let Ok(socket) = sim::connect(gateway).await else {
        return run.breach("the gateway refused a connection");
    };
    let client = Client { run: &run, session: &session, socket: Rc::new(socket), told: Told::default() };
    match session.ending {
        Ending::Vanish(after) => client.talk_until(after).await,
        Ending::Reset(after) => {
            client.talk_until(after).await;
            client.socket.reset_on_close();
        }
        Ending::Close | Ending::HalfClose | Ending::Wait | Ending::Deaf => client.talk().await,
    }
}

struct Client<'a> {
    run: &'a Run,
    session: &'a Session,
    socket: Rc<Socket>,
    told: Told,
}

/// What the reading side tells the writing side.
#[derive(Default)]
struct Told {
    /// Requests answered.
    answered: Cell<usize>,
    /// Requests whose body, or tunnel, was asked for.
    wanted: Cell<usize>,
    waiting: RefCell<Option<Waker>>,
}

impl Told {
    fn set(&self, cell: &Cell<usize>, value: usize) {
        cell.set(value);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    async fn until(&self, holds: impl Fn(&Told) -> bool) {
        poll_fn(|cx| {
            if holds(self) {
                return Poll::Ready(());
            }
            *self.waiting.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Client<'_> {
    async fn talk_until(&self, after: Duration) {
        let _: Either<(), ()> = race(self.talk(), sim::sleep(after)).await;
    }

    async fn talk(&self) {
        let sending = async {
            // A peer that takes no more has perhaps answered: that is the reading side's to find out.
            let _ = self.send().await;
            std::future::pending::<()>().await
        };
        let _: Either<(), ()> = race(self.receive(), sending).await;
    }

    async fn send(&self) -> io::Result<()> {
        let mut manner = Manner::of(&self.run.random, self.session.writes);
        for (number, ask) in self.session.asks.iter().enumerate() {
            if !self.session.pipelined {
                self.told.until(|told| told.answered.get() >= number).await;
                sim::sleep(self.session.thinks).await;
            }
            self.run.leaves(ask.id, Moment::Whole);
            manner.write(&self.socket, &request::head(ask)).await?;
            if ask.expects || request::is_tunnel(ask) {
                let heard =
                    self.told.until(|told| told.wanted.get() > number || told.answered.get() > number);
                let _: Either<(), ()> = race(heard, sim::sleep(PATIENCE)).await;
                // After an answer that came instead of a 100, the body is still due unless it closes, and then
                // the reading side ends the session. What was meant for a tunnel is not sent without one.
                if request::is_tunnel(ask) && self.told.wanted.get() <= number {
                    return Ok(());
                }
            }
            let parts = request::body(ask, &self.run.random);
            manner.write(&self.socket, &parts[0]).await?;
            self.run.leaves(ask.id, Moment::Sent);
            if ask.halts {
                sim::sleep(LATE).await;
            }
            manner.write(&self.socket, &parts[1]).await?;
            if request::breaks_off(ask) {
                return Ok(());
            }
            if request::is_tunnel(ask) {
                return self.socket.shutdown_write();
            }
        }
        if self.session.ending == Ending::HalfClose {
            self.socket.shutdown_write()?;
        }
        Ok(())
    }

    /// Reads every answer, then what the ending asks for.
    async fn receive(&self) {
        let mut wire = Wire::new(self.socket.clone(), Manner::of(&self.run.random, self.session.reads));
        if self.session.ending == Ending::Deaf {
            return self.was_given_up(&mut wire).await;
        }
        let (mut closes, mut breaks_off) = (false, false);
        for (number, ask) in self.session.asks.iter().enumerate() {
            let answer = match self.answer(&mut wire, number, ask).await {
                Ok(answer) => answer,
                Err(broken) => {
                    return self.run.garbled(&format!("the client of request {}", ask.id), &broken);
                }
            };
            self.run.comes(ask.id, Moment::Whole);
            let whole = answer.whole;
            closes = answer.closes;
            self.run.answers.borrow_mut().insert(ask.id, answer);
            if !whole {
                return;
            }
            self.told.set(&self.told.answered, number + 1);
            // Behind a body that is not whole nothing more is said, and nothing heard but the end.
            breaks_off = request::breaks_off(ask);
            if closes || breaks_off {
                break;
            }
        }
        if closes || breaks_off || self.session.ending == Ending::Wait {
            let limit = if closes { CLOSING } else { IDLE + CLOSING };
            self.ends_within(&mut wire, limit).await;
        } else if !wire.rest().is_empty() {
            self.run.breach(format!("bytes that nobody asked for: {}", wire.rest().escape_ascii()));
        }
    }

    /// After the last answer comes nothing but the end.
    async fn ends_within(&self, wire: &mut Wire, limit: Duration) {
        let ended = if wire.rest().is_empty() {
            race(wire.begun(), sim::sleep(limit)).await
        } else {
            Either::First(Ok(()))
        };
        match ended {
            Either::First(Ok(())) => {
                self.run.breach(format!("bytes behind the last answer: {}", wire.rest().escape_ascii()));
            }
            Either::First(Err(_)) => {}
            Either::Second(()) => self.run.breach("a connection that should have closed is open"),
        }
    }

    /// After a long silence without reading, what is there ends. A large body may be on its way for longer.
    async fn was_given_up(&self, wire: &mut Wire) {
        let mut before = None;
        while before != Some(self.socket.sent()) {
            before = Some(self.socket.sent());
            sim::sleep(FOR_EVER).await;
        }
        let draining = async { while wire.some().await.is_ok() {} };
        if let Either::Second(()) = race(draining, sim::sleep(CLOSING * 2)).await {
            self.run.breach("a client that reads nothing still has its connection");
        }
    }

    /// Reads the answer to the request of this number, interim ones before it.
    async fn answer(&self, wire: &mut Wire, number: usize, ask: &Ask) -> Result<Answer, Broken> {
        loop {
            wire.begun().await?;
            let head = match wire.head().await {
                Err(Broken::Fin | Broken::Reset) => return Ok(Answer::cut_in_head()),
                head => head?,
            };
            self.run.comes(ask.id, Moment::Head);
            match head.status()? {
                100 if ask.expects => self.told.set(&self.told.wanted, number + 1),
                103 if ask.act == Act::Interim => {}
                101 if request::is_tunnel(ask) => {
                    self.told.set(&self.told.wanted, number + 1);
                    return self.tunnel(wire, &head, ask).await;
                }
                status @ 100..=199 => return Err(garbled(format!("interim status {status}"))),
                status => return self.final_answer(wire, &head, status, ask).await,
            }
            if ask.version10 {
                return Err(garbled("an interim answer for an HTTP/1.0 client"));
            }
        }
    }

    async fn final_answer(
        &self,
        wire: &mut Wire,
        head: &Head,
        status: u16,
        ask: &Ask,
    ) -> Result<Answer, Broken> {
        let of_origin = head.field("x-ask").is_some();
        self.check_id(head, status, ask);
        let framing = match status {
            204 | 304 => Framing::Nothing,
            _ if ask.method == "HEAD" => Framing::Nothing,
            _ => head.framing(Framing::UntilClose)?,
        };
        if framing == Framing::Chunked && ask.version10 {
            return Err(garbled("a chunked answer for an HTTP/1.0 client"));
        }
        let half = || self.run.comes(ask.id, Moment::Half);
        let mut body = Body::new(request::reply_of(ask), ask.reply.div_ceil(2), half);
        let done = if of_origin { wire.body(framing, &mut body).await } else { wire.text(framing).await };
        if let Err(Broken::Garbled(_)) = done {
            done.clone()?;
        }
        let keeps10 =
            head.field("connection").is_some_and(|option| option.eq_ignore_ascii_case("keep-alive"));
        let closes = head.closes() || framing == Framing::UntilClose || (ask.version10 && !keeps10);
        Ok(Answer { status, of_origin, whole: done.is_ok(), bytes: body.pattern.seen(), closes })
    }

    /// Whose answer it is. The gateway knows the id of every request that it could read.
    fn check_id(&self, head: &Head, status: u16, ask: &Ask) {
        let of_ours = head.field("x-request-id").and_then(|id| id.strip_prefix("ask-"));
        let Some(id) = head.field("x-ask").or(of_ours) else {
            if ask.spoil.is_none_or(|spoil| spoil.status() != status) {
                self.run.breach(format!("request {} got an answer that is nobody's: {head:?}", ask.id));
            }
            return;
        };
        if id != ask.id.to_string() {
            self.run.breach(format!("request {} got the answer to {id}: {head:?}", ask.id));
        }
    }

    /// Reads what comes back through a tunnel: what was said into it, up to its end.
    async fn tunnel(&self, wire: &mut Wire, head: &Head, ask: &Ask) -> Result<Answer, Broken> {
        self.check_id(head, 101, ask);
        if head.field("upgrade") != Some("websocket") {
            return Err(garbled(format!("no upgrade in {head:?}")));
        }
        let mut words = Body::new(Pattern::reply(ask.id), 0, || {});
        let mut body = Body::new(Pattern::request(ask.id), 0, || {});
        let mut done = Ok(());
        if ask.act == Act::Echo {
            done = wire.body(Framing::Exact(ask.reply), &mut words).await;
        }
        if done.is_ok() {
            done = wire.body(Framing::UntilClose, &mut body).await;
        }
        if let Err(Broken::Garbled(_)) = done {
            done.clone()?;
        }
        let bytes = body.pattern.seen();
        Ok(Answer {
            status: 101,
            of_origin: true,
            whole: done.is_ok() && bytes == ask.body,
            bytes,
            closes: true,
        })
    }
}
