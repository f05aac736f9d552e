//! Layer 10, the office: all that is not a request.

pub mod demo;
pub mod logs;
