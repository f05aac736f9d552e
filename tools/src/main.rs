//! One program for the tree: tidy, schema, certs, upstream, load.
fn main() {}
