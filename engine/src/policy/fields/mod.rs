//! Policies that change fields, and what of fields is the gateway's alone.

pub mod headers;
pub mod identity;
pub mod sanitize;
pub mod template;

pub use identity::{Identity, Sent, is_taken_for};
