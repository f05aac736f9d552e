//! `routes`: which request goes where.

use super::read::section::{section, words};
use super::rewrite::{Redirect, Respond, Rewrite};
use super::target::{Sticky, To};
use super::units::Period;
use super::values::{Named, OneOrMore, OrNone};

section! {
    noun "route";
    /// Which request goes where. Of several that match, the one with the more exact host wins, then the more
    /// exact path, then the first in the file.
    pub struct Route {
        /// Its name, unique.
        pub name: String,
        /// Which requests; all of them unless given.
        pub r#match: Match = {},
        /// Policies of its requests, by name.
        pub policies: Vec<String> = [],
        /// What is changed before the request is sent on.
        pub rewrite: Rewrite = {},
        /// Upgrade tokens passed besides `websocket`; never h2c.
        pub upgrade: Vec<String> = [],
        /// Whether calls of gRPC-Web are made calls of gRPC, which upstreams of `protocol: http2` take.
        pub grpc_web: bool = "false",
        /// How long the upstream may take.
        pub timeouts: Timeouts = {},
        /// Whether answers tell in `Server-Timing` where the time went: to whoever asks, so not for the public.
        pub server_timing: bool = "false",
        /// Who is refused first when there is too much to do.
        pub priority: Option<Priority>,
        /// The upstream's name, or a list of upstreams with weights.
        pub to: Option<To>,
        /// What keeps a client on one upstream of several.
        pub sticky: Option<Sticky>,
        /// Answers by itself, without an upstream.
        pub respond: Option<Respond>,
        /// Sends the client elsewhere.
        pub redirect: Option<Redirect>,
    }
}

section! {
    noun "match";
    /// Which requests. All that is given must hold.
    pub struct Match {
        /// The name of the listener that requests come by, or a list of names; every listener unless given.
        pub listener: Option<OneOrMore<String>>,
        /// A host, `*.example.com`, or a list of them; every host unless given.
        pub host: Option<OneOrMore<String>>,
        /// `/exact`, `/prefix/*`, `/users/{id}/orders`, `regex:EXPRESSION` for the whole path, or a list of them.
        pub path: OneOrMore<String> = "/*",
        /// Methods; every one unless given. `GET` takes `HEAD` too.
        pub methods: Vec<String> = [],
        /// Fields by name and value: a text, `*` for any, `regex:EXPRESSION` for the whole value, `exact:TEXT` for a
        /// text that begins like those. The values of a field that repeats are joined by `, `.
        pub headers: Named<String> = {},
        /// Query parameters by name and value, as under `headers`. Of one that repeats the first counts.
        pub query: Named<String> = {},
        /// Cookies by name and value, as under `headers`. Of one that repeats the first counts.
        pub cookies: Named<String> = {},
    }
}

section! {
    noun "timeouts";
    /// How long the upstream may take.
    pub struct Timeouts {
        /// To a connection with an endpoint, waiting for a free one included; past it another endpoint is tried, four in all, then 504, or 503 where none became free.
        pub connect: Period = "500ms",
        /// Request sent to reply head, or its head sent where the client waits for a 100; past it 504.
        pub first_byte: Period = "5s",
        /// Longest silence within the reply; past it the reply is cut.
        pub between_bytes: Period = "30s",
        /// The whole exchange, or `none`; past it 504, or the reply is cut.
        pub total: OrNone<Period> = "none",
    }
}

words! {
    /// Who is refused first when there is too much to do.
    pub enum Priority {
        /// Refused first.
        Low = "low",
        /// As usual.
        Normal = "normal",
        /// Refused last.
        High = "high",
    }
}
