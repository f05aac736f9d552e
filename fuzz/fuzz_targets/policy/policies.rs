//! Any bytes as a request, and behind a NUL as what whoever is asked answers, against chains of all kinds: they come to an end,
//! decide the same again, write no field that breaks a head, and let nobody in who shows nothing: by a key only whoever sends it,
//! by a service only whom its answer takes, read by serde_json.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::base::{ClientAddr, Generation, ListenerId, RouteId, Tick};
use ringgate::config::Memory;
use ringgate::policy::auth::Denial;
use ringgate::policy::auth::remote::{Answered, Reply, Trouble};
use ringgate::policy::{Ask, Facts, Mode, Parameter, Passage, Shard, State, Told, Verb, Verdict, Walk};
use ringgate::table::{Table, build};
use ringgate::wire::edits::Edits;
use ringgate::wire::head::{Head, Lines};
use ringgate::wire::http1::framing::request_length;
use ringgate::wire::http1::{HeadLimits, Parsed, reply, request};
use serde_json::Value;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

const KEY: &[u8] = b"acme-key-0123456789";

const CONFIG: &str = r#"
listeners: [{ name: public, bind: 127.0.0.1:8080 }]
consumers: [{ name: acme, api_keys: [acme-key-0123456789], tier: partner, scopes: [orders.read], roles: [buyer] }]
upstreams: { idp: { endpoints: [{ address: '127.0.0.1:1' }] } }
policies:
  site: { cors: { origins: ['https://app.test', 'https://*.app.test'], credentials: true, private_network: true } }
  net: { ip: { deny: [10.0.0.0/8] }, when: '"x-deny" in request.headers && !request.query.contains("a=b") && request.cookies["a"] != "b"' }
  field: { api_key: { header: X-API-Key } }
  cookie: { api_key: { cookie: key } }
  query: { api_key: { query: key } }
  staff: { basic: { users_file: users } }
  opaque: { introspection: { upstream: idp, path: /i, bearer: b, cache: 0s, from: [{ header: Authorization }, { cookie: t }, { query: t }], forward: { sub: X-Sub, scope: X-Scope } } }
  gate: { forward_auth: { upstream: idp, path: /f, forward: [X-User-Id, X-Roles], claims: { sub: X-User-Id, roles: X-Roles } } }
  may: { authorize: { scopes: [orders.read], methods: { DELETE: { roles: [admin] } } } }
  rate: { limit: { rate: 1000000/s, key: [client.ip, header.X-Plan, consumer] } }
  many: { in_flight: { limit: 1000, key: header.X-Plan } }
  input:
    validate:
      headers: { required: [X-Trace], fields: { X-Trace: { type: string, maxLength: 64 } } }
      query: { parameters: { page: { type: integer, minimum: 1 }, tag: { type: array, items: { type: [number, boolean, string] } } } }
  tell: { headers: { request: { set: { X-Q: '${query.a}', X-C: '${cookie.a}', X-P: '${path.id}', X-H: '${header.X-Trace}', X-W: '${user} ${consumer}' }, remove: [X-Gone] }, response: { set: { X-Id: '${request.id} ${header.X-Trace}' } } } }
  hide: { sanitize: {} }
routes:
  - { name: open, match: { path: '/u/{id}' }, policies: [site, net, rate, many, input, tell, hide], respond: { body: ok } }
  - { name: field, match: { path: /1 }, policies: [field, may, tell], respond: { body: ok } }
  - { name: cookie, match: { path: /2 }, policies: [cookie], respond: { body: ok } }
  - { name: query, match: { path: /3 }, policies: [query], respond: { body: ok } }
  - { name: staff, match: { path: /4 }, policies: [staff], respond: { body: ok } }
  - { name: opaque, match: { path: /5 }, policies: [opaque, tell], respond: { body: ok } }
  - { name: gate, match: { path: /6 }, policies: [gate, tell], respond: { body: ok } }
"#;

struct Rig {
    table: Table,
    shard: Shard,
}

thread_local! {
    static RIG: RefCell<Rig> = RefCell::new(Rig::new());
}

impl Rig {
    fn new() -> Rig {
        // ann:U*U, from crypt_blowfish's own test.
        let users = "ann:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
        let mut files = Memory::default().file("x.yaml", CONFIG).file("users", users);
        let config = files.clone().read("x.yaml").unwrap_or_else(|found| panic!("{found}"));
        let mut means = build::Means { files: &mut files, now: Tick(1), offset: 0 };
        let built = build::build(&config, Generation(1), None, &mut means);
        Rig { table: built.unwrap_or_else(|found| panic!("{found}")).0, shard: Shard::new(0) }
    }

    /// What `facts` meet on a route, and whether somebody is known then.
    fn met(&mut self, route: u32, facts: &Facts<'_>, answered: &Answered, verb: Verb) -> (Verdict, bool) {
        let chain = self.table.policies.chain(ListenerId(0), RouteId(route)).expect("there are policies");
        let (mut passage, mut request, mut back) = (Passage::default(), Edits::new(), Edits::new());
        let (mut walk, mut told, mut asks) = (Walk::default(), Told::Nothing, 0);
        let verdict = loop {
            let mut state = State {
                passage: &mut passage,
                shard: &mut self.shard,
                registry: &self.table.policies.registry,
                request: &mut request,
                told,
                body: b"",
                verb,
                mode: Mode::Enforce,
            };
            let verdict = chain.walk(&mut walk, facts, &mut state);
            let Verdict::Ask(ask) = verdict else { break verdict };
            asks += 1;
            assert!(asks < 20, "it asks for {ask:?} again and again");
            told = match ask {
                Ask::Wait(_) => Told::Waited,
                Ask::Keys => Told::Keys,
                // Hashing is slow, and its own matter.
                Ask::Verify => Told::Unverified(Denial::PasswordsBusy),
                Ask::Body(_) => Told::Body,
                Ask::Call => {
                    passage.answered = Some(answered.clone());
                    Told::Answered
                }
            };
        };
        chain.dress(facts, &mut passage, None, &mut back);
        for edits in [&request, &back] {
            for (_, name, value) in edits.added() {
                assert!(!name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b':'));
                assert!(
                    !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
                    "{}",
                    value.escape_ascii()
                );
            }
        }
        (verdict, passage.principal.is_known())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (asked, answered) = match memchr(bytes) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b""[..]),
    };
    let mut lines = Lines::new();
    let Ok(Parsed::Complete { len }) = request::parse(asked, &mut lines, &HeadLimits::default()) else {
        return;
    };
    let head = Head::new(&asked[..len], &lines);
    let Ok(length) = request_length(head) else { return };
    let peer: SocketAddr = "192.0.2.7:4711".parse().expect("is an address");
    let answered: Answered = Rc::new(replied(answered));
    RIG.with_borrow_mut(|rig| {
        let ours = std::mem::take(&mut rig.table.policies.identity);
        let facts = Facts {
            head,
            ours: &ours,
            length,
            path: head.path(),
            parameters: &[Parameter { name: "id".into(), segment: 1 }],
            client: Some(peer.ip()),
            peer: ClientAddr::Ip(peer),
            certificate: None,
            is_https: false,
            host: head.host(),
            listener: "public",
            route: "all",
            request_id: b"id-1",
            now: Tick(1_000_000_000),
            unix_ms: 1_700_000_000_000,
            by: Tick::NEVER,
        };
        // Without spending, so that the same is asked twice.
        let once = rig.met(0, &facts, &answered, Verb::Peek);
        assert_eq!(once, rig.met(0, &facts, &answered, Verb::Peek));
        for route in 1..=6 {
            let (verdict, is_known) = rig.met(route, &facts, &answered, Verb::Spend);
            let passes = verdict == Verdict::Pass;
            assert!(!passes || is_known || route == 6, "route {route}: {verdict:?}");
            assert!(!passes || is_shown(route, asked, &answered), "route {route}: {}", asked.escape_ascii());
        }
        rig.table.policies.identity = ours;
    });
});

/// Whether the request, or whoever is asked, has what a route asks for.
fn is_shown(route: u32, asked: &[u8], answered: &Answered) -> bool {
    let holds = |text: &[u8]| asked.windows(text.len()).any(|part| part == text);
    match (route, &**answered) {
        (1 | 2, _) => holds(KEY),
        // It may be written in percent.
        (3, _) => holds(KEY) || holds(b"%"),
        (5, Ok(Reply { status: 200, body, .. })) => match serde_json::from_slice::<Value>(body) {
            Ok(told) => told["active"] == Value::Bool(true),
            // A number that no double holds is JSON, but not to serde_json.
            Err(error) => error.to_string().contains("number out of range"),
        },
        (6, Ok(reply)) => (200..300).contains(&reply.status),
        _ => false,
    }
}

/// What is read of an answer.
fn replied(bytes: &[u8]) -> Result<Reply, Trouble> {
    let mut lines = Lines::new();
    match reply::parse(bytes, &mut lines, &HeadLimits::default()) {
        Ok(Parsed::Complete { len }) => {
            let head = Head::new(&bytes[..len], &lines);
            let fields = head.lines().map(|(_, name, value)| (name.into(), value.into()));
            Ok(Reply { status: head.status(), fields: fields.collect(), body: bytes[len..].to_vec() })
        }
        _ => Err(Trouble::Unusable),
    }
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == 0)
}
