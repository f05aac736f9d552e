//! What must hold in every run, whatever happened in it.

use crate::gateway::Gateway;
use crate::ledger::{Answer, Run};
use crate::plan::{Act, Ask, Door, Ending, POOL_IDLE, Plan, Sent, Session};
use ringgate::base::UpstreamId;
use ringgate::net::sim;
use ringgate::observe::Reason;
use std::time::Duration;

/// Judges every request of the run.
pub fn judge(run: &Run) {
    for session in &run.plan.sessions {
        let mut open = !matches!(session.ending, Ending::Vanish(_) | Ending::Reset(_));
        for ask in &session.asks {
            let answers = run.answers.borrow();
            let answer = answers.get(&ask.id);
            deliveries(run, ask);
            match answer {
                Some(answer) => judge_answer(run, session, ask, answer),
                None if open => run.breach(format!("request {} got no answer: {ask:?}", ask.id)),
                None => {}
            }
            open &= answer.is_some_and(|answer| answer.whole && !answer.closes);
        }
    }
}

/// No request is delivered more often than it may be sent.
fn deliveries(run: &Run, ask: &Ask) {
    let seen = run.deliveries.borrow().get(&ask.id).copied().unwrap_or_default();
    let most = if ask.is_idempotent() { 2 } else { 1 };
    if seen.heads > most || seen.whole > most {
        run.breach(format!("request {} was delivered too often ({seen:?}): {ask:?}", ask.id));
    }
}

fn judge_answer(run: &Run, session: &Session, ask: &Ask, answer: &Answer) {
    let expected = match ask.act {
        Act::NoContent => 204,
        Act::NotModified => 304,
        _ => 200,
    };
    let bytes = match expected {
        200 if ask.method != "HEAD" => ask.reply,
        _ => 0,
    };
    let served = answer.of_origin && answer.status == expected && answer.whole && answer.bytes == bytes;
    let breach = |what: &str| run.breach(format!("request {}: {what}: {answer:?} to {ask:?}", ask.id));
    if answer.of_origin && answer.whole && !served {
        // Whole, but not what the origin meant: a cut body was completed.
        if !(ask.method == "HEAD" && answer.status == 200) {
            breach("a cut answer was passed off as a whole one");
        }
    }
    if !answer.of_origin && !answer.whole && !vanishes(session) {
        breach("the gateway's own answer was cut");
    }
    if served || vanishes(session) {
        return;
    }
    if !excused(&run.plan, ask, answer) {
        breach("neither what the origin said nor what its fault allows");
    }
}

fn vanishes(session: &Session) -> bool {
    matches!(session.ending, Ending::Vanish(_) | Ending::Reset(_))
}

/// Whether something that was planned explains that the answer is not the origin's whole one.
fn excused(plan: &Plan, ask: &Ask, answer: &Answer) -> bool {
    let upstream = &plan.upstreams[ask.upstream];
    let status = answer.status;
    let cut = answer.of_origin && !answer.whole;
    let act = match ask.act {
        Act::ResetBefore | Act::FinBefore | Act::ResetInHead | Act::FinInHead => status == 502,
        Act::BadHead | Act::TwoLengths | Act::Switch => status == 502,
        Act::ResetAfterHead | Act::ResetInBody | Act::FinInBody => status == 502 || cut,
        Act::Hang => status == 504,
        Act::HangInBody => status == 504 || cut,
        // It closes with unread bytes, and the reset may overtake the answer.
        Act::EarlyClose | Act::Overlong => (status == 502 || cut) && ask.sent != Sent::Nothing,
        _ => false,
    };
    let refused = upstream.endpoints.iter().any(|endpoint| endpoint.door != Door::Open);
    let crowded = (upstream.cap as usize) < plan.sessions.len();
    let stale = plan.faults && !ask.is_idempotent();
    let early = ask.act == Act::Early && cut;
    act || early
        || (refused && matches!(status, 502 | 504))
        || (crowded && status == 503)
        || (stale && status == 502)
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
                    shard.upstream.pools.balance(UpstreamId(id as u32), |state| state.active(endpoint));
                if active > 0 {
                    run.breach(format!("{active} exchanges with endpoint {endpoint} of u{id} never ended"));
                }
            }
        }
        if shard.counts.panics.now() + shard.counts.reasons.of(Reason::Panic).now() > 0 {
            run.breach("a panic");
        }
    }
    sim::sleep(POOL_IDLE + Duration::from_secs(2)).await;
    if (parked(), connected()) != (0, 0) {
        run.breach(format!("{} parked and {} connected after the idle time", parked(), connected()));
    }
}
