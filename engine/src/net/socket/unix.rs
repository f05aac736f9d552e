//! Unix stream sockets: what differs from TCP. One socket listens at a path, so one shard accepts for all; the path
//! is a file that outlives its process, and is replaced only when nobody listens at it any more.

use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long somebody who listens must let a connection stand to be taken for alive: the kernel closes the sockets of a
/// ring a moment after its process is gone, and a gateway that was killed is started again at once.
const ALIVE: Duration = Duration::from_millis(500);
/// Connections tried at most, where each was ended at once.
const TRIES: usize = 3;

fn socket() -> io::Result<Socket> {
    Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)
}

/// A socket connected to the one that listens at `path`. `WouldBlock` says that its queue is full.
pub(in crate::net) fn connect(path: &Path) -> io::Result<OwnedFd> {
    let socket = socket()?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(OwnedFd::from(socket))
}

/// A socket that listens at `path`, and the guard of its file. The file's mode follows the umask. May block for
/// [`ALIVE`] and more: for the start of a process.
///
/// # Errors
/// `AddrInUse` when another process listens there, or when what stands there is no socket.
pub(in crate::net) fn bind(path: &Path, backlog: i32) -> io::Result<(Socket, SocketFile)> {
    let (socket, addr) = (socket()?, SockAddr::unix(path)?);
    match socket.bind(&addr) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path)?;
            socket.bind(&addr)?;
        }
        bound => bound?,
    }
    let file = SocketFile { path: path.to_owned(), id: id_of(path)? };
    socket.listen(backlog)?;
    Ok((socket, file))
}

/// Removes the socket of a process that ended without doing so: only a dead one's refuses a connection.
fn remove_stale(path: &Path) -> io::Result<()> {
    let in_use = |why: &str| io::Error::new(io::ErrorKind::AddrInUse, why.to_owned());
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(in_use("a file that is no socket stands there"));
    }
    for _ in 0..TRIES {
        let probe = match connect(path) {
            Ok(probe) => UnixStream::from(probe),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        };
        probe.set_nonblocking(false)?;
        probe.set_read_timeout(Some(ALIVE))?;
        match (&probe).read(&mut [0]) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => break,
            Ok(1..) => break,
            Ok(0) | Err(_) => {}
        }
    }
    Err(in_use("another process listens there"))
}

/// Device and inode.
fn id_of(path: &Path) -> io::Result<(u64, u64)> {
    let told = fs::symlink_metadata(path)?;
    Ok((told.dev(), told.ino()))
}

/// The file of a listening socket. Dropping it removes the file, if it is still the one that was bound: while
/// the socket listens, nobody of good will puts another one in its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id_of(&self.path).is_ok_and(|id| id == self.id) {
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A folder of the test's own.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("ringgate-unix-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).expect("a writable folder");
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn the_socket_of_a_dead_process_is_replaced_and_that_of_a_living_one_is_not() {
        let folder = Folder::new("stale");
        let path = folder.0.join("s.sock");
        drop(UnixListener::bind(&path).expect("binds"));
        assert!(path.exists(), "what std binds is left behind");
        let (_listening, _file) = bind(&path, 8).expect("nobody listens");
        UnixStream::connect(&path).expect("is listened to");
        let refused = bind(&path, 8).expect_err("somebody listens");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).expect("is listened to all the same");
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = Folder::new("file");
        let path = folder.0.join("notes.txt");
        fs::write(&path, "mine").expect("a writable folder");
        assert_eq!(bind(&path, 8).expect_err("a file is there").kind(), io::ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(&path).expect("is there"), "mine");
    }

    #[test]
    fn a_full_queue_is_somebody_who_listens() {
        let folder = Folder::new("full");
        let path = folder.0.join("s.sock");
        let (_listening, _file) = bind(&path, 0).expect("binds");
        let queued: Vec<_> = std::iter::from_fn(|| connect(&path).ok()).take(100).collect();
        assert!(queued.len() < 100, "the queue is bounded");
        assert_eq!(bind(&path, 8).expect_err("somebody listens").kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_file_goes_with_its_guard_unless_it_is_another_by_now() {
        let folder = Folder::new("guard");
        let path = folder.0.join("s.sock");
        drop(bind(&path, 8).expect("binds"));
        assert!(!path.exists());
        let bound = bind(&path, 8).expect("binds");
        fs::remove_file(&path).expect("is there");
        let _other = UnixListener::bind(&path).expect("binds");
        drop(bound);
        assert!(path.exists(), "it belongs to the other");
    }
}
