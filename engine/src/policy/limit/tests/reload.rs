//! What survives a reload, and what is refused.

use super::*;

/// Spends `times` as client 1 and counts what passes.
fn passed(cells: &mut Cells, limit: &Limit, times: usize, now: u64) -> usize {
    as_client(1, |facts| (0..times).filter(|_| cells.spend(limit, &facts, Tick(now)).pass).count())
}

#[test]
fn counts_survive_a_reload_by_name_with_another_rate() {
    let mut sets = sets();
    let mut cells = Cells::new();
    for (algorithm, more) in
        [("token_bucket", 0), ("fixed_window", 3), ("sliding_window_counter", 3), ("sliding_window_log", 3)]
    {
        let before = limit(&mut sets, &format!("algorithm: {algorithm}, rate: 5/h"));
        assert_eq!(passed(&mut cells, &before, 9, START), 5, "{algorithm}");
        let after = limit(&mut sets, &format!("algorithm: {algorithm}, rate: 8/h"));
        assert!(std::sync::Arc::ptr_eq(&before.plans[0].set, &after.plans[0].set), "{algorithm}");
        // A window has room for the difference; what a bucket owes is kept in time, and is at most all it holds.
        assert_eq!(passed(&mut cells, &after, 20, START + 1), more, "{algorithm}");
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
    let after = limit(&mut sets, "rate: 60/min, burst: 2");
    assert_eq!(passed(&mut cells, &after, 2, START), 0);
    assert_eq!(passed(&mut cells, &after, 2, START + SECOND), 1, "a token after one token's time");
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
