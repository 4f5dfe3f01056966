//! Dates as HTTP writes them (RFC 9110 §5.6.7). Called by conditions, caching, cookies and the Date line of
//! every response; hands on to nothing. Time itself is an argument.

use edgeway_base::WallTime;

/// How long an IMF-fixdate is, in bytes: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub const IMF_FIXDATE_LENGTH: usize = 29;

/// A moment as the calendar names it, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// 1970 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 is Sunday.
    pub weekday: u8,
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const DAYS_LONG: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS_PER_DAY: u64 = 86_400;
/// 9999-12-31T23:59:59Z: four digits are all the format has.
const LAST_SECOND: u64 = 253_402_300_799;

/// Writes `Sun, 06 Nov 1994 08:49:37 GMT`, the only form a sender may use (RFC 9110 §5.6.7). Moments after the
/// year 9999 are written as its last second.
pub fn write_http_date(moment: WallTime) -> [u8; IMF_FIXDATE_LENGTH] {
    let calendar = Calendar::from_wall(moment);
    let mut text = *b"Sun, 00 Jan 0000 00:00:00 GMT";
    text[..3].copy_from_slice(DAYS[usize::from(calendar.weekday)].as_bytes());
    two_digits(&mut text[5..7], calendar.day);
    text[8..11].copy_from_slice(MONTHS[usize::from(calendar.month - 1)].as_bytes());
    two_digits(&mut text[12..14], (calendar.year / 100) as u8);
    two_digits(&mut text[14..16], (calendar.year % 100) as u8);
    two_digits(&mut text[17..19], calendar.hour);
    two_digits(&mut text[20..22], calendar.minute);
    two_digits(&mut text[23..25], calendar.second);
    text
}

/// The same as text.
pub fn http_date(moment: WallTime) -> String {
    write_http_date(moment).iter().map(|byte| char::from(*byte)).collect()
}

/// Reads any of the three forms a recipient must accept (RFC 9110 §5.6.7): IMF-fixdate, RFC 850 and asctime.
/// `now` tells which century a two-digit year means. `None` for anything else, dates before 1970 included.
pub fn parse_http_date(text: &[u8], now: WallTime) -> Option<WallTime> {
    let text = str::from_utf8(text).ok()?.trim_ascii();
    match text.find(',') {
        Some(3) => parse_imf_fixdate(text),
        Some(_) => parse_rfc850(text, now),
        None => parse_asctime(text),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn parse_imf_fixdate(text: &str) -> Option<WallTime> {
    let parts = text.split(' ').collect::<Vec<_>>();
    let [day_name, day, month, year, time, "GMT"] = parts[..] else { return None };
    DAYS.contains(&day_name.strip_suffix(',')?).then_some(())?;
    from_parts(digits(year, 4)?, month_number(month)?, digits(day, 2)?, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`.
fn parse_rfc850(text: &str, now: WallTime) -> Option<WallTime> {
    let parts = text.split(' ').collect::<Vec<_>>();
    let [day_name, date, time, "GMT"] = parts[..] else { return None };
    DAYS_LONG.contains(&day_name.strip_suffix(',')?).then_some(())?;
    let date = date.split('-').collect::<Vec<_>>();
    let [day, month, year] = date[..] else { return None };
    // RFC 9110 §5.6.7: a year that appears to be more than 50 years in the future is the most recent year in the
    // past with the same last two digits.
    let this_year = u64::from(Calendar::from_wall(now).year);
    let mut year = this_year - this_year % 100 + digits(year, 2)?;
    if year > this_year + 50 {
        year -= 100;
    }
    from_parts(year, month_number(month)?, digits(day, 2)?, time)
}

/// `Sun Nov  6 08:49:37 1994`.
fn parse_asctime(text: &str) -> Option<WallTime> {
    let day = text.get(8..10)?;
    let parts = text.split_ascii_whitespace().collect::<Vec<_>>();
    let [day_name, month, _, time, year] = parts[..] else { return None };
    (text.len() == 24 && DAYS.contains(&day_name)).then_some(())?;
    let day = match day.strip_prefix(' ') {
        Some(digit) => digits(digit, 1)?,
        None => digits(day, 2)?,
    };
    from_parts(digits(year, 4)?, month_number(month)?, day, time)
}

fn from_parts(year: u64, month: u64, day: u64, time: &str) -> Option<WallTime> {
    let time = time.split(':').collect::<Vec<_>>();
    let [hour, minute, second] = time[..] else { return None };
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    // A leap second (60) is allowed by the grammar; it is taken for the second after.
    if hour > 23 || minute > 59 || second > 60 || day == 0 || day > days_in_month(year, month) || year < 1970 {
        return None;
    }
    let days = days_since_epoch(year, month, day);
    Some(WallTime::from_seconds(days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second))
}

fn month_number(name: &str) -> Option<u64> {
    MONTHS.iter().position(|month| *month == name).map(|index| index as u64 + 1)
}

/// Exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn two_digits(text: &mut [u8], number: u8) {
    text[0] = b'0' + number / 10;
    text[1] = b'0' + number % 10;
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, for years from 1970; the year starts in March, so that the leap day is its last.
const fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl Calendar {
    /// The calendar's name for a moment; the year 9999's last second for anything after it.
    pub const fn from_wall(moment: WallTime) -> Self {
        let seconds = if moment.seconds() > LAST_SECOND { LAST_SECOND } else { moment.seconds() };
        let (days, of_day) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self {
            year: year as u16,
            month: month as u8,
            day: (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
            weekday: ((days + 4) % 7) as u8,
        }
    }

    /// The three letters of its month.
    pub const fn month_name(&self) -> &'static str {
        MONTHS[self.month as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_seconds(1_800_000_000); // January 2027

    #[test]
    fn three_forms_are_one_moment() {
        let moment = WallTime::from_seconds(784_111_777);
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_http_date(text.as_bytes(), NOW), Some(moment), "{text}");
        }
        assert_eq!(http_date(moment), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn two_digit_years_lie_at_most_fifty_years_ahead() {
        for (year, meant) in [("70", 2070), ("77", 2077), ("78", 1978), ("94", 1994), ("00", 2000)] {
            let text = format!("Sunday, 06-Nov-{year} 08:49:37 GMT");
            let parsed = parse_http_date(text.as_bytes(), NOW).unwrap();
            assert_eq!(Calendar::from_wall(parsed).year, meant, "{year}");
        }
    }

    #[test]
    fn every_day_for_four_centuries_goes_both_ways() {
        for day in 0..146_097 {
            let moment = WallTime::from_seconds(day * SECONDS_PER_DAY + day % SECONDS_PER_DAY);
            assert_eq!(parse_http_date(&write_http_date(moment), NOW), Some(moment), "{day}");
        }
        let last = WallTime::from_seconds(LAST_SECOND);
        assert_eq!(http_date(last), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(write_http_date(WallTime::from_seconds(u64::MAX)), write_http_date(last));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for wrong in [
            "",
            "0",
            "-1",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Xxx, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49 1994",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "S\u{fc}n, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(wrong.as_bytes(), NOW), None, "{wrong}");
        }
    }
}
