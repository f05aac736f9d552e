//! How an upstream's endpoints are balanced: the algorithm, and what of a request it goes by.

use super::Endpoint;
use crate::balance::{Algorithm, Seat, Seats};
use std::sync::Arc;

/// How an endpoint is picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What of a request it goes by; `None` for those that look at none.
    pub key: Option<Key>,
}

/// What of a request is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The hash of a field's first value.
    Header(Box<[u8]>),
    /// The hash of a cookie.
    Cookie(Box<[u8]>),
    /// The hash of the canonical path.
    Path,
    /// The hash of the client's address; so too where a field or a cookie is missing or empty.
    ClientIp,
    /// The endpoint's id in a cookie.
    Sticky(Sticky),
}

/// The cookie that names an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// Its name.
    pub name: Box<[u8]>,
    /// What stands behind its value in Set-Cookie: its attributes, each with the `;` before it.
    pub attributes: Box<[u8]>,
}

impl Balance {
    /// `endpoints` compiled for it. A maglev table takes some milliseconds: never called by a shard.
    pub fn seats(&self, endpoints: &[Endpoint]) -> Arc<Seats> {
        // The address, since several endpoints may have been found behind one name.
        let names: Vec<String> = endpoints.iter().map(|endpoint| endpoint.addr.to_string()).collect();
        let named = endpoints.iter().zip(&names);
        let seats: Vec<Seat<'_>> =
            named.map(|(end, name)| Seat { name, weight: end.weight, priority: end.priority }).collect();
        Arc::new(Seats::compile(self.algorithm, &seats))
    }
}
