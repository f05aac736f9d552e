//! Other servers of HTTP/2 before the same origin. Where one is not installed its part is left out, but not where
//! `CI=true`.

use crate::nginx::Nginx;
use crate::support::PATIENCE;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tools::upstream::Origin;

pub enum Other {
    Nginx(Nginx),
    Haproxy(Haproxy),
}

impl Other {
    pub fn nginx(origin: &Origin) -> Option<Other> {
        Nginx::start("http2", origin.addr()).map(Other::Nginx)
    }

    pub fn haproxy(origin: &Origin) -> Option<Other> {
        Haproxy::start(origin.addr()).map(Other::Haproxy)
    }

    pub fn name(&self) -> &'static str {
        match self {
            Other::Nginx(_) => "nginx",
            Other::Haproxy(_) => "HAProxy",
        }
    }

    pub fn addr(&self) -> SocketAddr {
        match self {
            Other::Nginx(nginx) => nginx.http2,
            Other::Haproxy(haproxy) => haproxy.addr,
        }
    }
}

/// A running HAProxy. Dropping it ends it by its id.
pub struct Haproxy {
    child: Child,
    file: PathBuf,
    addr: SocketAddr,
}

impl Haproxy {
    fn start(origin: SocketAddr) -> Option<Haproxy> {
        let program =
            ["/usr/sbin/haproxy", "/usr/bin/haproxy"].into_iter().find(|path| fs::metadata(path).is_ok());
        let Some(program) = program else {
            let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!required, "haproxy is not installed: apt-get install haproxy");
            eprintln!("haproxy is not installed: its part is left out");
            return None;
        };
        // Between finding a free port and binding it another may take it.
        (0..5).find_map(|_| Haproxy::try_start(program, origin))
    }

    fn try_start(program: &str, origin: SocketAddr) -> Option<Haproxy> {
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = std::env::temp_dir().join(format!("ringgate-haproxy-{}.cfg", std::process::id()));
        let text = format!(
            "defaults\n  mode http\n  timeout client 20s\n  timeout server 20s\n  timeout connect 5s\n\
             listen h2\n  bind {addr} proto h2\n  server origin {origin}\n"
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(program);
        command.args(["-db", "-q", "-f"]).arg(&file);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut haproxy = Haproxy { child, file, addr };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && matches!(haproxy.child.try_wait(), Ok(None)) {
            if TcpStream::connect(addr).is_ok() {
                return Some(haproxy);
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.file));
    }
}
