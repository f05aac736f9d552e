//! Layer 3: what a request must pass. Pure deciders, a folder each.

pub mod limit;
