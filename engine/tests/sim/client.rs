//! Scripted clients: a session is one connection that asks, reads what comes and notes it down.

use crate::ledger::{Answer, Run};
use crate::manner::Manner;
use crate::pattern::Pattern;
use crate::plan::{Ask, Ending, IDLE, Sent, Session};
use crate::wire::{Broken, Framing, Head, Wire, garbled};
use ringgate::net::sim::{self, Socket};
use ringgate::net::spawn::{Either, race};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// How long a client waits for a 100 before it sends the body all the same (RFC 9110 §10.1.1).
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a session to its end.
pub async fn session(run: Rc<Run>, session: Session, gateway: SocketAddr) {
    sim::sleep(session.starts).await;
    let Ok(socket) = sim::connect(gateway).await else {
        return run.breach("the gateway refused a connection");
    };
    let client = Client { run: &run, session: &session, socket: Rc::new(socket), told: Told::default() };
    match session.ending {
        Ending::Vanish(after) => drop(race(client.talk(), sim::sleep(after)).await),
        Ending::Reset(after) => {
            drop(race(client.talk(), sim::sleep(after)).await);
            client.socket.reset_on_close();
        }
        Ending::Close | Ending::HalfClose | Ending::Wait => client.talk().await,
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
    /// Requests whose body was asked for.
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
            manner.write(&self.socket, head_of(ask).as_bytes()).await?;
            if ask.expects {
                let heard =
                    self.told.until(|told| told.wanted.get() > number || told.answered.get() > number);
                let _: Either<(), ()> = race(heard, sim::sleep(PATIENCE)).await;
                if self.told.answered.get() > number {
                    return Ok(());
                }
            }
            self.send_body(ask, &mut manner).await?;
            self.run.asked.borrow_mut().push(ask.id);
        }
        if self.session.ending == Ending::HalfClose {
            self.socket.shutdown_write()?;
        }
        Ok(())
    }

    async fn send_body(&self, ask: &Ask, manner: &mut Manner) -> io::Result<()> {
        let body = Pattern::request(ask.id).next(ask.body);
        match ask.sent {
            Sent::Nothing => Ok(()),
            Sent::Exact => manner.write(&self.socket, &body).await,
            Sent::Chunked => {
                let mut rest = &body[..];
                while !rest.is_empty() {
                    let len = (1 + self.run.random.below(5000) as usize).min(rest.len());
                    let chunk = [format!("{len:x}\r\n").as_bytes(), &rest[..len], b"\r\n"].concat();
                    manner.write(&self.socket, &chunk).await?;
                    rest = &rest[len..];
                }
                manner.write(&self.socket, b"0\r\n\r\n").await
            }
        }
    }

    /// Reads every answer, then what the ending asks for.
    async fn receive(&self) {
        let mut wire = Wire::new(self.socket.clone(), Manner::of(&self.run.random, self.session.reads));
        let mut closes = false;
        for (number, ask) in self.session.asks.iter().enumerate() {
            match self.answer(&mut wire, number, ask).await {
                Ok(answer) => {
                    closes = answer.closes || !answer.whole;
                    self.run.answers.borrow_mut().insert(ask.id, answer);
                    self.told.set(&self.told.answered, number + 1);
                }
                Err(broken) => {
                    self.run.garbled(&format!("the client of request {}", ask.id), &broken);
                    return;
                }
            }
            if closes {
                break;
            }
        }
        if closes || self.session.ending == Ending::Wait {
            let limit = if closes { Duration::from_secs(3) } else { IDLE + Duration::from_secs(1) };
            self.ends_within(&mut wire, limit).await;
        } else if !wire.rest().is_empty() {
            self.run.breach(format!("bytes that nobody asked for: {}", wire.rest().escape_ascii()));
        }
    }

    /// After the last answer comes nothing but the end.
    async fn ends_within(&self, wire: &mut Wire, limit: Duration) {
        if !wire.rest().is_empty() {
            return self.run.breach(format!("bytes behind the last answer: {}", wire.rest().escape_ascii()));
        }
        match race(wire.begun(), sim::sleep(limit)).await {
            Either::First(Ok(())) => {
                self.run.breach(format!("bytes behind the last answer: {}", wire.rest().escape_ascii()))
            }
            Either::First(Err(_)) => {}
            Either::Second(()) => self.run.breach("a connection that should have closed is open"),
        }
    }

    /// Reads the answer to the request of this number, interim ones before it.
    async fn answer(&self, wire: &mut Wire, number: usize, ask: &Ask) -> Result<Answer, Broken> {
        loop {
            wire.begun().await?;
            let head = wire.head().await?;
            match head.status()? {
                100 => self.told.set(&self.told.wanted, number + 1),
                103 => {}
                status @ 101..=199 => return Err(garbled(format!("interim status {status}"))),
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
        let id = match head.field("x-ask") {
            Some(id) => id.to_owned(),
            None => {
                head.field("x-request-id").and_then(|id| id.strip_prefix("ask-")).unwrap_or("none").to_owned()
            }
        };
        if id != ask.id.to_string() {
            self.run.breach(format!("request {} got the answer to {id}: {head:?}", ask.id));
        }
        let framing = match status {
            204 | 304 => Framing::Nothing,
            _ if ask.method == "HEAD" => Framing::Nothing,
            _ => head.framing(Framing::UntilClose)?,
        };
        if framing == Framing::Chunked && ask.version10 {
            return Err(garbled("a chunked answer for an HTTP/1.0 client"));
        }
        let mut pattern = Pattern::reply(ask.id);
        let done = if of_origin { wire.body(framing, &mut pattern).await } else { wire.text(framing).await };
        if let Err(Broken::Garbled(_)) = done {
            done.clone()?;
        }
        let closes = head.closes() || framing == Framing::UntilClose;
        Ok(Answer { status, of_origin, whole: done.is_ok(), bytes: pattern.seen(), closes })
    }
}

fn head_of(ask: &Ask) -> String {
    let version = if ask.version10 { "1.0" } else { "1.1" };
    let mut head = format!("{} /u{}/{} HTTP/{version}\r\nHost: sim\r\n", ask.method, ask.upstream, ask.id);
    head.push_str(&format!("X-Ask: {0}\r\nX-Request-Id: ask-{0}\r\n", ask.id));
    match ask.sent {
        Sent::Nothing if ask.method == "POST" => head.push_str("Content-Length: 0\r\n"),
        Sent::Nothing => {}
        Sent::Exact => head.push_str(&format!("Content-Length: {}\r\n", ask.body)),
        Sent::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
    }
    if ask.expects {
        head.push_str("Expect: 100-continue\r\n");
    }
    match (ask.version10, ask.keeps) {
        (true, true) => head.push_str("Connection: keep-alive\r\n"),
        (false, false) => head.push_str("Connection: close\r\n"),
        _ => {}
    }
    head.push_str("\r\n");
    head
}
