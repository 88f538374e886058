//! Calendar functions: parts of a Unix time in UTC.

/// Minute of the hour.
pub(super) fn minute(seconds: f64) -> f64 {
    part(seconds, |s| (s.rem_euclid(3600)) / 60)
}

/// Hour of the day.
pub(super) fn hour(seconds: f64) -> f64 {
    part(seconds, |s| (s.rem_euclid(86_400)) / 3600)
}

/// Day of the week, from Sunday = 0.
pub(super) fn day_of_week(seconds: f64) -> f64 {
    part(seconds, |s| (s.div_euclid(86_400) + 4).rem_euclid(7))
}

/// Day of the month.
pub(super) fn day_of_month(seconds: f64) -> f64 {
    part(seconds, |s| civil(s).2)
}

/// Day of the year.
pub(super) fn day_of_year(seconds: f64) -> f64 {
    part(seconds, |s| s.div_euclid(86_400) - days_from_civil(civil(s).0, 1, 1) + 1)
}

/// Days that the month has.
pub(super) fn month_length(seconds: f64) -> f64 {
    part(seconds, days_in_month)
}

/// Month of the year.
pub(super) fn month(seconds: f64) -> f64 {
    part(seconds, |s| civil(s).1)
}

/// The year.
pub(super) fn year(seconds: f64) -> f64 {
    part(seconds, |s| civil(s).0)
}

/// Times beyond this many seconds have no calendar here (about 290 million years).
const LIMIT: f64 = 9.0e15;

fn part(seconds: f64, of: impl Fn(i64) -> i64) -> f64 {
    if seconds.abs() <= LIMIT { of(seconds.trunc() as i64) as f64 } else { f64::NAN }
}

fn days_in_month(seconds: i64) -> i64 {
    let (year, month, _) = civil(seconds);
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1)
}

/// Year, month and day of the proleptic Gregorian calendar. Years are counted from March here, so that the leap day is
/// the last of a year, and in eras of 400 years, which all have 146,097 days.
fn civil(seconds: i64) -> (i64, i64, i64) {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * march_month + 2) / 5 + 1)
}

/// Days from the epoch to a date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// An instant as RFC 3339 in whole seconds of UTC.
pub(in crate::promql) fn rfc3339(millis: clew_model::UnixMillis) -> String {
    let seconds = millis.div_euclid(1000);
    let of = |part: fn(f64) -> f64| part(seconds as f64);
    let second = seconds.rem_euclid(60);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{second:02}Z", of(year), of(month), of(day_of_month), of(hour), of(minute))
}
