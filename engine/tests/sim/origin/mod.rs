//! Scripted origins: each reads requests strictly and acts on them as the plan says.

use crate::ledger::Run;
use crate::manner::Manner;
use crate::pattern::Pattern;
use crate::plan::{Act, Ask, BETWEEN_BYTES, Door, Endpoint, FIRST_BYTE, Sent};
use crate::wire::{Broken, Framing, Head, Wire};
use ringgate::net::sim::{self, Socket};
use ringgate::net::spawn::{Either, race, spawn};
use std::rc::Rc;
use std::time::Duration;

/// Opens the doors of every endpoint.
pub fn open_all(run: &Rc<Run>) {
    for upstream in &run.plan.upstreams {
        for endpoint in &upstream.endpoints {
            match endpoint.door {
                Door::Open => spawn(listen(run.clone(), endpoint.clone())),
                Door::Refuses => sim::refuse(endpoint.addr),
                Door::Swallows => sim::swallow(endpoint.addr),
            }
        }
    }
}

async fn listen(run: Rc<Run>, endpoint: Endpoint) {
    let listener = sim::listen(endpoint.addr);
    loop {
        let socket = Rc::new(listener.accept().await);
        let (run, endpoint) = (run.clone(), endpoint.clone());
        spawn(async move { Origin::new(run, endpoint, socket).serve().await });
    }
}

/// What becomes of a connection.
enum Then {
    Next,
    Close,
    Reset,
}

struct Origin {
    run: Rc<Run>,
    idle: Option<Duration>,
    socket: Rc<Socket>,
    wire: Wire,
    writes: Manner,
}

impl Origin {
    fn new(run: Rc<Run>, endpoint: Endpoint, socket: Rc<Socket>) -> Origin {
        let wire = Wire::new(socket.clone(), Manner::of(&run.random, endpoint.reads));
        let writes = Manner::of(&run.random, endpoint.writes);
        Origin { run, idle: endpoint.idle, socket, wire, writes }
    }

    async fn serve(mut self) {
        loop {
            let head = match self.idle {
                Some(idle) => match race(self.wire.begun(), sim::sleep(idle)).await {
                    Either::First(Ok(())) => self.wire.head().await,
                    Either::First(Err(_)) | Either::Second(()) => return,
                },
                None => match self.wire.begun().await {
                    Ok(()) => self.wire.head().await,
                    Err(_) => return,
                },
            };
            let head = match head {
                Ok(head) => head,
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

    async fn answer(&mut self, head: &Head) -> Result<Then, Broken> {
        let id = head.field("x-ask").and_then(|id| id.parse().ok());
        let run = self.run.clone();
        let Some(ask) = id.and_then(|id| run.plan.ask(id)) else {
            run.breach(format!("an origin was asked what nobody asked: {head:?}"));
            return Ok(Then::Close);
        };
        run.head_came(ask.id);
        self.check_request(head, ask);
        let framing = head.framing(Framing::Nothing)?;
        let unread = !matches!(framing, Framing::Nothing | Framing::Exact(0));
        let early = matches!(ask.act, Act::Early | Act::EarlyClose);
        if !early {
            if unread && head.field("expect").is_some() {
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            self.read_body(framing, ask).await?;
        }
        let then = self.act(ask).await?;
        if ask.act == Act::Early && unread {
            self.read_body(framing, ask).await?;
            return Ok(Then::Close);
        }
        Ok(if head.closes() { Then::Close } else { then })
    }

    fn check_request(&self, head: &Head, ask: &Ask) {
        let line = format!("{} /u{}/{} HTTP/1.1", ask.method, ask.upstream, ask.id);
        if head.start != line {
            self.run.breach(format!("request {} came as {:?}", ask.id, head.start));
        }
        if head.field("via").is_none() || head.field("x-request-id") != Some(&format!("ask-{}", ask.id)) {
            self.run.breach(format!("request {} came without its Via and id: {head:?}", ask.id));
        }
    }

    async fn read_body(&mut self, framing: Framing, ask: &Ask) -> Result<(), Broken> {
        let mut pattern = Pattern::request(ask.id);
        self.wire.body(framing, &mut pattern).await?;
        let sent = if ask.sent == Sent::Nothing { 0 } else { ask.body };
        if pattern.seen() != sent {
            self.run.breach(format!("request {} came whole with {} of {sent} bytes", ask.id, pattern.seen()));
        }
        self.run.whole_came(ask.id);
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.writes.write(&self.socket, bytes).await.map_err(|_| Broken::Reset)
    }

    /// Writes a head with the fields given and the one that tells whose it is.
    async fn head(&mut self, ask: &Ask, status: &str, fields: &str) -> Result<(), Broken> {
        let head = format!("HTTP/1.1 {status}\r\nX-Ask: {}\r\n{fields}\r\n", ask.id);
        self.write(head.as_bytes()).await
    }

    /// Writes head and body in one go, as most origins do.
    async fn whole(&mut self, ask: &Ask, fields: &str) -> Result<(), Broken> {
        let body = body(ask);
        let fields = format!("Content-Length: {}\r\n{fields}", ask.reply);
        let head = format!("HTTP/1.1 200 OK\r\nX-Ask: {}\r\n{fields}\r\n", ask.id);
        self.write(&[head.as_bytes(), &body].concat()).await
    }

    async fn chunks(&mut self, ask: &Ask) -> Result<(), Broken> {
        self.head(ask, "200 OK", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n").await?;
        let body = body(ask);
        let mut rest = &body[..];
        while !rest.is_empty() {
            let len = (1 + self.run.random.below(8000) as usize).min(rest.len());
            let chunk = [format!("{len:x}\r\n").as_bytes(), &rest[..len], b"\r\n"].concat();
            self.write(&chunk).await?;
            rest = &rest[len..];
        }
        if ask.method != "HEAD" {
            let end: &[u8] = if self.run.random.chance(30) { b"0\r\nX-Sum: 7\r\n\r\n" } else { b"0\r\n\r\n" };
            self.write(end).await?;
        }
        Ok(())
    }

    /// A head with the length of the whole body, and a part of the body.
    async fn part(&mut self, ask: &Ask) -> Result<(), Broken> {
        self.head(ask, "200 OK", &format!("Content-Length: {}\r\n", ask.reply + 1)).await?;
        let len = self.run.random.below(ask.reply as u64 + 1) as usize;
        let body = body(ask);
        self.write(&body[..len.min(body.len())]).await
    }

    async fn part_of_head(&mut self, ask: &Ask) -> Result<(), Broken> {
        let head = format!("HTTP/1.1 200 OK\r\nX-Ask: {}\r\nContent-Length: 0\r\n\r\n", ask.id);
        let len = self.run.random.within(1..head.len() as u64) as usize;
        self.write(&head.as_bytes()[..len]).await
    }

    async fn act(&mut self, ask: &Ask) -> Result<Then, Broken> {
        match ask.act {
            Act::Plain | Act::Early => self.whole(ask, "").await?,
            Act::Chunked => self.chunks(ask).await?,
            Act::Interim => {
                self.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await?;
                self.whole(ask, "").await?;
            }
            Act::NoContent => self.head(ask, "204 No Content", "").await?,
            Act::NotModified => {
                self.head(ask, "304 Not Modified", &format!("Content-Length: {}\r\n", ask.reply)).await?;
            }
            _ => return self.act_and_close(ask).await,
        }
        Ok(Then::Next)
    }

    async fn act_and_close(&mut self, ask: &Ask) -> Result<Then, Broken> {
        match ask.act {
            Act::UntilClose => {
                self.head(ask, "200 OK", "Connection: close\r\n").await?;
                self.write(&body(ask)).await?;
            }
            Act::CloseAfter | Act::EarlyClose => self.whole(ask, "Connection: close\r\n").await?,
            Act::CloseSilently => self.whole(ask, "").await?,
            Act::ResetBefore => return Ok(Then::Reset),
            Act::ResetInHead => {
                self.part_of_head(ask).await?;
                return Ok(Then::Reset);
            }
            Act::FinInHead => self.part_of_head(ask).await?,
            Act::ResetAfterHead => {
                self.head(ask, "200 OK", &format!("Content-Length: {}\r\n", ask.reply + 1)).await?;
                return Ok(Then::Reset);
            }
            Act::ResetInBody => {
                self.part(ask).await?;
                return Ok(Then::Reset);
            }
            Act::FinInBody => self.part(ask).await?,
            Act::Hang => sim::sleep(FIRST_BYTE * 2).await,
            Act::HangInBody => {
                self.part(ask).await?;
                sim::sleep(BETWEEN_BYTES * 2).await;
            }
            Act::BadHead => self.write(b"HELLO 200 OK\r\n\r\n").await?,
            Act::TwoLengths => self.head(ask, "200 OK", "Content-Length: 0\r\nContent-Length: 5\r\n").await?,
            Act::Overlong => {
                self.whole(ask, "").await?;
                self.write(b"HTTP/1.1 200 OK\r\nX-Ask: 0\r\nContent-Length: 0\r\n\r\n").await?;
                // It stays open, so that only the gateway's own care keeps the stray answer from the next client.
                sim::sleep(Duration::from_secs(1)).await;
            }
            Act::Switch => {
                self.head(ask, "101 Switching Protocols", "Upgrade: x\r\nConnection: upgrade\r\n").await?
            }
            fair => unreachable!("{fair:?} leaves the connection open"),
        }
        Ok(Then::Close)
    }
}

/// The body of the reply, as far as the method lets it be sent.
fn body(ask: &Ask) -> Vec<u8> {
    if ask.method == "HEAD" { Vec::new() } else { Pattern::reply(ask.id).next(ask.reply) }
}
