//! Exponential histograms of OpenTelemetry as native histograms of Prometheus.

use clew_model::metrics::{BucketSpan, NativeHistogram, ResetHint, STALE_NAN};

/// The finest schema that Prometheus knows.
const MAX_SCHEMA: i32 = 8;
/// The coarsest schema that Prometheus knows.
const MIN_SCHEMA: i32 = -4;
/// Width of the zero bucket where the sender gave none ("Prometheus and OpenMetrics Compatibility", "Exponential
/// Histograms").
const DEFAULT_ZERO_THRESHOLD: f64 = 1e-128;
/// A gap of more empty buckets than this ends a run.
const MAX_GAP: i64 = 2;

/// The buckets of one sign: `counts[i]` lies in (base^(offset+i), base^(offset+i+1)].
#[derive(Debug, Default)]
pub(super) struct DenseBuckets {
    pub(super) offset: i32,
    pub(super) counts: Vec<u64>,
}

/// An exponential histogram as sent.
#[derive(Debug, Default)]
pub(super) struct Exponential {
    pub(super) scale: i32,
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) zero_count: u64,
    pub(super) zero_threshold: f64,
    pub(super) positive: DenseBuckets,
    pub(super) negative: DenseBuckets,
}

/// The native histogram of the same observations, at most at schema 8; a staleness marker when `stale`.
pub(super) fn native_histogram(point: &Exponential, stale: bool) -> Result<NativeHistogram, String> {
    if stale {
        return Ok(NativeHistogram { sum: f64::from_bits(STALE_NAN), ..NativeHistogram::default() });
    }
    if point.scale < MIN_SCHEMA {
        return Err(format!("the scale of an exponential histogram is {}, expected -4 or more", point.scale));
    }
    let down = i64::from(point.scale.saturating_sub(MAX_SCHEMA).max(0));
    let (positive_spans, positive_buckets) = sparse(&point.positive, down)?;
    let (negative_spans, negative_buckets) = sparse(&point.negative, down)?;
    let threshold = if point.zero_threshold > 0.0 { point.zero_threshold } else { DEFAULT_ZERO_THRESHOLD };
    Ok(NativeHistogram {
        schema: point.scale.min(MAX_SCHEMA),
        zero_threshold: threshold,
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or_default(),
        positive_spans,
        positive_buckets,
        negative_spans,
        negative_buckets,
        custom_bounds: Vec::new(),
        reset_hint: ResetHint::Unknown,
    })
}

/// Dense buckets as runs. Going down one scale merges pairs of buckets; OpenTelemetry numbers buckets by their lower
/// bound and Prometheus by their upper, hence the one added.
fn sparse(dense: &DenseBuckets, down: i64) -> Result<(Vec<BucketSpan>, Vec<f64>), String> {
    let shift = down.min(62);
    let mut merged: Vec<(i64, u64)> = Vec::new();
    for (place, count) in (i64::from(dense.offset)..).zip(dense.counts.iter().copied()).filter(|(_, count)| *count > 0)
    {
        let index = (place >> shift) + 1;
        match merged.last_mut() {
            Some((last, total)) if *last == index => *total = total.saturating_add(count),
            _ => merged.push((index, count)),
        }
    }
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut buckets = Vec::with_capacity(merged.len());
    // the index after the last bucket; the first run's offset counts from 0
    let mut next = 0;
    for (index, count) in merged {
        let gap = index - next;
        match spans.last_mut() {
            Some(span) if gap <= MAX_GAP => {
                buckets.extend((0..gap).map(|_| 0.0));
                span.length = span.length.saturating_add(gap as u32 + 1);
            }
            _ => {
                let offset = i32::try_from(gap)
                    .map_err(|_| format!("the bucket index {index} is out of range, expected at most {}", i32::MAX))?;
                spans.push(BucketSpan { offset, length: 1 });
            }
        }
        buckets.push(count as f64);
        next = index + 1;
    }
    Ok((spans, buckets))
}
