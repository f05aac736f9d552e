//! Who calls, what they may, and how often: tokens, keys and passwords, authorization, limits, and what origins are told.

use super::{ask, seen, start, with};
use crate::support::{Gateway, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

/// Signed with HS256 by `SECRET`, and the claims as named. Made by hand once, so that the tests need no signer.
pub(crate) mod tokens {
    /// `{"alg":"HS256","typ":"JWT"}`
    const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// A token with these claims.
    pub fn of(claims: &str) -> String {
        let signed = format!("{HEADER}.{}", base64url(claims.as_bytes()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
        let tag = ring::hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", base64url(tag.as_ref()))
    }

    pub fn base64url(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for three in bytes.chunks(3) {
            let word =
                three.iter().chain(&[0, 0]).take(3).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
            (0..=three.len()).for_each(|at| text.push(DIGITS[(word >> (18 - 6 * at) & 63) as usize] as char));
        }
        text
    }
}

const TOP: &str = "consumers:
- { name: acme, api_keys: [\"acme-key-0123456789\"], tier: partner, scopes: [orders.read], roles: [buyer] }
- { name: tiny, api_keys: [\"tiny-key-0123456789\"], tier: free }
- { name: ann, tier: free }";

const POLICIES: &str = r#"
token: { jwt: { algorithms: [HS256], secret: "0123456789abcdef0123456789abcdef", require_exp: false, forward: { sub: X-User-Id, roles: X-Roles } } }
key: { api_key: { header: X-API-Key } }
guests: { anonymous: allow }
write: { authorize: { scopes: [orders.read], methods: { POST: { scopes: [orders.write] } } } }
buyers: { authorize: { roles: [buyer, admin], tiers: [partner] } }
sales: { authorize: { claims: { dep: [sales, board] } } }
dark: { authorize: { scopes: [nobody.has] }, mode: shadow }
tell: { headers: { request: { set: { X-Consumer: "${consumer}/${tier}", X-Dep: "${claim.dep}" } } } }
per-user: { limit: { rate: 2/h, key: jwt.sub } }
per-ip: { limit: { rate: 3/h, key: client.ip } }
plans: { limit: { rate: 1/h, key: consumer, plans: { partner: { rate: 3/h } } } }
dark-limit: { limit: { rate: 1/h, key: global }, mode: shadow }
slow: { limit: { algorithm: leaky_bucket, rate: 20/s, burst: 2, key: global } }
one: { in_flight: { limit: 1, key: global } }
retired: { jwt: { algorithms: [HS256], secret: "0123456789abcdef0123456789abcdef", forward: { sub: X-Old-User } }, mode: off }
site: { cors: { origins: https://app.test } }
"#;

const ROUTES: [&str; 14] = [
    "match: { path: /token }, policies: [token, tell], to: origin",
    "match: { path: /both }, policies: [site, token, key, tell], to: origin",
    "match: { path: /open }, policies: [key, guests, tell], to: origin",
    "match: { path: /plain }, to: origin",
    "match: { path: /write }, policies: [token, write], to: origin",
    "match: { path: /buyers }, policies: [key, buyers], to: origin",
    "match: { path: /sales }, policies: [token, sales, dark], to: origin",
    "match: { path: /user }, policies: [per-user, token], to: origin",
    "match: { path: /ip }, policies: [site, per-ip], to: origin",
    "match: { path: /two }, policies: [per-ip, per-user, token], to: origin",
    "match: { path: /plans }, policies: [plans, key], to: origin",
    "match: { path: /dark }, policies: [dark-limit], to: origin",
    "match: { path: /slow }, policies: [slow], to: origin",
    "match: { path: /one }, policies: [one], to: origin",
];

fn run(test: impl Fn(&Gateway, &Origin)) {
    with(POLICIES, &ROUTES, |setup| Setup { top: TOP.to_owned(), ..setup }, test);
}

fn bearer(claims: &str) -> String {
    format!("Authorization: Bearer {}\r\nX-Origin: /ok\r\n", tokens::of(claims))
}

#[test]
fn an_origin_is_told_who_calls_and_by_nobody_else() {
    run(|gateway, origin| {
        let forged = "X-User-Id: root\r\nx_user_id: root\r\nX-User_Id: root\r\nX-Roles: admin\r\nX-Consumer: acme\r\n\
            X_Dep: board\r\nConnection: X-User-Id, x_user_id, X-Roles\r\n";
        let caller = bearer(r#"{"sub":"ann","roles":["a","b"],"dep":"sales"}"#);
        let (request, _) = seen(gateway, origin, "/token", &format!("{forged}{caller}"));
        let names = |request: &tools::upstream::Request| -> Vec<(String, String)> {
            let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
            let own = ["x-user-id", "x-roles", "x-consumer", "x-dep"];
            request.fields().into_iter().filter(|(name, _)| own.contains(&plain(name).as_str())).collect()
        };
        let expected = [("X-User-Id", "ann"), ("X-Roles", "a,b"), ("X-Dep", "sales")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(names(&request), expected);
        // A route that has nobody sign in tells of nobody.
        for path in ["/plain", "/open", "/elsewhere"] {
            let (request, _) = seen(gateway, origin, path, forged);
            assert_eq!(names(&request), [], "{path}");
        }
        three_fresh(gateway);
    });
}

#[test]
fn the_log_names_the_consumer_and_the_user() {
    run(|gateway, _| {
        for (path, fields, consumer, user) in [
            ("/both", bearer(r#"{"sub":"ann"}"#), None, Some("ann")),
            (
                "/both",
                "X-API-Key: acme-key-0123456789\r\nX-Origin: /ok\r\n".to_owned(),
                Some("acme"),
                Some("acme"),
            ),
            ("/open", "X-Origin: /ok\r\n".to_owned(), None, None),
        ] {
            let (reply, client) = ask(gateway, &format!("GET {path}"), &fields);
            reply.expect(200);
            let line = gateway.log_of(client.addr());
            assert_eq!((line["consumer"].as_str(), line["user"].as_str()), (consumer, user), "{line}");
        }
    });
}

#[test]
fn the_first_method_whose_credentials_are_there_decides() {
    run(|gateway, _| {
        let good = tokens::of(r#"{"sub":"ann"}"#);
        let key = "X-API-Key: acme-key-0123456789\r\n";
        for (path, fields, status, detail) in [
            ("/both", String::new(), 401, "no_credentials"),
            ("/both", key.to_owned(), 200, ""),
            ("/both", format!("Authorization: Bearer {good}x\r\n{key}"), 401, "token_signature"),
            (
                "/both",
                format!("Authorization: Bearer {good}\r\nX-API-Key: wrong-key-0123456789\r\n"),
                200,
                "",
            ),
            ("/both", "X-API-Key: wrong-key-0123456789\r\n".to_owned(), 401, "api_key_unknown"),
            ("/open", String::new(), 200, ""),
            ("/open", "X-API-Key: wrong-key-0123456789\r\n".to_owned(), 401, "api_key_unknown"),
            (
                "/token",
                format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n"),
                400,
                "repeated_credentials",
            ),
        ] {
            let fields = format!("{fields}X-Origin: /ok\r\nOrigin: https://app.test\r\n");
            let (reply, client) = ask(gateway, &format!("GET {path}"), &fields);
            let reply = reply.expect(status);
            if status == 200 {
                continue;
            }
            let line = gateway.log_of(client.addr());
            assert_eq!(line["detail"], detail, "{line}");
            let challenges = reply.values("www-authenticate");
            match detail {
                "no_credentials" => {
                    assert_eq!(
                        challenges,
                        ["Bearer realm=\"api\"", "ApiKey realm=\"api\", in=\"header\", name=\"x-api-key\""]
                    );
                    assert_eq!(reply.value("access-control-allow-origin"), Some("https://app.test"));
                }
                "api_key_unknown" => assert_eq!(challenges.len(), 1),
                "token_signature" => {
                    assert!(challenges[0].contains("error=\"invalid_token\""), "{challenges:?}")
                }
                _ => assert!(challenges[0].contains("error=\"invalid_request\""), "{challenges:?}"),
            }
            assert_eq!(reply.value("content-type"), Some("application/problem+json"));
        }
        three_fresh(gateway);
    });
}

#[test]
fn a_caller_who_may_not_is_told_what_is_missing() {
    run(|gateway, _| {
        let partner = "X-API-Key: acme-key-0123456789\r\nX-Origin: /ok\r\n".to_owned();
        let free = "X-API-Key: tiny-key-0123456789\r\nX-Origin: /ok\r\n".to_owned();
        for (line, fields, status, detail) in [
            ("GET /write", bearer(r#"{"scope":"orders.read"}"#), 200, ""),
            ("HEAD /write", bearer(r#"{"scope":"orders.read"}"#), 200, ""),
            ("POST /write", bearer(r#"{"scope":"orders.read orders.write"}"#), 200, ""),
            ("POST /write", bearer(r#"{"scope":"orders.read"}"#), 403, "scope_missing"),
            ("GET /write", bearer("{}"), 403, "scope_missing"),
            ("GET /buyers", partner, 200, ""),
            ("GET /buyers", free, 403, "role_missing"),
            ("GET /sales", bearer(r#"{"dep":"sales"}"#), 200, ""),
            ("GET /sales", bearer(r#"{"dep":["x","board"]}"#), 200, ""),
            ("GET /sales", bearer(r#"{"dep":"it"}"#), 403, "claim_missing"),
        ] {
            let (reply, client) = ask(gateway, line, &fields);
            let reply = reply.expect(status);
            let logged = gateway.log_of(client.addr());
            if status == 403 {
                assert_eq!(
                    (&logged["reason"], &logged["detail"]),
                    (&"forbidden".into(), &detail.into()),
                    "{logged}"
                );
            }
            if detail == "scope_missing" {
                let challenge = reply.value("www-authenticate").unwrap_or_default();
                let scope = if line.starts_with("POST") { "orders.write" } else { "orders.read" };
                assert!(
                    challenge.contains("error=\"insufficient_scope\"")
                        && challenge.ends_with(&format!("scope=\"{scope}\"")),
                    "{challenge}"
                );
                assert!(
                    reply.text().contains(&format!("the scope '{scope}' is missing")),
                    "{}",
                    reply.text()
                );
            }
            if line == "GET /sales" && status == 200 {
                assert_eq!(logged["shadow"], serde_json::json!(["dark"]), "{logged}");
            }
        }
    });
}

#[test]
fn a_limit_says_what_is_left_and_when_to_come_again() {
    run(|gateway, _| {
        for left in [2, 1, 0] {
            let (reply, _) = ask(gateway, "GET /ip", "X-Origin: /ok\r\nOrigin: https://app.test\r\n");
            let reply = reply.expect(200);
            assert_eq!(reply.value("x-ratelimit-remaining"), Some(left.to_string().as_str()));
            assert!(
                reply
                    .value("ratelimit")
                    .is_some_and(|value| value.starts_with(&format!("\"per-ip\";r={left};t="))),
                "{}",
                reply.head
            );
        }
        let (reply, client) = ask(gateway, "GET /ip", "Origin: https://app.test\r\n");
        let reply = reply.expect(429);
        let retry: u32 = reply.value("retry-after").and_then(|value| value.parse().ok()).expect("says when");
        assert!((1..=1200).contains(&retry), "{retry}");
        assert_eq!(reply.value("access-control-allow-origin"), Some("https://app.test"));
        assert_eq!(
            (reply.reason().as_str(), reply.value("x-ratelimit-remaining")),
            ("rate_limited", Some("0"))
        );
        let line = gateway.log_of(client.addr());
        assert_eq!((&line["reason"], &line["policy"]), (&"rate_limited".into(), &"per-ip".into()));
        three_fresh(gateway);
    });
}

#[test]
fn limits_by_who_calls_come_behind_signing_in_and_by_tier() {
    run(|gateway, _| {
        for (claims, statuses) in
            [(r#"{"sub":"ann"}"#, [200, 200, 429]), (r#"{"sub":"bob"}"#, [200, 200, 429])]
        {
            for status in statuses {
                ask(gateway, "GET /user", &bearer(claims)).0.expect(status);
            }
        }
        // Who is not let in has spent nothing of anybody.
        ask(gateway, "GET /user", "").0.expect(401);
        for (key, statuses) in
            [("acme-key-0123456789", [200, 200, 200, 429]), ("tiny-key-0123456789", [200, 429, 429, 429])]
        {
            for status in statuses {
                ask(gateway, "GET /plans", &format!("X-API-Key: {key}\r\nX-Origin: /ok\r\n"))
                    .0
                    .expect(status);
            }
        }
        three_fresh(gateway);
    });
}

#[test]
fn several_limits_are_spent_together_or_not_at_all() {
    run(|gateway, _| {
        // Two for each user, three for the address: what the user's limit refuses does not count for the address.
        for (claims, status) in [
            (r#"{"sub":"ann"}"#, 200),
            (r#"{"sub":"ann"}"#, 200),
            (r#"{"sub":"ann"}"#, 429),
            (r#"{"sub":"ann"}"#, 429),
            (r#"{"sub":"bob"}"#, 200),
            (r#"{"sub":"bob"}"#, 429),
        ] {
            ask(gateway, "GET /two", &bearer(claims)).0.expect(status);
        }
    });
}

#[test]
fn a_limit_in_shadow_mode_counts_and_tells_the_client_nothing() {
    run(|gateway, _| {
        for turn in 0..3 {
            let (reply, client) = ask(gateway, "GET /dark", "X-Origin: /ok\r\n");
            assert_eq!(reply.expect(200).value("ratelimit"), None);
            let line = gateway.log_of(client.addr());
            assert_eq!(line.get("shadow").is_some(), turn > 0, "{line}");
        }
    });
}

#[test]
fn a_leaky_bucket_lets_requests_wait_for_their_turn() {
    run(|gateway, _| {
        let began = std::time::Instant::now();
        for _ in 0..5 {
            ask(gateway, "GET /slow", "X-Origin: /ok\r\n").0.expect(200);
        }
        // Four waits of 50 ms behind the first, which goes at once.
        let took = began.elapsed();
        assert!(took >= std::time::Duration::from_millis(200), "{took:?}");
    });
}

/// A shard that spins does not park, and whoever waits finely is woken by a driver that does.
#[test]
fn a_turn_in_a_leaky_bucket_comes_on_a_shard_that_spins_too() {
    let spins = |setup| Setup { top: TOP.to_owned(), gateway: "spin: 100ms", ..setup };
    with(POLICIES, &ROUTES, spins, |gateway, _| {
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Busy for as long as the turns are waited for, and no longer than five seconds.
                let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
                while !done.load(std::sync::atomic::Ordering::Relaxed) && std::time::Instant::now() < end {
                    ask(gateway, "GET /plain", "X-Origin: /ok\r\n").0.expect(200);
                }
            });
            let began = std::time::Instant::now();
            for _ in 0..5 {
                ask(gateway, "GET /slow", "X-Origin: /ok\r\n").0.expect(200);
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(began.elapsed() < std::time::Duration::from_secs(3), "{:?}", began.elapsed());
        });
    });
}

#[test]
fn a_place_in_flight_is_given_back_at_the_end_of_the_exchange() {
    run(|gateway, origin| {
        for _ in 0..3 {
            ask(gateway, "GET /one", "X-Origin: /ok\r\n").0.expect(200);
        }
        origin.script("slow", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec());
        let mut client = gateway.connect();
        client.send("GET /one HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /held/20/slow\r\n\r\n");
        assert!(origin.wait_held(1));
        let (reply, _) = ask(gateway, "GET /one", "X-Origin: /ok\r\n");
        assert_eq!(reply.expect(429).value("retry-after"), Some("1"));
        origin.release();
        client.reply().expect(200);
        gateway.log_of(client.addr());
        ask(gateway, "GET /one", "X-Origin: /ok\r\n").0.expect(200);
    });
}

#[test]
fn what_a_policy_that_is_off_would_tell_an_origin_nobody_else_tells() {
    run(|gateway, origin| {
        let (request, _) =
            seen(gateway, origin, "/plain", "X-Old-User: root\r\nX_Old_User: root\r\nX-New: 1\r\n");
        let told = ["x-old-user", "x_old_user", "x-new"].map(|name| request.values(name).len());
        assert_eq!(told, [0, 0, 1]);
    });
}

#[test]
fn a_place_is_free_again_on_whatever_shard_the_next_request_lands() {
    let one = ["match: { path: /one }, policies: [one], to: origin"];
    let shards = |setup| Setup { shards: 4, ..setup };
    with("one: { in_flight: { limit: 1, key: global } }", &one, shards, |gateway, _| {
        for _ in 0..40 {
            let (reply, client) = ask(gateway, "GET /one", "X-Origin: /ok\r\n");
            reply.expect(200);
            gateway.log_of(client.addr());
        }
    });
}

#[test]
fn passwords_are_hashed_off_the_shard_and_remembered() {
    each_driver(|driver| {
        let origin = Origin::start();
        // A folder of its own, which the test's process ends with.
        let folder =
            std::env::temp_dir().join(format!("ringgate-users-{}-{}", std::process::id(), driver.name()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("users");
        let hash = bcrypt::hash_with_salt(b"open sesame", 4, [7; 16]).unwrap();
        std::fs::write(&file, format!("ann:{}\n", hash.format_for_version(bcrypt::Version::TwoB))).unwrap();
        let policies = format!("basic: {{ basic: {{ users_file: \"{}\" }} }}", file.display());
        let setup = Setup { top: TOP.to_owned(), ..Setup::of(&origin) };
        let gateway =
            start(driver, setup, &policies, &["match: { path: /basic }, policies: [basic], to: origin"]);
        for (credentials, status) in [
            ("YW5uOm9wZW4gc2VzYW1l", 200),
            ("YW5uOm9wZW4gc2VzYW1l", 200),
            ("YW5uOndyb25n", 401),
            ("Ym9iOm9wZW4gc2VzYW1l", 401),
        ] {
            let (reply, client) = ask(
                &gateway,
                "GET /basic",
                &format!("Authorization: Basic {credentials}\r\nX-Origin: /ok\r\n"),
            );
            let reply = reply.expect(status);
            let line = gateway.log_of(client.addr());
            match status {
                200 => {
                    assert_eq!((&line["consumer"], &line["user"]), (&"ann".into(), &"ann".into()), "{line}")
                }
                _ => assert_eq!(
                    reply.value("www-authenticate"),
                    Some("Basic realm=\"api\", charset=\"UTF-8\"")
                ),
            }
        }
        drop(gateway);
        drop(std::fs::remove_dir_all(&folder));
    });
}
