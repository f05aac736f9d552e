//! A question of a policy to an upstream: an exchange of the gateway's own, over the upstream's pools and balancing, within
//! its own time. Equal questions of a shard are asked once. Whatever goes wrong is told to the policy, which decides.

use super::flight::{Flight, Flights, Seat};
use crate::base::{Fault, Tick};
use crate::exchange::Context;
use crate::net::body::{BodySource, Plain};
use crate::net::clock;
use crate::policy::Question;
use crate::policy::auth::remote::{Answered, BODY_BYTES_MAX, Call, Reply, Trouble};
use crate::table::RouteTimeouts;
use crate::upstream::{CallFault, Outgoing, Plan, Tried, call};
use crate::wire::edits::Edits;
use crate::wire::head::Head;
use crate::wire::http1::encode::Onward;
use crate::wire::http1::framing::Length;
use crate::wire::http1::{HeadLimits, Parsed, request};
use std::rc::Rc;
use std::time::Duration;

/// Bounds of a question's head: it holds what a client may send, and a few lines of ours.
const LIMITS: HeadLimits = HeadLimits { head_bytes: 1 << 20, fields: 1000, target_bytes: 16 * 1024 };
/// What a call may take beyond its time until those who wait for it give it up.
const GRACE: Duration = Duration::from_secs(1);

/// Asks what the passage holds, and leaves the answer there.
pub async fn consult(ctx: &Context<'_>) {
    let question = ctx.passage.borrow_mut().as_mut().and_then(|passage| passage.question.take());
    let Some(Question::Call(question)) = question else { return };
    let answered = match question.share {
        None => Rc::new(ask(ctx, &question).await),
        Some(key) => shared(ctx, &question, key).await,
    };
    if let Some(passage) = &mut *ctx.passage.borrow_mut() {
        passage.answered = Some(answered);
    }
}

/// Asks once for all who want the same answer now.
async fn shared(ctx: &Context<'_>, question: &Call, key: [u8; 32]) -> Answered {
    let flights = &ctx.lent.asking.calls;
    let by = clock::now().after(question.timeout);
    loop {
        let now = clock::now();
        match flights.board(key, now, now.after(question.timeout + GRACE)) {
            Seat::First(flight) => {
                let first = First { flights, key, flight };
                let answered = Rc::new(ask(ctx, question).await);
                first.flights.land(&first.key, answered.clone());
                return answered;
            }
            Seat::Joined(flight) => match flight.landing(&ctx.lent.upstream.wheel, by).await {
                Some(answered) => return answered,
                // Whoever asked is gone, as its client is: somebody else asks.
                None if flight.is_lost() && clock::now() < by => {}
                None => return Rc::new(Err(Trouble::Late)),
            },
        }
    }
}

/// Whoever asks for all: when it vanishes, those who wait are told.
struct First<'f> {
    flights: &'f Flights<[u8; 32], Answered>,
    key: [u8; 32],
    flight: Rc<Flight<Answered>>,
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        self.flights.lose(&self.key, &self.flight);
    }
}

/// Asks. A question is asked again over a new connection where the one that had served before broke without an answer: it
/// changes nothing at whoever is asked.
async fn ask(ctx: &Context<'_>, question: &Call) -> Result<Reply, Trouble> {
    let total = clock::now().after(question.timeout);
    let tried = Tried::default();
    match exchange(ctx, question, total, &tried).await {
        Err(CallFault::Reset) if tried.reused.get() => exchange(ctx, question, total, &tried).await,
        done => done,
    }
    .map_err(trouble)
}

fn trouble(fault: CallFault) -> Trouble {
    match fault {
        CallFault::Total | CallFault::FirstByte | CallFault::ConnectTimeout | CallFault::TlsTimeout => {
            Trouble::Late
        }
        CallFault::Malformed(_) | CallFault::HeadTooLarge => Trouble::Unusable,
        _ => Trouble::Unreachable,
    }
}

async fn exchange(
    ctx: &Context<'_>,
    question: &Call,
    total: Tick,
    tried: &Tried,
) -> Result<Reply, CallFault> {
    let lent = &ctx.lent.upstream;
    let mut lines = lent.lines.take();
    let parsed = request::parse(&question.head, &mut lines, &LIMITS);
    if !matches!(parsed, Ok(Parsed::Complete { .. })) {
        return Err(CallFault::Malformed("question"));
    }
    let head = Head::new(&question.head, &lines);
    let timeout = question.timeout;
    let timeouts =
        RouteTimeouts { connect: timeout, first_byte: timeout, between_bytes: timeout, total: Some(timeout) };
    let upstream = ctx.table.upstream(question.upstream);
    let station = ctx.table.station(question.upstream);
    let plan = Plan { upstream, station, timeouts: &timeouts, total, total_is_callers: false, tried };
    let length = match question.body.len() {
        0 => Length::None,
        bytes => Length::Exact(bytes as u64),
    };
    let onward =
        Onward { target: head.target(), host: head.host(), length, upgrade: None, expect_continue: false };
    let edits = Edits::new();
    let outgoing = Outgoing { head, edits: &edits, onward, announce: None, key: lent.random() };
    let mut body = Text { bytes: &question.body, at: 0 };
    let mut upload = None;
    let mut interim = async |_: Head<'_>| Ok::<(), Fault>(());
    let got = call(lent, &plan, &outgoing, &mut body, &mut upload, &mut interim).await?;
    let fields = got.head().lines().map(|(_, name, value)| (name.into(), value.into())).collect();
    let mut reply = Reply { status: got.head().status(), fields, body: Vec::new() };
    let mut reader = got.body();
    let mut whole = true;
    loop {
        let late = |_| if clock::coarse() >= total { CallFault::Total } else { CallFault::Reset };
        let piece = reader.fill().await.map_err(late)?;
        let len = piece.len();
        if len == 0 {
            break;
        }
        if reply.body.len() + len > BODY_BYTES_MAX {
            if question.wants_body {
                return Err(CallFault::Malformed("answer_too_large"));
            }
            // The connection is not worth reading the rest of it.
            whole = false;
            break;
        }
        reply.body.extend_from_slice(piece);
        reader.consume(len);
    }
    let whole = whole && reader.ended() && !reader.has_rest() && upload.is_none();
    got.finish(whole);
    Ok(reply)
}

/// A body that is here already.
struct Text<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl BodySource for Text<'_> {
    fn ends_soon(&self) -> bool {
        false
    }

    fn may_trail(&self) -> bool {
        false
    }

    fn be_patient(&mut self) {}

    async fn fill(&mut self) -> Result<&[u8], Fault> {
        Ok(&self.bytes[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at += n;
    }

    fn trailers(&self) -> &[u8] {
        b""
    }

    fn ended(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn rewind(&mut self) -> bool {
        self.at = 0;
        true
    }

    async fn hold(&mut self, most: u64, _: Tick) -> Result<bool, Fault> {
        Ok(self.bytes.len() as u64 <= most)
    }

    fn here(&mut self) -> Option<&[u8]> {
        (self.at == 0).then_some(self.bytes)
    }

    fn plain(&self) -> Option<Plain<'_>> {
        None
    }

    fn passed(&mut self, _: u64) {}

    async fn ready(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn count(&self) -> u64 {
        self.at as u64
    }
}
