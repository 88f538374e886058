//! Exemplars, by series or by the IDs they carry.

use super::held::Held;
use crate::locks::{locked, unlocked};
use clew_model::metrics::{ExemplarRow, ExemplarScan, ExemplarsOf, Matcher, MetricView, SPAN_LATENCY};
use clew_model::{CanonicalId, Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use std::sync::Mutex;

/// Exemplars in the range of the series that pass all matchers, in order of time, each once.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn exemplars(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<Vec<ExemplarRow>, ReadError> {
    collect(context, view, &ExemplarScan { of: ExemplarsOf::Series(matchers), range })
}

/// Exemplars in the range with one of the IDs among their label values, in order of time, at most `limit`; and whether
/// there are more. Those that were made of spans ([`SPAN_LATENCY`]) are left out: their spans carry the ID and tell more.
///
/// # Errors
/// As [`exemplars`].
pub fn find_ids(
    context: &Context,
    view: &dyn MetricView,
    ids: &[CanonicalId],
    range: TimeRange,
    limit: usize,
) -> Result<(Vec<ExemplarRow>, bool), ReadError> {
    let mut rows = collect(context, view, &ExemplarScan { of: ExemplarsOf::Carrying(ids), range })?;
    rows.retain(|row| row.series.metric_name() != SPAN_LATENCY);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, has_more))
}

fn collect(context: &Context, view: &dyn MetricView, scan: &ExemplarScan<'_>) -> Result<Vec<ExemplarRow>, ReadError> {
    let sink = Exemplars { context, found: Mutex::new((Vec::new(), Held::new(context))) };
    view.scan_exemplars(context, scan, &sink)?;
    let (mut rows, _memory) = unlocked(sink.found);
    rows.sort_by(|one, other| {
        let order = one.time.cmp(&other.time).then_with(|| one.series.cmp(&other.series));
        order.then_with(|| one.labels.cmp(&other.labels))
    });
    // One that was sent again may stand in two places.
    rows.dedup_by(|one, other| {
        let values = one.value.to_bits() == other.value.to_bits();
        values && (one.time, &one.series, &one.labels) == (other.time, &other.series, &other.labels)
    });
    Ok(rows)
}

struct Exemplars<'c> {
    context: &'c Context,
    found: Mutex<(Vec<ExemplarRow>, Held<'c>)>,
}

impl Sink<[ExemplarRow]> for Exemplars<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<[ExemplarRow]> + '_> {
        Box::new(Worker { sink: self, rows: Vec::new(), memory: Held::new(self.context) })
    }
}

struct Worker<'s, 'c> {
    sink: &'s Exemplars<'c>,
    rows: Vec<ExemplarRow>,
    memory: Held<'c>,
}

impl SinkWorker<[ExemplarRow]> for Worker<'_, '_> {
    fn take(&mut self, batch: &[ExemplarRow]) -> Result<Flow, ReadError> {
        let labels: u64 = batch.iter().map(|row| row.labels.as_bytes().len() as u64).sum();
        self.memory.add(size_of_val(batch) as u64 + labels)?;
        self.rows.extend_from_slice(batch);
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        found.0.extend(self.rows);
        found.1.append(self.memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, context, labels};
    use super::*;

    #[test]
    fn exemplars_come_by_time_and_once_and_those_beyond_the_limit_are_said() {
        let exemplar = |time: i64, name: &str| ExemplarRow {
            series: labels(name, "1"),
            labels: labels("e", "1"),
            value: f64::NAN,
            time,
        };
        let rows = vec![exemplar(20, "a"), exemplar(10, "b"), exemplar(20, "a"), exemplar(10, "a")];
        let view = Fake::with_exemplars(rows);
        let shown = |rows: &[ExemplarRow]| rows.iter().map(|row| (row.time, row.series.clone())).collect::<Vec<_>>();
        let all = [(10, labels("a", "1")), (10, labels("b", "1")), (20, labels("a", "1"))];
        assert_eq!(shown(&exemplars(&context(), &view, &[], TimeRange::ALL).unwrap()), all);
        let (found, more) = find_ids(&context(), &view, &[], TimeRange::ALL, 2).unwrap();
        assert_eq!((shown(&found), more), (all[..2].to_vec(), true));
        assert!(!find_ids(&context(), &view, &[], TimeRange::ALL, 3).unwrap().1);
    }

    #[test]
    fn an_id_does_not_lead_to_what_was_made_of_its_spans() {
        let exemplar =
            |name: &str| ExemplarRow { series: labels(name, "1"), labels: labels("e", "1"), value: 1.0, time: 10 };
        let view = Fake::with_exemplars(vec![exemplar("traces_spanmetrics_latency"), exemplar("own_seconds")]);
        let (found, more) = find_ids(&context(), &view, &[], TimeRange::ALL, 1).unwrap();
        assert_eq!((found, more), (vec![exemplar("own_seconds")], false));
        assert_eq!(exemplars(&context(), &view, &[], TimeRange::ALL).unwrap().len(), 2);
    }
}
