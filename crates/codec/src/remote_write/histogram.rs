//! Native histograms of remote write: `Histogram`, the same in both versions but for the start timestamp.

use crate::limits::MAX_HISTOGRAM_BUCKETS;
use crate::protobuf::{Budget, Fault, Field, Outcome, Reader};
use clew_model::UnixMillis;
use clew_model::metrics::{BucketSpan, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, ResetHint};

/// The schemas of exponential buckets.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// Bytes of memory of a histogram without buckets.
const HISTOGRAM_BYTES: usize = 256;

/// A histogram with what stands beside it.
pub(super) struct TimedHistogram {
    pub(super) time: UnixMillis,
    /// Since when it counts; 0 when that is not told, as in version 1 always.
    pub(super) start: UnixMillis,
    pub(super) histogram: NativeHistogram,
}

/// Reads a histogram with its time.
///
/// # Errors
/// Malformed bytes; a histogram that contradicts itself is [`Fault::unacceptable`].
pub(super) fn histogram(reader: Reader<'_>, budget: &mut Budget) -> Outcome<TimedHistogram> {
    let (offset, bytes) = (reader.offset(), reader.remaining());
    budget.take(HISTOGRAM_BYTES.saturating_add(bytes.saturating_mul(8)), offset)?;
    let sent = Sent::read(reader)?;
    let (time, start) = (sent.time, sent.start);
    let histogram = sent.into_histogram().map_err(|reason| Fault::unacceptable(offset, reason))?;
    Ok(TimedHistogram { time, start, histogram })
}

/// A histogram as sent: counts of integer histograms are differences, those of float histograms are counts.
#[derive(Debug, Default)]
struct Sent {
    histogram: NativeHistogram,
    is_integer: bool,
    negative_deltas: Vec<u64>,
    positive_deltas: Vec<u64>,
    time: UnixMillis,
    start: UnixMillis,
}

impl Sent {
    fn read(mut reader: Reader<'_>) -> Outcome<Self> {
        const MOST: usize = MAX_HISTOGRAM_BUCKETS + 1;
        let mut sent = Self::default();
        while let Some(field) = reader.next()? {
            let own = &mut sent.histogram;
            match field.number {
                1 => (own.count, sent.is_integer) = (field.varint("count_int")? as f64, true),
                2 => (own.count, sent.is_integer) = (field.double("count_float")?, false),
                3 => own.sum = field.double("sum")?,
                4 => own.schema = field.sint32("schema")?,
                5 => own.zero_threshold = field.double("zero_threshold")?,
                6 => own.zero_count = field.varint("zero_count_int")? as f64,
                7 => own.zero_count = field.double("zero_count_float")?,
                8 => push_span(&field, "negative_spans", &mut own.negative_spans)?,
                9 => field.varints("negative_deltas", MOST, &mut sent.negative_deltas)?,
                10 => field.doubles("negative_counts", MOST, &mut own.negative_buckets)?,
                11 => push_span(&field, "positive_spans", &mut own.positive_spans)?,
                12 => field.varints("positive_deltas", MOST, &mut sent.positive_deltas)?,
                13 => field.doubles("positive_counts", MOST, &mut own.positive_buckets)?,
                14 => {
                    own.reset_hint = match field.int("reset_hint")? {
                        1 => ResetHint::Reset,
                        2 => ResetHint::NoReset,
                        3 => ResetHint::Gauge,
                        _ => ResetHint::Unknown,
                    }
                }
                15 => sent.time = field.int("timestamp")?,
                16 => field.doubles("custom_values", MOST, &mut own.custom_bounds)?,
                17 => sent.start = field.int("start_timestamp")?,
                _ => {}
            }
        }
        Ok(sent)
    }

    fn into_histogram(self) -> Result<NativeHistogram, String> {
        let Self { mut histogram, is_integer, negative_deltas, positive_deltas, .. } = self;
        if is_integer {
            histogram.negative_buckets = counts(&negative_deltas)?;
            histogram.positive_buckets = counts(&positive_deltas)?;
        }
        check(&histogram)?;
        Ok(histogram)
    }
}

fn push_span(field: &Field<'_>, name: &'static str, spans: &mut Vec<BucketSpan>) -> Outcome<()> {
    let mut span = BucketSpan { offset: 0, length: 0 };
    field.nested(name, |mut reader| {
        while let Some(field) = reader.next()? {
            match field.number {
                1 => span.offset = field.sint32("offset")?,
                2 => span.length = field.uint32("length")?,
                _ => {}
            }
        }
        Ok(())
    })?;
    if spans.len() <= MAX_HISTOGRAM_BUCKETS {
        spans.push(span);
    }
    Ok(())
}

/// Bucket counts of differences from bucket to bucket, which are sent in zigzag encoding.
fn counts(deltas: &[u64]) -> Result<Vec<f64>, String> {
    let mut count = 0i64;
    let one = |(place, delta): (usize, &u64)| {
        let delta = (delta >> 1).cast_signed() ^ (delta & 1).cast_signed().wrapping_neg();
        let next = count.checked_add(delta).filter(|count| *count >= 0);
        count = next.ok_or_else(|| format!("the count of bucket {place} is negative or too large"))?;
        Ok(count as f64)
    };
    deltas.iter().enumerate().map(one).collect()
}

/// What Prometheus refuses (`Histogram.Validate`): what could not be read again as the same buckets.
fn check(own: &NativeHistogram) -> Result<(), String> {
    if own.positive_buckets.len() > MAX_HISTOGRAM_BUCKETS || own.negative_buckets.len() > MAX_HISTOGRAM_BUCKETS {
        return Err(format!("a histogram has more than {MAX_HISTOGRAM_BUCKETS} buckets of one sign"));
    }
    spans_fit("positive", &own.positive_spans, own.positive_buckets.len())?;
    spans_fit("negative", &own.negative_spans, own.negative_buckets.len())?;
    if own.schema == CUSTOM_BUCKETS_SCHEMA {
        return check_custom(own);
    }
    if !SCHEMAS.contains(&own.schema) {
        return Err(format!("the schema is {}, expected -4 to 8, or -53 for custom buckets", own.schema));
    }
    if !own.custom_bounds.is_empty() {
        return Err("a histogram with exponential buckets has custom bounds".to_owned());
    }
    Ok(())
}

fn spans_fit(sign: &str, spans: &[BucketSpan], buckets: usize) -> Result<(), String> {
    if let Some(place) = spans.iter().skip(1).position(|span| span.offset < 0) {
        return Err(format!("{sign} span {} begins before the end of the one before it", place + 1));
    }
    let spanned: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if spanned != buckets as u64 {
        return Err(format!("the {sign} spans cover {spanned} buckets, but {buckets} are given"));
    }
    Ok(())
}

fn check_custom(own: &NativeHistogram) -> Result<(), String> {
    if own.zero_count != 0.0 || !own.negative_spans.is_empty() {
        return Err("a histogram with custom buckets has a zero bucket or negative buckets".to_owned());
    }
    let rises = own.custom_bounds.is_sorted_by(|left, right| left < right);
    if !rises || own.custom_bounds.iter().any(|bound| bound.is_nan() || *bound == f64::INFINITY) {
        return Err("the custom bounds do not rise, or hold NaN or +Inf".to_owned());
    }
    let first = own.positive_spans.first().map_or(0, |span| i64::from(span.offset));
    let covered: i64 = own.positive_spans.iter().map(|span| i64::from(span.offset) + i64::from(span.length)).sum();
    if first < 0 || covered > own.custom_bounds.len() as i64 + 1 {
        return Err(format!(
            "the spans reach to bucket {covered}, but {} custom bounds make {} buckets",
            own.custom_bounds.len(),
            own.custom_bounds.len() + 1
        ));
    }
    Ok(())
}
