//! Arguments → control. Exit codes: 0 ok, 1 configuration, 2 refused at run time.

fn main() {}
