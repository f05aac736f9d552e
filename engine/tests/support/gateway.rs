//! The built binary as a process: started with a configuration, reached on a free port, ended by its id.

use super::{Client, Driver, Lines, PATIENCE, Setup};
use serde_json::Value;
use std::fmt::Display;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Gateways started by this process: numbers their folders and shares out the CPUs.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A running gateway. Dropping it ends it, and fails the test if it had ended by itself or a task panicked.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    addr: SocketAddr,
    said: Lines,
    log: Lines,
    folder: PathBuf,
    file: PathBuf,
    ended: Option<ExitStatus>,
}

impl Gateway {
    /// Starts one and waits until its listener takes connections.
    pub fn start(driver: Driver, setup: &Setup) -> Gateway {
        Gateway::with(&setup.text(driver), setup.shards)
    }

    /// Starts one with the configuration `text`, which says how many shards it has.
    pub fn with(text: &str, shards: u32) -> Gateway {
        let (child, said, folder) = Gateway::spawn(text, shards, &[]);
        let announced =
            said.wait("the listener's address", |lines| lines.iter().any(|line| bound(line).is_some()));
        let addr = announced.iter().find_map(|line| bound(line)).unwrap();
        Gateway::of(child, addr, said, folder)
    }

    /// Starts one that listens on `addr`, with these variables, and waits until it takes connections, whatever it says.
    #[allow(dead_code, reason = "not every test that is built with this file needs it")]
    pub fn told(text: &str, addr: SocketAddr, variables: &[(&str, &str)]) -> Gateway {
        let (mut child, said, folder) = Gateway::spawn(text, 1, variables);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(addr).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "not in time, {ended:?}: {:?}", said.now());
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Gateway::of(child, addr, said, folder)
    }

    fn spawn(text: &str, shards: u32, variables: &[(&str, &str)]) -> (Child, Lines, PathBuf) {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = folder(number);
        let file = folder.join("ringgate.yaml");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringgate"));
        command.arg("run").arg("-f").arg(&file).envs(variables.iter().copied());
        let mut child = if shards == 1 { on_one_cpu(command, number) } else { spawn(command) };
        let said = Lines::of(child.stderr.take().unwrap());
        (child, said, folder)
    }

    fn of(mut child: Child, addr: SocketAddr, said: Lines, folder: PathBuf) -> Gateway {
        let log = Lines::of(child.stdout.take().unwrap());
        Gateway { child, addr, said, log, file: folder.join("ringgate.yaml"), folder, ended: None }
    }

    /// Where its listener is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A new connection to its listener.
    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// What it said on stderr.
    pub fn said(&self) -> &Lines {
        &self.said
    }

    /// Waits for the access log's line of the connection from `client` and gives it.
    #[track_caller]
    pub fn log_of(&self, client: impl Display) -> Value {
        self.log_where(client, "a log line", |_| true)
    }

    /// Waits for a line of the connection from `client` of which `holds`, and gives it.
    #[track_caller]
    pub fn log_where(&self, client: impl Display, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mark = format!("\"client\":\"{client}\"");
        let find = |lines: &[String]| -> Option<Value> {
            let own =
                lines.iter().filter(|line| memchr::memmem::find(line.as_bytes(), mark.as_bytes()).is_some());
            own.map(|line| serde_json::from_str(line).expect("a log line is JSON")).find(&holds)
        };
        find(&self.log.wait(&format!("{what} of {client}"), |lines| find(lines).is_some())).unwrap()
    }

    /// Waits for `count` lines of the connection from `client`.
    #[track_caller]
    pub fn logs_of(&self, client: impl Display, count: usize) -> Vec<Value> {
        let mark = format!("\"client\":\"{client}\"");
        let own = |lines: &[String]| lines.iter().filter(|line| line.contains(&mark)).count();
        let lines = self.log.wait(&format!("{count} log lines of {client}"), |lines| own(lines) >= count);
        let own = lines.iter().filter(|line| line.contains(&mark));
        own.map(|line| serde_json::from_str(line).expect("a log line is JSON")).collect()
    }

    /// Waits for `count` lines, of whatever connections.
    #[allow(dead_code, reason = "not every test that is built with this file needs it")]
    #[track_caller]
    pub fn logs(&self, count: usize) -> Vec<Value> {
        let lines = self.log.wait(&format!("{count} log lines"), |lines| lines.len() >= count);
        lines.iter().map(|line| serde_json::from_str(line).expect("a log line is JSON")).collect()
    }

    /// Bytes that its process holds. Not by its metrics, the making of which takes some itself.
    #[allow(dead_code, reason = "not every test that is built with this file needs it")]
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib =
            line.and_then(|line| line.trim().strip_suffix(" kB")).expect("the system tells what it holds");
        kib.parse::<u64>().expect("is a number") * 1024
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        signal("TERM", self.child.id());
    }

    /// Sends SIG`name`.
    #[allow(dead_code, reason = "not every test that is built with this file needs it")]
    pub fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// From now on it may have so many descriptors open.
    #[allow(dead_code, reason = "not every test that is built with this file needs it")]
    pub fn descriptors(&self, most: usize) {
        let id = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &id, &format!("--nofile={most}:")]).status();
        assert!(done.expect("util-linux is there").success());
    }

    /// The lowest number that none of its descriptors has: the next one would get it.
    pub fn lowest_free_descriptor(&self) -> usize {
        let taken =
            |number: &usize| Path::new(&format!("/proc/{}/fd/{number}", self.child.id())).is_symlink();
        (0..).find(|number| !taken(number)).expect("it has not all of them")
    }

    /// Its configuration file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Sends SIGHUP.
    pub fn hangup(&self) {
        signal("HUP", self.child.id());
    }

    /// Puts `text` in the place of the configuration file at once, by a rename.
    pub fn replace(&self, text: &str) {
        let next = self.file.with_extension("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, &self.file).unwrap();
    }

    /// Waits until all shards serve `generation`.
    #[track_caller]
    pub fn serves(&self, generation: u64) {
        let told = format!(" reloaded: generation {generation} is served");
        self.said.wait(&told, |lines| lines.iter().any(|line| line.ends_with(&told)));
    }

    /// Waits until it has refused `count` reloads; gives all it said.
    #[track_caller]
    pub fn refused(&self, count: usize) -> Vec<String> {
        let refusal = |line: &&String| line.contains(" reload_refused: ");
        let what = format!("{count} refused reloads");
        self.said.wait(&what, |lines| lines.iter().filter(refusal).count() >= count)
    }

    /// Where the listener `name` is, as it was told last.
    #[track_caller]
    pub fn listener(&self, name: &str) -> SocketAddr {
        let mark = format!(" listening: listener {name} on ");
        let lines = self.said.wait(&mark, |lines| lines.iter().any(|line| line.contains(&mark)));
        lines.iter().rev().find_map(|line| line.split_once(&mark)?.1.parse().ok()).expect("is an address")
    }

    /// Waits for its end.
    pub fn exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = wait(&mut self.child, deadline).expect("the gateway ends in time");
        self.ended = Some(status);
        status
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let ended_by_itself = self.ended.is_none() && matches!(self.child.try_wait(), Ok(Some(_)) | Err(_));
        drop(self.child.kill());
        drop(self.child.wait());
        let said = self.said.now();
        let panicked = said.iter().any(|line| line.contains("panicked"));
        drop(fs::remove_dir_all(&self.folder));
        if std::thread::panicking() {
            eprintln!("the gateway said: {said:#?}");
        } else {
            assert!(!ended_by_itself && !panicked, "the gateway ended by itself or panicked: {said:#?}");
        }
    }
}

/// Runs the binary on a configuration until it ends by itself; gives the file's path too.
pub fn run_to_end(command: &str, text: &str) -> (Output, PathBuf) {
    let folder = folder(STARTED.fetch_add(1, Ordering::Relaxed));
    let file = folder.join("ringgate.yaml");
    fs::write(&file, text).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_ringgate"));
    run.arg(command);
    if command == "run" {
        run.arg("-f");
    }
    let child = spawn({
        run.arg(&file);
        run
    });
    let output = output(child);
    drop(fs::remove_dir_all(&folder));
    (output, file)
}

/// Runs the binary with `words` until it ends by itself; `FILE` and `OTHER` among them are files with these texts.
pub fn run_with(words: &[&str], text: &str, other: &str) -> Output {
    let folder = folder(STARTED.fetch_add(1, Ordering::Relaxed));
    let [file, second] = [("ringgate.yaml", text), ("other.yaml", other)].map(|(name, text)| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let mut run = Command::new(env!("CARGO_BIN_EXE_ringgate"));
    for word in words {
        match *word {
            "FILE" => run.arg(&file),
            "OTHER" => run.arg(&second),
            word => run.arg(word),
        };
    }
    let output = output(spawn(run));
    drop(fs::remove_dir_all(&folder));
    output
}

/// Sends a signal to one process.
fn signal(name: &str, pid: u32) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{name} reaches {pid}");
}

fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the built binary starts")
}

/// Starts it on one CPU, each gateway on the next: a shard pins itself to the first CPU it is given, and all
/// gateways of a test run on the same one would leave the others idle.
fn on_one_cpu(command: Command, number: usize) -> Child {
    // Each test may be a process of its own.
    let number = number + std::process::id() as usize;
    let started = std::thread::spawn(move || {
        let cpus = core_affinity::get_core_ids().unwrap_or_default();
        if let Some(cpu) = cpus.get(number % cpus.len().max(1)) {
            core_affinity::set_for_current(*cpu);
        }
        spawn(command)
    });
    started.join().expect("the built binary starts")
}

/// Waits for a process, looking every few milliseconds: std has no wait with a deadline.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    None
}

fn output(mut child: Child) -> Output {
    let (said, told) = (Lines::of(child.stderr.take().unwrap()), Lines::of(child.stdout.take().unwrap()));
    let Some(status) = wait(&mut child, Instant::now() + PATIENCE) else {
        drop(child.kill());
        panic!("the binary did not end by itself: {:?}", said.now());
    };
    let text = |lines: Lines| lines.ended().join("\n").into_bytes();
    Output { status, stdout: text(told), stderr: text(said) }
}

fn folder(number: usize) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ringgate-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The address in `TIME info listening: listener NAME on ADDR`.
fn bound(line: &str) -> Option<SocketAddr> {
    line.split_once(" listening: listener ")?.1.rsplit_once(" on ")?.1.parse().ok()
}
