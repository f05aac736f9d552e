//! What an origin answers, well or badly.

use super::Origin;
use crate::ledger::Moment;
use crate::pattern::Pattern;
use crate::plan::config::{BETWEEN_BYTES, FIRST_BYTE};
use crate::plan::{Act, Ask, Patience};
use crate::request::{LATE, chunks, has_trailers};
use crate::wire::Broken;
use ringgate::net::sim;
use std::time::Duration;

/// What becomes of a connection.
pub enum Then {
    Next,
    Close,
    Reset,
}

const SWITCHING: &str = "Upgrade: websocket\r\nConnection: upgrade\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n";

impl Origin {
    /// Answers `ask`, whose body has been read unless it is answered early.
    pub async fn act(&mut self, ask: &Ask) -> Result<Then, Broken> {
        match ask.act {
            Act::Plain | Act::Early => self.whole(ask, "").await?,
            Act::Chunked => self.chunked(ask).await?,
            Act::Late => self.late(ask).await?,
            Act::Interim => {
                self.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await?;
                self.whole(ask, "").await?;
            }
            Act::NoContent => self.head(ask, "204 No Content", "").await?,
            Act::NotModified => self.head(ask, "304 Not Modified", &length(ask.reply)).await?,
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
            Act::Echo => self.echo(ask).await?,
            Act::Overlong => {
                // At once, since nobody can tell a stray answer from the next one if it comes after the next
                // request: as a second one does, to whoever kept the connection in spite of the first. It stays
                // open, so that only the gateway's own care keeps them from the next client.
                let stray = b"HTTP/1.1 200 OK\r\nX-Ask: 0\r\nContent-Length: 0\r\n\r\n";
                let head = self.head_text(ask, "200 OK", &length(ask.reply));
                self.socket.burst(&[head.as_bytes(), &body(ask), stray].concat());
                sim::sleep(Duration::from_millis(150)).await;
                self.socket.burst(stray);
                sim::sleep(Duration::from_secs(1)).await;
            }
            _ => return self.fail(ask).await,
        }
        Ok(Then::Close)
    }

    async fn fail(&mut self, ask: &Ask) -> Result<Then, Broken> {
        match ask.act {
            Act::ResetBefore | Act::FinBefore => {}
            Act::ResetInHead | Act::FinInHead => self.part_of_head(ask).await?,
            // One byte more than comes.
            Act::ResetAfterHead => self.head(ask, "200 OK", &length(ask.reply + 1)).await?,
            Act::ResetInBody | Act::FinInBody => self.part(ask, &length(ask.reply + 1)).await?,
            Act::ResetUntilClose | Act::EarlyReset => self.part(ask, "Connection: close\r\n").await?,
            Act::ResetInChunks | Act::FinInChunks => self.part_of_chunks(ask).await?,
            // A HEAD is answered whole by then: a chunk behind it could be taken for the answer to the next request.
            Act::BadChunk if ask.method == "HEAD" => self.part_of_chunks(ask).await?,
            Act::BadChunk => {
                self.part_of_chunks(ask).await?;
                self.write(b"zz\r\n").await?;
            }
            Act::Hang => sim::sleep(FIRST_BYTE * 2).await,
            // A HEAD is answered whole by then, and a silent origin is no fault of the request that comes next.
            Act::HangInBody if ask.method == "HEAD" => self.whole(ask, "").await?,
            Act::HangInBody => {
                self.part(ask, &length(ask.reply + 1)).await?;
                sim::sleep(BETWEEN_BYTES * 2).await;
            }
            Act::BadHead => self.write(b"HELLO 200 OK\r\n\r\n").await?,
            Act::TwoLengths => self.head(ask, "200 OK", "Content-Length: 0\r\nContent-Length: 5\r\n").await?,
            Act::Switch => {
                self.head(ask, "101 Switching Protocols", "Upgrade: x\r\nConnection: upgrade\r\n").await?
            }
            Act::EchoReset => {
                self.head(ask, "101 Switching Protocols", SWITCHING).await?;
                self.wire.begun().await?;
            }
            fair => unreachable!("{fair:?} is no failure"),
        }
        let resets = matches!(
            ask.act,
            Act::ResetBefore
                | Act::ResetInHead
                | Act::ResetAfterHead
                | Act::ResetInBody
                | Act::ResetInChunks
                | Act::ResetUntilClose
                | Act::EarlyReset
                | Act::EchoReset
        );
        Ok(if resets { Then::Reset } else { Then::Close })
    }

    /// A head with the fields given, the one that tells whose it is, and the idle time if it is announced.
    fn head_text(&self, ask: &Ask, status: &str, fields: &str) -> String {
        let keep = match self.patience {
            Patience::Announced(seconds) => format!("Keep-Alive: timeout={seconds}\r\n"),
            Patience::Endless | Patience::Silent(_) => String::new(),
        };
        format!("HTTP/1.1 {status}\r\nX-Ask: {}\r\n{keep}{fields}\r\n", ask.id)
    }

    async fn head(&mut self, ask: &Ask, status: &str, fields: &str) -> Result<(), Broken> {
        let head = self.head_text(ask, status, fields);
        self.write(head.as_bytes()).await?;
        self.run.leaves(ask.id, Moment::Head);
        Ok(())
    }

    /// Writes head and body in one go, as most origins do.
    async fn whole(&mut self, ask: &Ask, fields: &str) -> Result<(), Broken> {
        let head = self.head_text(ask, "200 OK", &format!("{}{fields}", length(ask.reply)));
        self.write(&[head.as_bytes(), &body(ask)].concat()).await
    }

    /// The head of an answer that gives back the request's body.
    pub async fn begin_mirror(&mut self, ask: &Ask) -> Result<(), Broken> {
        self.head(ask, "200 OK", CHUNKED).await
    }

    async fn chunked(&mut self, ask: &Ask) -> Result<(), Broken> {
        self.head(ask, "200 OK", CHUNKED).await?;
        self.write(&chunks(&body(ask), &self.run.random)).await?;
        self.end_chunks(ask).await
    }

    async fn end_chunks(&mut self, ask: &Ask) -> Result<(), Broken> {
        match ask.method {
            "HEAD" => Ok(()),
            _ if has_trailers(ask) => self.write(b"0\r\nX-Sum: 7\r\n\r\n").await,
            _ => self.write(b"0\r\n\r\n").await,
        }
    }

    /// Head, first half and second half with time between them, chunked or with a length.
    async fn late(&mut self, ask: &Ask) -> Result<(), Broken> {
        let chunked = ask.id.is_multiple_of(2);
        let fields = if chunked { CHUNKED.to_owned() } else { length(ask.reply) };
        let body = body(ask);
        let (first, second) = body.split_at(ask.reply.div_ceil(2));
        self.head(ask, "200 OK", &fields).await?;
        sim::sleep(LATE).await;
        for (half, moment) in [(first, Some(Moment::Half)), (second, None)] {
            let bytes = if chunked { chunks(half, &self.run.random) } else { half.to_vec() };
            self.write(&bytes).await?;
            if let Some(moment) = moment {
                self.run.leaves(ask.id, moment);
                sim::sleep(LATE).await;
            }
        }
        if chunked { self.end_chunks(ask).await } else { Ok(()) }
    }

    /// A head with `fields` and a part of the body.
    async fn part(&mut self, ask: &Ask, fields: &str) -> Result<(), Broken> {
        self.head(ask, "200 OK", fields).await?;
        let body = body(ask);
        let len = self.run.random.below(body.len() as u64 + 1) as usize;
        self.write(&body[..len]).await
    }

    /// A chunked body without its end.
    async fn part_of_chunks(&mut self, ask: &Ask) -> Result<(), Broken> {
        self.head(ask, "200 OK", CHUNKED).await?;
        self.write(&chunks(&body(ask), &self.run.random)).await
    }

    async fn part_of_head(&mut self, ask: &Ask) -> Result<(), Broken> {
        let head = self.head_text(ask, "200 OK", &length(0));
        let len = self.run.random.within(1..head.len() as u64) as usize;
        self.write(&head.as_bytes()[..len]).await
    }

    /// A tunnel that gives back what comes, up to its end.
    async fn echo(&mut self, ask: &Ask) -> Result<(), Broken> {
        // The first words of the tunnel come with the head.
        let head = self.head_text(ask, "101 Switching Protocols", SWITCHING);
        let words = Pattern::reply(ask.id).next(ask.reply);
        self.socket.burst(&[head.as_bytes(), &words].concat());
        loop {
            match self.wire.some().await {
                Ok(bytes) => self.write(&bytes).await?,
                Err(Broken::Fin) => return Ok(()),
                Err(broken) => return Err(broken),
            }
        }
    }
}

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}\r\n")
}

/// The body of the reply, as far as the method lets it be sent.
fn body(ask: &Ask) -> Vec<u8> {
    if ask.method == "HEAD" { Vec::new() } else { Pattern::reply(ask.id).next(ask.reply) }
}
