//! Times as text.

use clew_model::UnixNanos;

/// RFC 3339 in UTC with nine decimals; the nanoseconds as a number where a calendar cannot say it.
#[must_use]
pub(crate) fn rfc3339(time: UnixNanos) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(time)) {
        Ok(stamp) => format!("{stamp:.9}"),
        Err(_) => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_all_their_nanoseconds() {
        // date -u -d @1764506096.789 --iso-8601=ns
        assert_eq!(rfc3339(1_764_506_096_789_000_000), "2025-11-30T12:34:56.789000000Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
    }
}
