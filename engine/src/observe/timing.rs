//! Where the time of one exchange went. Each mark says which phase ends at a moment; a phase begins where the one before
//! ended, so that phases sum to the total whatever is marked. Off for most exchanges: an exchange is timed when its table
//! has a route that shows Server-Timing, or when it is one of those that are sampled for metrics ([`SAMPLED`]).

use super::metrics::histogram::{FINE, Histogram};
use crate::base::Tick;
use std::cell::Cell;

/// Of so many exchanges one is timed for metrics. A power of two.
pub const SAMPLED: u32 = 32;

macro_rules! phases {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)*) => {
        /// What an exchange spends time with, in the order in which it does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Phase {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Phase {
            /// All names, in order.
            pub const NAMES: [&'static str; Phase::COUNT] = [$($text,)*];
            /// What each of them is, likewise.
            pub const MEANINGS: [&'static str; Phase::COUNT] = [$(concat!($($doc),+),)*];
            /// How many phases there are.
            pub const COUNT: usize = [$($text,)*].len();
        }
    };
}

phases! {
    /// From the first byte of the head to the parsed request.
    Parse = "parse",
    /// Canonical path, what is told of the client, and the route.
    Route = "route",
    /// The policy phase that answers preflights and dresses answers for browsers.
    PolicyCors = "policy_cors",
    /// The policy phase of address lists.
    PolicyIp = "policy_ip",
    /// The policy phase that refuses when there is too much to do; nothing does so yet.
    PolicyShed = "policy_shed",
    /// The policy phase of limits whose key needs no principal.
    PolicyLimitByRequest = "policy_limit_by_request",
    /// The policy phase that finds out who calls.
    PolicyAuthenticate = "policy_authenticate",
    /// The policy phase that decides whether they may.
    PolicyAuthorize = "policy_authorize",
    /// The policy phase of limits by principal.
    PolicyLimitByPrincipal = "policy_limit_by_principal",
    /// The policy phase that looks at what is sent.
    PolicyValidate = "policy_validate",
    /// The policy phase that changes the request.
    PolicyTransform = "policy_transform",
    /// Choosing upstream and endpoint, and waiting for a connection.
    Pool = "pool",
    /// Making one.
    Connect = "connect",
    /// Request sent to the head of the reply.
    FirstByte = "first_byte",
    /// Deciding on an answer of the gateway's own.
    Answer = "answer",
    /// Head of the reply to the last byte sent to the client.
    Body = "body",
}

/// One shard's durations by phase.
#[derive(Debug)]
pub struct Phases([Histogram<FINE>; Phase::COUNT]);

impl Default for Phases {
    fn default() -> Self {
        Phases(std::array::from_fn(|_| Histogram::default()))
    }
}

impl Phases {
    /// The histograms, in the order of [`Phase::NAMES`].
    pub fn all(&self) -> &[Histogram<FINE>] {
        &self.0
    }
}

/// The time of one exchange that is timed. Scratch of the shard, so that those that are not pay no room for it.
#[derive(Debug, Default)]
pub struct Timing {
    /// Nanoseconds by phase.
    spent: [Cell<u64>; Phase::COUNT],
    /// When the last phase ended.
    last: Cell<Tick>,
    /// Which one that was.
    latest: Cell<usize>,
    /// Whether it counts in the metrics.
    sampled: Cell<bool>,
}

impl Timing {
    /// Begins anew, for an exchange whose first byte was read at `began`.
    pub fn begin(&self, began: Tick, sampled: bool) {
        self.spent.iter().for_each(|spent| spent.set(0));
        self.last.set(began);
        self.latest.set(Phase::Parse as usize);
        self.sampled.set(sampled);
    }

    /// `phase` ends now.
    pub fn mark(&self, phase: Phase, now: Tick) {
        self.latest.set(phase as usize);
        self.extend(now);
    }

    /// The phase that ended last goes on until now.
    pub fn extend(&self, now: Tick) {
        if now > self.last.get() {
            let spent = &self.spent[self.latest.get()];
            spent.set(spent.get() + (now.0 - self.last.get().0));
            self.last.set(now);
        }
    }

    /// Counts the phases that there were, if this is one of the exchanges that count.
    pub fn count(&self, phases: &Phases) {
        if !self.sampled.get() {
            return;
        }
        for (spent, histogram) in self.spent.iter().zip(&phases.0) {
            if spent.get() > 0 {
                // Rounded, so that the sum of many phases under a microsecond is not nothing.
                histogram.count((spent.get() + 500) / 1000);
            }
        }
    }

    /// Appends the value of Server-Timing: the phases so far that took any time, in milliseconds, and `total`. What is
    /// shown is rounded so that it sums to the total.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (mut nanos, mut shown) = (0, 0);
        for (name, spent) in Phase::NAMES.iter().zip(&self.spent) {
            nanos += spent.get();
            let micros = nanos / 1000;
            if micros > shown {
                entry(name, micros - shown, out);
                out.extend_from_slice(b", ");
                shown = micros;
            }
        }
        entry("total", shown, out);
    }
}

fn entry(name: &str, micros: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b";dur=");
    out.extend_from_slice(itoa::Buffer::new().format(micros / 1000).as_bytes());
    let thousandths = micros % 1000;
    let digit = |unit: u64| b'0' + (thousandths / unit % 10) as u8;
    out.extend_from_slice(&[b'.', digit(100), digit(10), digit(1)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::histogram::Merged;

    fn shown(marks: &[(Phase, u64)]) -> String {
        let timing = Timing::default();
        // What its last user left is forgotten.
        timing.mark(Phase::Body, Tick(77));
        timing.begin(Tick(1000), false);
        marks.iter().for_each(|(phase, at)| timing.mark(*phase, Tick(1000 + at)));
        let mut out = Vec::new();
        timing.write(&mut out);
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn what_is_shown_sums_to_the_total() {
        // 1.6 + 1.6 + 1.6 µs: each alone would be shown as 1, or each as 2.
        let marks = [(Phase::Parse, 1600), (Phase::Route, 3200), (Phase::Pool, 4800)];
        assert_eq!(shown(&marks), "parse;dur=0.001, route;dur=0.002, pool;dur=0.001, total;dur=0.004");
        let long =
            [(Phase::Parse, 12_000), (Phase::FirstByte, 3_210_045_000), (Phase::Connect, 3_210_045_000)];
        assert_eq!(shown(&long), "parse;dur=0.012, first_byte;dur=3210.033, total;dur=3210.045");
        assert_eq!(shown(&[]), "total;dur=0.000");
    }

    #[test]
    fn a_moment_before_the_last_one_takes_no_time() {
        let marks = [(Phase::Parse, 5000), (Phase::Route, 2000), (Phase::Pool, 6000), (Phase::Parse, 7000)];
        assert_eq!(shown(&marks), "parse;dur=0.006, pool;dur=0.001, total;dur=0.007");
    }

    #[test]
    fn a_wait_belongs_to_the_phase_that_asked_for_it() {
        let timing = Timing::default();
        timing.begin(Tick(0), false);
        timing.mark(Phase::PolicyAuthenticate, Tick(1000));
        timing.extend(Tick(9000));
        timing.mark(Phase::PolicyAuthorize, Tick(9000));
        let mut out = Vec::new();
        timing.write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), "policy_authenticate;dur=0.009, total;dur=0.009");
    }

    #[test]
    fn only_the_phases_of_sampled_exchanges_are_counted() {
        let phases = Phases::default();
        for sampled in [true, false] {
            let timing = Timing::default();
            timing.begin(Tick(0), sampled);
            timing.mark(Phase::Connect, Tick(5000));
            timing.count(&phases);
        }
        let counts = phases.all().iter().map(|histogram| {
            let mut sum = Merged::default();
            histogram.merge(&mut sum);
            sum.buckets.iter().sum::<u64>()
        });
        let counts: Vec<_> = Phase::NAMES.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect();
        assert_eq!(counts, [("connect", 1)]);
    }
}
