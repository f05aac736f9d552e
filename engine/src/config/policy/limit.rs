//! `limit` and `in_flight`: how often, and how many at once.

use crate::config::read::decode::Scalar;
use crate::config::read::section::{section, words};
use crate::config::read::suggest::nearest;
use crate::config::units::{Period, Rate};
use crate::config::values::{Named, OneOrMore};
use serde_json::{Value, json};

section! {
    noun "limit";
    /// How often something may be done, exact on the whole machine.
    pub struct Limit {
        /// How it counts.
        pub algorithm: Algorithm = "token_bucket",
        /// How often: `N/s`, `/min`, `/h`, `/d` or `N/10s`.
        pub rate: Rate,
        /// Of a token bucket: its capacity; the rate's N unless given. Of a leaky bucket: how many may wait; the rate's N
        /// unless given. The others have none.
        pub burst: Option<u32>,
        /// Of a leaky bucket: the longest wait; 1s unless given. The others have none.
        pub max_wait: Option<Period>,
        /// Who shares a count: `client.ip`, `consumer`, `api_key`, `jwt.CLAIM`, `header.NAME`, `route`, `listener`, `tier`, `global`, or a
        /// list of them. What a request does not have is replaced by `client.ip`.
        pub key: OneOrMore<KeyPart> = "client.ip",
        /// Of an IPv6 address, the bits that tell clients apart, 1 to 128; of IPv4 all do.
        pub ipv6_prefix: u32 = "64",
        /// How many keys are counted apart at once, 1 to 10,000,000; further ones share a count until one of these has rested.
        pub keys: u32 = "100000",
        /// Rates of consumers by tier, in place of the rate above; each tier is counted apart. Such a limit is asked once it is
        /// known who calls.
        pub plans: Named<Plan> = {},
        /// What the fields of a reply tell of the limit.
        pub fields: FieldStyle = "all",
        /// What `X-RateLimit-Reset` holds.
        pub reset: ResetStyle = "epoch",
        /// Shares the limit with other machines.
        pub shared: Option<Shared>,
    }
}

words! {
    /// How a limit counts.
    pub enum Algorithm {
        /// Tokens come at the rate and are kept up to `burst`; each request takes one.
        TokenBucket = "token_bucket",
        /// Requests leave at the rate, one by one; up to `burst` wait for their turn, `max_wait` at most.
        LeakyBucket = "leaky_bucket",
        /// So many in each window, which begin with the wall clock's; up to twice as many around a window's end.
        FixedWindow = "fixed_window",
        /// So many in any stretch of the window's length, exactly. A ring of 8 bytes a request for each key, rounded up to a power of two.
        SlidingWindowLog = "sliding_window_log",
        /// So many in any stretch of the window's length, as if the last window's requests had come evenly.
        SlidingWindowCounter = "sliding_window_counter",
    }
}

words! {
    /// Which fields tell a client of a limit.
    pub enum FieldStyle {
        /// `RateLimit`, `RateLimit-Policy` and the three `X-RateLimit-*`.
        All = "all",
        /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
        Standard = "standard",
        /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
        Legacy = "legacy",
        /// None; a refusal has `Retry-After` all the same.
        None = "none",
    }
}

words! {
    /// What `X-RateLimit-Reset` holds.
    pub enum ResetStyle {
        /// The moment, in seconds since 1970.
        Epoch = "epoch",
        /// Seconds from now.
        Delta = "delta",
    }
}

section! {
    noun "plan";
    /// The rate of a tier.
    pub struct Plan {
        /// How often.
        pub rate: Rate,
        /// As the limit's `burst`.
        pub burst: Option<u32>,
    }
}

section! {
    noun "shared";
    /// A limit that several machines share through `gateway.store`. No request waits for it: machines spend from leases,
    /// so they let pass a few more than the rate together; `check` prints how many.
    pub struct Shared {
        /// For how long what a machine was granted may be spent, 20ms to 1m; of windows, no longer than one. The rate's part
        /// in that time is also what a machine may spend on credit. Shorter ones let fewer pass too many, longer ones ask
        /// less often.
        pub lease: Period = "1s",
        /// What holds while the store does not answer.
        pub failure: Failure = "local",
    }
}

words! {
    /// What holds while the store of shared limits does not answer.
    pub enum Failure {
        /// Each machine by itself counts up to the whole limit.
        Local = "local",
        /// Everything passes.
        Open = "open",
        /// What has no lease left is refused.
        Closed = "closed",
    }
}

section! {
    noun "in_flight";
    /// How many requests may be served at once, exact on the whole machine.
    pub struct InFlight {
        /// How many.
        pub limit: u32,
        /// Who shares a count, as a limit's `key`.
        pub key: OneOrMore<KeyPart> = "client.ip",
        /// Of an IPv6 address, the bits that tell clients apart, 1 to 128.
        pub ipv6_prefix: u32 = "64",
        /// How many keys are counted apart at once, 1 to 10,000,000.
        pub keys: u32 = "100000",
    }
}

/// A part of a limit's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPart {
    /// The client's address.
    ClientIp,
    /// The consumer's name.
    Consumer,
    /// The API key.
    ApiKey,
    /// A claim of the token.
    Claim(String),
    /// A field.
    Header(String),
    /// The route.
    Route,
    /// The listener.
    Listener,
    /// The consumer's tier.
    Tier,
    /// Nothing: all requests share one count.
    Global,
}

/// Those that are a word.
const WORDS: [(&str, KeyPart); 7] = [
    ("client.ip", KeyPart::ClientIp),
    ("consumer", KeyPart::Consumer),
    ("api_key", KeyPart::ApiKey),
    ("route", KeyPart::Route),
    ("listener", KeyPart::Listener),
    ("tier", KeyPart::Tier),
    ("global", KeyPart::Global),
];

impl Scalar for KeyPart {
    const EXPECTS: &'static str = "a part of a limit's key";
    const FORM: &'static str = "write client.ip, consumer, api_key, jwt.CLAIM, header.NAME, route, listener, tier or global, \
        or a list of them";

    fn parse(text: &str) -> Result<KeyPart, Option<String>> {
        if let Some((_, part)) = WORDS.into_iter().find(|(word, _)| *word == text) {
            return Ok(part);
        }
        match text.split_once('.') {
            Some(("jwt", name)) if !name.is_empty() => Ok(KeyPart::Claim(name.to_owned())),
            Some(("header", name)) if !name.is_empty() => Ok(KeyPart::Header(name.to_owned())),
            Some((kind, name)) if !name.is_empty() => {
                Err(match nearest(kind, ["jwt", "header"].into_iter()) {
                    Some(meant) => Some(format!("did you mean '{meant}.{name}'?")),
                    None => nearest(text, WORDS.iter().map(|(word, _)| *word))
                        .map(|word| format!("did you mean '{word}'?")),
                })
            }
            _ => Err(nearest(text, WORDS.iter().map(|(word, _)| *word))
                .map(|word| format!("did you mean '{word}'?"))),
        }
    }

    fn schema() -> Value {
        let pattern = "^(client\\.ip|consumer|api_key|jwt\\..+|header\\..+|route|listener|tier|global)$";
        json!({ "type": "string", "pattern": pattern })
    }
}
