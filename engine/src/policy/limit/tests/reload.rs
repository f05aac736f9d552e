//! What survives a reload, and what is refused.

use super::*;

/// Spends `times` as client 1 and counts what passes.
fn passed(cells: &mut Cells, limit: &Limit, times: usize, now: u64) -> usize {
    as_client(1, |facts| (0..times).filter(|_| cells.spend(limit, &facts, Tick(now)).pass).count())
}

/// The limit of a table that is published at `now`.
fn published(sets: &mut Sets, written: &str, now: u64) -> Limit {
    let limit = limit(sets, written);
    limit.publish();
    limit.take_over(&|| Tick(now));
    limit
}

#[test]
fn counts_survive_a_reload_by_name_with_another_rate() {
    let mut sets = sets();
    let mut cells = Cells::new();
    for algorithm in ["token_bucket", "fixed_window", "sliding_window_counter", "sliding_window_log"] {
        let before = limit(&mut sets, &format!("algorithm: {algorithm}, rate: 5/h"));
        assert_eq!(passed(&mut cells, &before, 9, START), 5, "{algorithm}");
        let after = published(&mut sets, &format!("algorithm: {algorithm}, rate: 8/h"), START + 1);
        assert!(std::sync::Arc::ptr_eq(&before.plans[0].set, &after.plans[0].set), "{algorithm}");
        assert_eq!(passed(&mut cells, &after, 20, START + 1), 3, "{algorithm}: room for the difference");
        // Both tables are served for a while: the old one still holds its own limit.
        assert_eq!(passed(&mut cells, &before, 3, START + 2), 0, "{algorithm}");
    }
}

#[test]
fn a_smaller_bucket_forgives_what_is_owed_past_its_depth() {
    let mut sets = sets();
    let mut cells = Cells::new();
    let before = limit(&mut sets, "rate: 10/h, burst: 10");
    assert_eq!(passed(&mut cells, &before, 20, START), 10);
    let after = published(&mut sets, "rate: 60/min, burst: 2", START);
    assert_eq!(passed(&mut cells, &after, 2, START), 0);
    assert_eq!(passed(&mut cells, &after, 2, START + SECOND), 1, "a token after one token's time");
}

#[test]
fn what_a_bucket_owes_is_as_many_tokens_by_another_rate() {
    for (first, then) in [("10/h", "600/h"), ("600/h", "10/h"), ("7/s", "3/min"), ("10/h", "10/h")] {
        for spent in [1, 4, 10] {
            let (mut sets, mut cells) = (sets(), Cells::new());
            let before = limit(&mut sets, &format!("rate: {first}, burst: 10"));
            assert_eq!(passed(&mut cells, &before, spent, START), spent);
            let after = published(&mut sets, &format!("rate: {then}, burst: 10"), START);
            assert_eq!(passed(&mut cells, &after, 20, START), 10 - spent, "{first} to {then}, {spent} spent");
            // A token comes in the new rate's time, and none before.
            let wait = as_client(1, |facts| cells.spend(&after, &facts, Tick(START)).quota.retry);
            assert_eq!(passed(&mut cells, &after, 1, START + wait - 1), 0, "{first} to {then}");
            assert_eq!(passed(&mut cells, &after, 2, START + wait), 1, "{first} to {then}");
            // A shard that begins with the table, and a second publishing of it, change nothing.
            after.take_over(&|| Tick(START + wait));
            assert_eq!(passed(&mut Cells::new(), &after, 9, START + wait), 0);
            // And back: what is owed by then is.
            let back = published(&mut sets, &format!("rate: {first}, burst: 10"), START + wait);
            assert_eq!(passed(&mut cells, &back, 9, START + wait), 0, "{then} back to {first}");
        }
    }
}

#[test]
fn a_table_that_is_refused_changes_nothing_of_what_a_bucket_owes() {
    let (mut sets, mut cells) = (sets(), Cells::new());
    let before = limit(&mut sets, "rate: 600/h, burst: 10");
    assert_eq!(passed(&mut cells, &before, 10, START), 10);
    drop(limit(&mut sets, "rate: 1/h, burst: 10"));
    let after = published(&mut sets, "rate: 10/h, burst: 10", START);
    assert_eq!(passed(&mut cells, &after, 10, START), 0, "ten are owed");
    let minutes = 60 * SECOND;
    assert_eq!(passed(&mut cells, &after, 9, START + 6 * minutes), 1, "and one has come");
}

#[test]
fn while_a_rate_is_taken_over_no_token_that_is_spent_is_lost() {
    for _ in 0..50 {
        let mut sets = sets();
        let before = limit(&mut sets, "rate: 40/h, burst: 4000");
        as_client(1, |facts| Cells::new().spend(&before, &facts, Tick(START)));
        let after = limit(&mut sets, "rate: 20/h, burst: 4000");
        // Whoever spends meanwhile does by a table that has the same rate: it is as if all were spent before.
        std::thread::scope(|scope| {
            let spenders: Vec<_> =
                (0..3).map(|_| scope.spawn(|| passed(&mut Cells::new(), &before, 500, START))).collect();
            scope.spawn(|| after.take_over(&|| Tick(START)));
            spenders.into_iter().for_each(|spender| assert_eq!(spender.join().expect("ends"), 500));
        });
        let left = as_client(1, |facts| Cells::new().peek(&after, &facts, Tick(START)).quota.remaining);
        // By the new rate each that was spent before the change owes one, each behind it half a token at least.
        assert!((4000 - 1502..4000 - 1501 / 2).contains(&left), "{left}");
    }
}

#[test]
fn a_log_keeps_what_it_holds_with_another_limit_or_window() {
    let (mut sets, mut cells) = (sets(), Cells::new());
    let log = |rate: &str| format!("algorithm: sliding_window_log, rate: {rate}");
    let before = limit(&mut sets, &log("10/h"));
    assert_eq!(passed(&mut cells, &before, 6, START), 6);
    // A ring of half as many slots would do.
    let lower = published(&mut sets, &log("7/h"), START);
    assert_eq!(passed(&mut cells, &lower, 9, START), 1);
    let minute = 60 * SECOND;
    let shorter = published(&mut sets, &log("7/min"), START);
    assert_eq!(passed(&mut cells, &shorter, 9, START + minute - 1), 0);
    assert_eq!(passed(&mut cells, &shorter, 2, START + minute), 2);
    let longer = published(&mut sets, &log("10/h"), START + minute);
    assert_eq!(passed(&mut cells, &longer, 9, START + minute), 1, "nine are in this hour");
    // One that outgrows its ring begins anew, and so does one whose rings would be too much for more keys.
    let larger = published(&mut sets, &log("50/h"), START + minute);
    assert_eq!(passed(&mut cells, &larger, 99, START + minute), 50);
    let large = limit(&mut sets, "algorithm: sliding_window_log, rate: 9000/h, keys: 1000");
    let many = limit(&mut sets, "algorithm: sliding_window_log, rate: 9/h, keys: 100000");
    assert!(!std::sync::Arc::ptr_eq(&large.plans[0].set, &many.plans[0].set));
}

#[test]
fn another_kind_of_counting_or_another_key_begins_anew() {
    let mut sets = sets();
    let before = limit(&mut sets, "rate: 5/h");
    for other in ["rate: 5/h, key: route", "algorithm: fixed_window, rate: 5/h", "rate: 5/h, ipv6_prefix: 48"]
    {
        let after = limit(&mut sets, other);
        assert!(!std::sync::Arc::ptr_eq(&before.plans[0].set, &after.plans[0].set), "{other}");
    }
    let hour = limit(&mut sets, "algorithm: fixed_window, rate: 5/h");
    let minute = limit(&mut sets, "algorithm: fixed_window, rate: 5/min");
    assert!(!std::sync::Arc::ptr_eq(&hour.plans[0].set, &minute.plans[0].set));
    // A table that was refused leaves the sets of the one that serves as they were.
    let again = limit(&mut sets, "rate: 5/h");
    assert!(std::sync::Arc::ptr_eq(&before.plans[0].set, &again.plans[0].set));
}

#[test]
fn a_shadow_has_cells_of_its_own_and_names_do_not_mix() {
    let mut sets = sets();
    let written = policy("limit: { rate: 5/h, plans: { a: { rate: 5/h } } }").limit.expect("a limit");
    let mut compiled = |name: &str, shadow: bool| {
        let into =
            super::super::compile::Into { name, shadow, sets: &mut sets, has_store: true, now: Tick(START) };
        Limit::compile(&written, into).expect("good")
    };
    let limits = [compiled("p", false), compiled("p", true), compiled("p/a", false)];
    let ids: std::collections::HashSet<u64> = limits.iter().flat_map(Limit::sets).map(|set| set.id).collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(limits[0].sets().map(|set| set.name().to_owned()).collect::<Vec<_>>(), ["p", "p/a"]);
}

#[test]
fn a_set_is_gone_with_its_last_table_and_its_slot_is_taken_anew() {
    let mut sets = sets();
    let mut cells = Cells::new();
    let first = limit(&mut sets, "rate: 5/h");
    assert_eq!(passed(&mut cells, &first, 9, START), 5);
    let slot = first.plans[0].set.slot;
    drop(first);
    cells.sweep(Tick(START), 1);
    assert!(cells.is_empty(), "a shard forgets what no table names");
    let second = limit(&mut sets, "rate: 5/h");
    assert_eq!(second.plans[0].set.slot, slot);
    assert_eq!(passed(&mut cells, &second, 9, START), 5);
}

#[test]
fn the_number_of_keys_changes_when_the_table_is_published() {
    let mut sets = sets();
    let before = limit(&mut sets, "rate: 5/h, keys: 2");
    let after = limit(&mut sets, "rate: 5/h, keys: 30");
    assert_eq!(after.plans[0].set.stripes().room(), 2);
    after.publish();
    assert_eq!(before.plans[0].set.stripes().room(), 30);
}

#[test]
fn flaws_are_told_all_at_once_with_their_place() {
    let check = |written: &str, expected: &[&str]| {
        let flaws =
            compile(&mut sets(), "plan", written).err().unwrap_or_else(|| panic!("{written} is taken"));
        let told: Vec<String> = flaws
            .iter()
            .map(|flaw| format!("{}: {} | {}", flaw.at.join("."), flaw.message, flaw.fix))
            .collect();
        assert_eq!(told, expected, "{written}");
    };
    check(
        "algorithm: fixed_window, rate: 5/100ms, burst: 3",
        &[
            "burst: 'burst' belongs to token_bucket and leaky_bucket | remove it: a window's limit is its rate",
            "rate: a window is one second long at least | write N/s or longer, or take token_bucket or sliding_window_log",
        ],
    );
    check("rate: 1/s, burst: 0", &["burst: a bucket of 0 lets nothing pass | write 1 or more"]);
    check(
        "rate: 1/d, burst: 4000000000",
        &[
            "burst: the bucket takes more than half a year to fill | write a smaller 'burst' or a higher 'rate'",
        ],
    );
    check(
        "algorithm: sliding_window_log, rate: 20000/s",
        &["rate: a log holds 10000 requests at most | take sliding_window_counter"],
    );
    check(
        "algorithm: sliding_window_log, rate: 5000/s",
        &[
            "rate: logs of 5000 for 100000 keys may take 6250 MiB | write 'keys: 16384' or less, or take sliding_window_counter",
        ],
    );
    check(
        "rate: 1/s, max_wait: 1s, keys: 0, ipv6_prefix: 129, key: ['header.a b']",
        &[
            "key: 'a b' is not the name of a field | use letters, digits, '-' and '_'",
            "ipv6_prefix: 129 is no length of an IPv6 prefix | write 1 to 128, such as 64",
            "keys: 0 keys cannot be counted apart | write 1 to 10000000",
            "max_wait: 'max_wait' belongs to leaky_bucket | remove it, or write 'algorithm: leaky_bucket'",
        ],
    );
    check(
        "algorithm: fixed_window, rate: 1/s, plans: { gold: { rate: 1/s, burst: 3 } }",
        &[
            "plans.gold.burst: 'burst' belongs to token_bucket and leaky_bucket | remove it: a window's limit is its rate",
        ],
    );
}

#[test]
fn what_is_probably_not_meant_is_told() {
    let doubts = |written: &str| {
        let given = policy(&format!("limit: {{ {written} }}")).limit.expect("a limit");
        let doubts = limit(&mut sets(), written).doubts(&given);
        doubts
            .iter()
            .map(|doubt| format!("{}: {} | {}", doubt.at.join("."), doubt.message, doubt.fix))
            .collect::<Vec<_>>()
    };
    let early = "plans: a limit with plans is asked once it is known who calls: failed sign-ins are not counted by it | \
        attach a limit without 'plans' besides, or write 'tier' into 'key' where that is meant";
    assert_eq!(doubts("rate: 1/s, key: client.ip, plans: { gold: { rate: 5/s } }"), [early]);
    for meant in ["client.ip", "[client.ip, tier]", "jwt.sub"] {
        let plans = if meant == "client.ip" { "" } else { ", plans: { gold: { rate: 5/s } }" };
        assert_eq!(doubts(&format!("rate: 1/s, key: {meant}{plans}")), [""; 0], "{meant}");
    }
    let leaky = |written: &str| doubts(&format!("algorithm: leaky_bucket, {written}"));
    assert_eq!(
        leaky("rate: 10/s, burst: 20"),
        ["burst: no more than 10 of 20 ever wait: a further one would wait longer than 'max_wait' | \
          write 'max_wait: 2s', or 'burst: 10'"]
    );
    let plan = leaky("rate: 10/s, key: consumer, plans: { gold: { rate: 7/s, burst: 9 } }");
    assert_eq!(plan.len(), 1);
    assert!(plan[0].starts_with("plans.gold.burst: no more than 6 of 9 "), "{plan:?}");
    assert!(plan[0].contains("'max_wait: 1286ms'"), "{plan:?}");
    for meant in ["rate: 10/s, burst: 20, max_wait: 2s", "rate: 10/s, burst: 0", "rate: 600/min"] {
        assert_eq!(leaky(meant), [""; 0], "{meant}");
    }
}
