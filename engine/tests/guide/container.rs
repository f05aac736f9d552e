//! The seccomp profile that is handed out: the gateway serves under it on each driver, and nothing of it was refused on the way.
#![allow(unsafe_code)]

use super::root;
use super::support::{Client, PATIENCE, each_driver};
use super::support::{Lines, Setup};
use serde_json::Value;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use tools::upstream::Origin;

/// The number of each call that the profile names.
macro_rules! calls {
    ($($name:ident: $constant:ident,)+) => {
        const CALLS: &[(&str, libc::c_long)] = &[$((stringify!($name), libc::$constant)),+];
    };
}

#[cfg(target_arch = "x86_64")]
calls! {
    accept4: SYS_accept4, access: SYS_access, arch_prctl: SYS_arch_prctl, bind: SYS_bind, brk: SYS_brk,
    capget: SYS_capget, capset: SYS_capset, chdir: SYS_chdir, clock_getres: SYS_clock_getres,
    clock_gettime: SYS_clock_gettime, clock_nanosleep: SYS_clock_nanosleep, clone: SYS_clone,
    clone3: SYS_clone3, close: SYS_close, close_range: SYS_close_range, connect: SYS_connect, dup: SYS_dup,
    dup2: SYS_dup2, dup3: SYS_dup3, epoll_create1: SYS_epoll_create1, epoll_ctl: SYS_epoll_ctl,
    epoll_pwait: SYS_epoll_pwait, epoll_pwait2: SYS_epoll_pwait2, epoll_wait: SYS_epoll_wait,
    eventfd2: SYS_eventfd2, execve: SYS_execve, exit: SYS_exit, exit_group: SYS_exit_group,
    faccessat: SYS_faccessat, faccessat2: SYS_faccessat2, fchdir: SYS_fchdir, fchown: SYS_fchown,
    fcntl: SYS_fcntl, fstat: SYS_fstat, fstatfs: SYS_fstatfs, fsync: SYS_fsync, ftruncate: SYS_ftruncate,
    futex: SYS_futex, getcwd: SYS_getcwd, getdents64: SYS_getdents64, getegid: SYS_getegid,
    geteuid: SYS_geteuid, getgid: SYS_getgid, getpeername: SYS_getpeername, getpid: SYS_getpid,
    getppid: SYS_getppid, getrandom: SYS_getrandom, getrlimit: SYS_getrlimit, getsockname: SYS_getsockname,
    getsockopt: SYS_getsockopt, gettid: SYS_gettid, gettimeofday: SYS_gettimeofday, getuid: SYS_getuid,
    inotify_add_watch: SYS_inotify_add_watch, inotify_init1: SYS_inotify_init1,
    inotify_rm_watch: SYS_inotify_rm_watch, io_uring_enter: SYS_io_uring_enter,
    io_uring_register: SYS_io_uring_register, io_uring_setup: SYS_io_uring_setup, ioctl: SYS_ioctl,
    keyctl: SYS_keyctl, kill: SYS_kill, listen: SYS_listen, lseek: SYS_lseek, lstat: SYS_lstat,
    madvise: SYS_madvise, membarrier: SYS_membarrier, mkdir: SYS_mkdir, mkdirat: SYS_mkdirat, mmap: SYS_mmap, mprotect: SYS_mprotect,
    mremap: SYS_mremap, munmap: SYS_munmap, nanosleep: SYS_nanosleep, newfstatat: SYS_newfstatat,
    open: SYS_open, openat: SYS_openat, personality: SYS_personality, pipe: SYS_pipe, pipe2: SYS_pipe2,
    poll: SYS_poll, ppoll: SYS_ppoll, prctl: SYS_prctl, pread64: SYS_pread64, prlimit64: SYS_prlimit64,
    pwrite64: SYS_pwrite64, read: SYS_read, readlink: SYS_readlink, readlinkat: SYS_readlinkat,
    readv: SYS_readv, recvfrom: SYS_recvfrom, recvmmsg: SYS_recvmmsg, recvmsg: SYS_recvmsg,
    rename: SYS_rename, renameat: SYS_renameat, renameat2: SYS_renameat2,
    restart_syscall: SYS_restart_syscall, rseq: SYS_rseq, rt_sigaction: SYS_rt_sigaction,
    rt_sigprocmask: SYS_rt_sigprocmask, rt_sigreturn: SYS_rt_sigreturn,
    sched_getaffinity: SYS_sched_getaffinity, sched_setaffinity: SYS_sched_setaffinity,
    sched_setscheduler: SYS_sched_setscheduler,
    sched_yield: SYS_sched_yield, sendmmsg: SYS_sendmmsg, sendmsg: SYS_sendmsg, sendto: SYS_sendto,
    set_robust_list: SYS_set_robust_list, set_tid_address: SYS_set_tid_address, setgid: SYS_setgid,
    setgroups: SYS_setgroups, setresgid: SYS_setresgid, setresuid: SYS_setresuid, setpriority: SYS_setpriority,
    setrlimit: SYS_setrlimit,
    setsid: SYS_setsid, setsockopt: SYS_setsockopt, setuid: SYS_setuid, shutdown: SYS_shutdown,
    sigaltstack: SYS_sigaltstack, socket: SYS_socket, socketpair: SYS_socketpair, splice: SYS_splice,
    stat: SYS_stat, statfs: SYS_statfs, statx: SYS_statx, sysinfo: SYS_sysinfo, tgkill: SYS_tgkill,
    umask: SYS_umask, uname: SYS_uname, unlink: SYS_unlink, unlinkat: SYS_unlinkat, wait4: SYS_wait4,
    write: SYS_write, writev: SYS_writev,
}

/// The profile as the kernel takes it: the calls it allows, by number.
fn allowed() -> Vec<u32> {
    let text = std::fs::read_to_string(root().join("config/seccomp/ringgate.json")).unwrap();
    let profile: Value = serde_json::from_str(&text).expect("the profile is JSON");
    assert_eq!(
        (&profile["defaultAction"], &profile["defaultErrnoRet"]),
        (&"SCMP_ACT_ERRNO".into(), &38.into())
    );
    let groups = profile["syscalls"].as_array().unwrap();
    let names = groups.iter().flat_map(|group| {
        assert_eq!(group["action"], "SCMP_ACT_ALLOW");
        group["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned())
    });
    let number = |name: String| {
        let call = CALLS.iter().find(|(known, _)| *known == name);
        call.unwrap_or_else(|| panic!("{name} is no call that this test knows")).1 as u32
    };
    names.map(number).collect()
}

/// A filter that allows these calls; any other ends the process, so that none goes unnoticed.
fn filter(allowed: &[u32]) -> Vec<libc::sock_filter> {
    let step = |code: u16, jt: u8, k: u32| libc::sock_filter { code, jt, jf: 0, k };
    // The call's number; then, for each allowed one, a jump over the next step; then the end.
    let mut filter = vec![step(0x20, 0, 0)];
    for number in allowed {
        filter.push(libc::sock_filter { code: 0x15, jt: 0, jf: 1, k: *number });
        filter.push(step(0x06, 0, libc::SECCOMP_RET_ALLOW));
    }
    filter.push(step(0x06, 0, libc::SECCOMP_RET_KILL_PROCESS));
    filter
}

fn confine(filter: &mut [libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both calls concern this process alone; the program lives until the kernel has copied it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_gateway_serves_under_the_profile_and_calls_nothing_else() {
    let filter = filter(&allowed());
    each_driver(|driver| {
        let origin = Origin::start();
        let folder =
            std::env::temp_dir().join(format!("ringgate-seccomp-{}-{}", std::process::id(), driver.name()));
        std::fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr: SocketAddr = port.local_addr().unwrap();
        drop(port);
        // A name, a Unix socket, a log in a file, metrics: what reaches further than sockets.
        let named =
            format!("  named: {{ endpoints: [{{ address: \"localhost:{}\" }}] }}\n", origin.addr().port());
        let setup = Setup {
            shards: 2,
            socket: Some(folder.join("front.sock")),
            top: format!("admin: {{ bind: \"unix:{}\" }}", folder.join("admin.sock").display()),
            upstreams: named,
            routes: "- { name: named, match: { host: named.test }, to: named }\n".to_owned(),
            access_log: folder.join("access.log").display().to_string(),
            ..Setup::of(&origin)
        };
        let file = folder.join("ringgate.yaml");
        std::fs::write(&file, setup.text(driver).replace("127.0.0.1:0", &addr.to_string())).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringgate"));
        command.args(["run", "-f"]).arg(&file).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut own = filter.clone();
        // SAFETY: between fork and exec only system calls are made.
        unsafe { command.pre_exec(move || confine(&mut own)) };
        let mut child = command.spawn().expect("starts");
        let said = Lines::of(child.stderr.take().unwrap());
        let started = said.wait("the start", |lines| lines.iter().any(|line| line.contains(" started: ")));
        assert!(started.iter().any(|line| line.contains(driver.name())), "{started:#?}");
        let mut client = Client::connect(addr);
        for request in [
            "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: named.test\r\n\r\n",
            "GET /bytes/3000000 HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            client.send(request);
            client.reply();
        }
        Client::connect_at(&folder.join("front.sock"))
            .send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
            .reply()
            .expect(200);
        for page in ["metrics", "upstreams"] {
            let head = format!("GET /{page} HTTP/1.1\r\nHost: a\r\n\r\n");
            Client::connect_at(&folder.join("admin.sock")).send(head).reply().expect(200);
        }
        for signal in ["HUP", "TERM"] {
            let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", child.id())).status();
            assert!(sent.is_ok_and(|status| status.success()));
        }
        let deadline = std::time::Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(std::time::Instant::now() < deadline, "it does not end: {:#?}", said.now());
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        };
        assert!(status.success(), "{status}, and it said {:#?}", said.ended());
        std::fs::remove_dir_all(&folder).unwrap();
    });
}
