//! `limit`: how often something may be done.

use crate::config::read::section::section;
use crate::config::units::Rate;
use crate::config::values::OneOrMore;

section! {
    noun "limit";
    /// How often something may be done, exact on the whole machine.
    pub struct Limit {
        /// How it counts, such as `token_bucket`.
        pub algorithm: String = "token_bucket",
        /// How often: `N/s`, `/min`, `/h`, `/d` or `N/10s`.
        pub rate: Rate,
        /// The bucket's capacity.
        pub burst: Option<u32>,
        /// Who shares a count: `client.ip`, `consumer`, `api_key`, `jwt.CLAIM`, `header.NAME`, `route`, `listener`, `tier`, `global`, or a list of them.
        pub key: OneOrMore<String> = "client.ip",
    }
}
