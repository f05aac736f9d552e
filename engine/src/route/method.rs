//! Sets of methods: what rules ask for, and what a 405 says is allowed.

use crate::wire::method::Method;

/// Some methods, of those that the rules of one look-up name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MethodSet(u64);

/// The methods with a bit of their own, in the order Allow lists them.
const KNOWN: [Method; 8] = [
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Patch,
    Method::Options,
    Method::Trace,
];

impl MethodSet {
    /// The names of its members.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        KNOWN
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 != 0)
            .map(|(_, method)| method.name())
    }
}
