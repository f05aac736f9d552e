//! Moments as text. The second is formatted once and kept; within it only the milliseconds change.

/// What a shard keeps from one line to the next: the last second as text, in both notations, and working memory.
#[derive(Debug)]
pub struct LineState {
    /// The second that the texts show, since 1970.
    second: u64,
    /// `2026-11-21T10:11:12`.
    iso: [u8; 19],
    /// `21/Nov/2026:10:11:12 +0000`.
    local: [u8; 26],
    /// Where values are put together that are not shown as they came.
    rooms: [Vec<u8>; 2],
}

impl Default for LineState {
    fn default() -> Self {
        let mut state =
            LineState { second: 0, iso: [0; 19], local: [0; 26], rooms: [Vec::new(), Vec::new()] };
        state.show(0);
        state
    }
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The last second that four digits of a year can show; a later moment is shown as this one.
const SECOND_MAX: u64 = 253_402_300_799;

impl LineState {
    /// Appends `at` as RFC 3339 has it: `2026-11-21T10:11:12.345Z`.
    pub fn put_iso(&mut self, at_unix_ms: u64, out: &mut Vec<u8>) {
        self.turn(at_unix_ms / 1000);
        let milli = (at_unix_ms % 1000) as u32;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        text[..19].copy_from_slice(&self.iso);
        digits(&mut text[20..23], milli);
        out.extend_from_slice(&text);
    }

    /// Appends `at` as the combined format has it: `21/Nov/2026:10:11:12 +0000`.
    pub(super) fn put_local(&mut self, at_unix_ms: u64, out: &mut Vec<u8>) {
        self.turn(at_unix_ms / 1000);
        out.extend_from_slice(&self.local);
    }

    /// Lends the working memory, which is to be given back.
    pub(super) fn take_rooms(&mut self) -> [Vec<u8>; 2] {
        std::mem::take(&mut self.rooms)
    }

    /// Takes the working memory back.
    pub(super) fn keep_rooms(&mut self, rooms: [Vec<u8>; 2]) {
        self.rooms = rooms;
    }

    fn turn(&mut self, second: u64) {
        if second != self.second {
            self.show(second);
            self.second = second;
        }
    }

    #[cold]
    fn show(&mut self, second: u64) {
        let second = second.min(SECOND_MAX);
        let (year, month, day) = civil(second / 86_400);
        let of_day = (second % 86_400) as u32;
        let clock = [of_day / 3600, of_day / 60 % 60, of_day % 60];

        self.iso = *b"0000-00-00T00:00:00";
        digits(&mut self.iso[0..4], year);
        digits(&mut self.iso[5..7], month);
        digits(&mut self.iso[8..10], day);
        self.local = *b"00/Jan/0000:00:00:00 +0000";
        digits(&mut self.local[0..2], day);
        self.local[3..6].copy_from_slice(MONTHS[month as usize - 1]);
        digits(&mut self.local[7..11], year);
        for (i, part) in clock.into_iter().enumerate() {
            digits(&mut self.iso[11 + 3 * i..13 + 3 * i], part);
            digits(&mut self.local[12 + 3 * i..14 + 3 * i], part);
        }
    }
}

/// Writes `value` into all of `place`, with leading zeros.
fn digits(place: &mut [u8], mut value: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Year, month and day of a day since 1970 in the Gregorian calendar. Years are counted from March, so that the
/// leap day is a year's last; 146,097 days are the 400 years after which the calendar repeats.
fn civil(days: u64) -> (u32, u32, u32) {
    let from_march_0000 = days + 719_468;
    let era = from_march_0000 / 146_097;
    let day_of_era = from_march_0000 % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at_unix_ms: u64, iso: &str, local: &str) {
        let (mut state, mut out) = (LineState::default(), Vec::new());
        state.put_iso(at_unix_ms, &mut out);
        out.push(b'|');
        state.put_local(at_unix_ms, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{iso}|{local}"));
    }

    #[test]
    fn moments_are_shown_in_utc() {
        check(0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000");
        check(951_782_399_999, "2000-02-28T23:59:59.999Z", "28/Feb/2000:23:59:59 +0000");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z", "29/Feb/2000:00:00:00 +0000");
        check(1_709_251_199_007, "2024-02-29T23:59:59.007Z", "29/Feb/2024:23:59:59 +0000");
        check(1_795_255_872_345, "2026-11-21T10:11:12.345Z", "21/Nov/2026:10:11:12 +0000");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z", "01/Mar/2100:00:00:00 +0000");
        check(u64::MAX, "9999-12-31T23:59:59.615Z", "31/Dec/9999:23:59:59 +0000");
    }

    #[test]
    fn the_calendar_counts_every_day_once() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..200_000 {
            assert_eq!(civil(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let long = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > long {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    #[test]
    fn a_kept_second_gives_way_to_another_one_earlier_or_later() {
        let (mut state, mut out) = (LineState::default(), Vec::new());
        for at in [5_001, 5_999, 6_000, 4_000] {
            state.put_iso(at, &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        let seconds: Vec<_> = text.split_terminator('Z').map(|moment| &moment[17..]).collect();
        assert_eq!(seconds, ["05.001", "05.999", "06.000", "04.000"]);
    }
}
