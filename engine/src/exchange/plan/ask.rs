//! What a policy needs from outside before it can decide, performed: a turn in a queue, a password hashed on a thread that
//! may take its time, the whole body. A decider says what it needs and is called again with what came of it.

use super::consult::consult;
use super::flight::Seat;
use crate::base::Tick;
use crate::exchange::Context;
use crate::exchange::answer::of_body;
use crate::exchange::downstream::Replies;
use crate::net::body::BodySource;
use crate::net::stream::until;
use crate::net::{clock, timer};
use crate::observe::Reason;
use crate::policy::auth::Denial;
use crate::policy::{Ask, Question, Told};
use crate::wire::http1::framing;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// How long a request waits for keys that are fetched anew.
const KEYS_WAIT: Duration = Duration::from_millis(200);
/// After this time without a word from control it is asked again: longer than any fetch takes.
const KEYS_SILENCE: Duration = Duration::from_secs(15);

/// How long work may take that has bounds of its own.
const WORK_MAX: Duration = Duration::from_secs(600);

/// How long a policy that refuses nobody has a body waited for that may have no end.
const GLIMPSE: Duration = Duration::from_millis(100);

/// Performs it.
///
/// # Errors
/// Why the request is refused, where nothing comes of it.
pub async fn perform<B: BodySource, R: Replies>(
    ctx: &Context<'_>,
    ask: Ask,
    body: &mut B,
    reply: &mut R,
) -> Result<Told, Reason> {
    match ask {
        Ask::Wait(until) => {
            // Nobody waits for a turn that comes after the end.
            if until >= ctx.total() {
                return Err(Reason::TotalTimeout);
            }
            turn(ctx, until).await
        }
        Ask::Call => {
            // Boxed, for it is the largest of all that can be asked.
            within(ctx, Box::pin(consult(ctx))).await?;
            Ok(Told::Answered)
        }
        Ask::Keys => within(ctx, keys(ctx)).await,
        Ask::Body(most) => {
            // Who waits for a 100 sends nothing before it; who has begun to send does not need it.
            let waits = ctx.head.is_some_and(|head| framing::expects_continue(head) == Ok(true));
            if waits && body.here().is_none() && !ctx.continued.replace(true) {
                reply.go_on().await.map_err(of_body)?;
            }
            let held = body.hold(most, ctx.total()).await;
            match held.map_err(|fault| ctx.timed_out(of_body(fault)))? {
                true => Ok(Told::Body),
                false => Ok(Told::BodyTooLong),
            }
        }
        Ask::Verify => {
            let work = ctx.passage.borrow_mut().as_mut().and_then(|passage| passage.work.take());
            let Some(work) = work else { return Ok(Told::Unverified(Denial::PasswordFault)) };
            // With its queue full, more passwords would only wait longer: whoever guesses is slowed down first.
            let Some(verifying) = ctx.lent.offload.run(move || work.run()) else {
                return Ok(Told::Unverified(Denial::PasswordsBusy));
            };
            let verified = within(ctx, verifying).await?;
            Ok(verified.map_or(Told::Unverified(Denial::PasswordFault), Told::Verified))
        }
    }
}

/// Waits for a turn in a queue, which nobody has any more whom the gateway's end cuts.
///
/// # Errors
/// That end.
async fn turn(ctx: &Context<'_>, until: Tick) -> Result<Told, Reason> {
    let end = ctx.lent.upstream.wheel.deadline();
    end.set(until);
    let mut pause = pin!(timer::pause(until));
    poll_fn(|cx| match pause.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(Told::Waited)),
        // By the wheel it comes later than by the pause, unless all that is waited for is over.
        Poll::Pending => end.poll_passed(cx).map(|()| match clock::now() >= until {
            true => Ok(Told::Waited),
            false => Err(ctx.timed_out(Reason::TotalTimeout)),
        }),
    })
    .await
}

/// As much of a body as comes soon, for a policy that refuses nobody; none where that is not all of it.
pub async fn glimpse<B: BodySource>(ctx: &Context<'_>, most: u64, body: &mut B) -> Option<Told> {
    if ctx.head.is_some_and(|head| framing::expects_continue(head) == Ok(true)) {
        return None;
    }
    let by = clock::coarse().after(GLIMPSE).min(ctx.total());
    match body.hold(most, by).await {
        Ok(true) => Some(Told::Body),
        Ok(false) => Some(Told::BodyTooLong),
        // What is wrong with it is found once more, where it is sent on.
        Err(_) => None,
    }
}

/// Has `work` come to its end within the time of the exchange. Where others wait for it too, one of them goes on with it.
///
/// # Errors
/// The time is over.
async fn within<T>(ctx: &Context<'_>, work: impl Future<Output = T>) -> Result<T, Reason> {
    let end = ctx.lent.upstream.wheel.deadline();
    // Set in any case: the gateway's end passes what is set.
    end.set(ctx.total().min(until(WORK_MAX)));
    let mut work = pin!(work);
    poll_fn(|cx| match end.poll_passed(cx) {
        Poll::Ready(()) => Poll::Ready(Err(ctx.timed_out(Reason::TotalTimeout))),
        Poll::Pending => work.as_mut().poll(cx).map(Ok),
    })
    .await
}

/// Has a key set fetched anew, once for all who want it, and waits for it a little. What came of it the policy sees for
/// itself. Where the shard had no set at all, what comes is the first one, which may be older than the token: then it is
/// worth asking again.
async fn keys(ctx: &Context<'_>) -> Told {
    let now = clock::now();
    let asked = ctx.passage.borrow_mut().as_mut().and_then(|passage| {
        let by = *passage.keys_by.get_or_insert(now.after(KEYS_WAIT));
        Some((passage.question.take()?, by))
    });
    let Some((Question::Keys(address, number), by)) = asked else { return Told::Keys };
    let asking = &ctx.lent.asking;
    let flight = match asking.keys.board(address.clone(), now, now.after(KEYS_SILENCE)) {
        Seat::Joined(flight) => flight,
        Seat::First(flight) => {
            if !(asking.ask_keys)(&address, number) {
                asking.keys.lose(&*address, &flight);
                return Told::Keys;
            }
            flight
        }
    };
    let landed = flight.landing(&ctx.lent.upstream.wheel, by).await;
    if landed.is_some() && number == 0 { Told::Nothing } else { Told::Keys }
}
