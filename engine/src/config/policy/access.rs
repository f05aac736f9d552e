//! Policies that say who may, by address, origin and rights.

use crate::config::gateway::Network;
use crate::config::read::section::section;
use crate::config::units::Period;
use crate::config::values::OneOrMore;

section! {
    noun "cors";
    /// Which scripts of other sites may call, and what browsers let them see (the Fetch standard's CORS protocol).
    pub struct Cors {
        /// Origins: `https://app.example.com`, `https://*.example.com` for every name below, `regex:EXPRESSION` for a whole
        /// origin, or `*` for all.
        pub origins: OneOrMore<String>,
        /// Methods that a script may use, or `*` for all.
        pub methods: OneOrMore<String> = "*",
        /// Fields that a script may send, or `*` for all that it asks for.
        pub headers: OneOrMore<String> = "*",
        /// Fields of the reply that a script may read.
        pub expose: Vec<String> = [],
        /// Whether cookies and other credentials may be sent. Not with the origin `*`.
        pub credentials: bool = "false",
        /// How long a browser may keep the answer to a preflight; its own default unless given.
        pub max_age: Option<Period>,
        /// Whether pages of the public network may call this one where it stands in a private network.
        pub private_network: bool = "false",
    }
}

section! {
    noun "ip";
    /// Which clients may call, by address: the longest network that holds it decides, and of equal ones `deny`. With an
    /// `allow` list, what no list holds is refused. Behind trusted proxies it is the client's address that they tell.
    pub struct Ip {
        /// Addresses, networks such as `10.0.0.0/8`, or `unix` for clients of a Unix socket without an address.
        pub allow: Vec<Network> = [],
        /// Likewise.
        pub deny: Vec<Network> = [],
    }
}

section! {
    noun "authorize";
    /// What the caller needs.
    pub struct Authorize {
        /// Scopes, all of them.
        pub scopes: Vec<String> = [],
    }
}
