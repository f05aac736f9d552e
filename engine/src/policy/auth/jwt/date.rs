//! NumericDate (RFC 7519 §2): a JSON number of seconds since 1970, which may have a fraction and an exponent. Read
//! exactly, in milliseconds: a detour by floating point would round large numbers, and wrap or saturate others.

/// Digits that a date may have.
const DIGITS_MAX: usize = 30;

/// Digits of which any number of milliseconds fits into 64 bits.
const PLAIN_DIGITS_MAX: usize = 15;

/// Which way a fraction of a millisecond goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// To the earlier moment: for ends.
    Down,
    /// To the later moment: for beginnings.
    Up,
}

/// The moment that a JSON number stands for, in milliseconds; none if it has too many digits or lies further away than
/// 64 bits tell, some 292 million years: no issuer means such a date.
pub fn millis(number: &[u8], round: Round) -> Option<i64> {
    // As nearly all of them are written: whole seconds.
    if number.len() <= PLAIN_DIGITS_MAX && number.iter().all(u8::is_ascii_digit) {
        let seconds = number.iter().fold(0, |seconds, byte| seconds * 10 + i64::from(byte - b'0'));
        return Some(seconds * 1000);
    }
    let (is_negative, rest) = match number {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, number),
    };
    let end = rest.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(rest.len());
    let exponent = exponent(rest.get(end + 1..).unwrap_or_default())?;
    let (mut value, mut digits, mut behind_point) = (0_i128, 0, None);
    for byte in &rest[..end] {
        match byte {
            b'.' => behind_point = Some(0),
            _ => {
                value = value * 10 + i128::from(byte - b'0');
                digits += usize::from(value != 0);
                behind_point = behind_point.map(|count: i32| count.saturating_add(1));
                if digits > DIGITS_MAX {
                    return None;
                }
            }
        }
    }
    if is_negative {
        value = -value;
    }
    let scale = exponent.saturating_sub(behind_point.unwrap_or(0)).saturating_add(3);
    let millis = match (value, u32::try_from(scale)) {
        (0, _) => 0,
        (_, Ok(scale)) => value.checked_mul(10_i128.checked_pow(scale)?)?,
        (_, Err(_)) => divided(value, scale.unsigned_abs(), round),
    };
    i64::try_from(millis).ok()
}

/// `value` by ten to the power of `scale`.
fn divided(value: i128, scale: u32, round: Round) -> i128 {
    // A value of 30 digits by more than that is a fraction.
    let by = 10_i128.checked_pow(scale).unwrap_or(i128::MAX);
    let down = value.div_euclid(by);
    down + i128::from(round == Round::Up && value.rem_euclid(by) != 0)
}

/// What follows `e`; clamped, since past a hundred only zero is a date.
fn exponent(text: &[u8]) -> Option<i32> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = digits.iter().fold(0_i32, |value, byte| (value * 10 + i32::from(byte - b'0')).min(1000));
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_exact() {
        for (number, down, up) in [
            ("0", 0, 0),
            ("-0", 0, 0),
            ("1795255872", 1_795_255_872_000, 1_795_255_872_000),
            ("1795255872.5", 1_795_255_872_500, 1_795_255_872_500),
            ("1795255872.1239", 1_795_255_872_123, 1_795_255_872_124),
            ("-1.0001", -1001, -1000),
            ("1.7e9", 1_700_000_000_000, 1_700_000_000_000),
            ("17E+8", 1_700_000_000_000, 1_700_000_000_000),
            ("1700000000000e-3", 1_700_000_000_000, 1_700_000_000_000),
            ("1e-400", 0, 1),
            ("-1e-400", -1, 0),
            ("0e999999999999", 0, 0),
            ("0.000000000000000000000000000000000000000000", 0, 0),
            ("9223372036854775", 9_223_372_036_854_775_000, 9_223_372_036_854_775_000),
            ("999999999999999", 999_999_999_999_999_000, 999_999_999_999_999_000),
            ("1000000000000000", 1_000_000_000_000_000_000, 1_000_000_000_000_000_000),
            ("9223372036854775.807", i64::MAX, i64::MAX),
            ("9007199254740993", 9_007_199_254_740_993_000, 9_007_199_254_740_993_000),
        ] {
            let both = (millis(number.as_bytes(), Round::Down), millis(number.as_bytes(), Round::Up));
            assert_eq!(both, (Some(down), Some(up)), "{number}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for number in [
            "9223372036854775.808",
            "9223372036854775808",
            "18446744073709551616",
            "1e16",
            "1e400",
            "-1e400",
            "1e9999999999",
            "1.0000000000000000000000000000001",
        ] {
            assert_eq!(millis(number.as_bytes(), Round::Down), None, "{number}");
        }
    }
}
