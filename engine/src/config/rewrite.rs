//! `rewrite`, `redirect` and `respond` of a route: what is changed before a request is sent on, and what is answered
//! without sending it on.

use super::read::section::{section, words};
use super::values::Named;

section! {
    noun "rewrite";
    /// What is changed before the request is sent on. The path is changed in one way at most; the query stays.
    pub struct Rewrite {
        /// Taken off the front of the path, such as `/api`.
        pub strip_prefix: Option<String>,
        /// Takes the place of the matched `/p` of a path `/p/*`.
        pub prefix: Option<String>,
        /// The new path; `{name}` is what the match took under that name.
        pub path: Option<String>,
        /// Replaces what an expression finds in the path.
        pub regex: Option<Replace>,
        /// The Host sent upstream; X-Forwarded-Host keeps the client's.
        pub host: Option<String>,
    }
}

section! {
    noun "regex";
    /// What is looked for in the path, and what takes its place.
    pub struct Replace {
        /// The expression; a path in which it is not found stays as it is.
        pub r#match: String,
        /// The text; `$1`, `${1}` or `${name}` is a group, `$$` a dollar.
        pub to: String,
    }
}

words! {
    /// The scheme of a URL.
    pub enum Scheme {
        /// Plain.
        Http = "http",
        /// Over TLS.
        Https = "https",
    }
}

section! {
    noun "redirect";
    /// Where the client is sent: `to`, or its own URL with some parts changed. The query stays unless `to` is given.
    pub struct Redirect {
        /// The Location as it is sent; `/path` stays on this host.
        pub to: Option<String>,
        /// The scheme; the client's unless given.
        pub scheme: Option<Scheme>,
        /// The host, without a port; the client's unless given.
        pub host: Option<String>,
        /// The port; that of `scheme` if given, else the client's. The scheme's own is left out.
        pub port: Option<u16>,
        /// The new path; `{name}` is what the match took under that name.
        pub path: Option<String>,
        /// Takes the place of the matched `/p` of a path `/p/*`.
        pub prefix: Option<String>,
        /// 301, 302, 303, 307 or 308.
        pub status: u16 = "308",
    }
}

section! {
    noun "respond";
    /// An answer without an upstream.
    pub struct Respond {
        /// Its status, 200 to 599.
        pub status: u16 = "200",
        /// Its fields; text/plain unless Content-Type is among them.
        pub headers: Named<String> = {},
        /// Its body.
        pub body: String = "",
    }
}
