//! Policies as an operator writes them, bound into a chain and asked about requests without a socket: what each kind
//! decides, tells and changes, and what the modes make of it. Whatever a policy asks for is answered here.

mod authorize;
mod cors;
mod credentials;
mod fields;
mod modes;

use super::auth::remote::{Answered, Reply, Trouble};
use super::*;
use crate::base::{Certificate, ClientAddr, Generation, ListenerId, RouteId};
use crate::config::Memory;
use crate::config::read::Source;
use crate::table::{Table, build};
use crate::wire::edits::Edits;
use crate::wire::head::{Head, Lines};
use crate::wire::http1::framing::request_length;
use crate::wire::http1::{HeadLimits, reply, request};
use std::fmt::Write;
use std::net::SocketAddr;
use std::rc::Rc;

const NOW: Tick = Tick(86_400_000_000_000);
const UNIX_MS: u64 = 1_700_000_000_000;

/// Consumers that every gate knows.
const CONSUMERS: &str = "
- { name: acme, api_keys: [acme-key-0123456789], tier: partner, scopes: [orders.read], roles: [buyer] }
- { name: tiny, api_keys: [tiny-key-0123456789], tier: free }
";

/// The key of `acme`, as a field.
const ACME: &str = "X-API-Key: acme-key-0123456789\r\n";

/// One route with policies, and a shard to ask them with.
struct Gate {
    table: Table,
    shard: Shard,
    /// What whoever is asked answers.
    answer: Answered,
    certificate: Option<Certificate>,
    /// Whether no more passwords are taken.
    is_busy: bool,
}

/// What a request met.
struct Met {
    verdict: Verdict,
    passage: Passage,
    /// What is changed of the request.
    request: Edits,
    /// What is changed of the reply.
    reply: Edits,
    /// The policy that refused.
    by: Option<String>,
}

impl Met {
    /// `pass`, or the status with the log's word and who refused, and behind a `+` who would have.
    fn told(&self) -> String {
        let mut told = match self.verdict {
            Verdict::Pass => "pass".to_owned(),
            Verdict::Answer(status) => format!("answer {status}"),
            Verdict::Refuse(Refusal { cause, detail }) => {
                format!("{} {detail} by {}", cause.status(), self.by.as_deref().unwrap_or("nobody"))
            }
            Verdict::Abstain | Verdict::Ask(_) => panic!("a chain does not end with {:?}", self.verdict),
        };
        if !self.passage.shadow.is_empty() {
            let _ = write!(told, " + {}", String::from_utf8_lossy(&self.passage.shadow));
        }
        told
    }
}

/// The lines that are added, as `name: value`.
fn lines(edits: &Edits) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    edits.added().map(|(_, name, value)| format!("{}: {}", text(name), text(value))).collect()
}

impl Gate {
    /// A gate with these policies, one a line, all of which the route names in this order. `files` are those that they
    /// name.
    fn new(policies: &str, files: Memory) -> Gate {
        let table = Gate::table(policies, files, None);
        let answer = Rc::new(Err(Trouble::Unreachable));
        Gate { table, shard: Shard::new(0), answer, certificate: None, is_busy: false }
    }

    /// The same after a reload of these, where nobody is left to ask.
    fn reloaded(mut self, policies: &str, files: Memory) -> Gate {
        self.table = Gate::table(policies, files, Some(&self.table));
        self.shard.follow(&self.table.policies.all);
        self.answer = Rc::new(Err(Trouble::Unreachable));
        self
    }

    fn table(policies: &str, files: Memory, previous: Option<&Table>) -> Table {
        let policies: Vec<&str> = policies.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let names: Vec<&str> =
            policies.iter().map(|line| line.split_once(':').expect("has a name").0).collect();
        let text = format!(
            "listeners: [{{ name: public, bind: 127.0.0.1:8080 }}]\nconsumers:{CONSUMERS}\
             upstreams: {{ idp: {{ endpoints: [{{ address: '127.0.0.1:1' }}] }} }}\npolicies:\n  {}\n\
             routes: [{{ name: all, match: {{ path: '/u/{{id}}' }}, policies: [{}], respond: {{ body: ok }} }}]\n",
            policies.join("\n  "),
            names.join(", ")
        );
        let mut files = files.file("x.yaml", text);
        let config = files.clone().read("x.yaml").unwrap_or_else(|problems| panic!("{problems}"));
        let mut means = build::Means { files: &mut files as &mut dyn Source, now: Tick(1), offset: 0 };
        let built = build::build(&config, Generation(1), previous, &mut means);
        built.unwrap_or_else(|problems| panic!("{problems}")).0
    }

    /// The same where whoever is asked answers this.
    fn answered(mut self, status: u16, fields: &[(&str, &str)], body: &str) -> Gate {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into()));
        self.answer = Rc::new(Ok(Reply { status, fields: fields.collect(), body: body.into() }));
        self
    }

    /// What a request from 192.0.2.7 with this line and these fields, each with its CRLF, meets.
    fn ask(&mut self, line: &str, fields: &str) -> Met {
        self.ask_and_dress(line, fields, None)
    }

    /// The same, where the upstream replies with this head.
    fn ask_and_dress(&mut self, line: &str, fields: &str, replied: Option<&str>) -> Met {
        let text = format!("{line} HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n");
        let mut parsed = Lines::new();
        request::parse(text.as_bytes(), &mut parsed, &HeadLimits::default()).expect("is a request");
        let target = line.split(' ').nth(1).expect("a target");
        let peer: SocketAddr = "192.0.2.7:4711".parse().expect("is an address");
        let parameters = [chain::facts::Parameter { name: "id".into(), segment: 1 }];
        let facts = Facts {
            head: Head::new(text.as_bytes(), &parsed),
            ours: &self.table.policies.identity,
            length: request_length(Head::new(text.as_bytes(), &parsed)).expect("is framed"),
            path: target.split('?').next().unwrap_or_default().as_bytes(),
            parameters: &parameters,
            client: Some(peer.ip()),
            peer: ClientAddr::Ip(peer),
            certificate: self.certificate.as_ref(),
            is_https: false,
            host: b"gw.test",
            listener: "public",
            route: "all",
            request_id: b"id-1",
            now: NOW,
            unix_ms: UNIX_MS,
            by: Tick::NEVER,
        };
        let chain = self.table.policies.chain(ListenerId(0), RouteId(0)).expect("the route has policies");
        let (mut passage, mut request, mut reply) = (Passage::default(), Edits::new(), Edits::new());
        let mut walk = Walk::default();
        let (mut told, mut asks) = (Told::Nothing, 0);
        let verdict = loop {
            let mut state = State {
                passage: &mut passage,
                shard: &mut self.shard,
                registry: &self.table.policies.registry,
                request: &mut request,
                told,
                body: b"",
                verb: Verb::Spend,
                mode: Mode::Enforce,
            };
            let verdict = chain.walk(&mut walk, &facts, &mut state);
            let Verdict::Ask(ask) = verdict else { break verdict };
            asks += 1;
            assert!(asks < 100, "it asks for {ask:?} again and again");
            told = match ask {
                Ask::Wait(_) => Told::Waited,
                Ask::Keys => Told::Keys,
                Ask::Verify if self.is_busy => Told::Unverified(auth::Denial::PasswordsBusy),
                Ask::Verify => Told::Verified(passage.work.take().expect("a password").run()),
                Ask::Body(_) => Told::Body,
                Ask::Call => {
                    passage.answered = Some(self.answer.clone());
                    Told::Answered
                }
            };
        };
        let mut replied_lines = Lines::new();
        let replied = replied.map(|text| {
            reply::parse(text.as_bytes(), &mut replied_lines, &HeadLimits::default()).expect("is a reply");
            Head::new(text.as_bytes(), &replied_lines)
        });
        chain.dress(&facts, &mut passage, replied, &mut reply);
        let by = chain.refused_by(&passage).map(str::to_owned);
        Met { verdict, passage, request, reply, by }
    }

    /// What a policy has counted: passed, refused, and what it would have refused.
    fn counted(&self, name: &str) -> [u64; 3] {
        let policy = self.table.policies.all.iter().find(|policy| *policy.name == *name).expect("is there");
        let refused = Cause::ALL.into_iter().map(|cause| policy.tally.sum(Outcome::Refused(cause))).sum();
        [policy.tally.sum(Outcome::Passed), refused, policy.tally.sum(Outcome::Shadowed)]
    }

    /// Asks each case and compares what it met.
    fn check(&mut self, cases: &[(&str, &str, &str)]) {
        for (line, fields, expected) in cases {
            let told = self.ask(line, fields).told();
            assert_eq!(told, *expected, "{line} {fields}");
        }
    }
}

/// A gate whose policies name no files.
fn gate(policies: &str) -> Gate {
    Gate::new(policies, Memory::default())
}
