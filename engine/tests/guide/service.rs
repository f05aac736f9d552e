//! The gateway as a service: what it tells over a real datagram socket, and the unit that is handed out.

use super::root;
use super::support::{Driver, Gateway, PATIENCE, Setup};
use std::net::{SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as Name, UnixDatagram};
use std::process::Command;

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn text(addr: SocketAddr) -> String {
    let origin: SocketAddr = "127.0.0.1:1".parse().unwrap();
    Setup::before(&[origin]).text(Driver::Epoll).replace("127.0.0.1:0", &addr.to_string())
}

/// The next message; nothing that the socket gets is lost.
fn next(manager: &UnixDatagram) -> String {
    let mut message = [0; 512];
    let count = manager.recv(&mut message).expect("a message comes in time");
    String::from_utf8(message[..count].to_vec()).unwrap()
}

#[test]
fn a_service_manager_is_told_of_start_health_and_end() {
    let own = format!("ringgate-service-{}", std::process::id());
    let path = std::env::temp_dir().join(&own);
    drop(std::fs::remove_file(&path));
    let abstract_name = Name::from_abstract_name(&own).unwrap();
    for (manager, name) in [
        (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap().to_owned()),
        (UnixDatagram::bind_addr(&abstract_name).unwrap(), format!("@{own}")),
    ] {
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let addr = free();
        let variables = [("NOTIFY_SOCKET", &*name), ("WATCHDOG_USEC", "1000000")];
        let mut gateway = Gateway::told(&text(addr), addr, &variables);
        assert_eq!(next(&manager), "READY=1\nSTATUS=serving generation 1 with 1 shards");
        // A second holds four looks; two pings in a row show that it goes on.
        assert_eq!((next(&manager), next(&manager)), ("WATCHDOG=1".into(), "WATCHDOG=1".into()));
        // What comes beside pings.
        let news =
            || std::iter::repeat_with(|| next(&manager)).find(|message| message != "WATCHDOG=1").unwrap();
        gateway.hangup();
        let reloading = news();
        let stamp = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("a reload has begun");
        assert!(
            stamp.strip_suffix("\nSTATUS=reloading").is_some_and(|stamp| stamp.parse::<u64>().is_ok()),
            "{stamp}"
        );
        assert_eq!(news(), "READY=1\nSTATUS=serving generation 2 with 1 shards");
        gateway.replace("version: 2\n");
        gateway.hangup();
        assert!(news().starts_with("RELOADING=1\n"));
        assert_eq!(news(), "READY=1\nSTATUS=serving generation 2 with 1 shards");
        gateway.terminate();
        // The file is watched too, and may have been refused once more.
        let last = std::iter::repeat_with(news).find(|message| message.starts_with("STOPPING=1"));
        assert_eq!(last.as_deref(), Some("STOPPING=1\nSTATUS=draining"));
        assert!(gateway.exit().success());
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_manager_that_is_not_there_is_told_of_once_and_the_gateway_serves() {
    let addr = free();
    let variables = [("NOTIFY_SOCKET", "/nowhere/notify"), ("WATCHDOG_USEC", "1000000")];
    let mut gateway = Gateway::told(&text(addr), addr, &variables);
    gateway.said().wait("the failure", |lines| lines.iter().any(|line| line.contains(" notify_failed: ")));
    gateway.terminate();
    assert!(gateway.exit().success());
    let said = gateway.said().ended();
    assert_eq!(said.iter().filter(|line| line.contains(" notify_failed: ")).count(), 1, "{said:#?}");
}

#[test]
fn the_unit_is_one_that_systemd_reads() {
    let unit = std::fs::read_to_string(root().join("config/systemd/ringgate.service")).unwrap();
    for line in ["Type=notify", "WatchdogSec=30s", "ExecReload=", "SystemCallFilter=@system-service"] {
        assert!(unit.lines().any(|own| own.starts_with(line)), "{line}");
    }
    // RestartPreventExitStatus is about the main process alone: a command before it that fails is repeated for ever.
    assert!(!unit.contains("ExecStartPre"), "run checks the configuration itself");
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("systemd-analyze is not here: the unit is not read by systemd");
        return;
    }
    // The binary is not installed here; the built one stands for it.
    let folder = std::env::temp_dir().join(format!("ringgate-unit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ringgate.service");
    std::fs::write(&file, unit.replace("/usr/local/bin/ringgate", env!("CARGO_BIN_EXE_ringgate"))).unwrap();
    let read = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&read.stderr).into_owned();
    let own = said.lines().filter(|line| line.contains("ringgate.service")).collect::<Vec<_>>();
    assert!(read.status.success() && own.is_empty(), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
