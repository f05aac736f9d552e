//! Where io_uring is blocked the probe says so at once, whichever call it is, and `driver: auto` runs on epoll.
//! The kernel's own filter (seccomp) blocks the call: for one thread, or for a process before it starts.
#![allow(unsafe_code)]

use ringgate::net::driver::{Driver, probe_io_uring};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, io, thread};

/// From now on `call` fails with EPERM on this thread and all it starts, as in a container that forbids it.
fn forbid(call: libc::c_long) -> io::Result<()> {
    let load_number = libc::sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
    let is_call = libc::sock_filter { code: 0x15, jt: 0, jf: 1, k: call as u32 };
    let refuse =
        libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ERRNO | libc::EPERM as u32 };
    let allow = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let mut filter = [load_number, is_call, refuse, allow];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both calls concern this thread; the program lives until the kernel has copied it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[test]
fn the_probe_gives_a_driver_that_works_or_says_why_not() {
    match probe_io_uring() {
        Ok(driver) => {
            assert!(matches!(driver, Driver::IoUring(_)));
            assert_eq!(ringgate::net::driver::run(driver, async { 7 }).expect("is built"), 7);
        }
        Err(error) => println!("no io_uring here: {error}"),
    }
    assert_eq!(ringgate::net::driver::run(Driver::Epoll, async { 7 }).expect("is built"), 7);
}

#[test]
fn a_ring_that_cannot_be_made_or_not_be_entered_is_no_driver() {
    for call in [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter] {
        let probing = thread::spawn(move || {
            forbid(call).expect("a thread may bind itself");
            probe_io_uring()
        });
        let refused = probing.join().expect("does not panic").expect_err("io_uring is blocked");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{refused}");
    }
}

/// The gateway with `driver`, before `origin`, where `call` is forbidden.
fn gateway(driver: &str, origin: &str, call: libc::c_long) -> Child {
    let name = format!("ringgate-blocked-{}-{driver}-{call}.yaml", std::process::id());
    let path = std::env::temp_dir().join(name);
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {driver} }}\naccess_log: off\nlisteners: [{{ bind: 127.0.0.1:0 \
         }}]\nupstreams: {{ o: {{ endpoints: [{{ address: \"{origin}\" }}] }} }}\nroutes: [{{ name: all, match: {{ \
         path: /* }}, to: [{{ upstream: o }}] }}]\n"
    );
    fs::write(&path, text).expect("the temporary folder can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringgate"));
    command.args(["run", "-f"]).arg(path).stderr(Stdio::piped());
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(move || forbid(call)) };
    command.spawn().expect("starts")
}

#[test]
fn auto_runs_on_epoll_where_io_uring_is_blocked() {
    let origin = TcpListener::bind("127.0.0.1:0").expect("binds");
    let addr = origin.local_addr().expect("is bound").to_string();
    thread::spawn(move || {
        for mut stream in origin.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    for call in [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter] {
        let mut child = gateway("auto", &addr, call);
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines().map_while(Result::ok);
        let bound = lines.find_map(|line| {
            said += &line;
            line.rsplit_once(" on ").filter(|_| line.contains("listener"))?.1.parse().ok()
        });
        assert!(said.contains("epoll is used instead"), "{said}");
        let addr: std::net::SocketAddr = bound.expect("it listens");
        let mut client = TcpStream::connect(addr).expect("is listened to");
        client.set_read_timeout(Some(Duration::from_secs(10))).expect("takes a timeout");
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("is taken");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("ends");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok"), "{answer}");
        child.kill().expect("runs");
        child.wait().expect("ends");
    }
}

#[test]
fn io_uring_by_name_is_refused_where_it_is_blocked() {
    let child = gateway("io_uring", "127.0.0.1:9", libc::SYS_io_uring_setup);
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("io_uring does not work here") && said.contains("driver: auto"), "{said}");
}
