//! Which of monoio's drivers a shard runs on. The choice is ours: a ring is made and a NOP sent through it
//! before anything relies on it, since monoio's own probe hangs where only `io_uring_enter` is blocked.

use super::turns::turnstile;
use io_uring::{IoUring, opcode};
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};
use std::fmt;
use std::future::Future;
use std::io;

/// Submission entries of a shard's ring.
const ENTRIES: u32 = 1024;
/// Completion entries: one for each wait in flight, with room for twice the connections expected of a shard
/// before the kernel has to keep completions in its overflow list.
const COMPLETIONS: u32 = 16 * 1024;

/// A driver that was seen to work on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// io_uring with the flags the kernel took.
    IoUring(Flags),
    /// epoll.
    Epoll,
}

/// Ring flags, best first. Without any a request costs 3–4 µs more: completions interrupt the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    /// SINGLE_ISSUER and COOP_TASKRUN (Linux 6.0).
    SingleIssuerCoop,
    /// COOP_TASKRUN (Linux 5.19).
    Coop,
    /// None.
    Plain,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Driver::IoUring(Flags::SingleIssuerCoop) => "io_uring (SINGLE_ISSUER, COOP_TASKRUN)",
            Driver::IoUring(Flags::Coop) => "io_uring (COOP_TASKRUN)",
            Driver::IoUring(Flags::Plain) => "io_uring (default flags)",
            Driver::Epoll => "epoll",
        })
    }
}

fn ring(flags: Flags) -> io_uring::Builder {
    let mut builder = IoUring::builder();
    builder.setup_cqsize(COMPLETIONS).setup_clamp();
    match flags {
        Flags::SingleIssuerCoop => drop(builder.setup_single_issuer().setup_coop_taskrun()),
        Flags::Coop => drop(builder.setup_coop_taskrun()),
        Flags::Plain => {}
    }
    builder
}

/// The best io_uring flags that work here.
///
/// # Errors
/// What the kernel said of the plainest ring: usually EPERM (a container's seccomp) or ENOSYS.
pub fn probe_io_uring() -> io::Result<Driver> {
    let mut last = io::Error::from(io::ErrorKind::Unsupported);
    for flags in [Flags::SingleIssuerCoop, Flags::Coop, Flags::Plain] {
        match nop(&ring(flags)) {
            Ok(()) => return Ok(Driver::IoUring(flags)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends a NOP through a ring and sees it come back.
fn nop(builder: &io_uring::Builder) -> io::Result<()> {
    let mut ring = builder.build(8)?;
    let entry = opcode::Nop::new().build().user_data(7);
    // SAFETY: a NOP refers to no memory.
    #[allow(unsafe_code)]
    unsafe { ring.submission().push(&entry) }.map_err(|_| io::ErrorKind::Other)?;
    ring.submit_and_wait(1)?;
    match ring.completion().next() {
        Some(done) if done.user_data() == 7 && done.result() >= 0 => Ok(()),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Runs `main` to its end on this thread, on `driver`.
///
/// # Errors
/// When the driver cannot be built.
pub fn run<F: Future>(driver: Driver, main: F) -> io::Result<F::Output> {
    let main = async {
        let _open = turnstile::open();
        main.await
    };
    match driver {
        Driver::IoUring(flags) => {
            let builder = RuntimeBuilder::<IoUringDriver>::new().uring_builder(ring(flags));
            Ok(builder.with_entries(ENTRIES).enable_timer().build()?.block_on(main))
        }
        Driver::Epoll => {
            let builder = RuntimeBuilder::<LegacyDriver>::new();
            Ok(builder.with_entries(ENTRIES).enable_timer().build()?.block_on(main))
        }
    }
}
