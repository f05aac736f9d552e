//! What benches share.

pub mod routes;
