//! Times as people, loggers and query parameters write them.
//!
//! - RFC 3339, and its relatives that loggers really write: a space instead of `T`, a comma before the fraction,
//!   slashes or points in the date, an offset without colon (`+0000`), no zone at all (taken as UTC), no seconds, only a
//!   date, the basic form (`20251130T123456Z`), structlog's `12:34.56`, Go's and Java's names of zones behind the offset.
//! - Dates with the name of the month: see [`written`].
//! - Unix time as a decimal number in seconds, milliseconds, microseconds or nanoseconds, told apart by magnitude:
//!   below 10^11 seconds (until the year 5138), below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds.
//!   The decimal text is read exactly, never through a double.
//! - Relative to now, for query parameters: `now`, `now-1h`, `now-1d12h`, `now+5m`, and rounded down with `now-1d/d`.

mod written;

use crate::error::{DecodeError, Position};
use crate::limits::MAX_QUOTED_BYTES;
use clew_model::UnixNanos;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A point in time that was read from text or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Nanoseconds since the Unix epoch; digits below a nanosecond are cut off.
    pub nanos: UnixNanos,
    /// Whether `nanos` says all that the text said: false when digits were cut off or the zone was assumed.
    pub is_lossless: bool,
}

/// Reads a time, absolute or relative to `now`.
///
/// # Errors
/// [`DecodeError::Malformed`] for text that is no time, or a time outside 1677 to 2262; it says what would be right.
pub fn parse_time(text: &str, now: UnixNanos) -> Result<UnixNanos, DecodeError> {
    match text.trim().strip_prefix("now") {
        Some(offset) => relative(offset, now).map_err(|fault| fault.of(text)),
        None => parse_timestamp(text).map(|timestamp| timestamp.nanos),
    }
}

/// Reads an absolute time: RFC 3339 and its relatives, or Unix time as a decimal number.
///
/// # Errors
/// As [`parse_time`].
pub fn parse_timestamp(text: &str) -> Result<Timestamp, DecodeError> {
    absolute(text).map_err(|fault| fault.of(text))
}

fn absolute(text: &str) -> Result<Timestamp, Fault> {
    let bytes = text.trim_ascii().as_bytes();
    let begins_with_digits = |count: usize| bytes.iter().take(count).all(u8::is_ascii_digit);
    match (bytes.get(4), bytes.get(7), bytes.get(8)) {
        (Some(b'-' | b'/'), ..) | (Some(b'.'), Some(b'.'), _) if begins_with_digits(4) => date_time(bytes),
        (.., Some(b'T')) if begins_with_digits(8) => basic(bytes),
        // The day first: with points nobody writes the month first.
        _ if matches!(bytes, [_, _, b'.', _, _, b'.', _, _, _, _, b' ' | b'T', ..]) => {
            let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
            let rest = bytes.get(10..).unwrap_or_default();
            date_time(&[part(6, 10), b"-", part(3, 5), b"-", part(0, 2), rest].concat())
        }
        _ if bytes.starts_with(DATE_OPEN) && bytes.ends_with(DATE_CLOSE) => dot_net(bytes),
        _ => unix_time(bytes).or_else(|fault| match written::as_numbers(text) {
            Some(numbers) => date_time(numbers.trim_ascii().as_bytes())
                .map_err(|own| if own.reason == OUT_OF_RANGE { own } else { fault }),
            None => Err(fault),
        }),
    }
}

/// Around the milliseconds of a date in the JSON of older .NET.
const DATE_OPEN: &[u8] = b"/Date(";
const DATE_CLOSE: &[u8] = b")/";

/// `/Date(1764506096789+0100)/`: Unix milliseconds in UTC; the offset says where it was sent.
fn dot_net(bytes: &[u8]) -> Result<Timestamp, Fault> {
    let inner = bytes.get(DATE_OPEN.len()..bytes.len().saturating_sub(DATE_CLOSE.len())).unwrap_or_default();
    let offset = inner.iter().skip(1).position(|byte| matches!(byte, b'+' | b'-'));
    unix_time(inner.get(..offset.map_or(inner.len(), |at| at + 1)).unwrap_or_default())
}

/// The basic form of ISO 8601, without separators.
fn basic(bytes: &[u8]) -> Result<Timestamp, Fault> {
    let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    let rest = bytes.get(15..).unwrap_or_default();
    date_time(&[part(0, 4), b"-", part(4, 6), b"-", part(6, 11), b":", part(11, 13), b":", part(13, 15), rest].concat())
}

/// Why a text gives no [`Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTimestamp {
    /// It is no time.
    NotATime,
    /// It is a time, but outside what 64 bits of nanoseconds can say ([`OUT_OF_RANGE`]).
    OutOfRange,
}

/// As [`parse_timestamp`], for callers that only tell a time out of range from what is no time: builds no message.
///
/// # Errors
/// See [`NoTimestamp`].
pub fn classify_timestamp(text: &str) -> Result<Timestamp, NoTimestamp> {
    absolute(text).map_err(|fault| match fault.reason {
        OUT_OF_RANGE => NoTimestamp::OutOfRange,
        _ => NoTimestamp::NotATime,
    })
}

/// The time that an integer says, its unit told by its magnitude; `None` when it lies outside 1677 to 2262.
#[must_use]
pub fn from_integer(number: i64) -> Option<UnixNanos> {
    let factor = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(factor)
}

/// What is wrong with a text, before its message is worth building.
#[derive(Debug, PartialEq)]
struct Fault {
    at: usize,
    reason: &'static str,
}

/// What is said of a time that [`UnixNanos`] cannot hold.
pub const OUT_OF_RANGE: &str = "the time lies outside 1677-09-21 to 2262-04-11, which 64 bits of nanoseconds can say";

impl Fault {
    fn of(&self, text: &str) -> DecodeError {
        let leading = text.len() - text.trim_ascii_start().len();
        let shown: String = text.chars().take(MAX_QUOTED_BYTES / 4).collect();
        DecodeError::Malformed {
            format: "time",
            position: Position::Byte(leading.saturating_add(self.at)),
            path: String::new(),
            reason: format!(
                "{} in {shown:?}; write RFC 3339 (2025-11-30T12:34:56.789Z), Unix seconds, milliseconds, \
                 microseconds or nanoseconds, or in a query now-1h",
                self.reason
            ),
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take_if(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let byte = self.peek().filter(|&byte| wanted(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn skip_spaces(&mut self) {
        while self.take_if(|byte| byte == b' ').is_some() {}
    }

    /// Go's monotonic clock (`m=+0.5`) and Java's zone (`[Europe/Berlin]`) behind the offset, which add nothing to it.
    fn skip_remarks(&mut self) {
        self.skip_spaces();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"m=") || (rest.starts_with(b"[") && rest.ends_with(b"]")) {
            self.at = self.bytes.len();
        }
    }

    fn fault<T>(&self, reason: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, reason })
    }

    /// Two decimal digits that are at most `max`.
    fn two_digits(&mut self, max: u8, reason: &'static str) -> Result<u8, Fault> {
        let start = self.at;
        let tens = self.take_if(|byte| byte.is_ascii_digit());
        let ones = self.take_if(|byte| byte.is_ascii_digit());
        match (tens, ones) {
            (Some(tens), Some(ones)) if (tens - b'0') * 10 + (ones - b'0') <= max => {
                Ok((tens - b'0') * 10 + (ones - b'0'))
            }
            _ => Err(Fault { at: start, reason }),
        }
    }
}

fn date_time(bytes: &[u8]) -> Result<Timestamp, Fault> {
    let mut cursor = Cursor { bytes, at: 0 };
    let century = cursor.two_digits(99, "expected a year of four digits")?;
    let year = i32::from(century) * 100 + i32::from(cursor.two_digits(99, "expected a year of four digits")?);
    let separator = cursor.take_if(|byte| matches!(byte, b'-' | b'/' | b'.'));
    let month = cursor.two_digits(12, "expected a month from 01 to 12")?;
    if cursor.take_if(|byte| Some(byte) == separator).is_none() {
        return cursor.fault("expected the same separator before the day as before the month");
    }
    let day_at = cursor.at;
    let day = cursor.two_digits(31, "expected a day of the month")?;
    if month == 0 || day == 0 || day > days_in_month(year, month) {
        return Err(Fault { at: day_at, reason: "this month has no such day" });
    }
    let day_seconds = i128::from(days_from_epoch(year, month, day)) * 86_400;
    if cursor.peek().is_none() {
        return timestamp(day_seconds * NANOS_PER_SECOND, false);
    }
    if cursor.take_if(|byte| matches!(byte, b'T' | b't' | b' ' | b'_')).is_none() {
        return cursor.fault("expected 'T' or a space between date and time");
    }
    let (time_nanos, is_whole) = time_of_day(&mut cursor)?;
    let offset = zone(&mut cursor)?;
    if cursor.peek().is_some() {
        return cursor.fault("expected the end after the time zone");
    }
    let offset_seconds = i128::from(offset.unwrap_or(0));
    timestamp((day_seconds - offset_seconds) * NANOS_PER_SECOND + time_nanos, is_whole && offset.is_some())
}

/// `hh:mm[:ss[.fraction]]` in nanoseconds, and whether no digit was cut off.
fn time_of_day(cursor: &mut Cursor<'_>) -> Result<(i128, bool), Fault> {
    let hour = cursor.two_digits(23, "expected an hour from 00 to 23")?;
    if cursor.take_if(|byte| byte == b':').is_none() {
        return cursor.fault("expected ':' after the hour");
    }
    let minute = cursor.two_digits(59, "expected a minute from 00 to 59")?;
    let mut seconds = i128::from(hour) * 3600 + i128::from(minute) * 60;
    // structlog's own format has a point before the seconds.
    if cursor.take_if(|byte| matches!(byte, b':' | b'.')).is_none() {
        return Ok((seconds * NANOS_PER_SECOND, true));
    }
    // RFC 3339 allows a leap second; it becomes the first instant of the next minute, as in Unix time.
    seconds += i128::from(cursor.two_digits(60, "expected a second from 00 to 60")?);
    let (mut nanos, mut is_whole) = (0i128, true);
    if cursor.take_if(|byte| matches!(byte, b'.' | b',' | b':')).is_some() {
        let mut weight = NANOS_PER_SECOND / 10;
        let start = cursor.at;
        while let Some(digit) = cursor.take_if(|byte| byte.is_ascii_digit()) {
            is_whole &= weight > 0 || digit == b'0';
            nanos += i128::from(digit - b'0') * weight;
            weight /= 10;
        }
        if cursor.at == start {
            return cursor.fault("expected digits of the fraction");
        }
    }
    Ok((seconds * NANOS_PER_SECOND + nanos, is_whole))
}

/// The offset from UTC in seconds; `None` when there is no zone.
fn zone(cursor: &mut Cursor<'_>) -> Result<Option<i32>, Fault> {
    cursor.skip_spaces();
    let offset = match cursor.peek() {
        None => return Ok(None),
        Some(sign @ (b'+' | b'-')) => {
            cursor.at += 1;
            let hours = cursor.two_digits(23, "expected the hours of the offset from UTC")?;
            let colon = cursor.take_if(|byte| byte == b':').is_some();
            let minutes = if colon || cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                cursor.two_digits(59, "expected the minutes of the offset from UTC")?
            } else {
                0
            };
            let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
            // Go's `time.Time.String` repeats the zone as a name: `+0000 UTC`.
            cursor.skip_spaces();
            while cursor.take_if(|byte| byte.is_ascii_alphabetic()).is_some() {}
            cursor.skip_remarks();
            if sign == b'-' { -seconds } else { seconds }
        }
        Some(_) => {
            let rest = cursor.bytes.get(cursor.at..).unwrap_or_default();
            let named = ["Z", "UTC", "GMT"].into_iter().find(|name| rest.eq_ignore_ascii_case(name.as_bytes()));
            match named {
                Some(name) => cursor.at += name.len(),
                None if rest.starts_with(b"Z[") => cursor.at += 1,
                None => return cursor.fault("expected 'Z' or an offset such as +02:00"),
            }
            cursor.skip_remarks();
            0
        }
    };
    Ok(Some(offset))
}

fn is_leap(year: i32) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar: years are counted from March, so that the leap day comes
/// last and the months before it have lengths that a linear formula gives.
fn days_from_epoch(year: i32, month: u8, day: u8) -> i32 {
    let (year, month) = if month <= 2 { (year - 1, i32::from(month) + 9) } else { (year, i32::from(month) - 3) };
    let before_month = (153 * month + 2) / 5;
    let before_year = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    before_year + before_month + i32::from(day) - 1 - 719_468
}

fn timestamp(nanos: i128, is_lossless: bool) -> Result<Timestamp, Fault> {
    match i64::try_from(nanos) {
        Ok(nanos) => Ok(Timestamp { nanos, is_lossless }),
        Err(_) => Err(Fault { at: 0, reason: OUT_OF_RANGE }),
    }
}

/// A decimal number: digits without leading zeros times a power of ten.
#[derive(Default)]
struct Decimal {
    negative: bool,
    digits: u128,
    /// How many digits `digits` has.
    count: i32,
    exponent: i32,
    /// Whether a digit other than zero did not fit.
    cut: bool,
}

impl Decimal {
    fn push(&mut self, digit: u8, in_fraction: bool) {
        // 30 digits hold every time down to far below a nanosecond and leave room for the unit's factor.
        if self.count >= 30 {
            self.cut |= digit != b'0';
            self.exponent += i32::from(!in_fraction);
            return;
        }
        self.exponent -= i32::from(in_fraction);
        self.digits = self.digits * 10 + u128::from(digit - b'0');
        self.count += i32::from(self.digits > 0);
    }

    fn to_nanos(&self) -> Result<Timestamp, Fault> {
        let unit = match self.count.saturating_add(self.exponent) {
            ..=11 => 9,
            12..=14 => 6,
            15..=17 => 3,
            _ => 0,
        };
        let out_of_range = Fault { at: 0, reason: OUT_OF_RANGE };
        let power = self.exponent.saturating_add(unit);
        let (nanos, rest) = match 10u128.checked_pow(power.unsigned_abs()) {
            _ if self.digits == 0 => (0, 0),
            Some(factor) if power < 0 => (self.digits / factor, self.digits % factor),
            None if power < 0 => (0, self.digits),
            Some(factor) => (self.digits.checked_mul(factor).ok_or(out_of_range)?, 0),
            None => return Err(out_of_range),
        };
        let nanos = i128::try_from(nanos).map_err(|_| Fault { at: 0, reason: OUT_OF_RANGE })?;
        timestamp(if self.negative { -nanos } else { nanos }, rest == 0 && !self.cut)
    }
}

fn unix_time(bytes: &[u8]) -> Result<Timestamp, Fault> {
    let mut cursor = Cursor { bytes, at: 0 };
    let mut decimal = Decimal { negative: cursor.peek() == Some(b'-'), ..Decimal::default() };
    cursor.take_if(|byte| matches!(byte, b'-' | b'+'));
    let start = cursor.at;
    while let Some(digit) = cursor.take_if(|byte| byte.is_ascii_digit()) {
        decimal.push(digit, false);
    }
    if cursor.at == start {
        return cursor.fault("expected a date or a number");
    }
    if cursor.take_if(|byte| byte == b'.').is_some() {
        while let Some(digit) = cursor.take_if(|byte| byte.is_ascii_digit()) {
            decimal.push(digit, true);
        }
    }
    if cursor.take_if(|byte| matches!(byte, b'e' | b'E')).is_some() {
        decimal.exponent = decimal.exponent.saturating_add(exponent(&mut cursor)?);
    }
    match cursor.peek() {
        None => decimal.to_nanos(),
        Some(_) => cursor.fault("expected the end after the number"),
    }
}

fn exponent(cursor: &mut Cursor<'_>) -> Result<i32, Fault> {
    let sign = cursor.take_if(|byte| matches!(byte, b'-' | b'+'));
    let start = cursor.at;
    let mut power = 0i32;
    while let Some(digit) = cursor.take_if(|byte| byte.is_ascii_digit()) {
        power = power.saturating_mul(10).saturating_add(i32::from(digit - b'0')).min(1_000_000);
    }
    if cursor.at == start {
        return cursor.fault("expected digits of the exponent");
    }
    Ok(if sign == Some(b'-') { -power } else { power })
}

/// What follows `now`: any number of signed durations, then at most one `/unit` that rounds down in UTC.
fn relative(offset: &str, now: UnixNanos) -> Result<UnixNanos, Fault> {
    let mut cursor = Cursor { bytes: offset.as_bytes(), at: 0 };
    let mut time = i128::from(now);
    let fault_at = |cursor: &Cursor<'_>, reason| Fault { at: cursor.at + "now".len(), reason };
    while let Some(sign) = cursor.take_if(|byte| matches!(byte, b'+' | b'-')) {
        loop {
            let mut count = 0i128;
            while let Some(digit) = cursor.take_if(|byte| byte.is_ascii_digit()) {
                count = (count * 10 + i128::from(digit - b'0')).min(i128::from(i64::MAX));
            }
            let nanos = unit(&mut cursor).ok_or_else(|| {
                fault_at(&cursor, "expected a number with one of the units ns, us, ms, s, m, h, d, w, y")
            })?;
            let span = count * nanos;
            time = if sign == b'-' { time.saturating_sub(span) } else { time.saturating_add(span) };
            if !cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                break;
            }
        }
    }
    if cursor.take_if(|byte| byte == b'/').is_some() {
        let unit = unit(&mut cursor).filter(|nanos| (NANOS_PER_SECOND..=86_400 * NANOS_PER_SECOND).contains(nanos));
        let unit = unit.ok_or_else(|| fault_at(&cursor, "expected s, m, h or d to round down to"))?;
        time = time.div_euclid(unit).saturating_mul(unit);
    }
    if cursor.peek().is_some() {
        return Err(fault_at(&cursor, "expected '-' or '+' and a duration such as 1h"));
    }
    i64::try_from(time).map_err(|_| Fault { at: 0, reason: OUT_OF_RANGE })
}

/// A unit of time in nanoseconds, as in PromQL: `y` has 365 days.
fn unit(cursor: &mut Cursor<'_>) -> Option<i128> {
    let start = cursor.at;
    while cursor.take_if(|byte| byte.is_ascii_lowercase()).is_some() {}
    let nanos = match cursor.bytes.get(start..cursor.at)? {
        b"ns" => 1,
        b"us" => 1_000,
        b"ms" => 1_000_000,
        b"s" => NANOS_PER_SECOND,
        b"m" => 60 * NANOS_PER_SECOND,
        b"h" => 3_600 * NANOS_PER_SECOND,
        b"d" => 86_400 * NANOS_PER_SECOND,
        b"w" => 7 * 86_400 * NANOS_PER_SECOND,
        b"y" => 365 * 86_400 * NANOS_PER_SECOND,
        _ => return None,
    };
    Some(nanos)
}

#[cfg(test)]
mod tests;
