//! When and how losses are told: the first at once, then once a minute, with what was lost since the last time.

use crate::base::Tick;
use std::io;
use std::time::Duration;

/// A full disk must not fill stderr too.
const SPAN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Report {
    /// Nothing is told before.
    quiet_until: Tick,
    /// Totals when it was last told.
    dropped: u64,
    lost: u64,
    cause: Option<io::Error>,
}

impl Report {
    /// Remembers why a write failed; the latest cause is told.
    pub fn failed(&mut self, cause: io::Error) {
        self.cause = Some(cause);
    }

    /// What is to be told now. `dropped` is the total of lines that shards dropped, `lost` of those that could not
    /// be written.
    pub fn due(&mut self, now: Tick, dropped: u64, lost: u64) -> Option<String> {
        if now < self.quiet_until || (dropped, lost) == (self.dropped, self.lost) {
            return None;
        }
        let mut parts = Vec::new();
        if dropped > self.dropped {
            parts.push(format!("{} dropped because the writer was behind", dropped - self.dropped));
        }
        if lost > self.lost {
            let cause = self.cause.take().map(|cause| format!(": {cause}")).unwrap_or_default();
            parts.push(format!("{} lost in writing{cause}", lost - self.lost));
        }
        (self.dropped, self.lost) = (dropped, lost);
        self.quiet_until = now.after(SPAN);
        Some(format!("lines {}", parts.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000_000)
    }

    #[test]
    fn the_first_loss_is_told_at_once_and_the_next_after_a_minute() {
        let mut report = Report::default();
        assert_eq!(report.due(at(1), 0, 0), None);
        assert_eq!(report.due(at(2), 5, 0).unwrap(), "lines 5 dropped because the writer was behind");
        assert_eq!(report.due(at(3), 9, 0), None);
        report.failed(io::ErrorKind::StorageFull.into());
        let text = report.due(at(62), 9, 3).unwrap();
        assert!(
            text.starts_with("lines 4 dropped because the writer was behind, 3 lost in writing: "),
            "{text}"
        );
        assert_eq!(report.due(at(500), 9, 3), None);
    }
}
