//! Made-up times: of the wall clock and of the one that only goes on, and the calendar.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arbitrary::Arbitrary;

/// When a response arrives by the wall clock.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Clock {
    /// So many seconds from November 2026, and a part of one.
    Near(i32, u32),
    Exactly(i32),
    /// From 1970.
    Far(i64),
    First,
    Last,
}

impl Clock {
    /// Returns the time in nanoseconds since 1970.
    pub fn nanos(self) -> i128 {
        match self {
            Self::Near(seconds, nanos) => i128::from(NOVEMBER_2026 + i64::from(seconds)) * SECOND + i128::from(nanos),
            Self::Exactly(seconds) => i128::from(NOVEMBER_2026 + i64::from(seconds)) * SECOND,
            Self::Far(seconds) => i128::from(seconds) * SECOND,
            Self::First => i128::from(i64::MIN) * SECOND,
            Self::Last => i128::from(i64::MAX) * SECOND + SECOND - 1,
        }
    }

    pub fn time(self) -> SystemTime {
        let nanos = self.nanos();
        let whole = Duration::from_secs(u64::try_from((nanos.div_euclid(SECOND)).unsigned_abs()).unwrap());
        let part = Duration::from_nanos(u64::try_from(nanos.rem_euclid(SECOND)).unwrap());
        if nanos < 0 { UNIX_EPOCH - whole + part } else { UNIX_EPOCH + whole + part }
    }
}

/// How the monotonic time of a caller goes on: not at all, a little, for ages, or backwards.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Passes {
    Nothing,
    Millis(u16),
    Micros(u32),
    Seconds(u32),
    Nanos(u64),
    Forever,
    Back(u32),
    ToTheStart,
}

impl Passes {
    pub fn after(self, now: Duration) -> Duration {
        match self {
            Self::Back(millis) => now.saturating_sub(Duration::from_millis(millis.into())),
            Self::ToTheStart => Duration::ZERO,
            forwards => now.saturating_add(forwards.length()),
        }
    }

    /// Returns how long it is, of whatever direction.
    pub fn length(self) -> Duration {
        match self {
            Self::Nothing | Self::ToTheStart => Duration::ZERO,
            Self::Millis(millis) => Duration::from_millis(millis.into()),
            Self::Micros(micros) => Duration::from_micros(micros.into()),
            Self::Seconds(seconds) => Duration::from_secs(seconds.into()),
            Self::Nanos(nanos) => Duration::from_nanos(nanos),
            Self::Forever => Duration::MAX,
            Self::Back(millis) => Duration::from_millis(millis.into()),
        }
    }
}

pub(crate) fn days_of_year(year: i64) -> i64 {
    (0..12).map(|month| days_of_month(year, month)).sum()
}

pub(crate) fn days_of_month(year: i64, month: usize) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
}

pub(crate) const SECOND: i128 = 1_000_000_000;
pub(crate) const NOVEMBER_2026: i64 = 1_795_435_200;
