//! One service over time and by operation, in one scan.

use super::locked;
use super::services::duration;
use crate::limits::MAX_SERVICE_BUCKETS;
use crate::traces::durations::Durations;
use clew_model::traces::{
    Grain, OperationSummary, ServiceBucket, ServiceDetails, ServiceSummary, SpanBatch, SpanKind, SpanScan, StatusCode,
    TraceFilter, TraceView,
};
use clew_model::{Context, ErrorKind, Flow, ReadError, Reservation, Sink, SinkWorker, TimeRange, UnixNanos};
use compact_str::CompactString;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Mutex;

/// Bytes that an operation or a bucket takes beside the counts of its durations, an estimate.
const ENTRY_BYTES: usize = 256;

/// Kinds of spans.
const KINDS: usize = 6;

/// One service in the range: its operations, and buckets of `step` nanoseconds, aligned to multiples of the step, from
/// the one that holds `range.start` to the one that holds `range.end`.
///
/// # Errors
/// Cancelled, out of time or memory, a store that cannot be read, or a range of more than [`MAX_SERVICE_BUCKETS`].
pub fn service(
    context: &Context,
    view: &dyn TraceView,
    name: &str,
    range: TimeRange,
    step: i64,
) -> Result<ServiceDetails, ReadError> {
    let numbers = bucket_numbers(range, step)?;
    let sink = Service { context, step, found: Mutex::default() };
    let filter = TraceFilter { service: Some(name.to_owned()), ..TraceFilter::default() };
    let scan = SpanScan::by_trace(range, &filter, Grain::Operation { step });
    view.scan(context, &scan, &sink)?;
    Ok(sink.found.into_inner().unwrap_or_default().details(name, numbers, step))
}

/// The numbers of the buckets that touch the range.
fn bucket_numbers(range: TimeRange, step: i64) -> Result<RangeInclusive<i64>, ReadError> {
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

/// Spans, errors and durations.
#[derive(Debug, Default)]
struct Counts {
    spans: i64,
    errors: i64,
    durations: Durations,
}

impl Counts {
    fn add(&mut self, is_error: bool, duration: i64, weight: i64) {
        self.spans += weight;
        self.errors += if is_error { weight } else { 0 };
        self.durations.add(duration, weight);
    }

    fn merge(&mut self, other: &Self) {
        self.spans += other.spans;
        self.errors += other.errors;
        self.durations.merge(&other.durations);
    }
}

/// What is collected of the service.
#[derive(Default)]
struct Collected {
    operations: BTreeMap<(CompactString, SpanKind), Counts>,
    /// By the number of the bucket, counted from the epoch.
    buckets: BTreeMap<i64, Counts>,
    last_seen: Option<UnixNanos>,
    memory: Vec<Reservation>,
}

impl Collected {
    fn details(mut self, name: &str, numbers: RangeInclusive<i64>, step: i64) -> ServiceDetails {
        let mut all = Counts::default();
        self.operations.values().for_each(|counts| all.merge(counts));
        let bucket = |number: i64| {
            let counts = self.buckets.remove(&number).unwrap_or_default();
            ServiceBucket {
                start: number.saturating_mul(step),
                spans: counts.spans.unsigned_abs(),
                errors: counts.errors.unsigned_abs(),
                duration_quantiles: counts.durations.quantiles(),
            }
        };
        let series = numbers.map(bucket).collect();
        let operation = |((name, kind), counts): ((CompactString, SpanKind), Counts)| OperationSummary {
            name: name.into(),
            kind,
            spans: counts.spans.unsigned_abs(),
            errors: counts.errors.unsigned_abs(),
            duration_quantiles: counts.durations.quantiles(),
        };
        ServiceDetails {
            summary: ServiceSummary {
                name: name.to_owned(),
                spans: all.spans.unsigned_abs(),
                errors: all.errors.unsigned_abs(),
                last_seen: self.last_seen.unwrap_or(UnixNanos::MIN),
                duration_quantiles: all.durations.quantiles(),
            },
            operations: self.operations.into_iter().filter(|(_, counts)| counts.spans > 0).map(operation).collect(),
            series,
        }
    }
}

struct Service<'c> {
    context: &'c Context,
    step: i64,
    found: Mutex<Collected>,
}

impl Sink<dyn SpanBatch> for Service<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker {
            sink: self,
            operations: HashMap::new(),
            buckets: HashMap::new(),
            counts: Vec::new(),
            last_seen: None,
            memory: Vec::new(),
            bytes: 0,
        })
    }
}

struct Worker<'s> {
    sink: &'s Service<'s>,
    /// Where the counts of an operation and of a bucket stand.
    operations: HashMap<(CompactString, SpanKind), usize>,
    buckets: HashMap<i64, usize>,
    counts: Vec<Counts>,
    last_seen: Option<UnixNanos>,
    memory: Vec<Reservation>,
    bytes: usize,
}

/// Where the counts of the bucket stand that the row before fell into.
struct Bucket {
    first: i64,
    last: i64,
    place: usize,
}

impl Worker<'_> {
    fn operation(&mut self, name: &str, kind: SpanKind) -> usize {
        let next = self.counts.len();
        let place = *self.operations.entry((name.into(), kind)).or_insert(next);
        if place == next {
            self.counts.push(Counts::default());
        }
        place
    }

    fn bucket(&mut self, start: UnixNanos) -> Bucket {
        let number = start.div_euclid(self.sink.step);
        let next = self.counts.len();
        let place = *self.buckets.entry(number).or_insert(next);
        if place == next {
            self.counts.push(Counts::default());
        }
        let first = number.saturating_mul(self.sink.step);
        Bucket { first, last: first.saturating_add(self.sink.step - 1), place }
    }

    fn reserve(&mut self) -> Result<(), ReadError> {
        let bytes: usize = self.counts.iter().map(|counts| ENTRY_BYTES + counts.durations.memory_bytes()).sum();
        if bytes > self.bytes {
            self.memory.push(self.sink.context.memory.reserve((bytes - self.bytes) as u64)?);
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        let names = batch.operations()?;
        let (outcomes, starts, lasting) = (batch.outcomes()?, batch.starts()?, batch.lasting()?);
        // By name and kind; filled in when one is met.
        let mut places = vec![usize::MAX; names.texts.len() * KINDS];
        let mut bucket: Option<Bucket> = None;
        let weights = batch.weights();
        for row in batch.selected().iter() {
            let (Some(code), Some((kind, status))) = (names.codes.get(row), outcomes.get(row)) else { continue };
            let (Some(start), Some(lasting)) = (starts.get(row), lasting.get(row)) else { continue };
            let slot = *code as usize * KINDS + usize::from(kind.number());
            let mut operation = places.get(slot).copied().unwrap_or(usize::MAX);
            if operation == usize::MAX {
                operation = self.operation(names.get(row), *kind);
                places.get_mut(slot).into_iter().for_each(|place| *place = operation);
            }
            let now = match bucket.take() {
                Some(now) if now.first <= *start && *start <= now.last => now,
                _ => self.bucket(*start),
            };
            let (duration, weight) = (duration(*start, *lasting), weights.of(row));
            for place in [operation, now.place] {
                if let Some(counts) = self.counts.get_mut(place) {
                    counts.add(*status == StatusCode::Error, duration, weight);
                }
            }
            if weight > 0 {
                self.last_seen = self.last_seen.max(Some(*start));
            }
            bucket = Some(now);
        }
        self.reserve()?;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        let counts = |place: usize| self.counts.get(place);
        for ((name, kind), place) in &self.operations {
            if let Some(counts) = counts(*place) {
                found.operations.entry((name.clone(), *kind)).or_default().merge(counts);
            }
        }
        for (number, place) in &self.buckets {
            if let Some(counts) = counts(*place) {
                found.buckets.entry(*number).or_default().merge(counts);
            }
        }
        found.last_seen = found.last_seen.max(self.last_seen);
        found.memory.extend(self.memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::sinks::testing::{Fake, context, span};

    #[test]
    fn operations_and_buckets_are_those_of_the_service_alone() {
        let mut spans = vec![
            span(1, 1, "front", 10, 15),
            span(1, 2, "back", 11, 13),
            span(2, 3, "front", 29, 39),
            span(3, 4, "front", 31, 34),
        ];
        spans[2].name = "call".into();
        spans[2].kind = SpanKind::Client;
        spans[2].status.code = StatusCode::Error;
        let details = service(&context(), &Fake::new(spans, 1), "front", TimeRange::new(5, 35), 10).unwrap();
        let operation = |name: &str, kind, spans, errors, duration_quantiles| OperationSummary {
            name: name.into(),
            kind,
            spans,
            errors,
            duration_quantiles,
        };
        assert_eq!(
            details.operations,
            [
                operation("call", SpanKind::Client, 1, 1, [10; 3]),
                operation("work", SpanKind::Unspecified, 2, 0, [3, 5, 5])
            ]
        );
        let series: Vec<_> = details.series.iter().map(|bucket| (bucket.start, bucket.spans, bucket.errors)).collect();
        assert_eq!(series, [(0, 0, 0), (10, 1, 0), (20, 1, 1), (30, 1, 0)]);
        assert_eq!((details.summary.spans, details.summary.errors, details.summary.last_seen), (3, 1, 31));
        assert_eq!(details.summary.duration_quantiles, [5, 10, 10]);
    }

    #[test]
    fn a_service_without_spans_has_empty_buckets() {
        let details = service(&context(), &Fake::new(Vec::new(), 1), "front", TimeRange::new(0, 19), 10).unwrap();
        assert_eq!((details.summary.spans, details.summary.last_seen, details.series.len()), (0, i64::MIN, 2));
    }

    #[test]
    fn too_many_buckets_and_a_step_of_nothing_are_refused() {
        let ask = |range, step| service(&context(), &Fake::new(Vec::new(), 1), "", range, step).unwrap_err().kind;
        assert_eq!(ask(TimeRange::ALL, 1), ErrorKind::LimitExceeded);
        assert_eq!(ask(TimeRange::new(0, MAX_SERVICE_BUCKETS), 1), ErrorKind::LimitExceeded);
        assert_eq!(ask(TimeRange::new(0, 1), 0), ErrorKind::InvalidInput);
    }
}
