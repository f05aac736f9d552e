//! The way to an upstream and back: what it is told (`forward`, `max_forwards`), what of the request balancing goes by
//! (`stick`), the call (`call`), its reply in the client's words (`mapping`), and the trailers that pass neither way
//! (`trailers`).

pub(super) mod call;
pub(super) mod forward;
pub(super) mod mapping;
pub(super) mod max_forwards;
pub(super) mod stick;
pub(super) mod trailers;
