//! What a service manager is told: that the gateway serves, reloads, ends, and, while every shard comes to its housekeeping,
//! that all is well. The protocol is sd_notify's: one datagram a message to the socket that `NOTIFY_SOCKET` names. Without
//! that nothing is sent, but silent shards are told of all the same.

mod socket;
mod watch;

use super::diagnostics::tell;
use crate::base::Generation;
use crate::net::clock;
use crate::observe::Counts;
use socket::NotifySocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use watch::Watch;

/// How often shards are looked at where no watchdog asks for more: two looks in a row make a shard silent.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looks within the time after which the watchdog bites: enough that a late one does not count.
const LOOKS: u32 = 4;
/// The least time between two looks: a shard's housekeeping comes round each 100 ms.
const LOOK_LEAST: Duration = Duration::from_millis(250);

/// The gateway as a service of the system.
#[derive(Debug, Clone)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: Option<NotifySocket>,
    has_failed: AtomicBool,
    is_ending: AtomicBool,
}

impl Service {
    /// Begins to look after the shards of `counts`, on the tokio runtime that this is called in.
    pub fn start(counts: Vec<Arc<Counts>>) -> Service {
        let (socket, failure) = match std::env::var_os("NOTIFY_SOCKET").map(|name| NotifySocket::open(&name))
        {
            None => (None, None),
            Some(Ok(socket)) => (Some(socket), None),
            Some(Err((name, error))) => (None, Some((name, error))),
        };
        if let Some((name, error)) = failure {
            failed(&name, &error.to_string());
        }
        let (has_failed, is_ending) = (AtomicBool::new(false), AtomicBool::new(false));
        let service = Service(Arc::new(Inner { socket, has_failed, is_ending }));
        tokio::spawn(service.clone().look_after(Watch::new(counts), look_every()));
        service
    }

    /// It serves: at the start, and after each reload.
    pub fn ready(&self, generation: Generation, shards: usize) {
        self.send(&format!("READY=1\nSTATUS=serving generation {} with {shards} shards", generation.0));
    }

    /// It reads its configuration again; [`Service::ready`] ends that, whatever came of it.
    pub fn reloading(&self) {
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", clock::now().0 / 1000));
    }

    /// It ends. From now on shards may be silent: they end one by one, and the end has a deadline of its own.
    pub fn stopping(&self) {
        self.0.is_ending.store(true, Relaxed);
        self.send("STOPPING=1\nSTATUS=draining");
    }

    async fn look_after(self, mut watch: Watch, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            if self.0.is_ending.load(Relaxed) || watch.look() {
                self.send("WATCHDOG=1");
            }
        }
    }

    fn send(&self, message: &str) {
        let Some(socket) = &self.0.socket else { return };
        if let Err(error) = socket.send(message) {
            // Told once: the watchdog alone would tell it every few seconds.
            if !self.0.has_failed.swap(true, Relaxed) {
                failed(socket.name(), &error.to_string());
            }
        }
    }
}

fn failed(socket: &str, error: &str) {
    tell!(NotifyFailed, { socket, error }, "the service manager cannot be told anything at {socket}: {error}");
}

/// How often shards are looked at, so that the watchdog of `WATCHDOG_USEC` is content if it watches this process.
fn look_every() -> Duration {
    let read = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_ours = read("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    match read("WATCHDOG_USEC").filter(|span| *span > 0 && is_ours) {
        Some(span) => (Duration::from_micros(span) / LOOKS).clamp(LOOK_LEAST, LOOK_EVERY),
        None => LOOK_EVERY,
    }
}
