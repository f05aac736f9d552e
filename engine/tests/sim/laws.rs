//! What must hold in every run, whatever happened in it.

use crate::gateway::Gateway;
use crate::ledger::{Answer, Moment, Run};
use crate::plan::config::{CONNECT, POOL_IDLE};
use crate::plan::{Act, Ask, Door, Patience, Plan, Sent, Session, Spoil};
use crate::request::{LATE, breaks_off, is_tunnel};
use ringgate::base::UpstreamId;
use ringgate::net::sim;
use ringgate::observe::Reason;
use std::time::Duration;

/// What a client's pauses, and the way to it, add to the time of an exchange.
const SLACK: Duration = Duration::from_millis(1300);

/// Judges every request of the run.
pub fn judge(run: &Run) {
    for session in &run.plan.sessions {
        // Whether the client is still there, and whether the gateway still reads its requests.
        let (mut open, mut read) = (!session.vanishes(), true);
        for ask in &session.asks {
            let answers = run.answers.borrow();
            let answer = answers.get(&ask.id);
            deliveries(run, ask, read);
            match answer {
                Some(answer) => judge_answer(run, session, ask, answer),
                // Only a reset can tell an HTTP/1.0 client that a body is cut, and it may take the head along.
                None if ask.version10 && (is_cut(ask) || total(&run.plan, ask).is_some()) => {}
                None if open => run.breach(format!("request {} got no answer: {ask:?}", ask.id)),
                None => {}
            }
            open &= answer.is_some_and(|answer| answer.whole && !answer.closes) && !breaks_off(ask);
            read &= ask.spoil.is_none() && answer.is_none_or(|answer| !answer.closes);
        }
    }
    held_back(run);
    overlong(run);
}

/// No request is delivered more often than it may be sent, and none that follows where reading had to end.
fn deliveries(run: &Run, ask: &Ask, read: bool) {
    let seen = run.deliveries.borrow().get(&ask.id).copied().unwrap_or_default();
    let most = match ask.spoil {
        Some(spoil) if !spoil.is_in_body() => 0,
        _ if !read => 0,
        // Once a byte of an answer has come, nothing is sent again.
        _ if ask.act == Act::FinInHead => 1,
        _ if ask.is_idempotent() => 2,
        _ => 1,
    };
    if seen.heads > most || seen.whole > most {
        run.breach(format!("request {} was delivered too often ({seen:?}, {most} at most): {ask:?}", ask.id));
    }
}

/// What has come is passed on before more of it is waited for.
fn held_back(run: &Run) {
    let came = run.came.borrow();
    for ((id, moment), left) in run.left.borrow().iter() {
        let Some(ask) = run.plan.ask(*id) else { continue };
        let in_parts = match moment {
            Moment::Head | Moment::Half => ask.act == Act::Late,
            Moment::Sent => ask.halts,
            Moment::Whole => false,
        };
        let Some(came) = came.get(&(*id, *moment)).filter(|_| in_parts) else { continue };
        if came.since(*left) > LATE - Duration::from_millis(200) {
            run.breach(format!(
                "{moment:?} of request {id} was held back for {:?}: {ask:?}",
                came.since(*left)
            ));
        }
    }
}

/// The time that the whole of an exchange may take.
fn total(plan: &Plan, ask: &Ask) -> Option<Duration> {
    plan.upstreams[ask.upstream].total.filter(|_| !is_tunnel(ask))
}

/// No exchange takes longer than the whole of it may. A client's own pauses come on top, and of requests that were
/// sent ahead only the gateway knows when it began them.
fn overlong(run: &Run) {
    for session in run.plan.sessions.iter().filter(|session| !session.pipelined && !session.vanishes()) {
        for ask in session.asks.iter().filter(|ask| ask.spoil.is_none()) {
            let Some((total, took)) = total(&run.plan, ask).zip(run.took(ask.id)) else { continue };
            if took > total + SLACK {
                run.breach(format!("request {} took {took:?} of {total:?}: {ask:?}", ask.id));
            }
        }
    }
}

fn judge_answer(run: &Run, session: &Session, ask: &Ask, answer: &Answer) {
    let breach = |what: &str| run.breach(format!("request {}: {what}: {answer:?} to {ask:?}", ask.id));
    let whole_of_origin = answer.of_origin && answer.whole;
    if whole_of_origin && (!is_meant(ask, answer) || is_cut(ask)) {
        breach("a cut answer was passed off as a whole one");
    }
    if session.vanishes() {
        return;
    }
    if !answer.of_origin && !answer.whole {
        breach("the gateway's own answer was cut");
    }
    match ask.spoil {
        Some(spoil) if answer.status == spoil.status() && answer.closes => {}
        // An origin may have answered, or failed, before the flaw came.
        Some(spoil) if spoil.is_in_body() && (answer.closes || !answer.whole) => {}
        // Then what is missing of a small body is waited for behind the answer: see the session's end.
        Some(Spoil::SilentBody) if answer.status != Spoil::SilentBody.status() => {}
        Some(_) => breach("a request that breaks a rule was not refused as it should be"),
        None if whole_of_origin || excused(run, ask, answer) || out_of_time(run, ask, answer) => {}
        None => breach("neither what the origin said nor what its fault allows"),
    }
}

/// Whether a whole answer is the one that the origin meant to give.
fn is_meant(ask: &Ask, answer: &Answer) -> bool {
    let (status, bytes) = match ask.act {
        Act::NoContent => (204, 0),
        Act::NotModified => (304, 0),
        Act::Echo | Act::EchoReset => (101, ask.body),
        Act::Mirror => (200, ask.sent_bytes()),
        _ if ask.method == "HEAD" => (200, 0),
        _ => (200, ask.reply),
    };
    (answer.status, answer.bytes) == (status, bytes)
}

/// Whether the origin's answer never came to its end.
fn is_cut(ask: &Ask) -> bool {
    match ask.act {
        Act::ResetInHead | Act::FinInHead => true,
        _ => ask.method != "HEAD" && breaks_in_body(ask),
    }
}

fn breaks_in_body(ask: &Ask) -> bool {
    matches!(
        ask.act,
        Act::ResetAfterHead
            | Act::ResetInBody
            | Act::FinInBody
            | Act::ResetInChunks
            | Act::FinInChunks
            | Act::ResetUntilClose
            | Act::EarlyReset
            | Act::BadChunk
            | Act::HangInBody
    )
}

/// Whether the whole of the exchange took longer than it may, so that it was given up or cut.
fn out_of_time(run: &Run, ask: &Ask, answer: &Answer) -> bool {
    let Some((total, took)) = total(&run.plan, ask).zip(run.took(ask.id)) else { return false };
    let given_up = if answer.of_origin { !answer.whole } else { matches!(answer.status, 503 | 504) };
    given_up && took >= total
}

/// Whether something in the plan explains that the answer is not the origin's whole one.
fn excused(run: &Run, ask: &Ask, answer: &Answer) -> bool {
    let plan = &run.plan;
    let upstream = &plan.upstreams[ask.upstream];
    let cut = answer.of_origin && !answer.whole;
    let status = if answer.of_origin { 0 } else { answer.status };
    let act = match ask.act {
        Act::ResetBefore | Act::FinBefore | Act::ResetInHead | Act::FinInHead => status == 502,
        Act::BadHead | Act::TwoLengths | Act::Switch => status == 502,
        Act::Hang | Act::Deaf => status == 504,
        Act::HangInBody => status == 504 || cut,
        Act::EchoReset => status == 502 || cut,
        // It closes with unread bytes, and the reset may overtake the answer.
        Act::EarlyClose => (status == 502 || cut) && ask.sent != Sent::Nothing && plan.weather.discards > 0,
        _ if breaks_in_body(ask) => status == 502 || cut,
        _ => false,
    };
    let doors = |door| upstream.endpoints.iter().any(|endpoint| endpoint.door == door);
    let refused = status == 502 && !doors(Door::Open);
    let swallowed = status == 504 && doors(Door::Swallows);
    let crowded = plan.excused.crowded && matches!(status, 503 | 504) && waited_at_the_cap(run, ask);
    // A pooled connection closed as the request was sent, and the request cannot be sent again.
    let asks = plan.sessions.iter().flat_map(|session| &session.asks);
    let closers = asks.filter(|other| other.upstream == ask.upstream && other.act.goes_stale()).count();
    let closes = upstream.endpoints.iter().any(|endpoint| matches!(endpoint.patience, Patience::Silent(_)));
    let stale = plan.excused.stale
        && status == 502
        && (closes || closers > 0)
        && (!ask.is_idempotent() || ask.sent != Sent::Nothing);
    act || refused || swallowed || crowded || stale
}

/// What the clock may lag behind that deadlines are set by.
const COARSE: Duration = Duration::from_millis(4);

/// Whether more clients than the cap of its upstream allows asked there, and it waited as long as it may for its turn.
fn waited_at_the_cap(run: &Run, ask: &Ask) -> bool {
    let asks_there = |session: &&Session| session.asks.iter().any(|other| other.upstream == ask.upstream);
    let many = run.plan.sessions.iter().filter(asks_there).count();
    let cap = run.plan.upstreams[ask.upstream].cap as usize;
    cap < many && run.took(ask.id).is_some_and(|took| took + COARSE >= CONNECT)
}

/// Waits until every connection is gone, then holds the counts against zero.
pub async fn at_rest(run: &Run, gateway: &Gateway) {
    let mut left = 1000;
    while gateway.open() > 0 && left > 0 {
        left -= 1;
        sim::sleep(Duration::from_millis(100)).await;
    }
    if gateway.open() > 0 {
        run.breach(format!("{} connections of clients are still served", gateway.open()));
    }
    let parked = || gateway.shards.iter().map(|shard| shard.upstream.pools.parked()).sum::<usize>();
    let connected = || gateway.table.upstreams.iter().map(|upstream| upstream.count.now()).sum::<u32>();
    if parked() != connected() as usize {
        run.breach(format!("{} upstream connections, {} parked", connected(), parked()));
    }
    for (index, shard) in gateway.shards.iter().enumerate() {
        let (buffers, busy) = (shard.upstream.buffers.lent(), shard.busy.get());
        if (buffers, busy) != (0, 0) {
            run.breach(format!(
                "shard {index} has lent {buffers} buffers and is busy with {busy} connections"
            ));
        }
        for (id, upstream) in run.plan.upstreams.iter().enumerate() {
            for endpoint in 0..upstream.endpoints.len() {
                let active =
                    shard.table().station(UpstreamId(id as u32)).balance(|state| state.active(endpoint));
                if active > 0 {
                    run.breach(format!("{active} exchanges with endpoint {endpoint} of u{id} never ended"));
                }
            }
        }
    }
    records(run, gateway);
    sim::sleep(POOL_IDLE + Duration::from_secs(2)).await;
    if (parked(), connected()) != (0, 0) {
        run.breach(format!("{} parked and {} connected after the idle time", parked(), connected()));
    }
}

/// Every exchange is counted and logged once, and without faults each one is in order.
fn records(run: &Run, gateway: &Gateway) {
    let sum =
        |count: fn(&ringgate::observe::Counts) -> u64| gateway.counts.iter().map(|c| count(c)).sum::<u64>();
    let counted = sum(|counts| counts.requests.iter().map(|class| class.now()).sum());
    let lines: usize = gateway.log_lines();
    let answered = run.answers.borrow().len();
    if lines as u64 != counted || counted < answered as u64 {
        run.breach(format!("{answered} answers, {counted} exchanges counted, {lines} lines logged"));
    }
    let ok = sum(|counts| counts.reasons.of(Reason::Ok).now());
    if !run.plan.faults && (counted, ok) != (answered as u64, answered as u64) {
        run.breach(format!("{answered} answers without a fault, {counted} counted, {ok} of them as ok"));
    }
    if sum(|counts| counts.panics.now() + counts.reasons.of(Reason::Panic).now() + counts.log_drops.now()) > 0
    {
        run.breach("a panic, or a log line lost");
    }
}
