//! Layer 2: what the operator wrote. Plain types, a file a section; their doc comments are the operator's
//! reference and the JSON Schema's descriptions. `read` gives a [`Config`] or all problems at once, each with
//! file, line, column and fix. What the values mean together is checked where the table is built.

pub mod balance;
pub mod gateway;
pub mod listener;
pub mod log;
pub mod policy;
pub mod problem;
pub mod read;
pub mod rewrite;
pub mod route;
mod schema;
pub mod store;
pub mod target;
pub mod units;
pub mod upstream;
pub mod values;

pub use gateway::{AccessLog, Admin, Consumer, Gateway};
pub use listener::Listener;
pub use log::Log;
pub use policy::Policy;
pub use problem::{Problem, Problems, Severity};
pub use read::{Memory, Pattern, Source, read, read_section};
pub use route::Route;
pub use schema::schema;
pub use store::Store;
pub use upstream::Upstream;

use listener::acme::Issuer;
use read::Origin;
use read::section::section;
use values::{FilePath, Named};

section! {
    noun "";
    /// A configuration: one file, or several by `include`.
    pub struct Config {
        /// The version of this language: 1.
        pub version: u32 = "1",
        /// Further files: their lists are joined to these, their `upstreams`, `policies` and `acme` united with these. The last
        /// part of a path may be a pattern, such as `conf.d/*.yaml`.
        pub include: Vec<FilePath> = [],
        /// What holds for the whole process.
        pub gateway: Gateway = {},
        /// The administration interface; none unless given.
        pub admin: Option<Admin>,
        /// Where access log lines go, and their form; `off` writes none.
        pub access_log: AccessLog = {},
        /// What the process says of itself, on stderr.
        pub log: Log = {},
        /// Who issues certificates that the gateway obtains by itself, by name.
        pub acme: Named<Issuer> = {},
        /// Where clients connect.
        pub listeners: Vec<Listener> = [],
        /// Who may call, by credentials.
        pub consumers: Vec<Consumer> = [],
        /// Rules by name, attached by that name to the gateway, a listener or a route.
        pub policies: Named<Policy> = {},
        /// Groups of origin servers, by name.
        pub upstreams: Named<Upstream> = {},
        /// Which request goes where.
        pub routes: Vec<Route> = [],
        ;
        /// What it was read from, for the places of problems.
        pub origin: Origin
    }
}
