//! How the endpoints of an upstream are checked.

use crate::balance::Rule;
use std::time::Duration;

/// What is asked, how often, and what follows from the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The question.
    pub ask: Ask,
    /// The host to ask for; none for what was written of each endpoint.
    pub host: Option<String>,
    /// The port to ask at; none for each endpoint's own.
    pub port: Option<u16>,
    /// From the beginning of a check to that of the next.
    pub interval: Duration,
    /// A check without an answer after this has failed.
    pub timeout: Duration,
    /// How many answers in a row change what is thought of an endpoint.
    pub rule: Rule,
}

/// What an endpoint is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A GET of this path, with its query; 2xx and 3xx are good.
    Get(String),
    /// `Check` of grpc.health.v1 for this service, the empty one for all of the server; SERVING is good.
    Grpc(String),
}
