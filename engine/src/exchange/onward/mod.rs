//! The way to an upstream and back: what it is told (`forward`, `max_forwards`), what of the request balancing goes by
//! (`stick`), the call (`call`) with the body as the upstream gets it (`trailers`), and its reply in the client's words
//! (`mapping`).

pub(super) mod call;
pub(super) mod forward;
pub(super) mod mapping;
pub(super) mod max_forwards;
pub(super) mod stick;
mod trailers;
