//! What a run found, for people and for programs.

use super::Histogram;
use std::time::Duration;

/// What went wrong, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errors {
    /// No connection could be made.
    pub connect: u64,
    /// A connection ended before its answer did.
    pub cut: u64,
    /// Bytes came that are not an answer.
    pub malformed: u64,
    /// The status was not 2xx.
    pub status: u64,
}

impl Errors {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.connect + self.cut + self.malformed + self.status
    }
}

/// What a run found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Latencies of the answers in the measured time.
    pub latency: Histogram,
    /// The measured time.
    pub elapsed: Duration,
    /// What went wrong, in the warm-up too.
    pub errors: Errors,
    /// Requests that were due in the measured time (fixed rate) and got no answer before the run ended.
    pub unanswered: u64,
    /// CPU time of the watched processes in the measured time; none when none was named.
    pub cpu: Option<Duration>,
}

impl Report {
    /// Answers a second.
    pub fn rps(&self) -> f64 {
        self.latency.total() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// CPU of the watched processes for each answer, in microseconds.
    pub fn cpu_us(&self) -> Option<f64> {
        let cpu = self.cpu?.as_secs_f64() * 1e6;
        (self.latency.total() > 0).then(|| cpu / self.latency.total() as f64)
    }

    /// One line of JSON.
    pub fn json(&self) -> String {
        serde_json::json!({
            "requests": self.latency.total(),
            "seconds": self.elapsed.as_secs_f64(),
            "rps": self.rps(),
            "mean_us": micros(self.latency.mean()),
            "p50_us": self.quantile(0.5),
            "p90_us": self.quantile(0.9),
            "p99_us": self.quantile(0.99),
            "p999_us": self.quantile(0.999),
            "max_us": micros(self.latency.max()),
            "errors": self.errors.total(),
            "errors_connect": self.errors.connect,
            "errors_cut": self.errors.cut,
            "errors_malformed": self.errors.malformed,
            "errors_status": self.errors.status,
            "unanswered": self.unanswered,
            "cpu_seconds": self.cpu.map(|cpu| cpu.as_secs_f64()),
            "cpu_us": self.cpu_us(),
        })
        .to_string()
    }

    fn quantile(&self, share: f64) -> f64 {
        micros(self.latency.quantile(share))
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (total, rps) = (self.latency.total(), self.rps());
        writeln!(f, "requests    {total} in {:.2} s, {rps:.0} a second", self.elapsed.as_secs_f64())?;
        write!(f, "latency µs ")?;
        for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
            write!(f, " {name} {:.0}", self.quantile(share))?;
        }
        writeln!(f, " max {:.0}", micros(self.latency.max()))?;
        let Errors { connect, cut, malformed, status } = self.errors;
        writeln!(f, "errors      {connect} connect, {cut} cut, {malformed} malformed, {status} not 2xx")?;
        if self.unanswered > 0 {
            writeln!(f, "unanswered  {} requests that were due", self.unanswered)?;
        }
        match self.cpu_us() {
            Some(cpu_us) => writeln!(f, "cpu         {cpu_us:.2} µs a request"),
            None => Ok(()),
        }
    }
}
