//! Limits that machines share through a real Redis. What asks it is control, whatever the driver of the shards: each test
//! runs on one driver. Without redis-server the tests pass by, but not where `CI=true`.

mod redis;

use crate::support::{Client, Gateway, PATIENCE, Reply, run_to_end};
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use redis::Redis;
use ringgate::control::store::script::{self, By};
use ringgate::policy::limit::lease::{Ask, Pot, Terms, Way};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tools::upstream::closed_addr;

/// A gateway's configuration: a store, and for each limit a route of its name that answers `ok`.
fn text(store: &str, limits: &[(&str, &str)]) -> String {
    let driver = std::env::var("RINGGATE_TEST_DRIVER").unwrap_or_else(|_| "auto".to_owned());
    let mut policies = String::new();
    let mut routes = String::new();
    for (name, limit) in limits {
        policies += &format!("  {name}: {{ limit: {{ {limit}, key: header.X-Key }} }}\n");
        routes += &format!(
            "- {{ name: {name}, match: {{ path: /{name} }}, policies: [{name}], respond: {{ body: ok }} }}\n"
        );
    }
    format!(
        "version: 1\nadmin: {{ bind: 127.0.0.1:0 }}\naccess_log: off\n\
         gateway: {{ shards: 2, driver: {driver}, store: {{ {store} }} }}\n\
         listeners: [{{ name: public, bind: '127.0.0.1:0' }}]\npolicies:\n{policies}routes:\n{routes}"
    )
}

fn start(store: &str, limits: &[(&str, &str)]) -> Gateway {
    Gateway::with(&text(store, limits), 2)
}

/// Asks over a connection that is kept.
fn get(client: &mut Client, name: &str, key: &str) -> Reply {
    client.send(format!("GET /{name} HTTP/1.1\r\nHost: a\r\nX-Key: {key}\r\n\r\n")).reply()
}

/// Of so many requests of a key, how many pass; all others are refused by the limit.
fn passed(gateway: &Gateway, name: &str, key: &str, requests: usize) -> usize {
    let mut client = gateway.connect();
    let passes = (0..requests).filter(|_| match get(&mut client, name, key).status {
        200 => true,
        429 => false,
        other => panic!("{other}"),
    });
    passes.count()
}

/// Waits until the gateway said a line with this in it; gives the line.
fn said(gateway: &Gateway, what: &str) -> String {
    let lines = gateway.said().wait(what, |lines| lines.iter().any(|line| line.contains(what)));
    lines.into_iter().find(|line| line.contains(what)).expect("it was said")
}

/// Waits until the gateway said so many lines with this in them.
fn told(gateway: &Gateway, what: &str, count: usize) {
    let has = |lines: &[String]| lines.iter().filter(|line| line.contains(what)).count() >= count;
    gateway.said().wait(what, has);
}

/// The value of a metric, which is named with its labels.
fn metric(gateway: &Gateway, series: &str) -> f64 {
    let admin = said(gateway, " admin_listening: admin on ");
    let admin: SocketAddr = admin.rsplit_once(' ').unwrap().1.parse().unwrap();
    let page =
        Client::connect(admin).send(format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\n\r\n")).reply().text();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not on the page:\n{page}")).parse().unwrap()
}

/// Waits until the store is asked and answers.
fn shares(gateway: &Gateway) {
    let deadline = Instant::now() + PATIENCE;
    while metric(gateway, "ringgate_store_rounds_total") == 0.0 {
        assert!(Instant::now() < deadline, "the store is not asked: {:?}", gateway.said().now());
        thread::yield_now();
    }
}

#[test]
fn the_script_is_its_model_number_by_number() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut wire = redis.wire();
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let milli = 1_000_000;
    for way in [Way::Bucket, Way::Window, Way::Counter, Way::Log] {
        // Windows short enough for many to pass, and numbers that do not divide.
        for (count, per, burst) in [(7, 3 * milli, 7), (997, 13 * milli, 300), (1, milli, 1)] {
            let terms = Terms { way, count, per, burst, lease: milli };
            let mut pots = [Pot::default(), Pot::default()];
            let names = [0, 1].map(|key| format!("test:{way:?}:{count}:{key}"));
            let mut marks = [0_u64; 2];
            for turn in 0..400 {
                let mut draw = |most: u32| random.random_range(0..=most);
                let asks: Vec<(&[u8], Ask)> = (names.iter().zip(marks))
                    .map(|(name, mark)| {
                        // Mostly of the window that granted last, now and then of one that is long over.
                        let mark = if draw(9) == 0 { mark.saturating_sub(2) } else { mark };
                        let charge = if draw(3) == 0 { draw(count / 2) } else { 0 };
                        let ask = Ask { charge, back: draw(count / 3), mark, want: draw(count), sent: 0 };
                        (name.as_bytes(), ask)
                    })
                    .collect();
                let mut out = Vec::new();
                script::call(By::Text, &terms, &asks, &mut out);
                let answered =
                    wire.send(&out, |reply| script::grants(reply, &asks).ok_or(format!("{reply:?}")));
                let (now, grants) = answered.expect("an answer").expect("of the script");
                for (key, grant) in grants.iter().enumerate() {
                    let expected = pots[key].grant(&terms, &asks[key].1, now * 1000);
                    let grant = grant.expect("nothing else is there");
                    assert_eq!(grant, expected, "{terms:?}, turn {turn}, {:?}", asks[key].1);
                    marks[key] = grant.mark;
                }
            }
        }
    }
    // Every key leaves by itself.
    let expiries = wire.ask(&[b"EVAL", b"local all = 0 for _, key in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', key) < 0 then all = all + 1 end end return all", b"0"]);
    assert_eq!(expiries.as_deref(), Some("Number(0)"));
}

/// A request that passed: when it was sent, and when its answer was there. It was decided in between.
#[derive(Clone, Copy)]
struct Pass {
    sent: u64,
    told: u64,
}

/// Microseconds of the wall clock, which is Redis' own here.
fn micros() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The most that surely passed in a stretch, beyond what `allowed` says of its length in microseconds.
fn over_a_stretch(passes: &[Pass], allowed: impl Fn(u64) -> f64) -> f64 {
    let mut told: Vec<Pass> = passes.to_vec();
    told.sort_by_key(|pass| pass.told);
    let mut worst = f64::MIN;
    for first in passes {
        let within = told.iter().filter(|pass| pass.sent >= first.sent).enumerate();
        for (index, last) in within {
            worst = worst.max((index + 1) as f64 - allowed(last.told - first.sent));
        }
    }
    worst
}

#[test]
fn two_gateways_over_one_redis_stay_within_the_bound_that_check_prints() {
    let Some(redis) = Redis::start(&[]) else { return };
    let limits = [
        ("bucket", "rate: 100/s, burst: 40, shared: { lease: 100ms }"),
        ("window", "algorithm: fixed_window, rate: 100/s, shared: { lease: 100ms }"),
        ("counter", "algorithm: sliding_window_counter, rate: 100/s, shared: { lease: 100ms }"),
        ("log", "algorithm: sliding_window_log, rate: 100/s, shared: { lease: 100ms }"),
    ];
    let store = format!("address: 'redis://{}', machines: 2", redis.addr());
    let (checked, _) = run_to_end("check", &text(&store, &limits));
    let checked = String::from_utf8(checked.stdout).unwrap();
    let printed = |name: &str| -> f64 {
        let line =
            checked.lines().find_map(|line| line.split_once(&format!("shared limit {name}: 2 machines")));
        let (_, told) = line.unwrap_or_else(|| panic!("{checked}"));
        told.split_once(" at most ").unwrap().1.split(' ').next().unwrap().parse().unwrap()
    };
    let gateways = [start(&store, &limits), start(&store, &limits)];
    gateways.iter().for_each(shares);
    // One client a gateway and limit: each asks for as much as it can.
    let begun = Instant::now();
    let ask = |gateway: &Gateway, name: &str| {
        let mut client = gateway.connect();
        let mut passes = Vec::new();
        while begun.elapsed() < Duration::from_millis(2200) {
            let sent = micros();
            let status = get(&mut client, name, "same").status;
            assert!(status == 200 || status == 429, "{status}");
            if status == 200 {
                passes.push(Pass { sent, told: micros() });
            } else {
                // Whoever is refused asks again in a moment, so that eight clients leave the CPUs to the gateways.
                thread::park_timeout(Duration::from_micros(300));
            }
        }
        passes
    };
    let seen: Vec<(&str, Vec<Pass>)> = thread::scope(|scope| {
        let asking: Vec<_> = limits
            .iter()
            .flat_map(|(name, _)| gateways.iter().map(move |gateway| (*name, gateway)))
            .map(|(name, gateway)| (name, scope.spawn(move || ask(gateway, name))))
            .collect();
        asking.into_iter().map(|(name, asked)| (name, asked.join().unwrap())).collect()
    });
    for (name, _) in limits {
        let of = || seen.iter().filter(|(other, _)| *other == name).map(|(_, passes)| passes);
        let mut passes: Vec<Pass> = of().flatten().copied().collect();
        passes.sort_by_key(|pass| pass.sent);
        let bound = printed(name);
        let over = match name {
            "bucket" => over_a_stretch(&passes, |micros| 40.0 + 100.0 * micros as f64 / 1e6),
            // A stretch that is a window's length is one where all that began in it was answered in it.
            "log" => over_a_stretch(&passes, |micros| if micros <= 1_000_000 { 100.0 } else { f64::MAX }),
            _ => {
                let window =
                    |pass: &Pass| Some(pass.sent / 1_000_000).filter(|at| *at == pass.told / 1_000_000);
                let mut counts = std::collections::BTreeMap::<u64, u32>::new();
                passes.iter().filter_map(window).for_each(|at| *counts.entry(at).or_default() += 1);
                f64::from(counts.into_values().max().unwrap_or(0)) - 100.0
            }
        };
        let each: Vec<usize> = of().map(Vec::len).collect();
        println!("{name}: {over:.0} more than the limit, {bound} printed; passed {each:?}");
        assert!(over <= bound, "{name}: {over} more than the limit passed, {bound} printed; {each:?}");
        // And the limit is used: nobody is refused what the rate would give. A counter leaves room behind a burst.
        let least = if name == "counter" { 100 } else { 150 };
        assert!(passes.len() >= least, "{name}: only {} passed in 2.2 s: {each:?}", passes.len());
    }
    gateways.iter().for_each(|gateway| assert_eq!(metric(gateway, "ringgate_store_up"), 1.0));
}

/// The time of which ninety-nine of a hundred took less.
fn p99(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

/// What a quiet machine's tests may be late by though nothing waits for the store: far below its timeout.
const NOISE: Duration = Duration::from_millis(15);

#[test]
fn a_redis_that_is_killed_and_comes_back_is_felt_by_no_request() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    // Slow enough to fill again that a test does not see it.
    let limits = [
        ("wide", "rate: 1000000/s, burst: 1000000, shared: {}"),
        ("tight", "rate: 60/h, burst: 50, shared: {}"),
    ];
    let store = format!("address: 'redis://{}'", redis.addr());
    let [one, other] = [start(&store, &limits), start(&store, &limits)];
    [&one, &other].into_iter().for_each(shares);
    // Over one connection all the time, so that both measures are of the same.
    let mut client = one.connect();
    let mut load = |requests: usize| -> Vec<Duration> {
        let ask = |request: usize| {
            let begun = Instant::now();
            let status = get(&mut client, ["wide", "tight"][request % 2], "load").status;
            assert!(status == 200 || status == 429, "{status}");
            begun.elapsed()
        };
        (0..requests).map(ask).collect()
    };
    load(200);
    let quiet = p99(&mut load(2000));
    // Killed and started again under load, with little else that would take the CPUs from it.
    let (asked, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let reached = |count: usize| {
        let deadline = Instant::now() + PATIENCE;
        while asked.load(Relaxed) < count {
            assert!(Instant::now() < deadline, "{count} requests are not made in time");
            thread::park_timeout(Duration::from_millis(5));
        }
    };
    let mut disturbed = thread::scope(|scope| {
        let loading = scope.spawn(|| {
            let mut times = Vec::new();
            while !enough.load(Relaxed) {
                times.extend(load(50));
                asked.store(times.len(), Relaxed);
            }
            times
        });
        redis.kill();
        told(&one, " store_lost: ", 1);
        reached(asked.load(Relaxed) + 1000);
        redis.restart();
        told(&one, " store_found: ", 1);
        reached(asked.load(Relaxed) + 1000);
        enough.store(true, Relaxed);
        loading.join().unwrap()
    });
    let disturbed_p99 = p99(&mut disturbed);
    println!("p99 {quiet:?} quiet, {disturbed_p99:?} of {} with Redis killed and back", disturbed.len());
    assert!(disturbed_p99 <= (quiet * 2).max(NOISE), "{disturbed_p99:?}, quiet {quiet:?}");

    // Once more: each counts for itself while it is gone, and together when it is back.
    // The other one asked for nothing, and may not have missed it.
    redis.kill();
    for gateway in [&one, &other] {
        let up = || metric(gateway, "ringgate_store_up");
        let deadline = Instant::now() + PATIENCE;
        while up() != 0.0 {
            assert!(Instant::now() < deadline, "it is not missed");
        }
        assert_eq!(passed(gateway, "tight", "meanwhile", 80), 50);
    }
    redis.restart();
    let returned = Instant::now();
    for gateway in [&one, &other] {
        while metric(gateway, "ringgate_store_up") != 1.0 {
            assert!(returned.elapsed() < Duration::from_secs(1), "it is not found within a second");
        }
    }
    println!("found again after {:?}", returned.elapsed());
    // Together they let pass one limit again: 50, a token of the lease, and a credit each.
    let deadline = Instant::now() + Duration::from_millis(900);
    let mut passes = 0;
    while Instant::now() < deadline {
        passes += passed(&one, "tight", "after", 5) + passed(&other, "tight", "after", 5);
    }
    assert!((45..=53).contains(&passes), "{passes} passed of 50");
}

#[test]
fn without_a_store_each_limit_holds_as_its_policy_says_and_nobody_waits() {
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (silent, garbled) = (listener(), listener());
    let addresses = [silent.local_addr().unwrap(), garbled.local_addr().unwrap()];
    thread::spawn(move || {
        // Takes connections and never answers.
        let mut kept = Vec::new();
        silent.incoming().for_each(|stream| kept.push(stream));
    });
    thread::spawn(move || {
        for mut stream in garbled.incoming().map_while(Result::ok) {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let limits = [
        ("local", "rate: 5/d, shared: { failure: local }"),
        ("open", "rate: 5/d, shared: { failure: open }"),
        ("closed", "rate: 5/d, shared: { failure: closed }"),
    ];
    for (kind, addr) in [("unreachable", closed_addr()), ("timeout", addresses[0]), ("garbled", addresses[1])]
    {
        let gateway = start(&format!("address: 'redis://{addr}', timeout: 60ms"), &limits);
        let lost = said(&gateway, " store_lost: ");
        assert!(lost.contains(&format!("redis://{addr}/0 does not answer")), "{lost}");
        for (name, expected) in [("local", 5), ("open", 20), ("closed", 0)] {
            let begun = Instant::now();
            assert_eq!(passed(&gateway, name, "k", 20), expected, "{kind}: {name}");
            // Had each waited for the store, it would be a second and more.
            assert!(begun.elapsed() < Duration::from_secs(1), "{kind}: {name} took {:?}", begun.elapsed());
        }
        assert!(
            metric(&gateway, &format!("ringgate_store_faults_total{{kind=\"{kind}\"}}")) >= 3.0,
            "{kind}"
        );
        assert_eq!(metric(&gateway, "ringgate_store_up"), 0.0, "{kind}");
    }
}

#[test]
fn a_store_that_answers_and_takes_no_writes_is_no_store_until_it_takes_them() {
    let mend = |word: &[&[u8]]| word.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
    let gone = closed_addr();
    let user = |allowed: &'static [u8]| {
        mend(&[b"ACL", b"SETUSER", b"edge", b"on", b">hush", b"~*", b"+@all", allowed])
    };
    for (what, word, breaks, mends) in [
        (
            "a replica",
            "READONLY",
            mend(&[b"REPLICAOF", b"127.0.0.1", gone.port().to_string().as_bytes()]),
            mend(&[b"REPLICAOF", b"NO", b"ONE"]),
        ),
        (
            "full memory",
            "OOM",
            mend(&[b"CONFIG", b"SET", b"maxmemory", b"1"]),
            mend(&[b"CONFIG", b"SET", b"maxmemory", b"0"]),
        ),
        ("a user who may not write", "can't run this command", user(b"-hset"), user(b"+hset")),
        ("a user who may not read", "can't run this command", user(b"-hmget"), user(b"+hmget")),
        ("a user who may not read logs", "can't run this command", user(b"-hgetall"), user(b"+hgetall")),
    ] {
        let Some(redis) = Redis::start(&[]) else { return };
        let mut wire = redis.wire();
        let mut order = |words: &[Vec<u8>]| {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let answered = wire.ask(&words);
            assert_eq!(answered.as_deref(), Some("Status([79, 75])"), "{what}: OK");
        };
        order(&breaks);
        let algorithm = if what.ends_with("logs") { "sliding_window_log" } else { "token_bucket" };
        let limits = ["local", "open", "closed"].map(|failure| {
            let limit = format!(
                "algorithm: {algorithm}, rate: 5/d, keys: 100, shared: {{ lease: 100ms, failure: {failure} }}"
            );
            (failure, limit)
        });
        let limits: Vec<(&str, &str)> = limits.iter().map(|(name, limit)| (*name, &**limit)).collect();
        let signs_in = if breaks[0] == b"ACL" { "edge:hush@" } else { "" };
        let gateway = start(&format!("address: 'redis://{signs_in}{}', timeout: 5s", redis.addr()), &limits);
        shares(&gateway);
        let up = || metric(&gateway, "ringgate_store_up");
        // A key that nobody can be asked of is what shows it.
        passed(&gateway, "open", "first", 1);
        let lost = said(&gateway, " store_lost: ");
        assert!(lost.contains(word), "{what}: {lost}");
        let begun = Instant::now();
        let mut turn = 0;
        // Longer than any pause from one try to the next.
        while begun.elapsed() < Duration::from_millis(700) {
            turn += 1;
            assert_eq!(up(), 0.0, "{what} after {:?}", begun.elapsed());
            for (name, expected) in [("local", 5), ("open", 8), ("closed", 0)] {
                assert_eq!(passed(&gateway, name, &format!("k{turn}"), 8), expected, "{what}: {name}");
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        assert!(!gateway.said().now().iter().any(|line| line.contains(" store_found: ")), "{what}");
        order(&mends);
        let mended = Instant::now();
        while up() != 1.0 {
            assert!(mended.elapsed() < Duration::from_secs(1), "{what}: it is not found within a second");
        }
        said(&gateway, " store_found: ");
        // What it was tried with leaves by itself.
        let deadline = Instant::now() + PATIENCE;
        while what == "a replica"
            && wire.ask(&[b"EXISTS", b"ringgate::bucket", b"ringgate::log"]).as_deref() != Some("Number(0)")
        {
            assert!(Instant::now() < deadline, "{what}: a key of its own stays");
        }
    }
}

#[test]
fn a_key_that_holds_something_else_is_felt_by_no_other() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut wire = redis.wire();
    let ways = [
        "rate: 9000/h",
        "algorithm: fixed_window, rate: 9000/h",
        "algorithm: sliding_window_counter, rate: 9000/h",
        "algorithm: sliding_window_log, rate: 9000/h, keys: 100",
    ];
    // Wide enough that no request asks for nothing, and a store that is slow is not lost.
    for (turn, way) in ways.into_iter().enumerate() {
        // What holds something else is text, and once a hash of somebody else's.
        let puts = if turn == 3 { "'HSET', key, 'a', 'b'" } else { "'SET', key, 'theirs'" };
        let limits =
            [("one", &*format!("{way}, shared: {{ lease: 100ms }}")), ("other", "rate: 9000/h, shared: {}")];
        let gateway = start(&format!("address: 'redis://{}', timeout: 5s", redis.addr()), &limits);
        shares(&gateway);
        let until = |what: &str, holds: &mut dyn FnMut() -> bool| {
            let deadline = Instant::now() + PATIENCE;
            while !holds() {
                assert!(Instant::now() < deadline, "{way}: {what}");
            }
        };
        let keys = |wire: &mut redis::Wire, of: &str| {
            let script = format!("return #redis.call('KEYS', 'ringgate:{of}:*')");
            wire.ask(&[b"EVAL", script.as_bytes(), b"0"])
        };
        until("the key is not asked for", &mut || {
            passed(&gateway, "one", "k", 1);
            keys(&mut wire, "one").as_deref() == Some("Number(1)")
        });
        let script = format!(
            "local key = redis.call('KEYS', 'ringgate:one:*')[1] redis.call('DEL', key) redis.call({puts}) return 1"
        );
        assert_eq!(wire.ask(&[b"EVAL", script.as_bytes(), b"0"]).as_deref(), Some("Number(1)"), "{way}");
        let faults = || metric(&gateway, "ringgate_store_faults_total{kind=\"error\"}");
        until("it is not counted", &mut || {
            passed(&gateway, "one", "k", 1);
            faults() >= 5.0
        });
        // Another key of the limit, and another limit, have theirs.
        for (name, key, count) in [("one", "l", "Number(2)"), ("other", "k", "Number(1)")] {
            until("another key is not asked for", &mut || {
                passed(&gateway, name, key, 1);
                keys(&mut wire, name).as_deref() == Some(count)
            });
        }
        assert_eq!(metric(&gateway, "ringgate_store_up"), 1.0, "{way}");
        assert!(!gateway.said().now().iter().any(|line| line.contains(" store_lost: ")), "{way}");
        let script = b"local key = redis.call('KEYS', 'ringgate:one:*') local theirs = 0 for _, key in ipairs(key) do \
            if redis.call('TYPE', key).ok == 'string' or redis.call('HGET', key, 'a') == 'b' then theirs = theirs + 1 end end return theirs";
        assert_eq!(
            wire.ask(&[b"EVAL", script, b"0"]).as_deref(),
            Some("Number(1)"),
            "it is left as it is: {way}"
        );
        wire.ask(&[b"FLUSHALL"]);
    }
}

#[test]
fn who_signs_in_wrongly_is_told_so_and_a_password_is_told_nowhere() {
    let Some(redis) = Redis::start(&["--requirepass", "hush/hush"]) else { return };
    let limits = [("limit", "rate: 5/d, shared: {}")];
    let addr = redis.addr();
    for (signs_in, word) in [("", "NOAUTH"), (":guessed@", "WRONGPASS"), ("nobody:hush%2Fhush@", "WRONGPASS")]
    {
        let gateway = start(&format!("address: 'redis://{signs_in}{addr}'"), &limits);
        let lost = said(&gateway, " store_lost: ");
        assert!(lost.contains(word) && !lost.contains("guessed") && !lost.contains("hush"), "{lost}");
        assert_eq!(passed(&gateway, "limit", "k", 20), 5);
        assert!(metric(&gateway, "ringgate_store_faults_total{kind=\"sign_in\"}") >= 3.0);
    }
    for user in ["", "default"] {
        let gateway =
            start(&format!("address: 'redis://{user}:hush%2Fhush@{addr}/3', prefix: edge"), &limits);
        let mut wire = redis.wire();
        for command in [&[b"AUTH".as_slice(), b"hush/hush"][..], &[b"SELECT", b"3"], &[b"FLUSHALL"]] {
            assert_eq!(wire.ask(command).as_deref(), Some("Status([79, 75])"), "OK");
        }
        shares(&gateway);
        passed(&gateway, "limit", "\u{e9} \"'*{}", 3);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let keys = wire.ask(&[
                b"EVAL",
                b"local all = redis.call('KEYS', 'edge:limit:*') return #all == 1 and #all[1]",
                b"0",
            ]);
            if keys.as_deref() == Some("Number(43)") {
                break;
            }
            assert!(Instant::now() < deadline, "{keys:?}");
            thread::yield_now();
        }
        wire.ask(&[b"FLUSHALL"]);
        // The script is gone with that, and is sent again.
        wire.ask(&[b"SCRIPT", b"FLUSH"]);
        let before = metric(&gateway, "ringgate_store_leases_total");
        passed(&gateway, "limit", "other", 3);
        while metric(&gateway, "ringgate_store_leases_total") < before + 1.0 {
            assert!(Instant::now() < deadline + PATIENCE);
            thread::yield_now();
        }
        assert_eq!(metric(&gateway, "ringgate_store_up"), 1.0);
    }
}

#[test]
fn a_reload_turns_to_another_store_and_goes_on_with_new_terms() {
    let (Some(first), Some(second)) = (Redis::start(&[]), Redis::start(&[])) else { return };
    let configured = |redis: &Redis, rate: &str| {
        let limit = format!("rate: {rate}, shared: {{ lease: 100ms }}");
        text(&format!("address: 'redis://{}'", redis.addr()), &[("limit", &limit)])
    };
    let gateway = Gateway::with(&configured(&first, "5/h"), 2);
    shares(&gateway);
    let count = |redis: &Redis| redis.wire().ask(&[b"DBSIZE"]).unwrap();
    let until = |redis: &Redis, key: &str, expected: &str| {
        let deadline = Instant::now() + PATIENCE;
        while count(redis) != expected {
            passed(&gateway, "limit", key, 1);
            assert!(Instant::now() < deadline, "{} in place of {expected}", count(redis));
        }
    };
    until(&first, "k", "Number(1)");
    gateway.replace(&configured(&second, "9/h"));
    gateway.hangup();
    gateway.serves(2);
    until(&second, "k", "Number(1)");
    assert_eq!(count(&first), "Number(1)", "nothing new is told to the old one");
}
