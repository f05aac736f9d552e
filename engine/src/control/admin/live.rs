//! What the pages show and order: the shards by what they share, everything else by the office.

use crate::control::office::Office;
use crate::shard::Shared;
use std::sync::Arc;

/// What runs now.
#[derive(Debug)]
pub struct Live {
    /// What the shards share.
    pub shared: Arc<Shared>,
    /// How the gateway stands, and where reloads and the end are ordered.
    pub office: Office,
}
