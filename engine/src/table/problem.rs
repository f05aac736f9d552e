//! What is wrong with a configuration. The type stands in `config`, where reading reports it too; this is the
//! name the office knows it by.

pub use crate::config::problem::{Problem, Problems, Severity};
