//! Native histograms: runs of one bucket layout, a column per field and bucket.

use super::limits::{MAX_BLOCK_SAMPLES, MAX_HISTOGRAM_CELLS};
use super::samples::Effort;
use super::times::{put_times, read_times};
use super::values::{Scratch, put_values, read_values};
use crate::bytes::{BytesError, Problem, Reader, put_signed, put_u64, put_varint};
use clew_model::UnixMillis;
use clew_model::metrics::{BucketSpan, NativeHistogram, ResetHint};
use std::sync::Arc;

/// Columns beside the buckets: zero count, count, sum.
const FIXED_COLUMNS: usize = 3;

/// Appends native histograms in ascending order of time.
pub fn encode_histograms(out: &mut Vec<u8>, histograms: &[(UnixMillis, Arc<NativeHistogram>)], effort: Effort) {
    let mut scratch = Scratch::default();
    let mut rest = histograms;
    while let Some((_, first)) = rest.first() {
        let cells = FIXED_COLUMNS + first.positive_buckets.len() + first.negative_buckets.len();
        let most = (MAX_HISTOGRAM_CELLS / cells).clamp(1, MAX_BLOCK_SAMPLES);
        let alike = rest.iter().take(most).take_while(|(_, other)| has_layout_of(other, first)).count();
        let (run, tail) = rest.split_at(alike.max(1).min(rest.len()));
        put_run(out, first, run, &mut scratch, effort);
        rest = tail;
    }
}

fn has_layout_of(one: &NativeHistogram, other: &NativeHistogram) -> bool {
    let bits = |bounds: &[f64]| bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>();
    one.schema == other.schema
        && one.zero_threshold.to_bits() == other.zero_threshold.to_bits()
        && one.positive_spans == other.positive_spans
        && one.negative_spans == other.negative_spans
        && one.positive_buckets.len() == other.positive_buckets.len()
        && one.negative_buckets.len() == other.negative_buckets.len()
        && bits(&one.custom_bounds) == bits(&other.custom_bounds)
}

fn put_run(
    out: &mut Vec<u8>,
    layout: &NativeHistogram,
    run: &[(UnixMillis, Arc<NativeHistogram>)],
    scratch: &mut Scratch,
    effort: Effort,
) {
    put_signed(out, layout.schema.into());
    put_u64(out, layout.zero_threshold.to_bits());
    put_spans(out, &layout.positive_spans);
    put_spans(out, &layout.negative_spans);
    put_varint(out, layout.positive_buckets.len() as u64);
    put_varint(out, layout.negative_buckets.len() as u64);
    put_varint(out, layout.custom_bounds.len() as u64);
    layout.custom_bounds.iter().for_each(|bound| put_u64(out, bound.to_bits()));
    put_varint(out, run.len() as u64);
    let times: Vec<UnixMillis> = run.iter().map(|(time, _)| *time).collect();
    put_times(out, 0, &times, &mut scratch.deltas, effort);
    let mut column: Vec<f64> = Vec::with_capacity(run.len());
    let mut put_column = |value: &dyn Fn(&NativeHistogram) -> f64| {
        column.clear();
        column.extend(run.iter().map(|(_, histogram)| value(histogram)));
        put_values(out, &column, scratch, effort);
    };
    put_column(&|histogram| histogram.zero_count);
    put_column(&|histogram| histogram.count);
    put_column(&|histogram| histogram.sum);
    for bucket in 0..layout.positive_buckets.len() {
        put_column(&|histogram| histogram.positive_buckets.get(bucket).copied().unwrap_or_default());
    }
    for bucket in 0..layout.negative_buckets.len() {
        put_column(&|histogram| histogram.negative_buckets.get(bucket).copied().unwrap_or_default());
    }
    put_column(&|histogram| f64::from(hint_code(histogram.reset_hint)));
}

fn put_spans(out: &mut Vec<u8>, spans: &[BucketSpan]) {
    put_varint(out, spans.len() as u64);
    for span in spans {
        put_signed(out, span.offset.into());
        put_varint(out, span.length.into());
    }
}

/// Appends the histograms with `start <= time <= end`.
///
/// # Errors
/// Damaged bytes.
pub fn decode_histograms(
    bytes: &[u8],
    start: UnixMillis,
    end: UnixMillis,
    histograms: &mut Vec<(UnixMillis, Arc<NativeHistogram>)>,
) -> Result<(), BytesError> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        read_run(&mut reader, start, end, histograms)?;
    }
    Ok(())
}

fn read_run(
    reader: &mut Reader<'_>,
    start: UnixMillis,
    end: UnixMillis,
    histograms: &mut Vec<(UnixMillis, Arc<NativeHistogram>)>,
) -> Result<(), BytesError> {
    let schema = reader.signed("a schema")?;
    let mut layout = NativeHistogram {
        schema: i32::try_from(schema).map_err(|_| reader.error("a schema", Problem::BadValue(schema as u64)))?,
        zero_threshold: f64::from_bits(reader.u64("a zero threshold")?),
        positive_spans: read_spans(reader)?,
        negative_spans: read_spans(reader)?,
        ..NativeHistogram::default()
    };
    let positive = reader.count(1, "the positive buckets")?;
    let negative = reader.count(1, "the negative buckets")?;
    for _ in 0..reader.count(8, "the custom bounds")? {
        layout.custom_bounds.push(f64::from_bits(reader.u64("a custom bound")?));
    }
    let count = reader.varint("a run's count")?;
    let columns = FIXED_COLUMNS + positive + negative;
    let most = (MAX_HISTOGRAM_CELLS / columns).clamp(1, MAX_BLOCK_SAMPLES) as u64;
    if count == 0 || count > most {
        return Err(reader.error("a run's count", Problem::BadValue(count)));
    }
    let count = count as usize;
    let mut times = Vec::new();
    read_times(reader, 0, count, &mut times)?;
    let mut cells = Vec::new();
    let mut integers = Vec::new();
    for _ in 0..=columns {
        read_values(reader, count, &mut cells, &mut integers)?;
    }
    let wanted = times.iter().enumerate().filter(|(_, time)| (start..=end).contains(*time));
    for (row, time) in wanted {
        let cell = |column: usize| cells.get(column * count + row).copied().unwrap_or_default();
        let mut histogram = layout.clone();
        histogram.zero_count = cell(0);
        histogram.count = cell(1);
        histogram.sum = cell(2);
        histogram.positive_buckets = (0..positive).map(|bucket| cell(FIXED_COLUMNS + bucket)).collect();
        histogram.negative_buckets = (0..negative).map(|bucket| cell(FIXED_COLUMNS + positive + bucket)).collect();
        histogram.reset_hint = hint_of(cell(columns));
        histograms.push((*time, Arc::new(histogram)));
    }
    Ok(())
}

fn read_spans(reader: &mut Reader<'_>) -> Result<Vec<BucketSpan>, BytesError> {
    let count = reader.count(2, "the spans")?;
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = reader.signed("a span's offset")?;
        let length = reader.varint("a span's length")?;
        match (i32::try_from(offset), u32::try_from(length)) {
            (Ok(offset), Ok(length)) => spans.push(BucketSpan { offset, length }),
            _ => return Err(reader.error("a span", Problem::BadValue(length))),
        }
    }
    Ok(spans)
}

pub(crate) fn hint_code(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NoReset => 2,
        ResetHint::Gauge => 3,
    }
}

fn hint_of(code: f64) -> ResetHint {
    match code as u8 {
        1 => ResetHint::Reset,
        2 => ResetHint::NoReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
