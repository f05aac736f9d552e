//! When a certificate is renewed, and when what failed is tried again. Pure: time, outcomes and chance are arguments.

use std::time::Duration;

/// Reloads have an order that was refused tried again once in this time at most: issuers count refusals.
const HURRY_EVERY: Duration = Duration::from_secs(15 * 60);

/// Why an order gave no certificate, as far as it says when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The issuer was not there: it costs it little to be asked again.
    Unanswered,
    /// It refused, or did not find the proof. Issuers count that: Let's Encrypt lets five pass for a name in an hour.
    Refused,
}

impl Kind {
    /// Until the first repetition, how much longer each further one waits, and the longest.
    fn waits(self) -> (Duration, u32, Duration) {
        match self {
            Kind::Unanswered => (Duration::from_secs(1), 2, Duration::from_secs(300)),
            Kind::Refused => (Duration::from_secs(60), 3, Duration::from_secs(6 * 3600)),
        }
    }
}

/// How long to wait after `failures` in a row, 1 or more. An issuer that says for how long it puts us off is waited for.
/// `chance` is any number, so that gateways do not move in step.
pub fn again(kind: Kind, failures: u32, put_off: Option<Duration>, chance: u64) -> Duration {
    let (first, factor, most) = kind.waits();
    let own = (1..failures).fold(first, |wait, _| wait.saturating_mul(factor).min(most));
    let share = (chance % 1024) as f64 / 1024.0;
    match put_off {
        Some(wait) if wait >= own => wait + wait.mul_f64(share / 10.0).min(Duration::from_secs(60)),
        _ => own.mul_f64(0.8 + 0.4 * share),
    }
}

/// How long it takes until a reload has a failed order tried again, when one did so last `since` ago.
pub fn hurried_in(kind: Kind, since: Option<Duration>) -> Duration {
    match (kind, since) {
        (Kind::Refused, Some(since)) => HURRY_EVERY.saturating_sub(since),
        _ => Duration::ZERO,
    }
}

/// The second since 1970 at which a certificate is renewed that is valid from and until these: `before` its end, else when a
/// third of its time is left; never within its first tenth, so that no setting has one ordered after the other.
pub fn due((from, until): (i64, i64), before: Option<Duration>) -> i64 {
    let lifetime = until.saturating_sub(from).max(0);
    let before = before.map_or(lifetime / 3, |before| i64::try_from(before.as_secs()).unwrap_or(i64::MAX));
    until.saturating_sub(before).max(from.saturating_add(lifetime / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    #[test]
    fn a_third_is_left_or_what_is_said_but_never_all_of_it() {
        assert_eq!(due((0, 90 * DAY), None), 60 * DAY);
        assert_eq!(due((0, 90 * DAY), Some(Duration::from_secs(10 * 24 * 3600))), 80 * DAY);
        assert_eq!(due((0, 90 * DAY), Some(Duration::from_secs(1000 * 24 * 3600))), 9 * DAY);
        assert_eq!(due((0, 90 * DAY), Some(Duration::MAX)), 9 * DAY);
        assert_eq!(due((5, 5), None), 5);
        assert_eq!(due((9, 5), None), 9);
    }

    #[test]
    fn failures_are_repeated_ever_more_slowly_and_refusals_more_slowly_still() {
        let waits =
            |kind, chance| (1..12).map(|n| again(kind, n, None, chance).as_secs()).collect::<Vec<_>>();
        // The middle of what chance may make of it.
        assert_eq!(waits(Kind::Unanswered, 512), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        let refused = waits(Kind::Refused, 512);
        assert_eq!(&refused[..6], [60, 180, 540, 1620, 4860, 14580]);
        assert_eq!(refused[10], 21600);
        let within_an_hour = (1..12).scan(0, |sum, n| {
            *sum += again(Kind::Refused, n, None, 0).as_secs();
            Some(*sum)
        });
        assert!(within_an_hour.filter(|at| *at < 3600).count() < 5, "the first one and four more");
    }

    #[test]
    fn reloads_do_not_have_an_order_refused_again_and_again() {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        assert_eq!(hurried_in(Kind::Refused, None), Duration::ZERO);
        assert_eq!(hurried_in(Kind::Refused, Some(minutes(4))), minutes(11));
        assert_eq!(hurried_in(Kind::Refused, Some(minutes(20))), Duration::ZERO);
        assert_eq!(hurried_in(Kind::Unanswered, Some(Duration::ZERO)), Duration::ZERO);
    }

    #[test]
    fn an_issuer_is_not_asked_before_it_says() {
        let hour = Duration::from_secs(3600);
        for chance in [0, 1, 512, 1023] {
            let wait = again(Kind::Refused, 1, Some(hour), chance);
            assert!(wait >= hour && wait <= hour + Duration::from_secs(60), "{wait:?}");
            let wait = again(Kind::Refused, 4, Some(Duration::from_secs(1)), chance);
            assert!(wait >= Duration::from_secs(1296), "less than our own is not taken: {wait:?}");
        }
    }
}
