//! Criterion benches of the leaves stand in `benches/`; this library holds what they share.
