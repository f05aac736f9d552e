//! A real Redis in a folder of its own, on a free port, that keeps nothing on disk.

use crate::support::PATIENCE;
use ringgate::wire::resp::{self, Reply};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Numbers the folders of this process.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A Redis, which may be dead. Dropping it ends it by its id.
pub struct Redis {
    program: &'static str,
    child: Child,
    addr: SocketAddr,
    folder: PathBuf,
    options: Vec<String>,
}

impl Redis {
    /// Starts one with further options; none where it is not installed.
    pub fn start(options: &[&str]) -> Option<Redis> {
        let programs = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"];
        let Some(program) = programs.into_iter().find(|path| fs::metadata(path).is_ok()) else {
            let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!required, "redis-server is not installed: apt-get install redis-server");
            eprintln!("redis-server is not installed: this test is passed by");
            return None;
        };
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        // Between finding a free port and binding it another may take it.
        let found = (0..5).find_map(|_| {
            let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let number = STARTED.fetch_add(1, Ordering::Relaxed);
            let name = format!("ringgate-redis-{}-{number}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            let child = spawn(program, addr, &folder, &options);
            let mut redis = Redis { program, child, addr, folder, options: options.clone() };
            redis.answers().then_some(redis)
        });
        Some(found.expect("redis-server starts on one of five free ports"))
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Kills it, as a machine that fails does.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again on its port, empty, and waits until it answers.
    pub fn restart(&mut self) {
        self.child = spawn(self.program, self.addr, &self.folder, &self.options);
        assert!(self.answers(), "it starts again on {}", self.addr);
    }

    /// Waits until it answers anything; false where it has ended.
    fn answers(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            if let Ok(stream) = TcpStream::connect(self.addr)
                && Wire::of(stream).ask(&[b"PING"]).is_some()
            {
                return true;
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        false
    }

    /// A connection to it.
    pub fn wire(&self) -> Wire {
        Wire::of(TcpStream::connect(self.addr).unwrap())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn spawn(program: &str, addr: SocketAddr, folder: &PathBuf, options: &[String]) -> Child {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
    command.arg(addr.port().to_string()).arg("--dir").arg(folder).args(options);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A connection that asks one thing at a time.
pub struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Wire {
    fn of(stream: TcpStream) -> Wire {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Wire { stream, input: Vec::new() }
    }

    /// Asks and gives the answer as text; none where the connection ends.
    pub fn ask(&mut self, arguments: &[&[u8]]) -> Option<String> {
        let mut out = Vec::new();
        resp::command(arguments, &mut out);
        self.send(&out, |reply| format!("{reply:?}"))
    }

    /// Sends what was written and gives what `take` makes of the answer.
    pub fn send<T>(&mut self, question: &[u8], take: impl FnOnce(&Reply<'_>) -> T) -> Option<T> {
        self.stream.write_all(question).ok()?;
        loop {
            if let Some((reply, length)) = resp::reply(&self.input).expect("Redis speaks as it does") {
                let taken = take(&reply);
                self.input.drain(..length);
                return Some(taken);
            }
            let mut chunk = [0; 4096];
            let read = self.stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
            self.input.extend_from_slice(&chunk[..read]);
        }
    }
}
