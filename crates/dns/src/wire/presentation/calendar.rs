//! Moments of signatures: seconds since 1970 in 32 bits as `YYYYMMDDHHmmSS` (RFC 4034 §3.2).

/// Reads fourteen digits as a moment of the calendar, fewer as plain seconds.
pub fn moment_from_text(text: &[u8]) -> Option<u32> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    if text.len() != 14 {
        return if (1..=10).contains(&text.len()) { u32::try_from(number(text)).ok() } else { None };
    }
    let (year, month, day) = (number(&text[..4]), number(&text[4..6]), number(&text[6..8]));
    let (hour, minute, second) = (number(&text[8..10]), number(&text[10..12]), number(&text[12..]));
    let date_exists = (1970..).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !date_exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    // RFC 4034 §3.1.5: the field wraps; comparison is serial arithmetic.
    Some(seconds as u32)
}

/// Writes seconds since 1970, taken to lie before 2106, as fourteen digits.
pub fn moment_to_text(seconds: u32) -> String {
    let (days, rest) = (u64::from(seconds) / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, years beginning in March so that the
/// leap day is the last (Howard Hinnant's method).
const fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_both_ways() {
        for (text, seconds) in [
            ("19700101000000", 0),
            ("20000229123456", 951_827_696),
            ("20040409183619", 1_081_535_779),
            ("20380119031408", 2_147_483_648),
            ("21060207062815", u32::MAX),
        ] {
            assert_eq!(moment_from_text(text.as_bytes()), Some(seconds), "{text}");
            assert_eq!(moment_to_text(seconds), text);
        }
        assert_eq!(moment_from_text(b"1081535779"), Some(1_081_535_779));
        for wrong in ["", "20041309183619", "20040409243619", "99999999999", "2004x409183619"] {
            assert_eq!(moment_from_text(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
