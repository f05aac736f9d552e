//! Which trailers the policies take away: a field that does not pass in a head does not pass behind a body either, for some
//! readers merge the two. Asked only where trailers came.

use super::{Chain, Kind};
use crate::policy::Passage;

impl Chain {
    /// Whether a request's trailer of this name does not go on: one that is removed of its head, or whose value is replaced
    /// there.
    pub fn takes_of_request(&self, passage: &Passage, name: &[u8]) -> bool {
        self.enforced(0..self.steps.len(), passage.applied).any(|policy| match &policy.kind {
            Kind::Headers(headers) => headers.takes_of_request(name),
            _ => false,
        })
    }

    /// The same of a reply.
    pub fn takes_of_reply(&self, passage: &Passage, name: &[u8]) -> bool {
        self.enforced(0..self.steps.len(), passage.applied).any(|policy| match &policy.kind {
            Kind::Sanitize(sanitize) => sanitize.takes(name),
            Kind::Headers(headers) => headers.takes_of_reply(name),
            _ => false,
        })
    }
}
