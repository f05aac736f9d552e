//! What a look-up needs to write to; a shard owns one and lends it.

/// Working memory of look-ups.
#[derive(Debug, Default)]
pub struct Scratch {}
