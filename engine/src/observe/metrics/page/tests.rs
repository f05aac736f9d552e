use super::*;
use crate::observe::Meters;
use crate::observe::metrics::meters::Roll;
use crate::observe::metrics::text::Kind;
use std::path::Path;

/// Where the operator reads what there is. `RINGGATE_BLESS=1` writes its table anew.
const OPERATORS_PAGE: &str = "../docs/operator/metrics.md";
const HEAD: &str = "| metric | kind | labels | what it tells |\n|---|---|---|---|\n";

fn row(family: &Family) -> String {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {kind} | {} | {} |\n", family.full_name(), labels.join(", "), family.help)
}

#[test]
fn the_operators_page_lists_every_metric_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(OPERATORS_PAGE);
    let text = std::fs::read_to_string(&path).expect("the page is committed");
    let table: String = FAMILIES.iter().map(|family| row(family)).collect();
    let (before, rest) = text.split_once(HEAD).expect("the page has its table");
    let end = rest.find("\n\n").map_or(rest.len(), |end| end + 1);
    if std::env::var_os("RINGGATE_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{HEAD}{table}{}", &rest[end..])).expect("a writable page");
        return;
    }
    assert!(rest[..end] == table, "{OPERATORS_PAGE} is not current; its table should be:\n{HEAD}{table}");
}

fn snapshot(meters: &Meters) -> Snapshot {
    Snapshot {
        listed: meters.list(),
        counts: vec![Arc::default(), Arc::default()],
        shards: vec![ShardNow::default(); 2],
        listeners: vec![("public".to_owned(), 3, 50)],
        tunnels: vec![("public".to_owned(), 2, 40)],
        upstreams: vec![("origin".to_owned(), 2, 1024)],
        certificates: certificates(2),
        orders: [4, 1],
        store: Some(StoreNow { works: true, faults: vec![("timeout", 3)], ..StoreNow::default() }),
        policies: policies(3),
        generation: 7,
        generations: 2,
        generation_unix_ms: 1_700_000_000_123,
        reloads: 6,
        refusals: 1,
        is_draining: false,
        log_lost: 0,
        driver: "epoll".to_owned(),
        fell_back: true,
        process: Some(Process { cpu_micros: 1_250_000, max_fds: Some(1024), ..Process::default() }),
    }
}

/// `0.pem`, `1.pem` and so on, each valid for a day less than the one before.
fn certificates(count: u64) -> Vec<(String, String, u64)> {
    let certificate = |n: u64| ("public".to_owned(), format!("{n}.pem"), 2_000_000_000 - n * 86_400);
    (0..count).map(certificate).collect()
}

#[test]
fn certificates_past_the_room_are_told_by_the_one_that_expires_first() {
    let meters = Meters::new(1);
    meters.bound(400);
    let before = meters.list().series;
    meters.arm().certificates(80);
    let own = meters.list().certificates;
    assert_eq!((own, meters.list().series), (49, before + 50));
    let shown = Snapshot { certificates: certificates(80), ..snapshot(&meters) };
    let text = String::from_utf8(page(&shown, Form::Prometheus, 0)).expect("is text");
    for line in [
        "ringgate_certificate_not_after_seconds{listener=\"public\",certificate=\"0.pem\"} 2000000000\n",
        "ringgate_certificate_not_after_seconds{listener=\"(overflow)\",certificate=\"(overflow)\"} 1993174400\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
    assert!(!text.contains("certificate=\"49.pem\""));
    meters.arm().certificates(0);
    assert_eq!(meters.list().series, before);
}

/// `p0`, `p1` and so on: each let 10 pass and refused 2 for one reason, and one more than the last for another.
fn policies(count: usize) -> Vec<PolicyNow> {
    let policy = |n: usize| PolicyNow {
        name: format!("p{n}"),
        passed: 10,
        refused: vec![("forbidden", 2), ("rate_limited", n as u64)],
        shadowed: 1,
        keys: Some(KeysNow {
            address: format!("https://id.example/{n}"),
            keys: 2,
            age_micros: Some(1_500_000),
            failures: 3,
        }),
        limit: Some(LimitNow { keys: 5, room: 100, shared: 7 }),
    };
    (0..count).map(policy).collect()
}

#[test]
fn policies_past_the_room_are_summed_under_one_name() {
    let meters = Meters::new(1);
    meters.bound(1000);
    let before = meters.list().series;
    meters.arm().policies(40);
    let listed = meters.list();
    let own = listed.policies;
    assert!(own > 10 && own < 40 && listed.series <= 1000, "{own}, {}", listed.series);
    let shown = Snapshot { policies: policies(40), ..snapshot(&meters) };
    let text = String::from_utf8(page(&shown, Form::Prometheus, 0)).expect("is text");
    let rest = 40 - own;
    let sum: usize = (own..40).sum();
    for line in [
        format!("ringgate_policy_passed_total{{policy=\"p{}\"}} 10\n", own - 1),
        "ringgate_policy_refused_total{policy=\"p3\",reason=\"rate_limited\"} 3\n".to_owned(),
        format!("ringgate_policy_passed_total{{policy=\"(overflow)\"}} {}\n", 10 * rest),
        format!("ringgate_policy_refused_total{{policy=\"(overflow)\",reason=\"forbidden\"}} {}\n", 2 * rest),
        format!("ringgate_policy_refused_total{{policy=\"(overflow)\",reason=\"rate_limited\"}} {sum}\n"),
        format!("ringgate_policy_shadow_refused_total{{policy=\"(overflow)\"}} {rest}\n"),
        "ringgate_jwks_age_seconds{policy=\"p3\",address=\"https://id.example/3\"} 1.5\n".to_owned(),
        "ringgate_jwks_keys{policy=\"p3\",address=\"https://id.example/3\"} 2\n".to_owned(),
        "ringgate_jwks_failures{policy=\"p3\",address=\"https://id.example/3\"} 3\n".to_owned(),
        "ringgate_limit_keys{policy=\"p3\"} 5\n".to_owned(),
        "ringgate_limit_keys_limit{policy=\"p3\"} 100\n".to_owned(),
        "ringgate_limit_keys_shared_total{policy=\"p3\"} 7\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}");
    }
    assert!(!text.contains(&format!("policy=\"p{own}\"")));
    // A table with fewer takes less.
    meters.arm().policies(0);
    assert_eq!((meters.list().series, meters.list().policies), (before, 0));
}

#[test]
fn every_family_has_its_head_once_and_its_series_behind_it() {
    let meters = Meters::new(2);
    meters.bound(10_000);
    let mut arming = meters.arm();
    let _route = arming.route("", "all");
    let _roll = Roll::new(arming.endpoint("origin", "unix:/a\"b").into_iter().collect());
    drop(arming);
    let text = String::from_utf8(page(&snapshot(&meters), Form::Prometheus, 0)).expect("is text");
    for family in FAMILIES {
        let name = family.full_name();
        let (before, rest) = text.split_once(&format!("# HELP {name} ")).expect("each has its help");
        assert!(!before.contains(&format!("\n{name}{{")), "{name} begins with its head");
        let own = rest.lines().skip(2).take_while(|line| !line.starts_with('#')).collect::<Vec<_>>();
        assert!(own.iter().all(|line| line.starts_with(&name)), "{name}: {own:?}");
        assert!(!rest.contains(&format!("# HELP {name} ")), "{name} has one head");
    }
    for line in [
        "ringgate_endpoint_replies_total{upstream=\"origin\",endpoint=\"unix:/a\\\"b\"} 0\n",
        "ringgate_route_requests_total{route=\"(overflow)\",class=\"5xx\"} 0\n",
        "ringgate_generation_timestamp_seconds 1700000000.123\n",
        "ringgate_listener_connections{listener=\"public\"} 3\n",
        "ringgate_listener_tunnels{listener=\"public\"} 2\n",
        "ringgate_listener_tunnels_limit{listener=\"public\"} 40\n",
        "process_cpu_seconds_total 1.25\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
}
