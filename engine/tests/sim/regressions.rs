//! Runs written down because the law named was broken once. Each is held in forty networks.

use crate::plan::{Act, Ask, Pace, Plan, Sent, Session};
use crate::{draw, simulate};
use ringgate::net::sim::Random;

/// Holds the laws over these sessions of clients.
fn hold(sessions: impl Fn() -> Vec<Session>) {
    for seed in 0..40 {
        let plan = Plan::plain(seed, draw::weather(&Random::new(seed)), sessions());
        if let Err(breaches) = simulate(plan) {
            panic!("seed {seed}:\n  {breaches}");
        }
    }
}

#[test]
fn a_request_head_leaves_before_its_body_comes() {
    // The client waits for the origin's 100; the gateway waited for the body before it sent the head.
    hold(|| {
        vec![Session::plain(vec![Ask {
            method: "PUT",
            sent: Sent::Exact,
            body: 10,
            expects: true,
            ..Ask::plain(1, 5)
        }])]
    });
}

#[test]
fn a_reply_head_leaves_before_its_body_comes() {
    hold(|| vec![Session::plain(vec![Ask { act: Act::Late, ..Ask::plain(1, 500) }])]);
}

#[test]
fn what_a_full_socket_refused_leaves_when_it_has_room() {
    // Small pieces are joined to what is staged; the rest of them waited for the next piece.
    let halting =
        |id| Ask { method: "PUT", sent: Sent::Chunked, body: 900, halts: true, ..Ask::plain(id, 5) };
    hold(|| vec![Session::plain(vec![halting(1), Ask { act: Act::Late, ..Ask::plain(2, 900) }, halting(3)])]);
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
    let until_close = Ask { act: Act::UntilClose, version10: true, ..Ask::plain(1, 700) };
    let closing =
        |first: &Ask| Session { pipelined: true, ..Session::plain(vec![first.clone(), Ask::plain(2, 5)]) };
    hold(|| vec![closing(&until_close)]);
    let broken = |id| Ask { act: Act::FinInBody, ..Ask::plain(id, 500) };
    let asks = || {
        vec![
            Ask::plain(1, 9000),
            broken(2),
            Ask { method: "PUT", sent: Sent::Exact, body: 9000, ..Ask::plain(3, 5) },
        ]
    };
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
    let early = || Ask {
        method: "PUT",
        act: Act::EarlyReset,
        sent: Sent::Exact,
        body: 60_000,
        ..Ask::plain(1, 5000)
    };
    hold(|| vec![Session { writes: Pace::Torn, ..Session::plain(vec![early()]) }]);
}
