//! What a shard is told by control and by other shards.

use crate::accept::{Accepted, Admission};
use crate::base::ListenerId;
use std::sync::Arc;
use std::time::Duration;

/// A message to a shard.
#[derive(Debug)]
pub enum Message {
    /// A fresh connection that another shard took but has too many of; it is counted among this one's already.
    Serve(ListenerId, Accepted, Admission),
    /// Another shard needs a connection to this upstream under its cap: close an idle one.
    Evict(Arc<str>),
    /// Stop accepting, let exchanges end, and end within this time.
    Drain(Duration),
}
