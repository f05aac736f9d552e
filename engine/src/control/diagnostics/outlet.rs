//! The thread that writes events to stderr. Lines wait in a bounded queue; one that finds no room is lost and counted, so
//! that a reader who stops reading stops nobody.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

/// Lines that wait at most.
const LINES: usize = 1024;

/// What is handed to the thread.
enum Order {
    Write(String),
    /// Answer once all that came before is written.
    Flush(SyncSender<()>),
}

/// The way to the thread.
#[derive(Debug, Clone)]
pub struct Outlet {
    orders: SyncSender<Order>,
    lost: Arc<AtomicU64>,
}

impl Outlet {
    /// Starts the thread, which writes to `to`.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(to: impl Write + Send + 'static) -> io::Result<Outlet> {
        let (orders, inbox) = mpsc::sync_channel(LINES);
        thread::Builder::new().name("diagnostics".into()).spawn(move || write(to, &inbox))?;
        Ok(Outlet { orders, lost: Arc::default() })
    }

    /// Hands a line over; one that finds no room is counted.
    pub fn put(&self, line: String) {
        if self.orders.try_send(Order::Write(line)).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Lines lost since this was asked last.
    pub fn lost(&self) -> u64 {
        // Nearly always zero, and then nothing is written to the shared word.
        if self.lost.load(Relaxed) == 0 { 0 } else { self.lost.swap(0, Relaxed) }
    }

    /// Waits until all that was handed over is written, `patience` at most. False if it is not.
    pub fn flush(&self, patience: Duration) -> bool {
        let (tell, told) = mpsc::sync_channel(1);
        self.orders.try_send(Order::Flush(tell)).is_ok() && told.recv_timeout(patience).is_ok()
    }
}

fn write(mut to: impl Write, inbox: &Receiver<Order>) {
    while let Ok(order) = inbox.recv() {
        match order {
            // There is nowhere left to tell that stderr fails.
            Order::Write(line) => drop(to.write_all(line.as_bytes())),
            Order::Flush(tell) => drop(tell.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::PipeWriter;
    use std::io::Read;

    #[test]
    fn a_reader_that_stops_stops_nobody_and_what_is_lost_is_counted() {
        let (mut reader, writer): (_, PipeWriter) = io::pipe().unwrap();
        let outlet = Outlet::start(writer).unwrap();
        let line = format!("{}\n", "x".repeat(1023));
        // A pipe takes 64 KiB, the queue 1024 lines; the rest finds no room.
        for _ in 0..2 * LINES {
            outlet.put(line.clone());
        }
        let lost = outlet.lost();
        assert!(lost > 0 && lost < 2 * LINES as u64, "{lost}");
        assert_eq!(outlet.lost(), 0);
        assert!(!outlet.flush(Duration::from_millis(1)), "nobody reads");
        let mut read = vec![0; (2 * LINES - lost as usize) * line.len()];
        reader.read_exact(&mut read).unwrap();
        assert!(outlet.flush(Duration::from_secs(10)));
    }
}
