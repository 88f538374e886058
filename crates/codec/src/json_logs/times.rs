//! The time that a member says, in every form in which loggers write it.

use crate::limits::MAX_QUOTED_BYTES;
use crate::time_text::{self, NoTimestamp, OUT_OF_RANGE, Timestamp};
use clew_model::value::{double_text, find};
use clew_model::{Attribute, Value};
use compact_str::CompactString;

/// Below this many seconds (March 1973) a number under a name that may mean something else (`time`, `t`, `date`) is how long
/// something took or how often it happened, not when.
const EARLIEST_BARE_NUMBER: f64 = 1e8;

/// A time that was sent and could not be taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UnreadTime {
    name: CompactString,
    /// As it was sent, but for its length.
    shown: String,
}

impl UnreadTime {
    /// `None` where the value says that there is no time: null, blank, `-`.
    pub(super) fn new(name: &str, value: &Value) -> Option<Self> {
        let text = value.display_text();
        let is_there = *value != Value::Null && !matches!(text.trim(), "" | "-");
        is_there.then(|| Self { name: name.into(), shown: text.chars().take(MAX_QUOTED_BYTES / 4).collect() })
    }

    /// Why it refuses the record: it is a time, but one that cannot be kept.
    pub(super) fn out_of_range(&self) -> String {
        format!(
            "{OUT_OF_RANGE}: {:?} is {:?}; check the sender's clock and the unit of its timestamps, or leave the field out \
             to have the time of arrival",
            self.name, self.shown
        )
    }

    /// What is said of a record that was taken without it.
    pub(super) fn warning(&self, has_other: bool) -> String {
        let Self { name, shown } = self;
        let taken = if has_other { "that of another field" } else { "its arrival" };
        format!(
            "{name:?} is {shown:?}, which is not understood as a time: the record's time is {taken}. Write RFC 3339 with a \
             zone (2025-11-30T12:34:56.789Z) or Unix time"
        )
    }
}

/// Reads the member `name`; `beside` are the members of its object, which may hold the date of a time of day, or the
/// nanoseconds of seconds.
pub(super) fn read(name: &str, value: &Value, beside: &[Attribute]) -> Result<Timestamp, NoTimestamp> {
    let is_sure = matches!(name, "timestamp" | "@timestamp" | "ts");
    let is_date = || is_sure || value.as_f64().is_some_and(|number| number.abs() >= EARLIEST_BARE_NUMBER);
    match value {
        Value::String(text) if name.eq_ignore_ascii_case("date") && is_day(text) => Err(NoTimestamp::NotATime),
        Value::String(text) if !is_sure && is_small_number(text) => Err(NoTimestamp::NotATime),
        Value::String(text) => time_text::classify_timestamp(text).or_else(|fault| match date_of(beside) {
            Some(date) if name.eq_ignore_ascii_case("time") && is_day(date) => {
                time_text::classify_timestamp(&format!("{} {}", date.trim(), text.trim()))
            }
            _ => Err(fault),
        }),
        Value::Map(members) => of_object(members),
        Value::Array(items) => of_parts(items),
        _ if !is_date() => Err(NoTimestamp::NotATime),
        // Google Cloud's agents: the two parts in two members.
        Value::Int(seconds) if name == "timestampSeconds" => {
            of_seconds(*seconds, find(beside, "timestampNanos"), false)
        }
        Value::Int(number) => time_text::from_integer(*number)
            .map(|nanos| Timestamp { nanos, is_lossless: true })
            .ok_or(NoTimestamp::OutOfRange),
        Value::Double(number) => time_text::classify_timestamp(&double_text(*number)),
        Value::Number(number) => time_text::classify_timestamp(&number.0),
        _ => Err(NoTimestamp::NotATime),
    }
}

fn date_of(members: &[Attribute]) -> Option<&str> {
    let date = members.iter().find(|member| member.key.eq_ignore_ascii_case("date"))?;
    if let Value::String(text) = &date.value { Some(text) } else { None }
}

/// Whether a text is a number that is no time under a name that may mean something else.
fn is_small_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok_and(|number| number.abs() < EARLIEST_BARE_NUMBER)
}

/// Whether a text is a date without a time of day: that is no time of a record.
fn is_day(text: &str) -> bool {
    let text = text.trim();
    text.len() <= 10 && text.contains(['-', '/', '.']) && text.parse::<f64>().is_err()
}

/// Log4j 2's `instant`, protobuf's timestamps, MongoDB's `$date`, loguru's `time`, PHP's dates.
fn of_object(members: &[Attribute]) -> Result<Timestamp, NoTimestamp> {
    let is_all = |count: usize| members.len() == count;
    for (seconds, nanos) in [("epochSecond", "nanoOfSecond"), ("seconds", "nanos")] {
        if let Some(Value::Int(seconds)) = find(members, seconds) {
            let nanos = find(members, nanos);
            return of_seconds(*seconds, nanos, is_all(1 + usize::from(nanos.is_some())));
        }
    }
    if let Some(date) = find(members, "$date") {
        let number = |value: &Value| read("$date", value, &[]);
        let inner = match date {
            Value::Map(inner) => find(inner, "$numberLong").map_or(Err(NoTimestamp::NotATime), number),
            other => number(other),
        };
        return inner.map(|time| Timestamp { is_lossless: time.is_lossless && is_all(1), ..time });
    }
    if let (Some(Value::String(date)), Some(Value::String(zone))) = (find(members, "date"), find(members, "timezone")) {
        let time = time_text::classify_timestamp(&format!("{date} {zone}"))?;
        return Ok(Timestamp { is_lossless: false, ..time });
    }
    let spelt = ["repr", "timestamp"].into_iter().find_map(|name| find(members, name));
    let time = spelt.map_or(Err(NoTimestamp::NotATime), |value| match value {
        Value::Map(_) | Value::Array(_) => Err(NoTimestamp::NotATime),
        scalar => read("timestamp", scalar, &[]),
    })?;
    Ok(Timestamp { is_lossless: false, ..time })
}

fn of_seconds(seconds: i64, nanos: Option<&Value>, is_lossless: bool) -> Result<Timestamp, NoTimestamp> {
    let nanos = match nanos {
        None => 0,
        Some(Value::Int(nanos @ 0..1_000_000_000)) => *nanos,
        Some(_) => return Err(NoTimestamp::NotATime),
    };
    let nanos = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
    Ok(Timestamp { nanos: nanos.ok_or(NoTimestamp::OutOfRange)?, is_lossless })
}

/// A local date and time as Jackson writes it: year, month, day, hour, minute, second, nanosecond.
fn of_parts(items: &[Value]) -> Result<Timestamp, NoTimestamp> {
    let parts: Option<Vec<i64>> = items
        .iter()
        .map(|item| match item {
            Value::Int(part @ 0..1_000_000_000) => Some(*part),
            _ => None,
        })
        .collect();
    let (date, rest) = match parts.as_deref() {
        Some([year, month, day, hour, minute, rest @ ..]) if rest.len() <= 2 => {
            (format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}"), rest)
        }
        _ => return Err(NoTimestamp::NotATime),
    };
    let second = rest.first().copied().unwrap_or(0);
    let nanos = rest.get(1).copied().unwrap_or(0);
    let time = time_text::classify_timestamp(&format!("{date}:{second:02}.{nanos:09}"))?;
    Ok(Timestamp { is_lossless: false, ..time })
}
