//! What to do about an error of the system, as far as it is known: the words that follow its own.

use crate::base::Address;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

/// Ports below this belong to privileged processes, unless the system says otherwise.
const FIRST_FREE_PORT: u16 = 1024;

/// Too many descriptors of the process, of the machine.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// About an address that cannot be bound; begins with `: ` unless there is nothing to say.
pub fn bind(wanted: &Address, error: &io::Error) -> String {
    match (wanted, error.kind()) {
        _ if is_full(error) => about(LIMIT),
        (Address::Tcp(addr), ErrorKind::AddrInUse) => about(&format!(
            "another process listens there, `ss -ltnp 'sport = :{}'` tells which",
            addr.port()
        )),
        (Address::Tcp(addr), ErrorKind::PermissionDenied) if is_low(addr) => about(
            "ports below 1024 need CAP_NET_BIND_SERVICE: AmbientCapabilities= of systemd, \
             `setcap cap_net_bind_service=+ep` on the binary, or a lower net.ipv4.ip_unprivileged_port_start",
        ),
        (Address::Tcp(addr), ErrorKind::AddrNotAvailable) => about(&format!(
            "no interface has {}, `ip -brief address` lists those there are; {} is every one",
            addr.ip(),
            if addr.is_ipv4() { "0.0.0.0" } else { "[::]" }
        )),
        (Address::Unix(path), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            about(&folder(path, error))
        }
        _ => String::new(),
    }
}

/// About a file that cannot be opened for writing.
pub fn file(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_full(error) => LIMITED,
        ErrorKind::NotFound => ": its folder is not there",
        ErrorKind::PermissionDenied => {
            ": the user that Ringgate runs as may not write it, `id` tells who that is"
        }
        ErrorKind::IsADirectory => ": it is a folder, name a file in it",
        _ => "",
    }
}

/// About io_uring where it does not work: what forbids it, as far as the system tells.
pub fn io_uring(error: &io::Error) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let disabled = read("/proc/sys/kernel/io_uring_disabled");
    let status = read("/proc/self/status");
    let filters = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
    about(match error.kind() {
        ErrorKind::PermissionDenied if matches!(disabled.trim(), "1" | "2") => {
            "`sysctl kernel.io_uring_disabled=0` allows it"
        }
        ErrorKind::PermissionDenied if filters.is_some_and(|mode| mode.trim() == "2") => {
            "a seccomp profile forbids it, as Docker's does: allow io_uring_setup, io_uring_enter and io_uring_register"
        }
        ErrorKind::Unsupported => "it needs Linux 5.19 or newer, built with CONFIG_IO_URING",
        ErrorKind::OutOfMemory => "it needs more locked memory: raise the limit, LimitMEMLOCK= of systemd",
        _ => "",
    })
}

/// Why fewer descriptors than the configuration can need is a fault, and what to do.
pub const LIMIT: &str = "raise the hard limit (LimitNOFILE= of systemd, --ulimit nofile= of docker), \
     or lower gateway.connections and the pools' connections";
const LIMITED: &str =
    ": no descriptor is left, raise the hard limit (LimitNOFILE= of systemd, --ulimit nofile= of docker)";

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

fn is_low(addr: &SocketAddr) -> bool {
    addr.port() < FIRST_FREE_PORT
}

fn folder(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().unwrap_or(Path::new("/")).display();
    match error.kind() {
        ErrorKind::NotFound => {
            format!("the folder {folder} is not there: make it, or RuntimeDirectory= of systemd")
        }
        _ => format!("the user that Ringgate runs as may not write to {folder}"),
    }
}

fn about(advice: &str) -> String {
    if advice.is_empty() { String::new() } else { format!(": {advice}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_an_error_is_told_with_what_to_do() {
        let tcp = |text: &str| Address::Tcp(text.parse().unwrap());
        let unix = || Address::Unix(Path::new("/run/none/a.sock").into());
        let told: [(Address, ErrorKind, &str); 6] = [
            (tcp("127.0.0.1:8080"), ErrorKind::AddrInUse, "sport = :8080"),
            (tcp("0.0.0.0:80"), ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
            (tcp("192.0.2.1:8080"), ErrorKind::AddrNotAvailable, "no interface has 192.0.2.1"),
            (tcp("[2001:db8::1]:8080"), ErrorKind::AddrNotAvailable, "[::] is every one"),
            (unix(), ErrorKind::NotFound, "the folder /run/none is not there"),
            (unix(), ErrorKind::PermissionDenied, "may not write to /run/none"),
        ];
        for (wanted, kind, words) in told {
            let advice = bind(&wanted, &kind.into());
            assert!(advice.starts_with(": ") && advice.contains(words), "{wanted}: {advice}");
        }
        assert_eq!(bind(&tcp("0.0.0.0:8080"), &ErrorKind::PermissionDenied.into()), "");
        let full = io::Error::from_raw_os_error(EMFILE);
        assert!(bind(&unix(), &full).contains("LimitNOFILE") && file(&full).contains("LimitNOFILE"));
    }
}
