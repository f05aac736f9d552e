//! When and how losses are told: the first at once, then once a minute, with what was lost since the last time.

use crate::base::Tick;
use std::fmt;
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
    pub fn due(&mut self, now: Tick, dropped: u64, lost: u64) -> Option<Told> {
        if now < self.quiet_until || (dropped, lost) == (self.dropped, self.lost) {
            return None;
        }
        let cause = if lost > self.lost { self.cause.take() } else { None };
        let told = Told { dropped: dropped - self.dropped, unwritten: lost - self.lost, cause };
        (self.dropped, self.lost) = (dropped, lost);
        self.quiet_until = now.after(SPAN);
        Some(told)
    }
}

/// Lines lost since the last time.
#[derive(Debug)]
pub struct Told {
    /// Dropped by shards.
    pub dropped: u64,
    /// Not written.
    pub unwritten: u64,
    /// Why the last of those was not.
    pub cause: Option<io::Error>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { dropped, unwritten, cause } = self;
        f.write_str("lines ")?;
        if *dropped > 0 {
            write!(f, "{dropped} dropped because the writer was behind")?;
        }
        if *unwritten > 0 {
            write!(f, "{}{unwritten} lost in writing", if *dropped > 0 { ", " } else { "" })?;
        }
        cause.iter().try_for_each(|cause| write!(f, ": {cause}"))
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
        let due = |report: &mut Report, now, dropped, lost| {
            report.due(now, dropped, lost).map(|told| told.to_string())
        };
        assert_eq!(due(&mut report, at(1), 0, 0), None);
        let told = due(&mut report, at(2), 5, 0);
        assert_eq!(told.unwrap(), "lines 5 dropped because the writer was behind");
        assert_eq!(due(&mut report, at(3), 9, 0), None);
        report.failed(io::ErrorKind::StorageFull.into());
        let text = due(&mut report, at(62), 9, 3).unwrap();
        assert!(
            text.starts_with("lines 4 dropped because the writer was behind, 3 lost in writing: "),
            "{text}"
        );
        assert_eq!(due(&mut report, at(500), 9, 3), None);
    }
}
