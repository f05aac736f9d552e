//! Accepting: options of what is accepted, waits given up, the queue at the end, and no descriptor left.

use crate::rig::{drivers, listener, on, on_each, once, pair, pause, soon, take, wheel};
use ringgate::accept::{Accepted, Admission, Admit, Arrival, accept};
use ringgate::net::clock;
use ringgate::net::dial::dial;
use ringgate::net::driver::Driver;
use ringgate::net::spawn::{spawn, yield_to_back};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

const NONBLOCK: u32 = libc::O_NONBLOCK as u32;
const CLOEXEC: u32 = libc::O_CLOEXEC as u32;

/// Flags of this process's sockets that have `port` on their own side or the other: those of the shard's end are
/// told apart from the peer's by which side it is.
fn flags(port: u16) -> Vec<(bool, u32)> {
    let inodes = inodes(port);
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").expect("is Linux").flatten() {
        let link = fs::read_link(entry.path()).unwrap_or_default();
        let inode =
            link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        let Some(own) = inode.and_then(|inode: u64| inodes.get(&inode)) else { continue };
        let info = format!("/proc/self/fdinfo/{}", entry.file_name().to_string_lossy());
        let info = fs::read_to_string(info).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("0");
        found.push((*own, u32::from_str_radix(flags.trim(), 8).expect("is octal")));
    }
    found
}

/// Inodes of the machine's TCP sockets with `port`, and whether it is on their own side.
fn inodes(port: u16) -> BTreeMap<u64, bool> {
    let mut found = BTreeMap::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let is = |column: &str| column.rsplit(':').next() == Some(&format!("{port:04X}"));
            if is(columns[1]) || is(columns[2]) {
                found.insert(columns[9].parse().expect("is an inode"), is(columns[1]));
            }
        }
    }
    found
}

/// This process's sockets with `port` on either side.
pub fn sockets_of(port: u16) -> usize {
    flags(port).len()
}

#[test]
fn every_socket_of_a_shard_is_non_blocking_and_closed_on_exec() {
    on_each(|| async {
        let wheel = wheel();
        let (listener, addr) = listener();
        let (_accepted, _peer) = pair(&listener, addr);
        let own: Vec<u32> =
            flags(addr.port()).into_iter().filter(|(own, _)| *own).map(|(_, flags)| flags).collect();
        assert_eq!(own.len(), 2, "the listening and the accepted socket");
        assert!(own.iter().all(|flags| flags & (NONBLOCK | CLOEXEC) == NONBLOCK | CLOEXEC), "{own:?}");

        let peer = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
        let deadline = wheel.deadline();
        deadline.set(clock::coarse().after(Duration::from_secs(10)));
        let addr = peer.local_addr().expect("is bound").into();
        let dialled = dial(&addr, &deadline).await.expect("is listened to");
        let port = dialled.local_addr().expect("is bound").port();
        let own: Vec<u32> = flags(port).into_iter().filter(|(own, _)| *own).map(|(_, flags)| flags).collect();
        assert_eq!(own.len(), 1, "the dialled socket");
        assert_eq!(own[0] & (NONBLOCK | CLOEXEC), NONBLOCK | CLOEXEC, "{own:?}");
    });
}

#[test]
fn an_accepted_socket_sends_without_delay() {
    on_each(|| async {
        let (listener, addr) = listener();
        let _peer = TcpStream::connect(addr).expect("is listened to");
        let (fd, from) = take(&listener);
        assert!(TcpStream::from(fd).nodelay().expect("is a TCP socket"));
        assert_eq!(from, _peer.local_addr().expect("is bound").into());
    });
}

#[test]
fn a_dropped_wait_for_a_connection_loses_none_and_leaves_no_descriptor() {
    on_each(|| async {
        let wheel = wheel();
        let (listener, addr) = listener();
        for try_ in 0..200 {
            let client;
            {
                let mut wait = pin!(listener.ready());
                assert!(!once(&mut wait).await, "nobody connects yet");
                client = TcpStream::connect(addr).expect("is listened to");
                match try_ % 4 {
                    0 => {}
                    1 => yield_to_back().await,
                    2 => pause(&wheel, Duration::from_millis(1)).await,
                    _ => soon(&wheel, "the connection", wait).await.expect("the driver waits"),
                }
            }
            soon(&wheel, "the connection", listener.ready()).await.expect("the driver waits");
            let (fd, from) = listener.try_accept().expect("is queued");
            assert_eq!(from, client.local_addr().expect("is bound").into());
            assert!(listener.try_accept().is_err(), "it is there once");
            drop(fd);
        }
        assert_eq!(sockets_of(addr.port()), 1, "the listening one");
        {
            let mut wait = pin!(listener.ready());
            once(&mut wait).await;
        }
        drop(listener);
        for _ in 0..100 {
            if sockets_of(addr.port()) == 0 {
                return;
            }
            pause(&wheel, Duration::from_millis(10)).await;
        }
        panic!("the listening socket is still open");
    });
}

fn unlimited() -> impl Fn() -> Option<Admission> {
    let admit = Admit { listener: (Arc::default(), u32::MAX), process: (Arc::default(), u32::MAX) };
    move || admit.admit()
}

#[test]
fn at_its_end_the_accept_loop_takes_what_is_queued() {
    on_each(|| async {
        let wheel = wheel();
        let (listener, addr) = listener();
        let taken = Rc::new(Cell::new(0));
        let ended = Rc::new(Cell::new(false));
        let ending = {
            let ended = ended.clone();
            poll_fn(move |_| if ended.get() { Poll::Ready(()) } else { Poll::Pending })
        };
        let counting = taken.clone();
        let count = move |_| counting.set(counting.get() + 1);
        let mut accepting = pin!(accept(listener, unlimited(), wheel, ending, (count, |_| {})));
        assert!(!once(&mut accepting).await);
        let clients: Vec<_> = (0..200).map(|_| TcpStream::connect(addr).expect("is listened to")).collect();
        ended.set(true);
        accepting.await;
        assert_eq!(taken.get(), clients.len());
    });
}

/// Set for the process that runs out of descriptors: the driver it is to use.
const CHILD: &str = "RINGGATE_TEST_CHILD_DRIVER";
/// Descriptors that it may have, and connections made to it.
const DESCRIPTORS: usize = 64;
const CLIENTS: usize = 150;

#[test]
fn out_of_descriptors_the_accept_loop_backs_off_and_recovers() {
    if let Ok(driver) = std::env::var(CHILD) {
        let driver = drivers().into_iter().find(|known| known.to_string() == driver).expect("is known");
        return on(driver, hold_then_let_go);
    }
    drivers().into_iter().for_each(starve);
}

/// Takes connections until there are no descriptors, then greets those it holds and lets them go; and again.
async fn hold_then_let_go() {
    let wheel = wheel();
    let (listener, addr) = listener();
    let held = Rc::new(RefCell::new(Vec::<Accepted>::new()));
    let holding = held.clone();
    let take = move |arrival| match arrival {
        Arrival::Admitted(accepted, _) | Arrival::Refused(accepted) => holding.borrow_mut().push(accepted),
    };
    let lacks = Rc::new(Cell::new(""));
    let told = lacks.clone();
    let short = move |what: ringgate::net::Shortage| told.set(what.name());
    spawn(accept(listener, unlimited(), wheel.clone(), std::future::pending(), (take, short)));
    println!("\nport {}", addr.port());
    let mut greeted = 0;
    while greeted < CLIENTS {
        pause(&wheel, Duration::from_millis(300)).await;
        for accepted in held.borrow_mut().drain(..) {
            TcpStream::from(accepted.fd).write_all(b"x").expect("has room");
            greeted += 1;
        }
    }
    assert_eq!(lacks.get(), "process_descriptors");
}

fn starve(driver: Driver) {
    let own = std::env::current_exe().expect("has a path");
    let name = "accepts::out_of_descriptors_the_accept_loop_backs_off_and_recovers";
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"")])
        .arg(own)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, driver.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("port ")?.parse().ok());
    let addr = SocketAddr::from(([127, 0, 0, 1], port.expect("the child listens")));
    let begin = (Instant::now(), cpu_time(child.id()));
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|_| TcpStream::connect(addr).expect("is listened to")).collect();
    for client in &mut clients {
        client.set_read_timeout(Some(Duration::from_secs(10))).expect("takes a timeout");
        client.read_exact(&mut [0]).expect("each is greeted");
        if begin.0.elapsed() > Duration::from_millis(600) {
            // Two rounds of running out are over.
            let (wall, cpu) = (begin.0.elapsed(), cpu_time(child.id()).saturating_sub(begin.1));
            assert!(cpu < wall / 2, "{driver}: {cpu:?} of CPU in {wall:?}: it spins");
        }
    }
    lines.by_ref().map_while(Result::ok).for_each(drop);
    assert!(child.wait().expect("ends").success());
    assert!(begin.0.elapsed() > Duration::from_millis(600), "{driver}: it never ran out");
}

/// CPU time of a process.
fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, fields)) = stat.rsplit_once(") ") else { return Duration::MAX };
    // utime and stime, in hundredths of a second.
    let ticks: u64 =
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("is a number")).sum();
    Duration::from_millis(ticks * 10)
}
