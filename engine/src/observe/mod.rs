//! A stand-in until the room lands.

pub mod access_log;
