//! Clients and origins that others wrote, run as scripts of Debian's Python: what they agree on with the gateway is more than
//! what we think of the protocols. Without their packages these tests pass by, but not where `CI=true`.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The interpreter that has these modules.
pub fn python(modules: &str) -> Option<&'static str> {
    let has = |python: &&str| {
        let mut command = Command::new(python);
        let command = command.args(["-c", &format!("import {modules}")]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = ["/usr/bin/python3", "python3"].into_iter().find(has);
    let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(found.is_some() || !required, "Python has no {modules}: .ci/install");
    if found.is_none() {
        eprintln!("Python has no {modules}: this test is passed by");
    }
    found
}

/// An origin that runs until it is dropped.
pub struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Server {
    /// Starts one, which prints its port.
    pub fn start(python: &str, name: &str) -> Server {
        let mut command = Command::new(python);
        let command = command.arg(script(name)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python runs");
        let out = BufReader::new(child.stdout.take().expect("is piped"));
        let mut server = Server { child, out, addr: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let port = server.line().parse().expect("is a port");
        server.addr.set_port(port);
        server
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("prints text");
        line.trim().to_owned()
    }

    /// Ends it, and gives what it printed then.
    pub fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.out.read_to_string(&mut said).expect("is text");
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a client to its end, which has to be a good one; gives what it printed.
pub fn client(python: &str, name: &str, port: u16) -> String {
    let out = Command::new(python).arg(script(name)).arg(port.to_string()).output().expect("Python runs");
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{name}: {told}{}", String::from_utf8_lossy(&out.stderr));
    told
}
