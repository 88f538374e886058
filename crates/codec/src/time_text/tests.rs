use super::*;
use proptest::prelude::*;

/// 2025-11-30T12:34:56Z; `date -u -d 2025-11-30T12:34:56Z +%s`.
const SECOND: i64 = 1_764_506_096;

#[test]
fn every_spelling_that_loggers_write_is_read() {
    let base = SECOND * 1_000_000_000;
    for (text, nanos, is_lossless) in [
        ("2025-11-30T12:34:56Z", base, true),
        ("2025-11-30t12:34:56z", base, true),
        ("2025-11-30T12:34:56.789Z", base + 789_000_000, true),
        ("2025-11-30T14:34:56.789+02:00", base + 789_000_000, true),
        ("2025-11-30T07:04:56-0530", base, true),
        ("2025-11-30T13:34:56+01", base, true),
        ("2025-11-30 12:34:56,789", base + 789_000_000, false),
        ("2025-11-30 12:34:56.789 +0000 UTC", base + 789_000_000, true),
        ("2025-11-30 12:34:56 UTC", base, true),
        ("2025/11/30 12:34:56", base, false),
        ("2025.11.30 12:34:56", base, false),
        ("30.11.2025 12:34:56", base, false),
        ("30.11.2025 12:34:56.789", base + 789_000_000, false),
        ("2025-11-30 12:34:56:789", base + 789_000_000, false),
        ("/Date(1764506096789)/", base + 789_000_000, true),
        ("/Date(1764506096789+0100)/", base + 789_000_000, true),
        ("20251130T123456Z", base, true),
        ("20251130T123456.789+0000", base + 789_000_000, true),
        ("2025-11-30 12:34.56", base, false),
        ("2025-11-30T13:34:56+01:00[Europe/Berlin]", base, true),
        ("2025-11-30T12:34:56Z[UTC]", base, true),
        ("2025-11-30 13:34:56.789 +0100 CET m=+0.001", base + 789_000_000, true),
        ("Sun, 30 Nov 2025 12:34:56 GMT", base, true),
        ("Sun, 30 Nov 2025 13:34:56 +0100", base, true),
        ("30 Nov 2025 12:34:56", base, false),
        ("30/Nov/2025:12:34:56 +0000", base, true),
        ("30-Nov-2025 12:34:56 UTC", base, true),
        ("Sun Nov 30 12:34:56 2025", base, false),
        ("Sun Nov 30 12:34:56.789 UTC 2025", base + 789_000_000, true),
        ("Sun Nov 30 2025 13:34:56 GMT+0100 (Central European Standard Time)", base, true),
        ("Nov 30, 2025 12:34:56 PM", base, false),
        ("Nov 30, 2025 12:34:56 AM", base - 43_200_000_000_000, false),
        ("November 30, 2025 1:34:56 PM", base + 3_600_000_000_000, false),
        (" 2025-11-30T12:34:56.123456789Z ", base + 123_456_789, true),
        ("2025-11-30T12:34:56.1234567891Z", base + 123_456_789, false),
        ("2025-11-30T12:34:56.1234567890Z", base + 123_456_789, true),
        ("2025-11-30T12:34Z", base - 56_000_000_000, true),
        ("2025-11-30", (SECOND - (12 * 3600 + 34 * 60 + 56)) * 1_000_000_000, false),
        ("1990-12-31T23:59:60Z", 662_688_000_000_000_000, true),
        ("1969-12-31T23:59:59.5Z", -500_000_000, true),
        ("1764506096", base, true),
        ("1764506096.789", base + 789_000_000, true),
        ("1764506096.1234567", base + 123_456_700, true),
        ("1764506096.1234567891", base + 123_456_789, false),
        ("1764506096789", base + 789_000_000, true),
        ("1764506096789.5", base + 789_500_000, true),
        ("1764506096789012", base + 789_012_000, true),
        ("1764506096789012345", base + 789_012_345, true),
        ("1.764506096e9", base, true),
        ("17645060960e-1", base, true),
        ("0", 0, true),
        ("-1.5", -1_500_000_000, true),
    ] {
        assert_eq!(parse_timestamp(text).unwrap(), Timestamp { nanos, is_lossless }, "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused_with_what_would_be_right() {
    for (text, reason) in [
        ("", "expected a date or a number"),
        ("yesterday", "expected a date or a number"),
        ("Nov 30 12:34:56", "expected a date or a number"),
        ("30/Nov/25:12:34:56 +0000", "expected the end after the number"),
        ("11/30/2025 12:34:56", "expected the end after the number"),
        ("Sun Nov 31 12:34:56 2025", "expected a date or a number"),
        ("Nov 30, 2025 13:34:56 PM", "expected a date or a number"),
        ("09:08:33", "expected the end after the number"),
        ("31.02.2025 12:34:56", "no such day"),
        ("/Date(x)/", "expected a date or a number"),
        ("/Date(1764506096789", "expected a date or a number"),
        ("20251130T1234Z", "expected"),
        ("2025-01-01T10:10:00+01:00[x", "expected the end"),
        ("NaN", "expected a date or a number"),
        ("inf", "expected a date or a number"),
        ("1e", "digits of the exponent"),
        ("12ms", "expected the end after the number"),
        ("1e400", "outside 1677"),
        ("99999999999", "outside 1677"),
        ("99999999999999999999999", "outside 1677"),
        ("2025-13-01T00:00:00Z", "month from 01 to 12"),
        ("2025-02-29T00:00:00Z", "no such day"),
        ("2025-00-10", "no such day"),
        ("2025-01-01T24:00:00Z", "hour from 00 to 23"),
        ("2025-01-01T10:61:00Z", "minute from 00 to 59"),
        ("2025-01-01T10:10:00 CEST", "'Z' or an offset"),
        ("2025-01-01T10:10:00.Z", "digits of the fraction"),
        ("2025-01/01", "same separator"),
        ("9999-01-01T00:00:00Z", "outside 1677"),
        ("2025-01-01T10:10:00Z x", "'Z' or an offset"),
    ] {
        let error = parse_timestamp(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
        assert!(error.contains("write RFC 3339"), "{error}");
    }
}

#[test]
fn relative_times_count_from_now() {
    let now = SECOND * 1_000_000_000 + 5;
    let second = 1_000_000_000;
    for (text, expected) in [
        ("now", now),
        ("now-1h", now - 3600 * second),
        ("now-1h30m", now - 5400 * second),
        ("now-1d+1h", now - 23 * 3600 * second),
        ("now+250ms", now + second / 4),
        ("now-2w", now - 14 * 86_400 * second),
        ("now/m", (SECOND - 56) * second),
        ("now-1d/d", (SECOND - (12 * 3600 + 34 * 60 + 56) - 86_400) * second),
        ("1764506096", SECOND * second),
    ] {
        assert_eq!(parse_time(text, now).unwrap(), expected, "{text}");
    }
    let far = format!("now{}", "+9999999999999999999y".repeat(1_000));
    for bad in ["now-", "now-1", "now-1x", "now 1h", "nowish", "now/w", "now/", "now-99999999999999999999y", &far] {
        let error = parse_time(bad, now).unwrap_err().to_string();
        assert!(error.contains("write RFC 3339"), "{bad}: {error}");
    }
}

#[test]
fn integers_are_told_apart_by_magnitude() {
    for (number, nanos) in [
        (SECOND, Some(SECOND * 1_000_000_000)),
        (SECOND * 1_000 + 1, Some(SECOND * 1_000_000_000 + 1_000_000)),
        (SECOND * 1_000_000 + 1, Some(SECOND * 1_000_000_000 + 1_000)),
        (SECOND * 1_000_000_000 + 1, Some(SECOND * 1_000_000_000 + 1)),
        (-SECOND, Some(-SECOND * 1_000_000_000)),
        (99_999_999_999, None),
        (i64::MIN, Some(i64::MIN)),
    ] {
        assert_eq!(from_integer(number), nanos, "{number}");
    }
}

proptest! {
    #[test]
    fn rfc_3339_agrees_with_jiff(seconds in -9_223_372_036i64..9_223_372_036, nanos in 0i32..1_000_000_000, offset in -14i8..=14) {
        let instant = jiff::Timestamp::new(seconds, if seconds < 0 { -nanos } else { nanos }).unwrap();
        prop_assume!(i64::try_from(instant.as_nanosecond()).is_ok());
        let text = instant.display_with_offset(jiff::tz::Offset::constant(offset)).to_string();
        let parsed = parse_timestamp(&text).unwrap();
        prop_assert_eq!(i128::from(parsed.nanos), instant.as_nanosecond(), "{}", text);
        prop_assert!(parsed.is_lossless);
    }

    #[test]
    fn integer_text_and_integers_agree(number: i64) {
        prop_assert_eq!(parse_timestamp(&number.to_string()).ok().map(|time| time.nanos), from_integer(number));
    }

    #[test]
    fn any_text_is_an_answer_or_an_error(text in "\\PC{0,40}", number in "[0-9eE.+-]{0,50}", near in "2025-[0-9T:. Z+/-]{0,30}", relative in "now[0-9a-z+/-]{0,20}") {
        for text in [text, number, near, relative] {
            let _ = parse_time(&text, 0);
        }
    }
}
