//! `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

use http::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

use super::fields;
use super::hint::Hint;

/// Returns what the header asks for, or `None` if it is absent.
pub(super) fn hint(headers: &HeaderMap, received_at: SystemTime) -> Option<Hint> {
    let mut lines = headers.get_all(RETRY_AFTER).iter();
    let first = lines.next()?;
    let parsed = if lines.next().is_none() {
        parse_line(first, || sent_at(headers, received_at).unwrap_or(received_at))
    } else {
        largest_of(headers.get_all(RETRY_AFTER))
    };
    Some(match parsed {
        Some(When::After(delay)) => Hint::Wait(delay.saturating_sub(fields::age(headers))),
        Some(When::At(date)) => Hint::Wait(until(date, headers, received_at)),
        None => Hint::Malformed,
    })
}

/// The two forms of the header.
enum When {
    After(Duration),
    At(SystemTime),
}

/// Returns the response's own `Date`.
fn sent_at(headers: &HeaderMap, received_at: SystemTime) -> Option<SystemTime> {
    fields::sole(headers, DATE).and_then(|text| parse_date(text, received_at))
}

fn parse_line(value: &HeaderValue, now: impl FnOnce() -> SystemTime) -> Option<When> {
    let text = fields::text(value)?;
    if let Some(delay) = fields::seconds(text) {
        return Some(When::After(delay));
    }
    if let Some(date) = parse_date(text, now()) {
        return Some(When::At(date));
    }
    largest_of([value])
}

/// Returns the largest of several waits: a proxy may have added its own, and the longest satisfies them all.
fn largest_of<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> Option<When> {
    let mut largest = Duration::ZERO;
    for value in values {
        for member in fields::text(value)?.split(',') {
            largest = largest.max(fields::digits(member.trim_matches(fields::OWS))?);
        }
    }
    Some(When::After(largest))
}

/// Parses the three forms of an HTTP date (RFC 9110 §5.6.7). `now` tells the century of a year of two digits.
///
/// Tolerated, because it cannot be mistaken for another time: a wrong weekday, a day of one digit, `UTC` and `+0000`.
pub(super) fn parse_date(text: &str, now: SystemTime) -> Option<SystemTime> {
    if text.len() > LONGEST_DATE {
        return None;
    }
    let Some((weekday, rest)) = text.split_once(", ") else {
        return httpdate::parse_http_date(text).ok(); // asctime, the only form without a comma
    };
    if !WEEKDAYS.iter().any(|name| weekday == *name || Some(weekday) == name.get(..3)) {
        return None;
    }
    let rest = ZONES.iter().find_map(|zone| rest.strip_suffix(zone))?;
    let mut parts = rest.splitn(4, ['-', ' ']);
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let centuries = if year.len() == 2 { &CENTURIES[..] } else { &[""] };
    let horizon = now.checked_add(FIFTY_YEARS); // beyond all dates if it does not fit
    centuries
        .iter()
        .filter_map(|century| parse_fixdate(&format!("{day:0>2} {month} {century}{year} {time} GMT")))
        .find(|date| year.len() != 2 || horizon.is_none_or(|horizon| *date <= horizon))
}

/// Parses an IMF-fixdate that lacks its weekday. httpdate insists on one, and on the right one.
fn parse_fixdate(date: &str) -> Option<SystemTime> {
    WEEKDAYS
        .iter()
        .filter_map(|name| name.get(..3))
        .find_map(|name| httpdate::parse_http_date(&format!("{name}, {date}")).ok())
}

/// Returns the time from this response to `date`.
///
/// Against the response's own `Date` the skew between the two clocks cancels out; without one the local clock must
/// do. `Age` is the time the response spent in a cache since its `Date` (RFC 9111 §4.2.3). A date has a resolution
/// of one second, so a part of one is rounded up.
pub(super) fn until(date: SystemTime, headers: &HeaderMap, received_at: SystemTime) -> Duration {
    let wait = match sent_at(headers, received_at) {
        Some(sent_at) => date.duration_since(sent_at).unwrap_or_default().saturating_sub(fields::age(headers)),
        None => date.duration_since(received_at).unwrap_or_default(),
    };
    if wait.subsec_nanos() == 0 { wait } else { Duration::from_secs(wait.as_secs().saturating_add(1)) }
}

/// No date is longer; what is, is not worth a try.
const LONGEST_DATE: usize = 40;
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// The names of Greenwich time that are seen. Any other zone is malformed.
const ZONES: [&str; 3] = [" GMT", " UTC", " +0000"];
/// What a year of two digits may mean: the latest that is not more than fifty years ahead (RFC 9110 §5.6.7).
const CENTURIES: [&str; 3] = ["21", "20", "19"];
/// Fifty years of average length.
const FIFTY_YEARS: Duration = Duration::from_secs(50 * 31_556_952);

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderName;

    use super::*;

    /// 2026-11-23 12:00:00 UTC.
    const RECEIVED_AT: u64 = 1_795_435_200;

    fn hint(lines: &[(&str, &[u8])]) -> Hint {
        hint_at(RECEIVED_AT, lines)
    }

    fn hint_at(received_at: u64, lines: &[(&str, &[u8])]) -> Hint {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        super::hint(&headers, UNIX_EPOCH + Duration::from_secs(received_at)).unwrap_or_default()
    }

    fn retry_after(value: &str) -> Hint {
        hint(&[("retry-after", value.as_bytes())])
    }

    const fn seconds(seconds: u64) -> Hint {
        Hint::Wait(Duration::from_secs(seconds))
    }

    #[test]
    fn no_header_is_no_hint() {
        assert_eq!(hint(&[]), Hint::Absent);
    }

    #[test]
    fn seconds_are_read_and_saturate() {
        for (value, expected) in [
            ("120", seconds(120)),
            (" 120 ", seconds(120)),
            ("\t120", seconds(120)),
            ("00120", seconds(120)),
            ("0", seconds(0)),
            ("2026", seconds(2026)),
            ("99999999999", seconds(99_999_999_999)),
            ("18446744073709551615", seconds(u64::MAX)),
            ("18446744073709551616", Hint::Wait(Duration::MAX)),
            ("99999999999999999999999999999999999999999999", Hint::Wait(Duration::MAX)),
        ] {
            assert_eq!(retry_after(value), expected, "Retry-After: {value}");
        }
    }

    #[test]
    fn decimals_are_rounded_up_to_the_millisecond() {
        for (value, millis) in [
            ("1.5", 1_500),
            ("2.0", 2_000),
            ("0.493", 493),
            ("292.052427053", 292_053),
            ("0.0001", 1),
            ("0.9999", 1_000),
            ("1.0000000000000000000000000000000000", 1_000),
        ] {
            assert_eq!(retry_after(value), Hint::Wait(Duration::from_millis(millis)), "Retry-After: {value}");
        }
        assert_eq!(retry_after("18446744073709551616.5"), Hint::Wait(Duration::MAX));
    }

    #[test]
    fn what_is_not_understood_is_malformed_and_never_another_time() {
        for value in [
            "",
            " ",
            "-1",
            "-43",
            "+5",
            "1e3",
            "0x10",
            "inf",
            "NaN",
            "1_000",
            "soon",
            "120s",
            "1m0s",
            "\"120\"",
            "2 minutes",
            "1.",
            ".5",
            "1.5.2",
            "1,5s",
            "1.5, 2",
            ", 2",
            "2,",
            "5;q=1",
            "2026-01-01T00:02:00Z",
            "2026-01-01",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Nov 1994",
            "Sun, 31 Feb 2027 08:49:37 GMT",
            "Sun, 06 Nov 2027 08:49:60 GMT",
            "sun, 06 nov 2027 08:49:37 gmt",
            "Funday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-194 08:49:37 GMT",
            "Sun, 06 Nov 2027 25:49:37 GMT",
        ] {
            assert_eq!(retry_after(value), Hint::Malformed, "Retry-After: {value}");
        }
        assert_eq!(hint(&[("retry-after", "١٢".as_bytes())]), Hint::Malformed);
        assert_eq!(hint(&[("retry-after", b"12\xff")]), Hint::Malformed);
    }

    #[test]
    fn of_several_the_largest_counts() {
        assert_eq!(retry_after("2814, 2"), seconds(2814));
        assert_eq!(retry_after("1,5"), seconds(5));
        assert_eq!(hint(&[("retry-after", b"2"), ("retry-after", b"2814")]), seconds(2814));
        assert_eq!(hint(&[("retry-after", b"2"), ("retry-after", b"soon")]), Hint::Malformed);
        let date = b"Mon, 23 Nov 2026 12:00:30 GMT";
        assert_eq!(hint(&[("retry-after", date), ("retry-after", b"2")]), Hint::Malformed);
    }

    #[test]
    fn all_forms_of_a_date_are_read_against_the_local_clock_without_a_date() {
        for value in [
            "Mon, 23 Nov 2026 12:00:30 GMT",
            "Monday, 23-Nov-26 12:00:30 GMT",
            "Mon Nov 23 12:00:30 2026",
            "Sun, 23 Nov 2026 12:00:30 GMT",
            "Mon, 23 Nov 2026 12:00:30 UTC",
            "Mon, 23 Nov 2026 12:00:30 +0000",
        ] {
            assert_eq!(retry_after(value), seconds(30), "Retry-After: {value}");
        }
        assert_eq!(retry_after("Fri, 1 Jan 2027 12:00:00 GMT"), seconds(39 * 86_400), "a day of one digit");
    }

    #[test]
    fn a_date_that_has_passed_asks_for_nothing() {
        for value in ["Mon, 23 Nov 2026 12:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]
        {
            assert_eq!(retry_after(value), seconds(0), "Retry-After: {value}");
        }
    }

    #[test]
    fn a_date_is_measured_from_the_date_of_the_response() {
        let date = ("date", &b"Sun, 06 Nov 1994 08:49:00 GMT"[..]);
        let retry_after = ("retry-after", &b"Sun, 06 Nov 1994 08:49:37 GMT"[..]);
        assert_eq!(hint(&[date, retry_after]), seconds(37));
        assert_eq!(hint(&[date, ("age", b"30"), retry_after]), seconds(7), "30 s of it were spent in a cache");
        assert_eq!(hint(&[("date", b"nonsense"), retry_after]), seconds(0), "the local clock must do");
        assert_eq!(hint(&[date, date, retry_after]), seconds(0), "two dates are none");
        let ahead = ("retry-after", &b"Mon, 23 Nov 2026 12:00:30 GMT"[..]);
        assert_eq!(hint(&[("age", b"20"), ahead]), seconds(30), "the local clock has counted the time in the cache");
    }

    #[test]
    fn a_wrong_clock_does_no_harm_where_the_response_has_a_date() {
        let date = ("date", &b"Mon, 23 Nov 2026 12:00:00 GMT"[..]);
        let year: u64 = 31_556_952;
        for received_at in [0, RECEIVED_AT, RECEIVED_AT + 90 * year, 1 << 60] {
            for value in ["Mon, 23 Nov 2026 12:00:30 GMT", "Monday, 23-Nov-26 12:00:30 GMT"] {
                let lines = [date, ("retry-after", value.as_bytes())];
                assert_eq!(hint_at(received_at, &lines), seconds(30), "{value} at {received_at}");
            }
        }
    }

    #[test]
    fn a_part_of_a_second_is_rounded_up() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Mon, 23 Nov 2026 12:00:30 GMT"));
        let received_at = UNIX_EPOCH + Duration::from_millis(RECEIVED_AT * 1000 + 1);
        assert_eq!(super::hint(&headers, received_at), Some(seconds(30)));
    }

    #[test]
    fn seconds_spent_in_a_cache_are_subtracted() {
        for (age, expected) in
            [("20", 100), ("120", 0), ("999", 0), ("-5", 120), ("soon", 120), ("99999999999999999999999", 0)]
        {
            let lines = [("retry-after", &b"120"[..]), ("age", age.as_bytes())];
            assert_eq!(hint(&lines), seconds(expected), "Age: {age}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        let year_2076 = 49 * 31_556_952;
        let Hint::Wait(wait) = retry_after("Wednesday, 01-Jan-75 00:00:00 GMT") else { panic!("a date") };
        assert!(wait.as_secs().abs_diff(48 * 31_556_952) < 60 * 86_400, "2075, {wait:?}");
        assert_eq!(retry_after("Friday, 01-Jan-77 00:00:00 GMT"), seconds(0), "1977, not 2077");
        assert_eq!(retry_after("Sunday, 06-Nov-94 08:49:37 GMT"), seconds(0), "1994");
        let in_2075 = RECEIVED_AT + year_2076;
        let Hint::Wait(wait) = hint_at(in_2075, &[("retry-after", b"Friday, 01-Jan-10 00:00:00 GMT")]) else {
            panic!("a date")
        };
        assert!(wait.as_secs() > 30 * 31_556_952, "2110, {wait:?}");
    }

    #[test]
    fn a_clock_before_1970_or_far_ahead_does_no_harm() {
        let long_ago = UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 40)).unwrap();
        let latest = UNIX_EPOCH.checked_add(Duration::from_secs((1 << 63) - 1)).unwrap();
        for value in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            assert_eq!(super::hint(&headers, latest), Some(seconds(0)), "Retry-After: {value}");
            let _does_not_panic = super::hint(&headers, long_ago);
        }
    }
}
