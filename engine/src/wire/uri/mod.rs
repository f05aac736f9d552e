//! What a request is aimed at: the target's form, the host it names, the canonical path that serves matching,
//! policy and forwarding alike.

mod authority;
mod path;
mod query;
mod target;

pub use authority::Authority;
pub use path::{DoubleSlash, PathFault, PathRule, canonical, is_canonical};
pub use query::{is_named, unescaped};
pub use target::{Target, is_path_byte, target};
