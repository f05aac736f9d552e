//! Sockets by family, not yet in any driver.

pub(super) mod tcp;
pub mod unix;

use std::io;

/// What the process has none left of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Descriptors that the process may have.
    ProcessDescriptors,
    /// Descriptors that the system may have.
    SystemDescriptors,
    /// Memory for a socket.
    Memory,
}

impl Shortage {
    /// What `error` says there is none left of, where no socket could be opened for that: it is nobody else's fault.
    pub fn of(error: &io::Error) -> Option<Shortage> {
        match error.raw_os_error() {
            Some(libc::EMFILE) => Some(Shortage::ProcessDescriptors),
            Some(libc::ENFILE) => Some(Shortage::SystemDescriptors),
            Some(libc::ENOMEM | libc::ENOBUFS) => Some(Shortage::Memory),
            _ => None,
        }
    }

    /// In the words of the log.
    pub fn name(self) -> &'static str {
        match self {
            Shortage::ProcessDescriptors => "process_descriptors",
            Shortage::SystemDescriptors => "system_descriptors",
            Shortage::Memory => "memory",
        }
    }
}
