//! The services of a time range: spans, errors, durations.

use super::locked;
use crate::traces::durations::Durations;
use clew_model::traces::{Grain, ServiceSummary, SpanBatch, SpanScan, StatusCode, TraceFilter, TraceView};
use clew_model::{Context, Flow, ReadError, Reservation, Sink, SinkWorker, TimeRange, UnixNanos};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Bytes that a service takes beside the counts of its durations, an estimate.
const SERVICE_BYTES: usize = 160;

/// The services with spans that start in the range, sorted by name.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn services(context: &Context, view: &dyn TraceView, range: TimeRange) -> Result<Vec<ServiceSummary>, ReadError> {
    let sink = Services { context, found: Mutex::default() };
    let filter = TraceFilter::default();
    let scan = SpanScan::by_trace(range, &filter, Grain::Service);
    view.scan(context, &scan, &sink)?;
    let summary = |(name, counts): (String, Counts)| ServiceSummary {
        name,
        spans: counts.spans.unsigned_abs(),
        errors: counts.errors.unsigned_abs(),
        last_seen: counts.last_seen,
        duration_quantiles: counts.durations.quantiles(),
    };
    let found = sink.found.into_inner().unwrap_or_default();
    Ok(found.into_iter().filter(|(_, counts)| counts.spans > 0).map(summary).collect())
}

struct Services<'c> {
    context: &'c Context,
    found: Mutex<BTreeMap<String, Counts>>,
}

/// What is counted of a service.
struct Counts {
    spans: i64,
    errors: i64,
    last_seen: UnixNanos,
    durations: Durations,
}

impl Counts {
    fn new() -> Self {
        Self { spans: 0, errors: 0, last_seen: UnixNanos::MIN, durations: Durations::default() }
    }

    /// Whether a selected row was met.
    fn is_met(&self) -> bool {
        self.durations != Durations::default()
    }

    fn merge(&mut self, other: &Self) {
        self.spans += other.spans;
        self.errors += other.errors;
        self.last_seen = self.last_seen.max(other.last_seen);
        self.durations.merge(&other.durations);
    }
}

impl Sink<dyn SpanBatch> for Services<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker { sink: self, places: HashMap::new(), counts: Vec::new(), memory: Vec::new(), bytes: 0 })
    }
}

struct Worker<'s> {
    sink: &'s Services<'s>,
    /// Where the counts of a service stand.
    places: HashMap<String, usize>,
    counts: Vec<Counts>,
    memory: Vec<Reservation>,
    bytes: usize,
}

impl Worker<'_> {
    fn place_of(&mut self, service: &str) -> usize {
        let next = self.counts.len();
        let place = *self.places.entry_ref(service).or_insert(next);
        if place == next {
            self.counts.push(Counts::new());
        }
        place
    }

    fn reserve(&mut self) -> Result<(), ReadError> {
        let bytes: usize = self.counts.iter().map(|counts| SERVICE_BYTES + counts.durations.memory_bytes()).sum();
        if bytes > self.bytes {
            self.memory.push(self.sink.context.memory.reserve((bytes - self.bytes) as u64)?);
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        let services = batch.services()?;
        let (outcomes, starts, lasting) = (batch.outcomes()?, batch.starts()?, batch.lasting()?);
        let weights = batch.weights();
        let places: Vec<usize> = services.texts.iter().map(|service| self.place_of(service)).collect();
        for row in batch.selected().iter() {
            let code = services.codes.get(row).copied().unwrap_or(0);
            let place = places.get(code as usize).copied().unwrap_or(usize::MAX);
            let Some(counts) = self.counts.get_mut(place) else { continue };
            let (Some((_, status)), Some(start), Some(lasting)) =
                (outcomes.get(row), starts.get(row), lasting.get(row))
            else {
                continue;
            };
            let weight = weights.of(row);
            counts.spans += weight;
            counts.errors += if *status == StatusCode::Error { weight } else { 0 };
            if weight > 0 {
                counts.last_seen = counts.last_seen.max(*start);
            }
            counts.durations.add(duration(*start, *lasting), weight);
        }
        self.reserve()?;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        for (service, place) in &self.places {
            // A text of a dictionary that no selected row has brings no service.
            if let Some(counts) = self.counts.get(*place).filter(|counts| counts.is_met()) {
                found.entry(service.clone()).or_insert_with(Counts::new).merge(counts);
            }
        }
        Ok(())
    }
}

/// As [`clew_model::traces::Span::duration`], from the columns.
pub(super) fn duration(start: UnixNanos, lasting: i64) -> i64 {
    start.wrapping_add(lasting).saturating_sub(start).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::sinks::testing::{Fake, context, span};
    use clew_model::ErrorKind;

    #[test]
    fn each_service_is_counted_over_all_batches() {
        let mut spans = vec![
            span(1, 1, "front", 10, 15),
            span(1, 2, "back", 11, 13),
            span(2, 3, "front", 50, 70),
            span(2, 4, "none", 900, 901),
        ];
        spans[2].status.code = StatusCode::Error;
        for in_one in [1, 2, 10] {
            let view = Fake::new(spans.clone(), in_one);
            let found = services(&context(), &view, TimeRange::new(0, 100)).unwrap();
            let front = ServiceSummary {
                name: "front".into(),
                spans: 2,
                errors: 1,
                last_seen: 50,
                duration_quantiles: [5, 20, 20],
            };
            let back =
                ServiceSummary { name: "back".into(), spans: 1, errors: 0, last_seen: 11, duration_quantiles: [2; 3] };
            assert_eq!(found, [back, front], "{in_one} in a batch");
        }
    }

    #[test]
    fn many_services_are_bounded_by_the_memory_of_the_question() {
        let spans = (0..100).map(|number| span(1, number, &format!("service-{number}"), 1, 1 << 40)).collect();
        let small = Context::new(std::time::Duration::from_secs(1), 10_000);
        let error = services(&small, &Fake::new(spans, 10), TimeRange::ALL).unwrap_err();
        assert_eq!((error.kind, small.memory.used()), (ErrorKind::LimitExceeded, 0));
    }
}
