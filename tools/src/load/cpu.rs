//! CPU time of processes, from /proc. A process counts with all its threads and with its living descendants.

use std::time::Duration;

/// Ticks of a second in /proc on every Linux of today (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// The processes that are measured.
#[derive(Debug)]
pub struct Watch {
    pids: Vec<u32>,
}

impl Watch {
    /// The processes `roots` and their descendants of now: looking for them takes milliseconds, which the measured
    /// time must not lose.
    pub fn new(roots: &[u32]) -> Watch {
        let all = if roots.is_empty() { Vec::new() } else { processes() };
        let mut pids: Vec<u32> = roots.to_vec();
        let mut at = 0;
        while at < pids.len() {
            let parent = pids[at];
            let children = all.iter().filter(|p| p.parent == parent).map(|p| p.pid);
            let new: Vec<u32> = children.filter(|pid| !pids.contains(pid)).collect();
            pids.extend(new);
            at += 1;
        }
        Watch { pids }
    }

    /// User and system time of them so far.
    pub fn time(&self) -> Duration {
        let ticks: u64 = self.pids.iter().filter_map(|pid| read(*pid)).map(|process| process.ticks).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: u32,
    parent: u32,
    ticks: u64,
}

/// Every process of the machine; one that ends while it is read is left out.
fn processes() -> Vec<Process> {
    let Ok(folder) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(read).collect()
}

fn read(pid: u32) -> Option<Process> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state ppid … utime stime`: fields 1, 4, 14 and 15 of proc(5). The name may hold anything.
fn parse(stat: &str) -> Option<Process> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    let rest: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let number = |field: usize| rest.get(field - 3)?.parse::<u64>().ok();
    Some(Process { pid, parent: number(4)? as u32, ticks: number(14)? + number(15)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_its_name() {
        let stat = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1 0 5 6";
        assert_eq!(parse(stat), Some(Process { pid: 42, parent: 7, ticks: 200 }));
        assert_eq!(parse("42 (a"), None);
    }

    #[test]
    fn our_own_time_is_seen_under_our_parent() {
        let own = Watch::new(&[std::process::id()]);
        let mut sum = 0u64;
        while own.time().is_zero() {
            sum = (0..1_000_000u64).fold(sum, |a, b| std::hint::black_box(a ^ b));
        }
        let parent = Watch::new(&[std::os::unix::process::parent_id()]);
        assert!(parent.time() >= Duration::from_millis(10));
        assert_eq!(Watch::new(&[]).time(), Duration::ZERO);
    }
}
