//! What policies change in the fields of a message: by the operator's word (`headers`, with `template` for values), of a
//! reply's leaks (`sanitize`), and for the caller's identity, which nobody else may name (`identity`).

pub(super) mod headers;
pub mod identity;
pub(super) mod sanitize;
mod template;
