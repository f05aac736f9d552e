//! Policies that say who may, by address, origin and rights.

use crate::config::gateway::Network;
use crate::config::read::section::{section, words};
use crate::config::units::Period;
use crate::config::values::{Named, OneOrMore};

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
        /// Fields of the reply that a script may read, or `*` for all. With credentials each has to be named.
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

words! {
    /// What becomes of whoever brings no credentials.
    pub enum Anonymous {
        /// They may go on, as nobody.
        Allow = "allow",
    }
}

/// What a caller needs stands in the policy itself and again under a method: one list of keys for both.
macro_rules! needs {
    ($noun:literal, $(#[doc = $about:literal])+ $name:ident { $($more:tt)* }) => {
        section! {
            noun $noun;
            $(#[doc = $about])+
            pub struct $name {
                /// Scopes, all of them.
                pub scopes: Vec<String> = [],
                /// Scopes, one of them.
                pub any_scope: Vec<String> = [],
                /// Roles, one of them.
                pub roles: Vec<String> = [],
                /// Claims by name, with the value or a list of values of which the token has one. A name may lead inwards:
                /// `realm_access.roles`.
                pub claims: Named<OneOrMore<String>> = {},
                /// Consumers, one of them.
                pub consumers: Vec<String> = [],
                /// Tiers, one of them.
                pub tiers: Vec<String> = [],
                $($more)*
            }
        }
    };
}

needs! {
    "authorize",
    /// What the caller needs: all that is given.
    Authorize {
        /// What a method needs besides, by its name; `GET` stands for `HEAD` too, besides what `HEAD` itself needs.
        pub methods: Named<Needs> = {},
    }
}

needs! {
    "needs",
    /// What the caller needs for a method.
    Needs {}
}
