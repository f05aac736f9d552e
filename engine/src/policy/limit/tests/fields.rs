//! The fields of a reply, read back.

use super::*;
use crate::wire::edits::Edits;
use crate::wire::field::Field;

/// Milliseconds into a second at which a reply tells.
const AFTER: u64 = 123;

/// The lines that are added.
fn lines(edits: &Edits) -> String {
    std::str::from_utf8(edits.text()).expect("ASCII").replace("\r\n", "\n")
}

fn told(written: &str, times: usize, now: u64) -> String {
    let mut sets = sets();
    let limit = limit(&mut sets, written);
    let mut cells = Cells::new();
    let said = as_client(1, |facts| {
        let mut last = cells.spend(&limit, &facts, Tick(START));
        (1..times).for_each(|_| last = cells.spend(&limit, &facts, Tick(now)));
        last
    });
    let mut edits = Edits::new();
    limit.fields().tell(&said.quota, !said.pass, 1_700_000_000_000 + AFTER, &mut edits);
    lines(&edits)
}

#[track_caller]
fn check(written: &str, times: usize, expected: &[&str]) {
    assert_eq!(told(written, times, START).lines().collect::<Vec<_>>(), expected, "{written}");
}

#[test]
fn a_pass_tells_what_is_left() {
    check(
        "rate: 100/min, burst: 20",
        1,
        &[
            "RateLimit-Policy: \"plan\";q=20;w=12",
            "RateLimit: \"plan\";r=19;t=1",
            "X-RateLimit-Limit: 20",
            "X-RateLimit-Remaining: 19",
            "X-RateLimit-Reset: 1700000001",
        ],
    );
    // A bucket that fills within a second has no window in whole seconds.
    check(
        "rate: 1000/s, burst: 20, fields: standard",
        1,
        &["RateLimit-Policy: \"plan\";q=20", "RateLimit: \"plan\";r=19;t=1"],
    );
}

#[test]
fn a_refusal_tells_when_to_come_back() {
    check(
        "rate: 4/min, burst: 2, reset: delta",
        3,
        &[
            "RateLimit-Policy: \"plan\";q=2;w=30",
            "RateLimit: \"plan\";r=0;t=15",
            "X-RateLimit-Limit: 2",
            "X-RateLimit-Remaining: 0",
            "X-RateLimit-Reset: 30",
            "Retry-After: 15",
        ],
    );
    check("rate: 100/s, burst: 1, fields: none", 2, &["Retry-After: 1"]);
    // START is 123,456,789 ns into a second, and that second begins a minute.
    check(
        "algorithm: fixed_window, rate: 1/10s, fields: legacy",
        2,
        &[
            "X-RateLimit-Limit: 1",
            "X-RateLimit-Remaining: 0",
            "X-RateLimit-Reset: 1700000010",
            "Retry-After: 10",
        ],
    );
}

/// What the limit says, and what is told of it at `unix_ms`, to a client that asked `times`, each `pause` apart.
fn reset(written: &str, (times, pause): (u64, u64), unix_ms: u64) -> (Quota, u64) {
    let (mut sets, mut cells, mut edits) = (sets(), Cells::new(), Edits::new());
    let limit = limit(&mut sets, written);
    let ask = |at| as_client(1, |facts| cells.spend(&limit, &facts, Tick(START + at * pause)));
    let said = (0..times).map(ask).last().expect("asked");
    limit.fields().tell(&said.quota, !said.pass, unix_ms, &mut edits);
    let text = lines(&edits);
    let reset = text.lines().find_map(|line| line.strip_prefix("X-RateLimit-Reset: ")).expect("is told");
    (said.quota, reset.parse().expect("a number"))
}

#[test]
fn whoever_waits_for_the_reset_comes_no_moment_too_early() {
    for algorithm in
        ["token_bucket", "fixed_window", "sliding_window_counter", "sliding_window_log", "leaky_bucket"]
    {
        let written = format!("algorithm: {algorithm}, rate: 3/10s");
        for (times, after) in (1..7).flat_map(|times| [0, 123, 999].map(|after| (times, after))) {
            let unix_ms = 1_700_000_000_000 + after;
            let (quota, reset) = reset(&written, (times, SECOND / 3), unix_ms);
            let whole = unix_ms + quota.reset.div_ceil(1_000_000);
            assert!((whole..whole + 1000).contains(&(reset * 1000)), "{algorithm}: {reset}, {quota:?}");
            assert!(quota.reset >= quota.retry, "{algorithm}: {quota:?}");
            // And then the limit is whole.
            let mut cells = Cells::new();
            let limit = limit(&mut sets(), &written);
            let mut ask = |now| as_client(1, |facts| cells.spend(&limit, &facts, Tick(now)));
            for at in 0..times {
                ask(START + at * SECOND / 3);
            }
            let then = START + (times - 1) * (SECOND / 3) + quota.reset;
            let remaining = ask(then).quota.remaining;
            let expected = if algorithm == "leaky_bucket" { 0 } else { 2 };
            assert!(remaining >= expected, "{algorithm}: {remaining} behind {times} requests");
        }
    }
}

#[test]
fn one_limit_takes_the_place_of_what_another_and_the_origin_tell() {
    let mut sets = sets();
    let quota = Quota { limit: 9, remaining: 5, reset: SECOND, retry: 0, window: None };
    for (style, expected) in [
        ("standard", "RateLimit-Policy: \"b\";q=9\nRateLimit: \"b\";r=5;t=1\n"),
        ("legacy", "X-RateLimit-Limit: 9\nX-RateLimit-Remaining: 5\nX-RateLimit-Reset: 1\n"),
        ("none", ""),
    ] {
        let mut edits = Edits::new();
        named(&mut sets, "a", "rate: 5/s").fields().tell(&quota, false, 0, &mut edits);
        let limit = named(&mut sets, "b", &format!("rate: 5/s, reset: delta, fields: {style}"));
        limit.fields().tell(&quota, false, 0, &mut edits);
        assert_eq!(lines(&edits), expected, "{style}");
        let mut edits = Edits::new();
        limit.fields().tell(&quota, false, 0, &mut edits);
        // Of an origin behind a limit that tells nothing, what it tells itself passes.
        let removed = [Field::RATELIMIT, Field::X_RATELIMIT_LIMIT].map(|field| edits.removes(field, b""));
        assert_eq!(removed, [style != "none"; 2], "{style}");
    }
}

#[test]
fn a_leaky_bucket_tells_how_many_it_takes_at_once_and_when_they_have_left() {
    let policy = |written: &str| {
        let text = told(&format!("algorithm: leaky_bucket, fields: standard, {written}"), 1, START);
        text.lines().next().expect("a line").to_owned()
    };
    // One passes at once and five wait, the last of them for five seconds.
    let expected = "RateLimit-Policy: \"plan\";q=6;w=6";
    assert_eq!(policy("rate: 1/s, burst: 5, max_wait: 10s"), expected);
    assert_eq!(policy("rate: 1/s, burst: 50, max_wait: 5s"), expected, "as many as may wait");
    assert_eq!(policy("rate: 1/s, burst: 0"), "RateLimit-Policy: \"plan\";q=1;w=1");
}

#[test]
fn a_name_is_a_string_of_structured_fields_whatever_is_in_it() {
    use crate::config::policy::limit::{FieldStyle, ResetStyle};
    let fields = super::super::fields::Fields::new("a \"b\\ µ", FieldStyle::Standard, ResetStyle::Delta);
    let quota = Quota { limit: u32::MAX, remaining: 0, reset: u64::MAX, retry: 0, window: None };
    let mut edits = Edits::new();
    fields.tell(&quota, false, 0, &mut edits);
    assert_eq!(lines(&edits).lines().next(), Some(r#"RateLimit-Policy: "a \"b\\ ?";q=4294967295"#));
}
