//! Sockets by family, not yet in any driver.

pub(super) mod tcp;
pub mod unix;
