//! A report as an operator reads it: a line a phase, and below it what was to choose from, the chosen one marked.

use super::report::{Outcome, Phase, Report, Verdict};
use crate::exchange::Answer;
use std::fmt::{self, Display, Formatter};

/// Columns of a phase's name.
const NAME: usize = 10;

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:NAME$}{}, generation {}", "listener", self.listener, self.generation)?;
        self.phases.iter().try_for_each(|phase| phase.fmt(out))?;
        write!(out, "{:NAME$}{}", "outcome", self.outcome)?;
        match &self.provided {
            Some(policy) => writeln!(out, ", provided that {policy} lets it pass"),
            None => writeln!(out),
        }
    }
}

impl Display for Phase {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let answer = match self.verdict {
            Verdict::Pass => String::new(),
            Verdict::Answer(reason) => {
                Answer::of(reason).map(|answer| format!("{} ", answer.status)).unwrap_or_default()
            }
        };
        writeln!(out, "{:NAME$}{answer}{}", format!("{} ", self.name), self.says)?;
        let rows = &self.rows.1;
        let width = |text: fn(&super::Row) -> &str| {
            rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0)
        };
        let (names, whats) = (width(|row| &row.name), width(|row| &row.what));
        for row in rows {
            let mark = if row.picked { ">" } else { " " };
            write!(out, "{:NAME$}{mark} {:names$}  ", "", row.name)?;
            if whats > 0 {
                write!(out, "{:whats$}  ", row.what)?;
            }
            writeln!(out, "{}", row.why)?;
        }
        for (what, count) in self.more.iter().filter(|(_, count)| *count > 0) {
            writeln!(out, "{:NAME$}  {count} {what}", "")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "{:NAME$}  {note}", ""))
    }
}

impl Display for Outcome {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Refused(reason) => match self.status() {
                Some(status) => write!(out, "answered with {status}, reason {}", reason.as_str()),
                None => write!(out, "closed without an answer, reason {}", reason.as_str()),
            },
            Outcome::Responds(status) => write!(out, "answered with {status}"),
            Outcome::Redirects(status, place) => write!(out, "redirected with {status} to {place}"),
            Outcome::Forwards(upstream, Some(endpoint)) => {
                write!(out, "sent to {endpoint} of upstream {upstream}")
            }
            Outcome::Forwards(upstream, None) => write!(out, "sent to upstream {upstream}"),
        }
    }
}
