//! The fields of a reply, read back.

use super::*;
use crate::wire::edits::Edits;

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
    limit.fields().tell(&said.quota, !said.pass, 1_700_000_000, &mut edits);
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

#[test]
fn a_name_is_a_string_of_structured_fields_whatever_is_in_it() {
    use crate::config::policy::limit::{FieldStyle, ResetStyle};
    let fields = super::super::fields::Fields::new("a \"b\\ µ", FieldStyle::Standard, ResetStyle::Delta);
    let quota = Quota { limit: u32::MAX, remaining: 0, reset: u64::MAX, retry: 0, window: None };
    let mut edits = Edits::new();
    fields.tell(&quota, false, 0, &mut edits);
    assert_eq!(lines(&edits).lines().next(), Some(r#"RateLimit-Policy: "a \"b\\ ?";q=4294967295"#));
}
