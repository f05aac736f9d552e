//! Sockets by family, not yet in any driver.

pub(super) mod tcp;
pub mod unix;

use std::io;

/// What the process has none left of, where `error` says that it could open no socket for that: it is nobody else's fault.
pub fn shortage(error: &io::Error) -> Option<&'static str> {
    match error.raw_os_error() {
        Some(libc::EMFILE) => Some("process_descriptors"),
        Some(libc::ENFILE) => Some("system_descriptors"),
        Some(libc::ENOMEM | libc::ENOBUFS) => Some("memory"),
        _ => None,
    }
}
