//! The system calls of the data path, one safe function each. All sockets are non-blocking, so none of them
//! waits; `WouldBlock` sends the caller back to the driver's readiness. Nothing outside `net` sees a descriptor.
#![allow(unsafe_code)]

use libc::c_int;
use socket2::SockAddr;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The result of a libc call: the value, or `errno`. EINTR cannot come from a non-blocking call that counts.
fn check(result: isize) -> io::Result<usize> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as usize) }
}

/// Opens `path` to append to it, and makes it with `mode` if it is not there. A named pipe that nobody reads is refused
/// (ENXIO), where open(2) would wait for a reader.
pub fn append_at_once(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(mode).custom_flags(libc::O_NONBLOCK).open(path)
}

/// access(2): why this process has no right to make files in a folder; none where another reason may be in its way.
pub fn refused_to_make_files_in(folder: &Path) -> Option<io::Error> {
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: the path is a string with its end that outlives the call.
    let asked = check(unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) } as isize);
    let is_told =
        |error: &io::Error| matches!(error.raw_os_error(), Some(libc::EACCES | libc::EROFS | libc::ENOTDIR));
    asked.err().filter(is_told)
}

/// recv(2) into `into`; 0 is the peer's FIN.
pub fn recv(fd: RawFd, into: &mut [u8]) -> io::Result<usize> {
    receive(fd, into, libc::MSG_DONTWAIT)
}

/// Bytes waiting in the socket, at most one: 0 is a FIN, `WouldBlock` a quiet connection.
pub fn peek(fd: RawFd) -> io::Result<usize> {
    receive(fd, &mut [0], libc::MSG_DONTWAIT | libc::MSG_PEEK)
}

/// recvfrom(2), bare: glibc's recv is a point of cancellation, which costs some 150 instructions a call.
fn receive(fd: RawFd, into: &mut [u8], flags: c_int) -> io::Result<usize> {
    let nobody = std::ptr::null_mut::<u8>();
    // SAFETY: the pointer and length describe `into`, which is writable and outlives the call; no address is written.
    let n = unsafe {
        libc::syscall(libc::SYS_recvfrom, fd, into.as_mut_ptr(), into.len(), flags, nobody, nobody)
    };
    check(n as isize)
}

/// Whether neither side can say anything more: the connection was reset, or both have ended it. Bytes that were not read do
/// not hide it.
pub fn is_over(fd: RawFd) -> bool {
    let mut looked = libc::pollfd { fd, events: 0, revents: 0 };
    // SAFETY: one pollfd is read and written; with no time to wait the call does not block.
    let _ = unsafe { libc::syscall(libc::SYS_poll, &raw mut looked, 1, 0) };
    looked.revents & (libc::POLLERR | libc::POLLHUP) != 0
}

/// sendto(2) of `bytes`, bare as [`receive`]; a prefix may have been taken. Never raises SIGPIPE.
pub fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let nobody = std::ptr::null::<u8>();
    // SAFETY: the pointer and length describe `bytes`, which outlives the call; there is no address.
    check(unsafe { libc::syscall(libc::SYS_sendto, fd, bytes.as_ptr(), bytes.len(), flags, nobody, 0) }
        as isize)
}

/// sendmsg(2) of `parts` in order; a prefix may have been taken.
pub fn send_parts(fd: RawFd, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: msghdr is plain data for which all zeroes is a valid value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    // `IoSlice` has the layout of iovec on Unix (documented by std); sendmsg does not write through it.
    message.msg_iov = parts.as_ptr().cast_mut().cast();
    message.msg_iovlen = parts.len();
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: `message` points at `parts`, whose slices outlive the call.
    check(unsafe { libc::sendmsg(fd, &message, flags) })
}

/// accept4(2), non-blocking and close-on-exec.
pub fn accept(fd: RawFd) -> io::Result<(OwnedFd, SockAddr)> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let take = |storage: *mut _, len: *mut libc::socklen_t| {
        // SAFETY: `storage` and `len` come from try_init, which sizes them for any address.
        let new = check(
            unsafe { libc::accept4(fd, (storage as *mut libc::sockaddr).cast(), len, flags) } as isize
        )?;
        // SAFETY: the descriptor is new and owned by nobody else.
        Ok(unsafe { OwnedFd::from_raw_fd(new as RawFd) })
    };
    // SAFETY: accept4 fills the storage and the length before it succeeds.
    unsafe { SockAddr::try_init(take) }
}

/// shutdown(2) of the sending half.
pub fn shutdown_write(fd: RawFd) -> io::Result<()> {
    // SAFETY: takes no pointer; a descriptor that is not connected only gives an error.
    check(unsafe { libc::shutdown(fd, libc::SHUT_WR) } as isize).map(drop)
}

/// shutdown(2) of the receiving half; a listening socket stops to listen. Nothing to tell where it had ended before.
pub fn shutdown_read(fd: RawFd) {
    // SAFETY: takes no pointer; a descriptor that is not connected only gives an error.
    let _ = unsafe { libc::shutdown(fd, libc::SHUT_RD) };
}

/// A non-blocking pipe of at least `bytes` capacity where the system's limits allow it: read end, write end.
pub fn pipe(bytes: c_int) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0 as RawFd; 2];
    // SAFETY: two descriptors are written to `ends`.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) } as isize)?;
    // SAFETY: both are new and owned by nobody else.
    let (read, write) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: takes no pointer; a refusal leaves the default capacity, which is correct, only smaller.
    let _ = unsafe { libc::fcntl(write.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
    Ok((read, write))
}

/// splice(2) of up to `len` bytes from `from` to `to`, one of which is a pipe. Both must be non-blocking.
pub fn splice(from: RawFd, to: RawFd, len: usize) -> io::Result<usize> {
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    let none = std::ptr::null_mut();
    // SAFETY: null offsets mean the descriptors' own positions; no memory of ours is touched.
    check(unsafe { libc::splice(from, none, to, none, len, flags) })
}

/// Nanoseconds of a system clock.
pub fn clock(id: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: one timespec is written to `now`; the clocks named in this room exist on every Linux.
    unsafe { libc::clock_gettime(id, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Puts the calling thread behind all others of the process: niceness 19. On Linux a niceness is a thread's own.
pub fn give_way() {
    // SAFETY: takes no pointer; a refusal leaves the priority as it is, which is correct, only less polite.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}

/// Has the calling thread, once it is woken, wait for the end of a turn in place of taking the CPU from whoever runs there.
/// Its share of the CPU stays what it is.
pub fn interrupt_nobody() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: one sched_param is read; a refusal leaves the policy as it is, which is correct, only less polite.
    let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &parameters) };
}

/// Raises the soft limit of descriptors to the hard one; gives the limit that now holds.
pub fn raise_descriptor_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read or write the one rlimit.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
    limit.rlim_cur
}
