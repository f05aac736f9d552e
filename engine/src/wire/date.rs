//! Dates as HTTP writes them (IMF-fixdate, RFC 9110 §5.6.7). Pure: the caller brings the time.

/// Bytes of an IMF-fixdate, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
pub const LEN: usize = 29;

/// `unix_seconds` after the epoch as an IMF-fixdate, for years up to 9999; later moments are shown as the last
/// second of it. *Cost*: some twenty divisions, no allocation.
pub fn imf_fixdate(unix_seconds: u64) -> [u8; LEN] {
    const DAY_SECONDS: u64 = 86_400;
    const LAST_SECOND: u64 = 253_402_300_799;
    let seconds = unix_seconds.min(LAST_SECOND);
    let (day, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    let (year, month, of_month) = civil(day);

    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let weekday = (day % 7) as usize * 3;
    text[..3].copy_from_slice(&b"ThuFriSatSunMonTueWed"[weekday..weekday + 3]);
    two(&mut text[5..7], of_month);
    let name = (month as usize - 1) * 3;
    text[8..11].copy_from_slice(&b"JanFebMarAprMayJunJulAugSepOctNovDec"[name..name + 3]);
    two(&mut text[12..14], year / 100);
    two(&mut text[14..16], year % 100);
    two(&mut text[17..19], second / 3600);
    two(&mut text[20..22], second / 60 % 60);
    two(&mut text[23..25], second % 60);
    text
}

/// Year, month (1–12) and day of the month of a day after the epoch. The year is counted from March in eras of
/// 400 years (146,097 days), so that a leap day is the last of its year.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, of_month)
}

fn two(to: &mut [u8], value: u64) {
    to[0] = b'0' + (value / 10) as u8;
    to[1] = b'0' + (value % 10) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_as_the_rfc_does() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_704_067_199, "Sun, 31 Dec 2023 23:59:59 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(imf_fixdate(seconds), text.as_bytes(), "{seconds}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut previous = civil(0);
        for day in 1..400 * 366 {
            let next = civil(day);
            let (year, month, of_month) = previous;
            let expected = [(year, month, of_month + 1), (year, month + 1, 1), (year + 1, 1, 1)];
            assert!(expected.contains(&next), "{previous:?} then {next:?}");
            previous = next;
        }
    }
}
