//! What the program `tools` does, as a library: the engine's tests start the misbehaving origin and the name server
//! in-process, and the tree's laws run as a test.

pub mod dns;
pub mod instructions;
pub mod load;
pub mod schema;
pub mod tidy;
pub mod upstream;
