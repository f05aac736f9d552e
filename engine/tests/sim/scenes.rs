//! Runs written down, each for the law it is named after, and each held in forty networks, or in the one
//! that `RINGGATE_SIM_SEED` names. Most were broken once: what was wrong stands beside them.

use crate::plan::draw;
use crate::plan::{Act, Ask, Ending, Endpoint, Pace, Patience, Plan, Sent, Session, Upstream};
use crate::{REPLAY, number, simulate};
use ringgate::net::sim::{Random, Weather};
use std::time::Duration;

/// Holds the laws over what `plan` makes of a plain run of its number.
fn hold_plan(plan: impl Fn(u64, Plan) -> Plan) {
    let seeds = number(REPLAY).map_or(0..40, |seed| seed..seed + 1);
    for seed in seeds {
        let plain = Plan::plain(seed, draw::weather(&Random::new(seed)), Vec::new());
        if let Err(breaches) = simulate(plan(seed, plain)) {
            panic!("seed {seed}:\n  {breaches}");
        }
    }
}

/// Holds the laws over these sessions of clients with one origin in order.
fn hold(sessions: impl Fn() -> Vec<Session>) {
    hold_plan(|_, plain| plain.with(sessions()));
}

/// One upstream with one endpoint of this patience.
fn patient(patience: Patience) -> Vec<Upstream> {
    vec![Upstream { endpoints: vec![Endpoint { patience, ..Endpoint::plain(0, 0) }], ..Upstream::plain(0) }]
}

fn put(id: u32, body: usize) -> Ask {
    Ask { method: "PUT", sent: Sent::Exact, body, ..Ask::plain(id, 5) }
}

fn post(id: u32) -> Ask {
    Ask { method: "POST", sent: Sent::Exact, body: 10, ..Ask::plain(id, 5) }
}

#[test]
fn a_request_head_leaves_before_its_body_comes() {
    // The client waits for the origin's 100; the gateway waited for the body before it sent the head.
    hold(|| vec![Session::plain(vec![Ask { expects: true, ..put(1, 10) }])]);
}

#[test]
fn a_reply_head_leaves_before_its_body_comes() {
    hold(|| vec![Session::plain(vec![Ask { act: Act::Late, ..Ask::plain(1, 500) }])]);
}

#[test]
fn what_a_full_socket_refused_leaves_when_it_has_room() {
    // Small pieces are joined to what is staged; the rest of them waited for the next piece.
    let halting = |id| Ask { sent: Sent::Chunked, halts: true, ..put(id, 900) };
    hold(|| vec![Session::plain(vec![halting(1), Ask { act: Act::Late, ..Ask::plain(2, 900) }, halting(3)])]);
}

#[test]
fn both_bodies_flow_at_once() {
    let mirror = |id, sent, body| Ask { act: Act::Mirror, sent, ..put(id, body) };
    hold(|| {
        vec![
            Session::plain(vec![mirror(1, Sent::Chunked, 100_000)]),
            Session { writes: Pace::Slow, ..Session::plain(vec![mirror(2, Sent::Exact, 30_000)]) },
            Session::plain(vec![Ask { halts: true, ..mirror(3, Sent::Chunked, 900) }]),
        ]
    });
}

#[test]
fn a_reply_that_breaks_off_unseen_is_answered() {
    // The client's connection was closed without a word.
    for act in [Act::ResetAfterHead, Act::FinInBody, Act::ResetInBody, Act::FinInChunks, Act::BadChunk] {
        hold(|| vec![Session::plain(vec![Ask { act, ..Ask::plain(1, 3) }, Ask::plain(2, 3)])]);
    }
}

#[test]
fn a_close_leaves_the_answers_that_are_on_their_way() {
    // Requests that nobody read any more turned the close into a reset, which took the answers along.
    let until_close = || Ask { act: Act::UntilClose, version10: true, ..Ask::plain(1, 700) };
    hold(|| vec![Session { pipelined: true, ..Session::plain(vec![until_close(), Ask::plain(2, 5)]) }]);
}

#[test]
fn a_cut_answer_leaves_the_whole_ones_before_it() {
    // The same, by the close that shows a cut.
    let asks = || vec![Ask::plain(1, 9000), Ask { act: Act::FinInBody, ..Ask::plain(2, 500) }, put(3, 9000)];
    hold(|| vec![Session { pipelined: true, reads: Pace::Slow, ..Session::plain(asks()) }]);
}

#[test]
fn a_cut_body_looks_cut_to_an_http10_client() {
    // Its body ends with the connection, so a close completed it.
    for act in [Act::FinInChunks, Act::ResetInChunks, Act::BadChunk, Act::ResetUntilClose] {
        hold(|| vec![Session::plain(vec![Ask { act, version10: true, ..Ask::plain(1, 700) }])]);
    }
}

#[test]
fn a_reset_that_the_upload_was_told_of_is_no_end_of_the_reply() {
    // A socket tells of a reset once. The upload heard it, the reply's reader saw an end, and completed the reply.
    let early = || Ask { act: Act::EarlyReset, reply: 5000, ..put(1, 60_000) };
    hold(|| vec![Session { writes: Pace::Torn, ..Session::plain(vec![early()]) }]);
}

#[test]
fn a_pooled_connection_that_has_closed_is_not_used() {
    // Nothing can be sent again of a POST: it must not be sent on a connection whose end has come.
    hold_plan(|_, plain| {
        let session =
            Session { thinks: Duration::from_millis(300), ..Session::plain(vec![post(1), post(2), post(3)]) };
        let patience = Patience::Silent(Duration::from_millis(200));
        Plan { upstreams: patient(patience), ..plain.with(vec![session]) }.never_stale()
    });
}

#[test]
fn a_stray_answer_is_nobodys() {
    let overlong = |id| Ask { act: Act::Overlong, ..Ask::plain(id, 50) };
    let asks = || vec![overlong(1), Ask::plain(2, 5), overlong(3), put(4, 10)];
    hold(|| vec![Session { thinks: Duration::from_millis(100), ..Session::plain(asks()) }]);
}

#[test]
fn a_request_that_met_a_close_is_sent_again() {
    // The origin's patience ends as the client has thought: closes and requests cross on the way.
    let patience = Duration::from_millis(100);
    hold_plan(|seed, plain| {
        let thinks = patience + Duration::from_micros(seed * 500) - Duration::from_millis(10);
        let asks = (1..20).map(|id| Ask::plain(id, 20)).collect();
        let session = Session { thinks, ..Session::plain(asks) };
        Plan { upstreams: patient(Patience::Silent(patience)), ..plain.with(vec![session]) }
    });
}

#[test]
fn an_announced_idle_time_is_kept() {
    // Requests come as the announced time ends; a POST must find another connection by then.
    hold_plan(|seed, plain| {
        let thinks = Duration::from_millis(2000 + seed) - Duration::from_millis(25);
        let session = Session { thinks, ..Session::plain((1..6).map(post).collect()) };
        Plan { upstreams: patient(Patience::Announced(2)), ..plain.with(vec![session]) }
    });
}

#[test]
fn an_origin_that_never_answers_is_given_its_time_and_no_more() {
    let hang = |ask: Ask| Ask { act: Act::Hang, ..ask };
    hold(|| {
        vec![
            Session::plain(vec![hang(Ask::plain(1, 5)), Ask::plain(2, 5)]),
            Session::plain(vec![hang(put(3, 30_000)), Ask::plain(4, 5)]),
            Session::plain(vec![hang(Ask { expects: true, ..post(5) })]),
        ]
    });
}

#[test]
fn a_client_that_waits_for_a_100_is_not_to_blame() {
    // Its silence was answered with a 408, while the origin was the one to say something.
    hold(|| vec![Session::plain(vec![Ask { act: Act::Deaf, expects: true, ..put(1, 100) }])]);
}

#[test]
fn an_origin_that_reads_nothing_is_given_its_time_and_no_more() {
    hold(|| vec![Session::plain(vec![Ask { act: Act::Deaf, ..put(1, 150_000) }])]);
}

#[test]
fn a_client_that_reads_nothing_is_given_its_time_and_no_more() {
    hold(|| vec![Session { ending: Ending::Deaf, ..Session::plain(vec![Ask::plain(1, 500_000)]) }]);
}

#[test]
fn the_whole_of_an_exchange_is_given_its_time_and_no_more() {
    // No part of them takes longer than it may by itself.
    hold_plan(|_, plain| {
        let late = |id| Ask { act: Act::Late, ..Ask::plain(id, 900) };
        let asks = vec![
            vec![late(1), Ask::plain(2, 5)],
            vec![Ask { halts: true, ..put(3, 20_000) }],
            vec![Ask { act: Act::Mirror, halts: true, ..put(4, 20_000) }],
            vec![Ask { act: Act::Hang, ..post(5) }, Ask::plain(6, 5)],
            vec![Ask { act: Act::HangInBody, ..Ask::plain(7, 500) }],
            vec![Ask { act: Act::Deaf, ..put(8, 150_000) }],
        ];
        let upstreams = vec![Upstream { total: Some(Duration::from_secs(1)), ..Upstream::plain(0) }];
        Plan { upstreams, ..plain.with(asks.into_iter().map(Session::plain).collect()) }
    });
}

#[test]
fn a_tunnel_is_not_idle_while_anything_moves_in_it() {
    // What the client said could not leave while the origin's own words were on their way, for longer than the
    // idle time; each way counted only its own silence.
    hold_plan(|_, plain| {
        let echo = Ask { act: Act::Echo, body: 5000, ..Ask::plain(1, 60_000) };
        let weather = Weather { room: 16..17, delay: 1_000_000..3_000_000, ..Weather::calm() };
        Plan { weather, ..plain.with(vec![Session::plain(vec![echo])]) }
    });
}

#[test]
fn a_wake_for_nothing_leaves_the_idle_time_as_it_is() {
    // Each one began it anew, after a grace of its own.
    hold_plan(|_, plain| {
        let session = Session { ending: Ending::Wait, ..Session::plain(vec![Ask::plain(1, 5)]) };
        let weather = Weather { spurious: 80, ..plain.weather.clone() };
        Plan { weather, ..plain.with(vec![session]) }
    });
}

#[test]
fn an_idle_connection_of_another_shard_is_given_up_at_the_cap() {
    hold_plan(|_, plain| {
        let later = |shard, millis, id| Session {
            shard,
            starts: Duration::from_millis(millis),
            thinks: Duration::from_millis(900),
            ..Session::plain(vec![Ask::plain(id, 5), Ask::plain(id + 1, 5)])
        };
        let upstreams = vec![Upstream { cap: 1, ..Upstream::plain(0) }];
        Plan { shards: 2, upstreams, ..plain.with(vec![later(0, 0, 1), later(1, 400, 3)]) }.roomy()
    });
}

#[test]
fn a_line_on_one_shard_keeps_nobody_on_another_from_its_turn() {
    // Each connection that was parked went to the line of its own shard, for as long as there was one.
    for cap in [1, 2, 3] {
        hold_plan(|_, plain| {
            let session = |shard, millis, first: u32, many| Session {
                shard,
                starts: Duration::from_millis(millis),
                ..Session::plain((first..first + many).map(|id| Ask::plain(id, 5)).collect())
            };
            let busy = (0..5).map(|at| session(0, 0, 100 * at, 60));
            let others = [1, 2].map(|shard| session(shard, 100, 1000 + 100 * shard as u32, 5));
            let weather = Weather { delay: 1_000_000..2_000_000, ..Weather::calm() };
            let upstreams = vec![Upstream { cap, ..Upstream::plain(0) }];
            Plan { shards: 3, upstreams, weather, ..plain.with(busy.chain(others).collect()) }.roomy()
        });
    }
}

#[test]
fn a_request_waits_for_a_connection_that_is_busy() {
    hold_plan(|_, plain| {
        let session = |id| Session::plain(vec![Ask::plain(id, 5), Ask::plain(id + 10, 300)]);
        let upstreams = vec![Upstream { cap: 2, ..Upstream::plain(0) }];
        Plan { upstreams, ..plain.with((1..7).map(session).collect()) }.roomy()
    });
}

#[test]
fn a_tunnel_carries_both_ways_and_each_end_by_itself() {
    let echo = |id, body| Ask { act: Act::Echo, body, ..Ask::plain(id, 0) };
    hold(|| {
        vec![
            Session::plain(vec![Ask::plain(1, 5), echo(2, 100_000)]),
            Session { reads: Pace::Slow, writes: Pace::Slow, ..Session::plain(vec![echo(3, 5000)]) },
            Session::plain(vec![echo(4, 0)]),
        ]
    });
}
