//! Dates as ACME writes them (RFC 3339). Called by [`super::documents`] and [`super::renewal`].

use std::time::Duration;

use edgeway_base::WallTime;
use time::{Date, Month, OffsetDateTime};

/// `2026-11-22T09:03:26Z`.
pub fn write(moment: WallTime) -> String {
    // Beyond year 9999 RFC 3339 has no digits; no certificate lives so long.
    let seconds = i64::try_from(moment.seconds()).unwrap_or(i64::MAX).min(253_402_300_799);
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", date.hour(), date.minute(), date.second())
}

/// Reads a date with any offset and any fraction of seconds (which is dropped); `None` when it is none, or
/// lies before 1970.
pub fn read(text: &str) -> Option<WallTime> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
    };
    let separators = [(4, b"-"), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")] as [(usize, &[u8]); 5];
    if !separators.iter().all(|(at, wanted)| bytes.get(*at).is_some_and(|byte| wanted.contains(byte))) {
        return None;
    }
    let month = Month::try_from(u8::try_from(number(5, 7)?).ok()?).ok()?;
    let date =
        Date::from_calendar_date(i32::try_from(number(0, 4)?).ok()?, month, u8::try_from(number(8, 10)?).ok()?).ok()?;
    let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // RFC 3339 §5.6: second 60 is a leap second.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let of_day = hours * 3600 + minutes * 60 + seconds;
    let moment = date.midnight().assume_utc().unix_timestamp() + of_day - offset_seconds(text.get(19..)?)?;
    u64::try_from(moment).ok().map(|seconds| WallTime::from_duration(Duration::from_secs(seconds)))
}

/// What follows the seconds: a fraction, then `Z` or an offset.
fn offset_seconds(text: &str) -> Option<i64> {
    let text = match text.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.len() == fraction.len() {
                return None;
            }
            rest
        }
        None => text,
    };
    let sign = match text.as_bytes() {
        b"Z" | b"z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let two_digits =
        |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i64>().ok())?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// What `Retry-After` says (RFC 9110 §10.2.3): how long from `now` one should wait.
pub fn retry_after(text: &str, now: WallTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    // RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`; the other two forms are long obsolete.
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let [_, day, month, year, clock, "GMT"] = text.split(' ').collect::<Vec<_>>()[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let then = read(&format!("{year}-{month:02}-{day}T{clock}Z"))?;
    Some(then.since_epoch().saturating_sub(now.since_epoch()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_both_ways() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-22T09:03:26Z", 1_795_338_206),
            ("2000-02-29T23:59:59Z", 951_868_799),
        ] {
            assert_eq!(read(text), Some(WallTime::from_seconds(seconds)), "{text}");
            assert_eq!(write(WallTime::from_seconds(seconds)), text);
        }
        for (text, seconds) in [
            ("2026-11-22T10:03:26+01:00", 1_795_338_206),
            ("2026-11-22t09:03:26.123456z", 1_795_338_206),
            ("2026-11-22 04:03:26-05:00", 1_795_338_206),
        ] {
            assert_eq!(read(text), Some(WallTime::from_seconds(seconds)), "{text}");
        }
        for wrong in [
            "",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "1969-12-31T23:59:59Z",
            "2026-01-01T00:00:0éZ",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(write(WallTime::from_seconds(u64::MAX)), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn when_to_come_back() {
        let now = read("1994-11-06T08:49:07Z").unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
