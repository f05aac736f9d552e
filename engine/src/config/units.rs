//! Values with a unit. A number without one is refused: `10` may be seconds to one reader and milliseconds to
//! the next.

use super::read::decode::Scalar;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// A duration: `50us`, `500ms`, `10s`, `5m`, `1h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// Bytes: `100B`, `16KiB`, `1MiB`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A share of a hundred: `20%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub u8);

/// So many in a time: `100/s`, `100/min`, `5/h`, `1000/d`, `30/10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long.
    pub per: Duration,
}

const MICRO: u64 = 1;
const MILLI: u64 = 1000;
const SECOND: u64 = 1000 * MILLI;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const TIMES: &[(&str, u64)] =
    &[("us", MICRO), ("ms", MILLI), ("s", SECOND), ("m", MINUTE), ("min", MINUTE), ("h", HOUR), ("d", DAY)];
const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Splits a text into its digits and what follows.
fn number(text: &str) -> (Option<u64>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (text[..digits].parse().ok(), &text[digits..])
}

/// A number times its unit, in the smallest unit.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (count, unit) = number(text);
    let factor = units.iter().find(|(known, _)| *known == unit)?.1;
    count?.checked_mul(factor)
}

/// Whether it is a number with a unit, only one too large to count.
fn is_too_large(text: &str, units: &[(&str, u64)]) -> bool {
    let (_, unit) = number(text);
    unit.len() < text.len() && units.iter().any(|(known, _)| *known == unit)
}

/// "did you mean", if that would be read.
fn fitting(count: u64, unit: Option<&str>, units: &[(&str, u64)]) -> Option<String> {
    let meant = format!("{count}{}", unit?);
    measure(&meant, units).map(|_| format!("did you mean '{meant}'?"))
}

/// As it would be written: in the greatest unit that gives a whole number.
impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let fits = |unit: u64| micros > 0 && micros.is_multiple_of(u128::from(unit));
        let (unit, micros_each) = [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLI)]
            .into_iter()
            .find(|(_, each)| fits(*each))
            .unwrap_or(if micros == 0 { ("s", SECOND) } else { ("us", MICRO) });
        write!(out, "{}{unit}", micros / u128::from(micros_each))
    }
}

impl Scalar for Period {
    const EXPECTS: &'static str = "a duration";
    const FORM: &'static str = "write a whole number and a unit (us, ms, s, m, h, d), such as 75s";

    fn parse(text: &str) -> Result<Period, Option<String>> {
        if let Some(micros) = measure(text, TIMES) {
            return Ok(Period(Duration::from_micros(micros)));
        }
        if is_too_large(text, TIMES) {
            return Err(Some("it is too long to count: 36500d is a hundred years".into()));
        }
        Err(match number(text) {
            (Some(count), "") => Some(format!("a duration needs its unit (us, ms, s, m, h, d): {count}s?")),
            (Some(count), unit) => {
                let lower = unit.trim().to_lowercase();
                let meant = match lower.as_str() {
                    "sec" | "secs" | "second" | "seconds" => Some("s"),
                    "msec" | "millis" | "milliseconds" => Some("ms"),
                    "mins" | "minute" | "minutes" => Some("m"),
                    "hour" | "hours" | "hr" => Some("h"),
                    "day" | "days" => Some("d"),
                    "µs" | "usec" => Some("us"),
                    known => TIMES.iter().map(|(unit, _)| *unit).find(|unit| *unit == known),
                };
                fitting(count, meant, TIMES)
            }
            _ => None,
        })
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+(us|ms|s|m|min|h|d)$" })
    }
}

impl Scalar for Size {
    const EXPECTS: &'static str = "a size";
    const FORM: &'static str = "write a whole number and a unit (B, KiB, MiB, GiB), such as 16KiB";

    fn parse(text: &str) -> Result<Size, Option<String>> {
        if let Some(bytes) = measure(text, SIZES) {
            return Ok(Size(bytes));
        }
        if is_too_large(text, SIZES) {
            return Err(Some("it is too large to count: 1048576GiB is a pebibyte".into()));
        }
        Err(match number(text) {
            (Some(count), "") => Some(format!("a size needs its unit (B, KiB, MiB, GiB): {count}B?")),
            (Some(count), unit) => {
                let meant = match unit.trim().to_lowercase().as_str() {
                    "b" => Some("B"),
                    "k" | "kb" | "kib" => Some("KiB"),
                    "m" | "mb" | "mib" => Some("MiB"),
                    "g" | "gb" | "gib" => Some("GiB"),
                    _ => None,
                };
                fitting(count, meant, SIZES)
            }
            _ => None,
        })
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" })
    }
}

impl Scalar for Percent {
    const EXPECTS: &'static str = "a percentage";
    const FORM: &'static str = "write a whole number from 0% to 100%, such as 20%";

    fn parse(text: &str) -> Result<Percent, Option<String>> {
        match number(text) {
            (Some(count @ 0..=100), "%") => Ok(Percent(u8::try_from(count).expect("at most 100"))),
            (Some(count @ 0..=100), "") => Err(Some(format!("did you mean '{count}%'?"))),
            _ => Err(None),
        }
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+%$" })
    }
}

impl Scalar for Rate {
    const EXPECTS: &'static str = "a rate";
    const FORM: &'static str = "write N/s, N/min, N/h, N/d or N/10s, such as 100/min";

    fn parse(text: &str) -> Result<Rate, Option<String>> {
        let Some((count, per)) = text.split_once('/') else {
            return Err(None);
        };
        let (Some(count), "") = number(count) else { return Err(None) };
        let one = TIMES.iter().find(|(unit, _)| *unit == per).map(|(_, micros)| *micros);
        let micros = one.or_else(|| measure(per, TIMES)).ok_or(None)?;
        match u32::try_from(count) {
            Ok(count) if count > 0 && micros > 0 => Ok(Rate { count, per: Duration::from_micros(micros) }),
            _ => Err(None),
        }
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+/([0-9]+)?(us|ms|s|m|min|h|d)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Result<u128, Option<String>> {
        Period::parse(text).map(|period| period.0.as_micros())
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, expected) in
            [("50us", 50), ("500ms", 500_000), ("10s", 10_000_000), ("1h", 3_600_000_000), ("0s", 0)]
        {
            assert_eq!(micros(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_duration_is_printed_as_it_would_be_written() {
        for text in ["0s", "50us", "500ms", "10s", "90s", "2m", "1h", "7d"] {
            assert_eq!(Period::parse(text).map(|period| period.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Period(Duration::from_secs(259_200)).to_string(), "3d");
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        assert!(micros("10").unwrap_err().unwrap().contains("10s?"));
        assert!(Size::parse("1024").unwrap_err().unwrap().contains("1024B?"));
        assert_eq!(Percent::parse("20"), Err(Some("did you mean '20%'?".into())));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "10 s",
            "10s ",
            "1h30m",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(micros(text).is_err(), "{text}");
        }
        for text in ["99999999999999999999s", "18446744073709551615d"] {
            assert!(micros(text).unwrap_err().unwrap().starts_with("it is too long to count"), "{text}");
        }
        assert_eq!(micros("10 s"), Err(Some("did you mean '10s'?".into())));
        assert_eq!(micros("10seconds"), Err(Some("did you mean '10s'?".into())));
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(Size::parse("16KiB"), Ok(Size(16384)));
        assert_eq!(Size::parse("100B"), Ok(Size(100)));
        assert_eq!(Size::parse("1MB"), Err(Some("did you mean '1MiB'?".into())));
        assert!(Size::parse("99999999999GiB").unwrap_err().unwrap().starts_with("it is too large to count"));
    }

    #[test]
    fn a_rate_names_its_time() {
        assert_eq!(Rate::parse("100/min"), Ok(Rate { count: 100, per: Duration::from_secs(60) }));
        assert_eq!(Rate::parse("30/10s"), Ok(Rate { count: 30, per: Duration::from_secs(10) }));
        for text in ["100", "0/s", "/s", "100/", "100/0s", "5000000000/s", "-1/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }
}
