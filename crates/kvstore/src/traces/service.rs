//! One service over time and by operation, in one walk over the spans.

use super::aggregate::{Head, visit_traces};
use super::durations::Durations;
use super::view::View;
use crate::limits::MAX_SERVICE_BUCKETS;
use clew_model::traces::{OperationSummary, ServiceBucket, ServiceDetails, ServiceSummary, SpanKind, StatusCode};
use clew_model::{Context, ErrorKind, ReadError, Reservation, TimeRange};
use compact_str::CompactString;
use std::collections::BTreeMap;

/// Bytes that an operation or a bucket takes beside the counts of its durations, an estimate.
const ENTRY_BYTES: usize = 256;

/// Spans, errors and durations.
#[derive(Debug, Default)]
struct Counts {
    spans: u64,
    errors: u64,
    durations: Durations,
}

impl Counts {
    /// Takes a span in; answers the bytes by which this grew.
    fn add(&mut self, head: &Head<&str>) -> usize {
        let (is_new, before) = (self.spans == 0, self.durations.memory_bytes());
        self.spans += 1;
        self.errors += u64::from(head.status == StatusCode::Error);
        self.durations.add(head.duration());
        self.durations.memory_bytes() - before + if is_new { ENTRY_BYTES } else { 0 }
    }
}

/// What is collected of a service.
struct Collected<'c> {
    context: &'c Context,
    memory: Vec<Reservation>,
    all: Counts,
    last_seen: i64,
    operations: BTreeMap<(CompactString, SpanKind), Counts>,
    /// By the number of the bucket, counted from the epoch.
    buckets: BTreeMap<i64, Counts>,
    step: i64,
}

impl Collected<'_> {
    fn add(&mut self, head: &Head<&str>) -> Result<(), ReadError> {
        self.all.add(head);
        self.last_seen = self.last_seen.max(head.start);
        let grown = self.operations.entry((head.name.into(), head.kind)).or_default().add(head)
            + self.buckets.entry(head.start.div_euclid(self.step)).or_default().add(head);
        if grown > 0 {
            self.memory.push(self.context.memory.reserve(grown as u64)?);
        }
        Ok(())
    }
}

/// What is known of a service in the range, with buckets over all of it.
pub fn service(
    view: &View,
    context: &Context,
    name: &str,
    range: TimeRange,
    step: i64,
) -> Result<ServiceDetails, ReadError> {
    let numbers = bucket_numbers(range, step)?;
    let mut found = Collected {
        context,
        memory: Vec::new(),
        all: Counts::default(),
        last_seen: i64::MIN,
        operations: BTreeMap::new(),
        buckets: BTreeMap::new(),
        step,
    };
    let kept = view.kept(range);
    visit_traces(view, context, kept, &mut |_, heads| {
        let mut own = heads.iter().filter(|head| head.service == name && kept.contains(head.start));
        own.try_for_each(|head| found.add(head))
    })?;
    let bucket = |number: i64| {
        let counts = found.buckets.remove(&number).unwrap_or_default();
        ServiceBucket {
            start: number.saturating_mul(step),
            spans: counts.spans,
            errors: counts.errors,
            duration_quantiles: counts.durations.quantiles(),
        }
    };
    let series = numbers.map(bucket).collect();
    let operation = |((name, kind), counts): ((CompactString, SpanKind), Counts)| OperationSummary {
        name: name.into(),
        kind,
        spans: counts.spans,
        errors: counts.errors,
        duration_quantiles: counts.durations.quantiles(),
    };
    Ok(ServiceDetails {
        summary: ServiceSummary {
            name: name.to_owned(),
            spans: found.all.spans,
            errors: found.all.errors,
            last_seen: found.last_seen,
            duration_quantiles: found.all.durations.quantiles(),
        },
        operations: found.operations.into_iter().map(operation).collect(),
        series,
    })
}

/// The numbers of the buckets that touch the range.
fn bucket_numbers(range: TimeRange, step: i64) -> Result<std::ops::RangeInclusive<i64>, ReadError> {
    if step <= 0 {
        return Err(ReadError::new(ErrorKind::InvalidInput, "the step of a series must be positive"));
    }
    let (first, last) = (range.start.div_euclid(step), range.end.div_euclid(step));
    // In 128 bits, since the whole of time in steps of a nanosecond overflows.
    if i128::from(last) - i128::from(first) >= i128::from(MAX_SERVICE_BUCKETS) {
        let message = format!("the range has more than {MAX_SERVICE_BUCKETS} buckets; use a longer step");
        return Err(ReadError::new(ErrorKind::LimitExceeded, message));
    }
    Ok(first..=last)
}
