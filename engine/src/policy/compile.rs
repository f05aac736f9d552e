//! One policy of the configuration → what it decides. `table/build` calls it for each and binds the results.

use super::chain::Kind;
use super::cors::Cors;
use super::fault::Faults;
use super::headers::Headers;
use super::ip::Ip;
use super::sanitize::Sanitize;
use crate::config;
use crate::config::read::Pointer;

/// Compiles the policy at `at`. None when it cannot be; what is wrong is noted.
pub fn compile(given: &config::Policy, at: &Pointer, faults: &mut Faults) -> Option<Kind> {
    if let Some(cors) = &given.cors {
        return Some(Kind::Cors(Cors::compile(cors, &at.key("cors"), faults)));
    }
    if let Some(ip) = &given.ip {
        return Some(Kind::Ip(Ip::compile(ip, &at.key("ip"), faults)));
    }
    if let Some(headers) = &given.headers {
        return Some(Kind::Headers(Headers::compile(headers, &at.key("headers"), faults)));
    }
    if let Some(sanitize) = &given.sanitize {
        return Some(Kind::Sanitize(Sanitize::compile(sanitize, &at.key("sanitize"), faults)));
    }
    None
}
