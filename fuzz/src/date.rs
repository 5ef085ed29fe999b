//! What a text may mean as an HTTP date (RFC 9110 §5.6.7), slowly.

use crate::time::{days_of_month, days_of_year};

/// Returns all that may be made of a text, as seconds since 1970, or `None` for *malformed*.
///
/// What is written as it must be has one meaning. What is not may be refused, but never read as another time.
pub fn dates(text: &str, received_at: i128) -> Vec<Option<i64>> {
    let mut read: Vec<Option<i64>> = Vec::new();
    for parts in [Parts::in_order(text), Parts::of_asctime(text), Parts::of_iso(text)].into_iter().flatten() {
        read.extend(parts.meanings(received_at).into_iter().map(Some));
    }
    let is_exact = match read[..] {
        // No server tells of the time before 1970.
        [Some(at)] => at >= 0 && forms(at).contains(&text.to_owned()),
        _ => false,
    };
    if !is_exact {
        read.push(None);
    }
    read
}

/// Returns the three forms of a time.
pub fn forms(at: i64) -> [String; 3] {
    let (mut year, mut month, mut day) = (1970, 0, at.div_euclid(86_400));
    let weekday = WEEKDAYS[usize::try_from((day + 3).rem_euclid(7)).unwrap()]; // 1970 began with a Thursday
    while day < 0 {
        year -= 1;
        day += days_of_year(year);
    }
    while day >= days_of_year(year) {
        day -= days_of_year(year);
        year += 1;
    }
    while day >= days_of_month(year, month) {
        day -= days_of_month(year, month);
        month += 1;
    }
    let (day, month, second) = (day + 1, MONTHS[month], at.rem_euclid(86_400));
    let time = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
    let short = &weekday[..3];
    [
        format!("{short}, {day:02} {month} {year:04} {time} GMT"),
        format!("{weekday}, {day:02}-{month}-{:02} {time} GMT", year.rem_euclid(100)),
        format!("{short} {month} {day:2} {time} {year:04}"),
    ]
}

/// The numbers of a date, as they stand in a text of whatever spelling.
#[derive(Clone, Copy)]
struct Parts<'t> {
    year: &'t str,
    month: usize,
    day: i64,
    /// Of the day, at its own place.
    second: i64,
    /// How far its place is ahead of Greenwich.
    offset: i64,
}

impl<'t> Parts<'t> {
    /// Weekday, day, month, year, time and zone, with any signs between them.
    fn in_order(text: &'t str) -> Option<Self> {
        let (date, zone) = text.trim_end().rsplit_once(' ')?;
        let words: Vec<&str> = date.split([' ', '\t', ',', '-']).filter(|word| !word.is_empty()).collect();
        let (day, month, year, time) = match words[..] {
            [weekday, day, month, year, time] => is_weekday(weekday).then_some((day, month, year, time))?,
            [day, month, year, time] => (day, month, year, time),
            _ => return None,
        };
        Some(Self { year, month: named(month)?, day: number(day)?, second: time_of_day(time)?, offset: zoned(zone)? })
    }

    fn of_asctime(text: &'t str) -> Option<Self> {
        let words: Vec<&str> = text.split([' ', '\t', ',', '-']).filter(|word| !word.is_empty()).collect();
        let [weekday, month, day, time, year] = words[..] else { return None };
        let month = is_weekday(weekday).then_some(named(month)?)?;
        Some(Self { year, month, day: number(day)?, second: time_of_day(time)?, offset: 0 })
    }

    /// `2026-01-01T00:02:00Z`
    fn of_iso(text: &'t str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', 't', ' '])?;
        let words: Vec<&str> = date.split('-').collect();
        let [year, month, day] = words[..] else { return None };
        let month = usize::try_from(number(month)?).ok()?.checked_sub(1).filter(|month| *month < 12)?;
        let (time, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
        Some(Self { year, month, day: number(day)?, second: time_of_day(time)?, offset: zoned(zone)? })
    }

    /// Of a year of two digits, of 1900 to 2199, the latest that is not more than fifty years ahead; by a calendar or by
    /// the length of an
    /// average year.
    fn meanings(self, received_at: i128) -> Vec<i64> {
        const SECOND: i128 = 1_000_000_000;
        const FIFTY_YEARS: i128 = 50 * 31_556_952 * SECOND;
        const A_DAY_OR_TWO: i128 = 2 * 86_400 * SECOND;
        let Some(year) = number(self.year) else { return Vec::new() };
        if self.year.len() == 4 {
            return self.in_year(year).into_iter().collect();
        }
        if self.year.len() != 2 {
            return Vec::new();
        }
        let ahead = |at: &i64| i128::from(*at) * SECOND - received_at - FIFTY_YEARS;
        let in_any_century: Vec<i64> = (19..=21).filter_map(|century| self.in_year(century * 100 + year)).collect();
        let mut meant: Vec<i64> = in_any_century.iter().copied().filter(|at| ahead(at).abs() <= A_DAY_OR_TWO).collect();
        meant.extend(in_any_century.into_iter().filter(|at| ahead(at) < -A_DAY_OR_TWO).max());
        meant
    }

    fn in_year(self, year: i64) -> Option<i64> {
        let day = Some(self.day - 1).filter(|day| (0..days_of_month(year, self.month)).contains(day))?;
        let years: i64 = if year < 1970 {
            -(year..1970).map(days_of_year).sum::<i64>()
        } else {
            (1970..year).map(days_of_year).sum()
        };
        let months: i64 = (0..self.month).map(|month| days_of_month(year, month)).sum();
        Some((years + months + day) * 86_400 + self.second - self.offset)
    }
}

fn number(text: &str) -> Option<i64> {
    let is_short = (1..=4).contains(&text.len());
    if is_short && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn time_of_day(text: &str) -> Option<i64> {
    let parts: Option<Vec<i64>> = text.split(':').map(number).collect();
    match parts?[..] {
        [hour @ 0..24, minute @ 0..60, second @ 0..=60] => Some(hour * 3_600 + minute * 60 + second),
        _ => None,
    }
}

fn zoned(zone: &str) -> Option<i64> {
    if ["gmt", "utc", "z"].contains(&zone.to_ascii_lowercase().as_str()) {
        return Some(0);
    }
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let digits = zone.strip_prefix(['+', '-'])?.replace(':', "");
    let hour_minute = number(&digits).filter(|_| digits.len() == 4)?;
    Some(sign * (hour_minute / 100 * 3_600 + hour_minute % 100 * 60))
}

fn named(month: &str) -> Option<usize> {
    MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))
}

fn is_weekday(word: &str) -> bool {
    WEEKDAYS.iter().any(|name| word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(&name[..3]))
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
