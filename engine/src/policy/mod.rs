//! Layer 3: what a request must pass before it reaches an origin.

pub mod validate;
